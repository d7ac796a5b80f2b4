#include "goshawk/train/torch/loss.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <array>
#include <cmath>
#include <functional>

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

/// Mean over a box's sides of the cross-entropy between the network's distribution and the two bins around the truth.
/// `logit`: of a channel.
double plain_entropy(const std::function<double(int)>& logit, const Anchor& anchor, const Box& truth, int bins) {
  const std::array<float, 4> pixels{anchor.x - truth.x1, anchor.y - truth.y1, truth.x2 - anchor.x, truth.y2 - anchor.y};
  double entropy = 0;
  for (int side = 0; side < 4; ++side) {
    const double d =
        std::clamp(static_cast<double>(pixels[static_cast<std::size_t>(side)] / anchor.stride), 0.0, bins - 1.01);
    const int low = static_cast<int>(d);
    double all = 0;
    for (int b = 0; b < bins; ++b) all += std::exp(logit(side * bins + b));
    const auto log_chance = [&](int b) { return logit(side * bins + b) - std::log(all); };
    entropy -= (log_chance(low) * (low + 1 - d) + log_chance(low + 1) * (d - low)) / 4;
  }
  return entropy;
}

/// [N, C, A]
torch::Tensor joined(const std::vector<torch::Tensor>& maps) {
  std::vector<torch::Tensor> flat;
  for (const auto& map : maps) flat.push_back(map.detach().flatten(2));
  return torch::cat(flat, 2).to(torch::kFloat64);
}

