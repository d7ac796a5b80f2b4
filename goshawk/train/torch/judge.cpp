#include "goshawk/train/torch/judge.h"

#include <fmt/format.h>
#include <torch/torch.h>

#include <algorithm>
#include <optional>

#include "goshawk/core/error.h"
#include "goshawk/core/parallel.h"
#include "goshawk/core/progress.h"
#include "goshawk/dataset/combine.h"
#include "goshawk/train/torch/weights.h"

namespace goshawk::train {

using torch::Tensor;

Judge::Judge(const TrainingSet& set, const Network& network, int side, int batch, std::uint64_t cache_bytes)
    : set_(set),
      description_(network),
      side_(side),
      images_(set.val, recipe_of(set.classes, side, size_multiple(network)), batch, cache_bytes),
      truth_(set.truth) {}

void Judge::leave_out(const std::vector<std::pair<std::size_t, std::string>>& unreadable) {
  std::vector<char> keep(set_.val.size(), 1);
  for (const auto& [image, why] : unreadable) {
    keep[image] = 0;
    unreadable_.push_back(fmt::format("{}: {}", set_.val[image].path.string(), why));
  }
  for (std::size_t i = 0; i < keep.size(); ++i) {
    if (keep[i]) judged_.push_back(i);
  }
  if (unreadable.empty()) return;
  const std::size_t all = set_.val.size();
  if (too_many_unreadable(unreadable.size(), all)) {
    throw Error(ErrorCode::kBadData,
                fmt::format("{} of {} pictures of the val split cannot be read, the first of them: {}", unreadable.size(),
                            all, unreadable.front().second),
                set_.val[unreadable.front().first].path.string(), "`goshawk data check` lists them all.");
  }
  dataset::keep_images(truth_, keep);
}

std::vector<Detections> Judge::of_truth(const std::vector<Detections>& found) const {
  std::vector<Detections> result;
  for (const std::size_t image : judged_) result.push_back(found[image]);
  return result;
}

Judgement Judge::operator()(DetectionNetwork& network, const DetectionLoss& criterion, const Compute& compute,
                            const char* title, bool quiet, std::stop_token stop) {
  const torch::NoGradGuard no_grad;
  network.eval();
  std::optional<Progress> progress;
  if (!quiet) progress.emplace(title, static_cast<std::int64_t>(set_.val.size()), "images");
  Judgement result;
  result.found.resize(set_.val.size());
  LossParts sum;
  std::size_t judged = 0;
  std::vector<std::pair<std::size_t, std::string>> unreadable;
  const auto classes = static_cast<int>(set_.classes.size());
  for (std::size_t b = 0; b < images_.batches(); ++b) {
    if (stop.stop_requested()) throw Error(ErrorCode::kInterrupted, "stopped");
    const auto batch = images_.batch(b);
    unreadable.insert(unreadable.end(), batch->unreadable.begin(), batch->unreadable.end());
    if (batch->size() == 0) continue;
    std::vector<Tensor> maps;
    {
      const Autocast autocast(compute);
      maps = network.forward(to_input(batch->pixels, batch->size(), side_, compute));
    }
    sum.add(criterion(maps, batch->targets), static_cast<double>(batch->size()));
    const Tensor output = decode_maps(maps, description_).to(torch::kCPU).contiguous();
    const auto per_image = static_cast<std::size_t>(output.stride(0));
    parallel_blocks(batch->size(), 1, [&](std::size_t i, std::size_t) {
      result.found[batch->images[i]] =
          detections_of({output.const_data_ptr<float>() + i * per_image, per_image}, classes, batch->placements[i]);
    });
    judged += batch->size();
    if (progress) progress->update(static_cast<std::int64_t>(judged + unreadable.size()));
  }
  if (judged_.empty()) leave_out(unreadable);
  result.loss.add(sum, 1 / static_cast<double>(std::max<std::size_t>(judged, 1)));
  evaluate::CocoOptions evaluating;
  evaluating.max_detections = {1, 10, 300};
  evaluate::CocoEvaluator evaluator(truth_, evaluating);
  for (std::size_t i = 0; i < judged_.size(); ++i) evaluator.add(static_cast<std::uint32_t>(i), result.found[judged_[i]]);
  result.metrics = metrics_of(evaluator.evaluate());
  return result;
}

}  // namespace goshawk::train
