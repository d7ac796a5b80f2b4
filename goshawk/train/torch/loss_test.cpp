#include "goshawk/train/torch/loss.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cmath>

#include "goshawk/core/document.h"
#include "goshawk/train/torch/modules.h"
#include "goshawk/train/torch/weights.h"

namespace goshawk::train {
namespace {

Network small_network(int classes) {
  return parse_network(parse_yaml(R"(
layers:
  - {op: conv, channels: 16, stride: 2}
  - {op: conv, channels: 16, stride: 2}
  - {op: conv, channels: 32, stride: 2, name: fine}
  - {op: conv, channels: 32, stride: 2, name: coarse}
  - {op: detect, from: [fine, coarse], bins: 8}
)",
                                  "small"),
                       "", classes, "small");
}

/// Raw maps of random numbers for images of 64 x 48 pixels.
std::vector<torch::Tensor> random_maps(const Network& network, int images) {
  std::vector<torch::Tensor> maps;
  for (const int stride : network.strides) {
    maps.push_back(torch::randn({images, 4 * network.bins + network.classes, 48 / stride, 64 / stride}).requires_grad_());
  }
  return maps;
}

struct Parts {
  double box = 0, classes = 0, distribution = 0;
};

/// The definition, number by number.
Parts plain_loss(const std::vector<torch::Tensor>& maps, const std::vector<ImageTargets>& targets, const Network& network) {
  std::vector<torch::Tensor> flat;
  for (const auto& map : maps) flat.push_back(map.detach().flatten(2));
  const auto raw = torch::cat(flat, 2).to(torch::kFloat64);  // [N, C, A]
  const auto anchors = make_anchors(64, 48, network.strides);
  Parts sum;
  double norm = 0;
  for (std::size_t i = 0; i < targets.size(); ++i) {
    const auto x = [&](int channel, std::size_t a) {
      return raw[static_cast<std::int64_t>(i)][channel][static_cast<std::int64_t>(a)].item<double>();
    };
    std::vector<Box> boxes;
    std::vector<float> scores;
    std::vector<std::array<double, 4>> distances;
    for (std::size_t a = 0; a < anchors.size(); ++a) {
      std::array<double, 4> d{};
      for (int side = 0; side < 4; ++side) {
        double all = 0, mean = 0;
        for (int b = 0; b < network.bins; ++b) {
          const double e = std::exp(x(side * network.bins + b, a));
          all += e;
          mean += b * e;
        }
        d[static_cast<std::size_t>(side)] = mean / all;
      }
      distances.push_back(d);
      const auto [cx, cy, s] = anchors[a];
      const auto pixels = [&](std::size_t side) { return static_cast<float>(d[side]) * s; };
      boxes.push_back({cx - pixels(0), cy - pixels(1), cx + pixels(2), cy + pixels(3)});
      for (int c = 0; c < network.classes; ++c)
        scores.push_back(static_cast<float>(1 / (1 + std::exp(-x(4 * network.bins + c, a)))));
    }
    const auto matches = assign(anchors, {scores, boxes, network.classes}, targets[i].objects);
    std::map<std::pair<std::size_t, int>, double> wanted;
    for (const auto& m : matches) {
      const auto& target = targets[i].objects[m.target];
      wanted[{m.anchor, target.class_id}] = static_cast<double>(m.score);
      norm += static_cast<double>(m.score);
      const double weight = static_cast<double>(m.score);
      sum.box += weight * (1 - static_cast<double>(complete_iou(boxes[m.anchor], target.box)));
      const auto& anchor = anchors[m.anchor];
      const std::array<float, 4> pixels{anchor.x - target.box.x1, anchor.y - target.box.y1, target.box.x2 - anchor.x,
                                        target.box.y2 - anchor.y};
      double entropy = 0;
      for (int side = 0; side < 4; ++side) {
        const double d = std::clamp(static_cast<double>(pixels[static_cast<std::size_t>(side)] / anchor.stride), 0.0,
                                    network.bins - 1.01);
        const int low = static_cast<int>(d);
        double all = 0;
        for (int b = 0; b < network.bins; ++b) all += std::exp(x(side * network.bins + b, m.anchor));
        const auto log_chance = [&](int b) { return x(side * network.bins + b, m.anchor) - std::log(all); };
        entropy -= (log_chance(low) * (low + 1 - d) + log_chance(low + 1) * (d - low)) / 4;
      }
      sum.distribution += weight * entropy;
    }
    for (std::size_t a = 0; a < anchors.size(); ++a) {
      bool excused_place = false;
      for (const auto& b : targets[i].ignored) {
        excused_place |= anchors[a].x > b.x1 && anchors[a].x < b.x2 && anchors[a].y > b.y1 && anchors[a].y < b.y2;
      }
      for (int c = 0; c < network.classes; ++c) {
        const auto found = wanted.find({a, c});
        const auto& skipped = targets[i].unlabelled;
        if (found == wanted.end() && (excused_place || std::count(skipped.begin(), skipped.end(), c) > 0)) continue;
        const double logit = x(4 * network.bins + c, a), target = found == wanted.end() ? 0 : found->second;
        const double p = 1 / (1 + std::exp(-logit));
        sum.classes -= target * std::log(p) + (1 - target) * std::log(1 - p);
      }
    }
  }
  norm = std::max(norm, 1.0);
  return {7.5 * sum.box / norm, 0.5 * sum.classes / norm, 1.5 * sum.distribution / norm};
}

void expect_plain(const std::vector<ImageTargets>& targets) {
  const auto network = small_network(3);
  for (int seed = 0; seed < 5; ++seed) {
    SCOPED_TRACE(seed);
    torch::manual_seed(seed);
    const auto maps = random_maps(network, static_cast<int>(targets.size()));
    const auto loss = DetectionLoss(network)(maps, targets);
    const auto plain = plain_loss(maps, targets, network);
    EXPECT_NEAR(loss.box, plain.box, 1e-4 * (1 + plain.box));
    EXPECT_NEAR(loss.classes, plain.classes, 1e-4 * (1 + plain.classes));
    EXPECT_NEAR(loss.distribution, plain.distribution, 1e-4 * (1 + plain.distribution));
    EXPECT_NEAR(loss.total.item<double>(),
                static_cast<double>(targets.size()) * (plain.box + plain.classes + plain.distribution),
                1e-3 * (1 + loss.total.item<double>()));
  }
}

TEST(Loss, AgreesWithThePlainDefinition) {
  expect_plain({{{{{4, 4, 40, 30}, 0}, {{20, 10, 60, 44}, 2}}, {}, {}}, {{}, {}, {}}, {{{{1, 1, 63, 47}, 1}}, {}, {}}});
}

TEST(Loss, LeavesOutWhatMayBeThereUnlabelled) {
  expect_plain({{{{{4, 4, 40, 30}, 0}}, {{20, 0, 64, 48}}, {}}, {{{{4, 4, 40, 30}, 0}}, {}, {0, 2}}});
}

TEST(Loss, ImagesWithoutObjectsStillHaveAGradient) {
  const auto network = small_network(2);
  const auto maps = random_maps(network, 1);
  const auto loss = DetectionLoss(network)(maps, {ImageTargets{}});
  loss.total.backward();
  EXPECT_EQ(loss.box, 0);
  EXPECT_GT(maps[0].grad().abs().sum().item<double>(), 0);
}

TEST(Loss, TeachesANetworkOneImage) {
  torch::manual_seed(1);
  DetectionNetwork network(small_network(2));
  const auto image = torch::rand({1, 3, 48, 64}) * 0.1;
  image.slice(2, 8, 40).slice(3, 10, 50).fill_(0.9);
  const std::vector<ImageTargets> targets{{{{{10, 8, 50, 40}, 1}}, {}, {}}};
  const DetectionLoss loss(network.description());
  torch::optim::AdamW optimizer(network.parameters(), torch::optim::AdamWOptions(5e-3));
  network.train();
  double first = 0, last = 0;
  for (int step = 0; step < 120; ++step) {
    optimizer.zero_grad();
    const auto value = loss(network.forward(image), targets);
    value.total.backward();
    optimizer.step();
    (step == 0 ? first : last) = value.total.item<double>();
  }
  EXPECT_LT(last, first / 4);
  const torch::NoGradGuard no_grad;
  const auto decoded = decode_maps(network.forward(image), network.description())[0];  // [6, A]
  const auto best = decoded[5].argmax().item<std::int64_t>();
  EXPECT_GT(decoded[5][best].item<double>(), 0.5);
  const auto box = decoded.index({torch::indexing::Slice(0, 4), best});
  EXPECT_NEAR(box[0].item<double>(), 30, 3);
  EXPECT_NEAR(box[3].item<double>(), 32, 4);
}

}  // namespace
}  // namespace goshawk::train