/// The definition, number by number.
LossParts plain_loss(const std::vector<torch::Tensor>& maps, const std::vector<ImageTargets>& targets,
                     const Network& network) {
  const auto raw = joined(maps);
  const auto anchors = make_anchors(64, 48, network.strides);
  LossParts sum;
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
      sum.distribution += weight * plain_entropy([&](int channel) { return x(channel, m.anchor); }, anchors[m.anchor],
                                                 target.box, network.bins);
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

/// The network's own answers: scores [N, classes, A] and boxes [N, A, 4] corners.
Taught answers_of(const std::vector<torch::Tensor>& maps, const Network& network) {
  const torch::NoGradGuard no_grad;
  const auto decoded = decode_maps(maps, network);
  const auto center = decoded.slice(1, 0, 2), half = decoded.slice(1, 2, 4) / 2;
  return {decoded.slice(1, 4).contiguous(), torch::cat({center - half, center + half}, 1).transpose(1, 2).contiguous(),
          torch::ones({network.classes})};
}

TEST(Loss, WhoAgreesWithTheTeacherLearnsNothingOfClassesAndPlacesFromIt) {
  const auto network = small_network(3);
  torch::manual_seed(4);
  const auto maps = random_maps(network, 2);
  const std::vector<ImageTargets> targets{{{{{4, 4, 40, 30}, 0}}, {}, {}}, {}};
  const auto taught = answers_of(maps, network);
  const auto alone = DetectionLoss(network)(maps, targets);
  const auto both = DetectionLoss(network)(maps, targets, nullptr, &taught);
  EXPECT_NEAR(both.classes, alone.classes, 1e-5 * alone.classes);
  EXPECT_NEAR(both.box, alone.box, 1e-5 * alone.box);

  auto doubtful = taught;
  doubtful.scores = taught.scores * 0.5;
  EXPECT_GT(DetectionLoss(network)(maps, targets, nullptr, &doubtful).classes, alone.classes + 0.1);
  doubtful.weight = 0;
  EXPECT_EQ(DetectionLoss(network)(maps, targets, nullptr, &doubtful).classes, alone.classes);
}

TEST(Loss, OfATeacherAgreesWithThePlainDefinition) {
  const auto network = small_network(3);
  for (int seed = 0; seed < 3; ++seed) {
    torch::manual_seed(seed);
    const auto maps = random_maps(network, 2), others = random_maps(network, 2);
    auto taught = answers_of(others, network);
    taught.scores = taught.scores * (torch::rand_like(taught.scores) > 0.9);
    taught.scores.select(1, 2).zero_();
    taught.known[2] = 0;
    taught.weight = 0.7;
    const std::vector<ImageTargets> nothing(2);
    const auto alone = DetectionLoss(network)(maps, nothing);
    const auto both = DetectionLoss(network)(maps, nothing, nullptr, &taught);

    const auto own = answers_of(maps, network);
    const auto raw = joined(maps);
    const auto anchors = make_anchors(64, 48, network.strides);
    double classes = 0, boxes = 0, sides = 0, all = 0;
    for (std::int64_t i = 0; i < 2; ++i) {
      for (std::int64_t a = 0; a < own.scores.size(2); ++a) {
        double best = 0;
        for (std::int64_t c = 0; c < 2; ++c) {  // the third is not known
          const double p = own.scores[i][c][a].item<double>(), t = taught.scores[i][c][a].item<double>();
          if (t > 0) classes += t * std::log(t / p);
          if (t < 1) classes += (1 - t) * std::log((1 - t) / (1 - p));
          all += t;
          best = std::max(best, t);
        }
        if (best <= 0.05) continue;
        const auto corners = [&](const torch::Tensor& from) {
          const auto* p = from[i][a].const_data_ptr<float>();
          return Box{p[0], p[1], p[2], p[3]};
        };
        boxes += best * (1 - static_cast<double>(complete_iou(corners(own.boxes), corners(taught.boxes))));
        sides += best * plain_entropy([&](int channel) { return raw[i][channel][a].item<double>(); },
                                      anchors[static_cast<std::size_t>(a)], corners(taught.boxes), network.bins);
      }
    }
    EXPECT_NEAR(both.classes - alone.classes, 0.7 * 0.5 * classes / all, 1e-4 * both.classes);
    EXPECT_NEAR(both.box - alone.box, 0.7 * 7.5 * boxes / all, 1e-4 * both.box);
    EXPECT_NEAR(both.distribution - alone.distribution, 0.7 * 1.5 * sides / all, 1e-4 * both.distribution);
  }
}

/// As Hinton et al. have it, number by number: of logits divided by the temperature, times its square.
TEST(Loss, OfATeacherAtATemperatureAgreesWithThePlainDefinition) {
  const auto network = small_network(2);
  torch::manual_seed(5);
  const auto maps = random_maps(network, 1);
  auto taught = answers_of(random_maps(network, 1), network);
  taught.scores.slice(2, 0, 3).zero_();  // has no logit: as if it were a millionth
  taught.temperature = 2.5;
  const std::vector<ImageTargets> nothing(1);
  const double classes = DetectionLoss(network)(maps, nothing, nullptr, &taught).classes -
                         DetectionLoss(network)(maps, nothing).classes;

  const auto own = answers_of(maps, network).scores;
  double expected = 0, all = 0;
  for (std::int64_t c = 0; c < own.size(1); ++c) {
    for (std::int64_t a = 0; a < own.size(2); ++a) {
      const auto softened = [](double score) {
        const double p = std::max(score, 1e-6);
        return 1 / (1 + std::pow((1 - p) / p, 1 / 2.5));
      };
      const double score = taught.scores[0][c][a].item<double>();
      const double p = softened(own[0][c][a].item<double>()), t = softened(score);
      expected += 2.5 * 2.5 * (t * std::log(t / p) + (1 - t) * std::log((1 - t) / (1 - p)));
      all += score;
    }
  }
  EXPECT_NEAR(classes, 0.5 * expected / all, 1e-4 * expected / all);
}

TEST(Loss, PartsOfABatchAddUpAlsoWithATeacher) {
  const auto network = small_network(3);
  torch::manual_seed(8);
  const auto maps = random_maps(network, 3), others = random_maps(network, 3);
  auto taught = answers_of(others, network);
  taught.scores[0].zero_();  // the first image has no sure cell, and no object
  const std::vector<ImageTargets> targets{{}, {{{{4, 4, 40, 30}, 0}}, {}, {}}, {{{{1, 1, 63, 47}, 1}}, {}, {}}};
  const DetectionLoss loss(network);
  const auto all = loss(maps, targets, nullptr, &taught);

  const auto part = [&](std::int64_t first, std::int64_t last, const WholeBatch& whole) {
    std::vector<torch::Tensor> own;
    for (const auto& map : maps) own.push_back(map.slice(0, first, last));
    const Taught said{taught.scores.slice(0, first, last), taught.boxes.slice(0, first, last), taught.known};
    return loss(own, {targets.begin() + first, targets.begin() + last}, &whole, &said);
  };
  std::array<double, 2> sums{};
  const WholeBatch gather{3, [&](std::array<double, 2> own) {
                            sums[0] += own[0], sums[1] += own[1];
                            return own;
                          }};
  part(0, 1, gather), part(1, 3, gather);
  const WholeBatch known{3, [&](std::array<double, 2>) { return sums; }};
  const auto a = part(0, 1, known), b = part(1, 3, known);
  EXPECT_NEAR(a.classes + b.classes, all.classes, 1e-5 * all.classes);
  EXPECT_NEAR(a.box + b.box, all.box, 1e-5 * all.box);
  EXPECT_NEAR(a.distribution + b.distribution, all.distribution, 1e-5 * all.distribution);
  EXPECT_NEAR((a.total + b.total).item<double>(), all.total.item<double>(), 1e-4 * all.total.item<double>());
}

TEST(Loss, ImagesWithoutObjectsStillHaveAGradient) {
  const auto network = small_network(2);
  const auto maps = random_maps(network, 1);
  const auto loss = DetectionLoss(network)(maps, {ImageTargets{}});
  loss.total.backward();
  EXPECT_EQ(loss.box, 0);
  EXPECT_GT(maps[0].grad().abs().sum().item<double>(), 0);
}

/// [1, 3, 48, 64]: something bright at x 10 to 50, y 8 to 40.
torch::Tensor image_of_one_thing() {
  const auto image = torch::rand({1, 3, 48, 64}) * 0.1;
  image.slice(2, 8, 40).slice(3, 10, 50).fill_(0.9);
  return image;
}

/// That the network finds it, as class 1.
void expect_found(DetectionNetwork& network, const torch::Tensor& image) {
  const torch::NoGradGuard no_grad;
  const auto decoded = decode_maps(network.forward(image), network.description())[0];  // [6, A]
  const auto best = decoded[5].argmax().item<std::int64_t>();
  EXPECT_GT(decoded[5][best].item<double>(), 0.5);
  const auto box = decoded.index({torch::indexing::Slice(0, 4), best});
  EXPECT_NEAR(box[0].item<double>(), 30, 3);
  EXPECT_NEAR(box[3].item<double>(), 32, 4);
}

TEST(Loss, TeachesANetworkOneImage) {
  torch::manual_seed(1);
  DetectionNetwork network(small_network(2));
  const auto image = image_of_one_thing();
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
  expect_found(network, image);
}

TEST(Loss, ATeacherTeachesANetworkOneImageWithoutLabels) {
  torch::manual_seed(1);
  DetectionNetwork network(small_network(2));
  const auto image = image_of_one_thing();
  const auto anchors = make_anchors(64, 48, network.description().strides);
  Taught taught{torch::zeros({1, 2, static_cast<std::int64_t>(anchors.size())}),
                torch::tensor({10.0F, 8.0F, 50.0F, 40.0F}).expand({1, static_cast<std::int64_t>(anchors.size()), 4}),
                torch::ones({2})};
  for (std::size_t a = 0; a < anchors.size(); ++a) {
    const double away = std::hypot(anchors[a].x - 30.0F, anchors[a].y - 24.0F);
    taught.scores[0][1][static_cast<std::int64_t>(a)] = std::max(0.0, 0.95 - 0.05 * away);
  }
  const std::vector<ImageTargets> unlabelled{{{}, {}, {0, 1}}};
  const DetectionLoss loss(network.description());
  torch::optim::AdamW optimizer(network.parameters(), torch::optim::AdamWOptions(5e-3));
  network.train();
  for (int step = 0; step < 120; ++step) {
    optimizer.zero_grad();
    loss(network.forward(image), unlabelled, nullptr, &taught).total.backward();
    optimizer.step();
  }
  expect_found(network, image);
}

}  // namespace
}  // namespace goshawk::train
