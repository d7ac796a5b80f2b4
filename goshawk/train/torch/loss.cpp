#include "goshawk/train/torch/loss.h"

#include <ATen/Parallel.h>
#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numbers>

#include "goshawk/core/error.h"

namespace goshawk::train {
namespace {

using torch::Tensor;

constexpr double kSureTeacher = 0.05;  // score from which on a teacher's box is learned

/// All matches of a batch, side by side.
struct BatchMatches {
  std::vector<std::int64_t> images, anchors, classes;
  std::vector<float> scores;
  std::vector<Box> boxes;  // pixels
  double score_sum = 0;

  void add(std::size_t image, const std::vector<Match>& matches, const std::vector<Target>& targets) {
    for (const auto& match : matches) {
      const auto& target = targets[match.target];
      images.push_back(static_cast<std::int64_t>(image));
      anchors.push_back(match.anchor);
      classes.push_back(target.class_id);
      scores.push_back(match.score);
      boxes.push_back(target.box);
      score_sum += static_cast<double>(match.score);
    }
  }
};

template <typename Value>
Tensor to_tensor(const std::vector<Value>& values, const torch::Device& device) {
  const auto type = std::is_same_v<Value, float> ? torch::kFloat32 : torch::kInt64;
  auto tensor = torch::empty({static_cast<std::int64_t>(values.size())}, type);
  if (!values.empty()) std::memcpy(tensor.data_ptr(), values.data(), values.size() * sizeof(Value));
  return tensor.to(device);
}

Tensor to_tensor(const std::vector<Box>& boxes, const torch::Device& device) {
  static_assert(sizeof(Box) == 4 * sizeof(float));
  auto tensor = torch::empty({static_cast<std::int64_t>(boxes.size()), 4}, torch::kFloat32);
  if (!boxes.empty()) std::memcpy(tensor.data_ptr(), boxes.data(), boxes.size() * sizeof(Box));
  return tensor.to(device);
}

/// The same grid as tensors.
struct Grid {
  std::vector<Anchor> anchors;
  Tensor centers;  // [A, 2] strides
  Tensor strides;  // [A]
};

Grid grid_of(const std::vector<Tensor>& maps, const std::vector<int>& strides, const torch::Device& device) {
  const auto height = static_cast<int>(maps[0].size(2)) * strides[0], width = static_cast<int>(maps[0].size(3)) * strides[0];
  Grid grid{make_anchors(width, height, strides), {}, {}};
  std::vector<float> steps, centers;
  for (const auto& anchor : grid.anchors) {
    steps.push_back(anchor.stride);
    centers.push_back(anchor.x / anchor.stride);
    centers.push_back(anchor.y / anchor.stride);
  }
  grid.centers = to_tensor(centers, device).view({-1, 2});
  grid.strides = to_tensor(steps, device);
  return grid;
}

/// [..., 4, bins] -> [..., 4]: the mean distance of each side, in strides.
Tensor mean_distances(const Tensor& logits) {
  const auto steps = torch::arange(logits.size(-1), logits.options());
  return logits.softmax(-1).matmul(steps);
}

/// Centres and distances [..., 2] and [..., 4] to corners [..., 4].
Tensor corners(const Tensor& centers, const Tensor& distances) {
  return torch::cat({centers - distances.slice(-1, 0, 2), centers + distances.slice(-1, 2, 4)}, -1);
}

bool lies_in(const Anchor& anchor, const std::vector<Box>& boxes) {
  return std::any_of(boxes.begin(), boxes.end(),
                     [&](const Box& b) { return anchor.x > b.x1 && anchor.x < b.x2 && anchor.y > b.y1 && anchor.y < b.y2; });
}

/// [N, classes, A] of 0 and 1: where absence is learned; undefined when that is everywhere.
Tensor learned_absence(const std::vector<ImageTargets>& targets, const std::vector<Anchor>& anchors, int classes,
                       const torch::Device& device) {
  const bool everywhere = std::all_of(targets.begin(), targets.end(), [](const ImageTargets& image) {
    return image.ignored.empty() && image.unlabelled.empty();
  });
  if (everywhere) return {};
  auto mask = torch::ones({static_cast<std::int64_t>(targets.size()), classes, static_cast<std::int64_t>(anchors.size())});
  for (std::size_t i = 0; i < targets.size(); ++i) {
    auto image = mask[static_cast<std::int64_t>(i)];
    for (const int c : targets[i].unlabelled) image[c].zero_();
    if (targets[i].ignored.empty()) continue;
    std::vector<std::int64_t> excused;
    for (std::size_t a = 0; a < anchors.size(); ++a) {
      if (lies_in(anchors[a], targets[i].ignored)) excused.push_back(static_cast<std::int64_t>(a));
    }
    image.index_fill_(1, to_tensor(excused, torch::kCPU), 0);
  }
  return mask.to(device);
}

/// [N, classes, A]: how far the scores of `logits` are from `wanted`, both at a temperature; 0 where they agree.
Tensor divergence(const Tensor& logits, const Tensor& wanted, double temperature) {
  constexpr double kLeast = 1e-6;  // a score of 0 has no logit
  const bool as_is = temperature == 1;
  const auto own = as_is ? logits : logits / temperature;
  const auto soft = as_is ? wanted : (wanted.clamp(kLeast, 1 - kLeast).logit() / temperature).sigmoid();
  const auto entropy = -(torch::xlogy(soft, soft) + torch::xlogy(1 - soft, 1 - soft));
  return (torch::softplus(own) - own * soft - entropy) * (temperature * temperature);
}

/// Weighted sums over boxes.
struct BoxLosses {
  Tensor overlap, sides;
};

/// `sides`: logits [M, 4, bins] at the cells with `centers` [M, 2]; `truth`: corners [M, 4]; both in strides.
BoxLosses loss_of_boxes(const Tensor& sides, const Tensor& centers, const Tensor& truth, const Tensor& weights) {
  const auto bins = sides.size(-1);
  const auto predicted = corners(centers, mean_distances(sides));
  const auto wanted =
      torch::cat({centers - truth.slice(1, 0, 2), truth.slice(1, 2, 4) - centers}, 1).clamp(0, bins - 1 - 0.01);
  const auto lower = wanted.floor();
  const auto upper_weight = wanted - lower;
  const auto chances = sides.log_softmax(-1);
  const auto low_index = lower.to(torch::kInt64).unsqueeze(-1);
  const auto entropy = -(chances.gather(-1, low_index).squeeze(-1) * (1 - upper_weight) +
                         chances.gather(-1, low_index + 1).squeeze(-1) * upper_weight);  // [M, 4]
  return {(complete_iou_loss(predicted, truth) * weights).sum(), (entropy.mean(1) * weights).sum()};
}

}  // namespace

void LossParts::add(const LossParts& parts, double share) {
  box += parts.box * share;
  classes += parts.classes * share;
  distribution += parts.distribution * share;
}

Tensor complete_iou_loss(const Tensor& predicted, const Tensor& truth) {
  constexpr double kEpsilon = 1e-7;
  const auto p = predicted.unbind(-1), t = truth.unbind(-1);
  const auto pw = p[2] - p[0], ph = p[3] - p[1], tw = t[2] - t[0], th = t[3] - t[1];
  const auto common = (torch::minimum(p[2], t[2]) - torch::maximum(p[0], t[0])).clamp_min(0) *
                      (torch::minimum(p[3], t[3]) - torch::maximum(p[1], t[1])).clamp_min(0);
  const auto overlap = common / (pw * ph + tw * th - common + kEpsilon);
  const auto diagonal = (torch::maximum(p[2], t[2]) - torch::minimum(p[0], t[0])).square() +
                        (torch::maximum(p[3], t[3]) - torch::minimum(p[1], t[1])).square() + kEpsilon;
  const auto distance = ((p[0] + p[2] - t[0] - t[2]).square() + (p[1] + p[3] - t[1] - t[3]).square()) / 4;
  const auto shape = 4 / (std::numbers::pi * std::numbers::pi) *
                     (torch::atan(tw / (th + kEpsilon)) - torch::atan(pw / (ph + kEpsilon))).square();
  Tensor trade_off;
  {
    const torch::NoGradGuard no_grad;
    trade_off = shape / (shape - overlap + 1 + kEpsilon);
  }
  return 1 - overlap + distance / diagonal + shape * trade_off;
}

DetectionLoss::DetectionLoss(const Network& network, const LossWeights& weights, const AssignmentOptions& assignment)
    : classes_(network.classes),
      bins_(network.bins),
      strides_(network.strides),
      weights_(weights),
      assignment_(assignment) {}

Loss DetectionLoss::operator()(const std::vector<Tensor>& maps, const std::vector<ImageTargets>& targets,
                               const WholeBatch* whole, const Taught* taught) const {
  const auto device = maps[0].device();
  const auto images = maps[0].size(0);
  require(static_cast<std::size_t>(images) == targets.size(), "DetectionLoss: targets for each image are needed");
  const Grid grid = grid_of(maps, strides_, device);

  std::vector<Tensor> flat;
  for (const auto& map : maps) flat.push_back(map.flatten(2));
  const auto raw = torch::cat(flat, 2).to(torch::kFloat32);                // [N, C, A]
  const auto sides = raw.slice(1, 0, 4 * bins_).unflatten(1, {4, bins_});  // [N, 4, bins, A]
  const auto logits = raw.slice(1, 4 * bins_);                             // [N, classes, A]

  BatchMatches matches;
  {
    const torch::NoGradGuard no_grad;
    const auto distances = mean_distances(sides.permute({0, 3, 1, 2}));  // [N, A, 4]
    const auto boxes = (corners(grid.centers, distances) * grid.strides.unsqueeze(-1)).to(torch::kCPU).contiguous();
    const auto scores = logits.sigmoid().permute({0, 2, 1}).to(torch::kCPU).contiguous();  // [N, A, classes]
    std::vector<std::vector<Match>> found(targets.size());
    at::parallel_for(0, images, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        const auto count = grid.anchors.size();
        const Prediction prediction{
            {scores.const_data_ptr<float>() + i * scores.stride(0), count * static_cast<std::size_t>(classes_)},
            {reinterpret_cast<const Box*>(boxes.const_data_ptr<float>() + i * boxes.stride(0)), count},
            classes_};
        found[static_cast<std::size_t>(i)] =
            assign(grid.anchors, prediction, targets[static_cast<std::size_t>(i)].objects, assignment_);
      }
    });
    for (std::size_t i = 0; i < found.size(); ++i) matches.add(i, found[i], targets[i].objects);
  }

  std::array<double, 2> scores_of_all{matches.score_sum, taught != nullptr ? taught->scores.sum().item<double>() : 0};
  if (whole != nullptr && whole->total) scores_of_all = whole->total(scores_of_all);
  const double norm = std::max(scores_of_all[0], 1.0);
  const auto image_index = to_tensor(matches.images, device), anchor_index = to_tensor(matches.anchors, device);
  const auto class_index = to_tensor(matches.classes, device);
  const auto scores = to_tensor(matches.scores, device);

  // BCE(x, t) = softplus(x) - x t; t is 0 nearly everywhere.
  const auto absence = torch::softplus(logits);
  const auto learned = learned_absence(targets, grid.anchors, classes_, device);
  const auto chosen = logits.index({image_index, class_index, anchor_index});
  Tensor class_loss;
  if (learned.defined()) {
    // What is excused as background is still learned where an object is.
    const auto excused = 1 - learned.index({image_index, class_index, anchor_index});
    class_loss = (absence * learned).sum() + (torch::softplus(chosen) * excused).sum() - (chosen * scores).sum();
  } else {
    class_loss = absence.sum() - (chosen * scores).sum();
  }
  class_loss = class_loss / norm * weights_.classes;

  // Boxes in strides at the cells that `image` and `anchor` choose, each weighted.
  const auto by_cell = sides.permute({0, 3, 1, 2});  // [N, A, 4, bins]
  const auto box_losses = [&](const Tensor& image, const Tensor& anchor, const Tensor& pixels, const Tensor& weights) {
    const auto centers = grid.centers.index({anchor});
    return loss_of_boxes(by_cell.index({image, anchor}), centers, pixels / grid.strides.index({anchor}).unsqueeze(-1),
                         weights);
  };
  Tensor box_loss = torch::zeros({}, class_loss.options()), side_loss = box_loss;
  if (!matches.images.empty()) {
    const auto sums = box_losses(image_index, anchor_index, to_tensor(matches.boxes, device), scores);
    box_loss = sums.overlap / norm * weights_.box;
    side_loss = sums.sides / norm * weights_.distribution;
  }

  if (taught != nullptr) {
    const double share = taught->weight / std::max(scores_of_all[1], 1.0);
    const auto wanted = taught->scores.to(device);
    const auto known = taught->known.to(device).view({1, -1, 1});
    class_loss = class_loss + (divergence(logits, wanted, taught->temperature) * known).sum() * (share * weights_.classes);
    const auto best = std::get<0>(wanted.max(1));  // [N, A]
    const auto sure = (best > kSureTeacher).nonzero().unbind(1);
    if (sure[0].numel() > 0) {
      const auto sums =
          box_losses(sure[0], sure[1], taught->boxes.to(device).index({sure[0], sure[1]}), best.index({sure[0], sure[1]}));
      box_loss = box_loss + sums.overlap * (share * weights_.box);
      side_loss = side_loss + sums.sides * (share * weights_.distribution);
    }
  }
  Loss loss;
  loss.total = (box_loss + class_loss + side_loss) * (whole != nullptr ? whole->images : images);
  loss.box = box_loss.item<double>();
  loss.classes = class_loss.item<double>();
  loss.distribution = side_loss.item<double>();
  return loss;
}

}  // namespace goshawk::train
