#include "goshawk/train/torch/learner.h"

#include <torch/torch.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "goshawk/train/torch/stored.h"

namespace goshawk::train {
namespace {

using torch::Tensor;

constexpr double kMostGradient = 10;  // norm

/// "model.3.conv.weight" -> 3.
int layer_of(const std::string& name) {
  constexpr std::string_view kPrefix = "model.";
  return name.starts_with(kPrefix) ? std::atoi(name.c_str() + kPrefix.size()) : 0;
}

/// In training, but for the first layers: they get no gradients, and their norms keep their statistics.
std::shared_ptr<DetectionNetwork> in_training(std::shared_ptr<DetectionNetwork> network, int frozen) {
  network->train();
  for (auto& item : network->named_parameters()) {
    if (layer_of(item.key()) < frozen) item.value().set_requires_grad(false);
  }
  for (auto& item : network->named_modules()) {
    if (layer_of(item.key()) < frozen && item.value()->as<torch::nn::BatchNorm2dImpl>() != nullptr) item.value()->eval();
  }
  return network;
}

}  // namespace

Learner::Learner(std::shared_ptr<DetectionNetwork> network, const TrainOptions& options, std::int64_t images,
                 const Compute& compute, Peers& peers)
    : options_(options),
      images_(images),
      compute_(compute),
      peers_(peers),
      network_(in_training(std::move(network), options.freeze)),
      average_(*network_),
      criterion_(network_->description(), LossWeights{options.box, options.cls, options.dfl}),
      optimizer_(*network_, options.optimizer == "adamw" ? OptimizerKind::kAdamW : OptimizerKind::kSgd, weight_decay()),
      scaler_(compute) {
  use_channels_last(average_.network());
}

/// Of a step, whose gradients come from more or less than the nominal batch.
double Learner::weight_decay() const {
  const double gathered = std::max(1.0, std::round(static_cast<double>(options_.nbs) / options_.batch));
  return options_.weight_decay * options_.batch * gathered / options_.nbs;
}

Loss Learner::loss_of(const Batch& batch, std::optional<Taught> taught, int epoch) {
  const WholeBatch whole{static_cast<std::int64_t>(batch.whole), [&](std::array<double, 2> scores) {
                           const auto all = peers_.sum(std::vector<double>(scores.begin(), scores.end()));
                           return std::array<double, 2>{all[0], all[1]};
                         }};
  if (batch.size() == 0 && !options_.sync_bn) {  // nothing is left for this process
    whole.total({0, 0});
    return {};
  }
  Tensor input = to_input(batch.pixels, batch.size(), batch.side, compute_);
  std::vector<ImageTargets> targets = batch.targets;
  if (options_.multi_scale > 0) {
    const int stride = size_multiple(network_->description());
    const int side =
        varied_side(batch.side, stride, options_.multi_scale, static_cast<std::uint64_t>(options_.seed), epoch, batches_);
    namespace F = torch::nn::functional;
    input = F::interpolate(
        input,
        F::InterpolateFuncOptions().size(std::vector<std::int64_t>{side, side}).mode(torch::kBilinear).align_corners(false));
    const float factor = static_cast<float>(side) / static_cast<float>(batch.side);
    for (auto& image : targets) image = scaled(std::move(image), factor, factor);
  }
  if (taught) taught->weight = options_.distill, taught->temperature = options_.temperature;
  std::vector<Tensor> maps;
  {
    const Autocast autocast(compute_);
    maps = network_->forward(input);
  }
  return criterion_(maps, targets, &whole, taught ? &*taught : nullptr);
}

bool Learner::learn(const Loss& loss, bool last) {
  bool sound = true;
  if (loss.total.defined()) scaler_.scaled(loss.total).backward();
  ++pending_;
  const auto schedule = schedule_of(options_);
  // At an epoch's end nothing is left over, so that a checkpoint holds everything.
  if (last || pending_ >= accumulation_at(schedule, batches_, batches_per_epoch(), options_.batch, options_.nbs)) {
    sound = change_weights(rates_at(schedule, batches_, batches_per_epoch(), options_.epochs));
    pending_ = 0;
  }
  ++batches_;
  return sound;
}

Rates Learner::rates() const {
  return rates_at(schedule_of(options_), std::max<std::int64_t>(batches_ - 1, 0), batches_per_epoch(), options_.epochs);
}

/// Makes the gradients, and the statistics of batch norms that each process has taken for itself, those of all processes.
void Learner::add_up_gradients() {
  if (peers_.alone()) return;
  const torch::NoGradGuard no_grad;
  std::vector<Tensor> tensors;
  for (auto parameter : optimizer_.parameters()) {
    if (!parameter.grad().defined()) parameter.mutable_grad() = torch::zeros_like(parameter);
    tensors.push_back(parameter.grad());
  }
  if (!options_.sync_bn) {
    for (const auto& module : network_->modules(/*include_self=*/false)) {
      if (!module->is_training()) continue;  // frozen
      for (auto& buffer : module->buffers(/*recurse=*/false)) {
        if (buffer.is_floating_point()) tensors.push_back(buffer.div_(peers_.world()));
      }
    }
  }
  peers_.sum(tensors);
}

bool Learner::change_weights(const Rates& rates) {
  add_up_gradients();
  bool sound = true;
  if (scaler_.unscale(optimizer_.parameters())) {
    sound = std::isfinite(optimizer_.clip(kMostGradient));
    if (sound) {
      optimizer_.step(rates);
      average_.update(*network_);
    }
  }
  optimizer_.zero_grad();
  return sound;
}

void Learner::store(Checkpoint& to, bool whole) const {
  to.optimizer_steps = optimizer_.steps();
  to.average_updates = average_.updates();
  to.loss_scale = scaler_.scale();
  to.good_steps = scaler_.good_steps();
  store_all(to.tensors, "ema.", tensors_of(average_.network()));
  if (!whole) return;
  store_all(to.tensors, "model.", tensors_of(*network_));
  store_all(to.tensors, "optimizer.", optimizer_.state());
}

void Learner::go_on_from(const Checkpoint& from) {
  restore_all(tensors_of(*network_), from.tensors, "model.");
  restore_all(tensors_of(average_.network()), from.tensors, "ema.");
  restore_all(optimizer_.state(), from.tensors, "optimizer.");
  optimizer_.set_steps(from.optimizer_steps);
  average_.set_updates(from.average_updates);
  scaler_.go_on_from(from.loss_scale, from.good_steps);
  optimizer_.zero_grad();
  batches_ = from.standing.epochs_done * batches_per_epoch();
  pending_ = 0;
}

void Learner::set_batch(int batch, int epochs_done) {
  options_.batch = batch;
  batches_ = epochs_done * batches_per_epoch();
  optimizer_.set_weight_decay(weight_decay());
}

}  // namespace goshawk::train
