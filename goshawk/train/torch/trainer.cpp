#include "goshawk/train/torch/trainer.h"

#include <ATen/Parallel.h>
#include <ATen/autocast_mode.h>
#include <fmt/format.h>
#include <torch/torch.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include "goshawk/core/error.h"
#include "goshawk/core/files.h"
#include "goshawk/core/machine.h"
#include "goshawk/core/parallel.h"
#include "goshawk/core/progress.h"
#include "goshawk/train/torch/artefact.h"
#include "goshawk/train/torch/weights.h"

namespace goshawk::train {
namespace {

namespace fs = std::filesystem;
using torch::Tensor;
using Clock = std::chrono::steady_clock;

constexpr double kMostGradient = 10;  // norm
constexpr std::size_t kPicturedBatches = 3;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

/// "1 h 05 min", "3 min 20 s", "12 s".
std::string duration_text(double seconds) {
  const auto all = static_cast<std::int64_t>(std::llround(seconds));
  if (all >= 3600) return fmt::format("{} h {:02} min", all / 3600, all / 60 % 60);
  if (all >= 60) return fmt::format("{} min {:02} s", all / 60, all % 60);
  return fmt::format("{} s", all);
}

/// bfloat16 in what is safe in it, as long as it lives.
class Autocast {
 public:
  explicit Autocast(bool on) : on_(on) {
    if (!on_) return;
    at::autocast::set_autocast_dtype(at::kCPU, at::kBFloat16);
    at::autocast::set_autocast_enabled(at::kCPU, true);
  }
  ~Autocast() {
    if (!on_) return;
    at::autocast::clear_cache();
    at::autocast::set_autocast_enabled(at::kCPU, false);
  }
  Autocast(const Autocast&) = delete;
  Autocast& operator=(const Autocast&) = delete;

 private:
  bool on_;
};

StoredTensor stored(const Tensor& tensor) {
  const Tensor plain = tensor.detach().to(torch::kCPU).contiguous();
  const bool counter = plain.scalar_type() == torch::kInt64;
  require(counter || plain.scalar_type() == torch::kFloat32, "a checkpoint holds floats and counters");
  StoredTensor result{counter ? StoredType::kInt64 : StoredType::kFloat32, plain.sizes().vec(), {}};
  result.bytes.assign(static_cast<const char*>(plain.const_data_ptr()), plain.nbytes());
  return result;
}

/// Sets `tensor` to the stored values; its layout in memory stays.
void restore(Tensor tensor, const std::map<std::string, StoredTensor>& tensors, const std::string& name) {
  const torch::NoGradGuard no_grad;
  const auto found = tensors.find(name);
  const auto type = tensor.scalar_type() == torch::kInt64 ? StoredType::kInt64 : StoredType::kFloat32;
  if (found == tensors.end() || found->second.type != type || found->second.shape != tensor.sizes().vec())
    throw Error(ErrorCode::kBadData, "the checkpoint does not fit the network: tensor " + name);
  tensor.copy_(
      torch::from_blob(const_cast<char*>(found->second.bytes.data()), tensor.sizes(), tensor.options().device(torch::kCPU)));
}

template <typename Names>
void store_all(std::map<std::string, StoredTensor>& to, const std::string& prefix, const Names& tensors) {
  for (const auto& [name, tensor] : tensors) to[prefix + name] = stored(tensor);
}

template <typename Names>
void restore_all(const Names& tensors, const std::map<std::string, StoredTensor>& from, const std::string& prefix) {
  for (const auto& [name, tensor] : tensors) restore(tensor, from, prefix + name);
}

/// "model.3.conv.weight" -> 3.
int layer_of(const std::string& name) {
  constexpr std::string_view kPrefix = "model.";
  return name.starts_with(kPrefix) ? std::atoi(name.c_str() + kPrefix.size()) : 0;
}

bool says_out_of_memory(const std::exception& error) {
  return std::string_view(error.what()).find("not enough memory") != std::string_view::npos;
}

void check(const TrainOptions& options, const Network& network) {
  const int stride = network.strides.back();
  if (options.imgsz % stride != 0) {
    const int near = std::max(stride, (options.imgsz + stride / 2) / stride * stride);
    throw Error(ErrorCode::kUsage, fmt::format("must be a multiple of {}, for instance {}", stride, near), "--imgsz");
  }
  if (options.freeze >= static_cast<int>(network.layers.size()))
    throw Error(ErrorCode::kUsage, fmt::format("the network has {} layers", network.layers.size()), "--freeze");
  if (options.device != "auto" && options.device != "cpu") {
    throw Error(ErrorCode::kUnavailable, "this goshawk trains on the CPU only", "--device",
                "Leave --device out, or give --device cpu.");
  }
}

}  // namespace

void Trainer::Parts::add(const Loss& loss, double share) {
  box += loss.box * share;
  classes += loss.classes * share;
  distribution += loss.distribution * share;
}

Trainer::Trainer(const TrainRequest& request, const TrainingSet& set, const std::optional<Checkpoint>& checkpoint)
    : request_(request), options_(checkpoint ? checkpoint->options : request.options), set_(set) {
  const auto classes = static_cast<int>(set_.classes.size());
  if (checkpoint && checkpoint->classes != set_.classes)
    throw Error(ErrorCode::kBadData, "the data set's classes are not those of the checkpoint", options_.data);
  description_ = load_network(options_.model, classes);
  check(options_, description_);
  if (checkpoint && checkpoint->network != description_text(description_))
    throw Error(ErrorCode::kBadData, "the checkpoint is of another network than '" + options_.model + "' is now",
                options_.model);
  if (checkpoint && checkpoint->fingerprint != set_.fingerprint)
    note("the data set has changed since the training began: it will not end as it would have");
  if (!checkpoint) options_ = settled(options_, static_cast<std::int64_t>(set_.train.size()), classes);
  at::set_num_threads(options_.threads > 0 ? options_.threads : usable_cores());

  torch::manual_seed(static_cast<std::uint64_t>(options_.seed));
  network_ = std::make_shared<DetectionNetwork>(description_);
  use_channels_last(*network_);
  for (auto& item : network_->named_parameters()) {
    if (layer_of(item.key()) < options_.freeze) item.value().set_requires_grad(false);
  }
  if (!checkpoint && !options_.weights.empty()) start_from(options_.weights);
  average_ = std::make_unique<MovingAverage>(*network_);
  use_channels_last(average_->network());
  const double gathered = std::max(1.0, std::round(static_cast<double>(options_.nbs) / options_.batch));
  const double decay = options_.weight_decay * options_.batch * gathered / options_.nbs;
  optimizer_ = std::make_unique<Optimizer>(
      *network_, options_.optimizer == "adamw" ? OptimizerKind::kAdamW : OptimizerKind::kSgd, decay);
  criterion_ = std::make_unique<DetectionLoss>(description_, LossWeights{options_.box, options_.cls, options_.dfl});

  const auto cache = static_cast<std::uint64_t>(options_.cache_gb * 1e9);
  store_ = std::make_unique<ImageStore>(set_.train, options_.imgsz, cache * 3 / 4);
  validation_ = std::make_unique<ValidationImages>(
      set_.val, recipe_of(set_.classes, options_.imgsz, description_.strides.back()), options_.batch, cache / 4);
  if (checkpoint) go_on_from(*checkpoint);
}

Trainer::~Trainer() = default;

void Trainer::note(const std::string& line) const {
  if (request_.note) request_.note(line);
}

std::int64_t Trainer::batches_per_epoch() const {
  return (static_cast<std::int64_t>(store_->size()) + options_.batch - 1) / options_.batch;
}

void Trainer::go_on_from(const Checkpoint& checkpoint) {
  restore_all(tensors_of(*network_), checkpoint.tensors, "model.");
  restore_all(tensors_of(average_->network()), checkpoint.tensors, "ema.");
  restore_all(optimizer_->state(), checkpoint.tensors, "optimizer.");
  optimizer_->load({}, checkpoint.optimizer_steps);
  average_->set_updates(checkpoint.average_updates);
  optimizer_->zero_grad();
  epochs_done_ = checkpoint.epochs_done;
  step_ = checkpoint.steps;
  best_fitness_ = checkpoint.best_fitness;
  best_epoch_ = checkpoint.best_epoch;
  pending_ = 0;
}

void Trainer::start_from(const fs::path& path) {
  const auto tensors = read_safetensors(path).tensors;
  // A checkpoint holds the average, which is the better network, beside the weights of the last step.
  const bool own = std::any_of(tensors.begin(), tensors.end(), [](const auto& t) { return t.first.starts_with("ema."); });
  const std::string prefix = own ? "ema." : "";
  const auto all = tensors_of(*network_);
  std::size_t taken = 0;
  for (const auto& [name, tensor] : all) {
    const auto found = tensors.find(prefix + name);
    if (found == tensors.end() || found->second.shape != tensor.sizes().vec()) continue;
    restore(tensor, tensors, prefix + name);
    ++taken;
  }
  if (taken == 0) {
    throw Error(ErrorCode::kBadData, "no tensor in it fits the network " + options_.model, path.string(),
                "A checkpoint of the same network is needed, of any data set: runs/train/NAME/weights/best.safetensors.");
  }
  note(fmt::format("{} of {} tensors come from {}", taken, all.size(), path.string()));
}

Checkpoint Trainer::state() const {
  Checkpoint c;
  c.options = options_;
  c.classes = set_.classes;
  c.network = description_text(description_);
  c.fingerprint = set_.fingerprint;
  c.epochs_done = epochs_done_;
  c.steps = step_;
  c.optimizer_steps = optimizer_->steps();
  c.average_updates = average_->updates();
  c.best_fitness = best_fitness_;
  c.best_epoch = best_epoch_;
  store_all(c.tensors, "ema.", tensors_of(average_->network()));
  return c;
}

Tensor Trainer::to_input(const std::vector<std::uint8_t>& pixels, std::size_t count, int side, bool amp) const {
  const auto bytes = torch::from_blob(const_cast<std::uint8_t*>(pixels.data()),
                                      {static_cast<std::int64_t>(count), side, side, 3}, torch::kUInt8);
  // Seen as [N, 3, H, W] these bytes lie channels last already.
  return bytes.permute({0, 3, 1, 2}).to(amp ? torch::kBFloat16 : torch::kFloat32).mul_(1.0 / 255);
}

void Trainer::set_training_mode() {
  network_->train();
  for (auto& item : network_->named_modules()) {
    if (layer_of(item.key()) < options_.freeze && item.value()->as<torch::nn::BatchNorm2dImpl>() != nullptr)
      item.value()->eval();
  }
}

Loss Trainer::train_batch(const Batch& batch, bool last) {
  std::vector<Tensor> maps;
  {
    const Autocast autocast(options_.amp);
    maps = network_->forward(to_input(batch.pixels, batch.size(), batch.side, options_.amp));
  }
  Loss loss = (*criterion_)(maps, batch.targets);
  if (!std::isfinite(loss.box + loss.classes + loss.distribution)) {
    keep_batch(batch);
    throw Error(ErrorCode::kBadData, fmt::format("the loss is no number any more, in epoch {}", epochs_done_ + 1),
                (request_.folder / "bad_batch.safetensors").string(),
                "The batch is kept there. A lower --lr0 or --no-amp helps most often; look at the batch's labels too.");
  }
  loss.total.backward();
  ++pending_;
  const auto schedule = schedule_of(options_);
  const auto per_epoch = batches_per_epoch();
  // At an epoch's end nothing is left over, so that a checkpoint holds everything.
  if (last || pending_ >= accumulation_at(schedule, step_, per_epoch, options_.batch, options_.nbs)) {
    optimizer_->clip(kMostGradient);
    optimizer_->step(rates_at(schedule, step_, per_epoch, options_.epochs));
    optimizer_->zero_grad();
    average_->update(*network_);
    pending_ = 0;
  }
  ++step_;
  return loss;
}

void Trainer::keep_batch(const Batch& batch) const {
  StoredTensors content;
  StoredTensor pixels{StoredType::kUint8, {static_cast<std::int64_t>(batch.size()), batch.side, batch.side, 3}, {}};
  pixels.bytes.assign(batch.pixels.begin(), batch.pixels.end());
  content.tensors["pixels"] = std::move(pixels);
  std::vector<float> rows;  // image, class, x1, y1, x2, y2
  for (std::size_t i = 0; i < batch.size(); ++i) {
    for (const auto& o : batch.targets[i].objects) {
      rows.insert(rows.end(),
                  {static_cast<float>(i), static_cast<float>(o.class_id), o.box.x1, o.box.y1, o.box.x2, o.box.y2});
    }
    content.metadata[fmt::format("image{}", i)] = store_->image(batch.images[i]).path.string();
  }
  StoredTensor boxes{StoredType::kFloat32, {static_cast<std::int64_t>(rows.size() / 6), 6}, {}};
  boxes.bytes.assign(reinterpret_cast<const char*>(rows.data()), rows.size() * sizeof(float));
  content.tensors["boxes"] = std::move(boxes);
  write_safetensors(request_.folder / "bad_batch.safetensors", content);
}

std::string Trainer::time_left(std::size_t done, std::size_t batches, double epoch_seconds) const {
  const double of_epoch = epoch_seconds / static_cast<double>(done);
  const double left =
      of_epoch * (static_cast<double>(batches - done) + static_cast<double>(batches) * (options_.epochs - epochs_done_ - 1));
  return duration_text(left);
}

bool Trainer::train_epoch(Parts& mean) {
  LoaderOptions loading;
  loading.batch = options_.batch;
  loading.workers = options_.workers > 0 ? options_.workers : usable_cores();
  loading.seed = static_cast<std::uint64_t>(options_.seed);
  loading.augment = options_.augment;
  const bool mosaic = epochs_done_ < options_.epochs - options_.close_mosaic;
  EpochLoader loader(*store_, loading, epochs_done_, mosaic);
  set_training_mode();

  std::optional<Progress> progress;
  if (!request_.quiet) {
    progress.emplace(fmt::format("epoch {}/{}", epochs_done_ + 1, options_.epochs),
                     static_cast<std::int64_t>(store_->size()), "images");
  }
  const auto start = Clock::now();
  std::int64_t images = 0;
  std::size_t done = 0;
  Parts sum;
  while (auto batch = loader.next()) {
    if (request_.stop.stop_requested()) return false;
    if (epochs_done_ == 0 && done < kPicturedBatches)
      write_batch_picture(request_.folder / fmt::format("train_batch{}.jpg", done), *batch, set_.classes);
    const Loss loss = train_batch(*batch, done + 1 == loader.batches());
    images += static_cast<std::int64_t>(batch->size());
    sum.add(loss, static_cast<double>(batch->size()));
    ++done;
    if (progress) {
      const double share = 1.0 / static_cast<double>(images);
      progress->update(images,
                       fmt::format("box {:.3f} cls {:.3f} dfl {:.3f}, all done in {}", sum.box * share, sum.classes * share,
                                   sum.distribution * share, time_left(done, loader.batches(), seconds_since(start))));
    }
  }
  const auto count = static_cast<double>(std::max<std::int64_t>(images, 1));
  mean = {sum.box / count, sum.classes / count, sum.distribution / count};
  train_seconds_ += seconds_since(start);
  images_seen_ += images;
  return true;
}

Trainer::Judgement Trainer::judge(DetectionNetwork& network, bool amp, const char* title) {
  const torch::NoGradGuard no_grad;
  network.eval();
  std::optional<Progress> progress;
  if (!request_.quiet) progress.emplace(title, static_cast<std::int64_t>(set_.val.size()), "images");
  evaluate::CocoOptions evaluating;
  evaluating.max_detections = {1, 10, 300};
  evaluate::CocoEvaluator evaluator(set_.truth, evaluating);
  Judgement result;
  const auto classes = static_cast<int>(set_.classes.size());
  for (std::size_t b = 0; b < validation_->batches(); ++b) {
    if (request_.stop.stop_requested()) throw Error(ErrorCode::kInterrupted, "stopped");
    const auto batch = validation_->batch(b);
    std::vector<Tensor> maps;
    {
      const Autocast autocast(amp);
      maps = network.forward(to_input(batch->pixels, batch->size(), options_.imgsz, amp));
    }
    result.loss.add((*criterion_)(maps, batch->targets),
                    static_cast<double>(batch->size()) / static_cast<double>(set_.val.size()));
    const Tensor output = decode_maps(maps, description_).contiguous();
    const auto per_image = static_cast<std::size_t>(output.stride(0));
    std::vector<Detections> found(batch->size());
    parallel_blocks(found.size(), 1, [&](std::size_t i, std::size_t) {
      found[i] = detections_of({output.const_data_ptr<float>() + i * per_image, per_image}, classes, batch->placements[i]);
    });
    for (std::size_t i = 0; i < found.size(); ++i) evaluator.add(static_cast<std::uint32_t>(batch->first + i), found[i]);
    if (progress) progress->update(static_cast<std::int64_t>(batch->first + batch->size()));
  }
  result.metrics = metrics_of(evaluator.evaluate());
  return result;
}

void Trainer::end_epoch(const Parts& mean) {
  Judgement judged;
  const bool last = epochs_done_ + 1 == options_.epochs;
  if (options_.val) judged = judge(average_->network(), options_.amp, "judging");
  const auto rates =
      rates_at(schedule_of(options_), std::max<std::int64_t>(step_ - 1, 0), batches_per_epoch(), options_.epochs);
  ++epochs_done_;
  const double fitness = judged.metrics.fitness();
  const bool better = options_.val ? fitness > best_fitness_ : last;
  if (better) {
    best_fitness_ = options_.val ? fitness : 0;
    best_epoch_ = epochs_done_;
    write_checkpoint(weights("best.safetensors"), state());
  }
  log_->add(epochs_done_, seconds_,
            {{"train/box_loss", mean.box},
             {"train/cls_loss", mean.classes},
             {"train/dfl_loss", mean.distribution},
             {"metrics/precision(B)", judged.metrics.precision},
             {"metrics/recall(B)", judged.metrics.recall},
             {"metrics/mAP50(B)", judged.metrics.map50},
             {"metrics/mAP50-95(B)", judged.metrics.map},
             {"val/box_loss", judged.loss.box},
             {"val/cls_loss", judged.loss.classes},
             {"val/dfl_loss", judged.loss.distribution},
             {"lr/pg0", rates.weights},
             {"lr/pg1", rates.weights},
             {"lr/pg2", rates.biases}});
  if (!request_.quiet) {
    fmt::print(stderr, "epoch {}/{}  box {:.3f}  cls {:.3f}  dfl {:.3f}", epochs_done_, options_.epochs, mean.box,
               mean.classes, mean.distribution);
    if (options_.val) {
      fmt::print(stderr, "  P {:.3f}  R {:.3f}  mAP50 {:.3f}  mAP50-95 {:.3f}{}", judged.metrics.precision,
                 judged.metrics.recall, judged.metrics.map50, judged.metrics.map, better ? "  best" : "");
    }
    fmt::print(stderr, "  {}\n", duration_text(seconds_));
  }
}

void Trainer::halve_batch() {
  if (options_.batch == 1) {
    throw Error(ErrorCode::kUnavailable, "there is not enough memory even for a batch of one image", "",
                "Train at a smaller --imgsz or with a smaller network.");
  }
  const Checkpoint before = read_checkpoint(weights("last.safetensors"));
  options_.batch /= 2;
  note(fmt::format("the batch does not fit into memory: going on with {} images", options_.batch));
  go_on_from(before);
}

void Trainer::run(TrainOutcome& outcome) {
  log_ = std::make_unique<ResultLog>(request_.folder, epochs_done_);
  seconds_ = log_->seconds_before();
  const auto write_last = [&] {
    Checkpoint last = state();
    store_all(last.tensors, "model.", tensors_of(*network_));
    store_all(last.tensors, "optimizer.", optimizer_->state());
    write_checkpoint(weights("last.safetensors"), last);
  };
  if (epochs_done_ == 0) write_last();
  try {
    while (epochs_done_ < options_.epochs) {
      const auto start = Clock::now();
      Parts mean;
      try {
        if (!train_epoch(mean)) throw Error(ErrorCode::kInterrupted, "stopped");
      } catch (const c10::Error& error) {
        if (!says_out_of_memory(error)) throw;
        halve_batch();
        continue;
      }
      seconds_ += seconds_since(start);
      end_epoch(mean);
      write_last();
      if (options_.val && options_.patience > 0 && epochs_done_ - best_epoch_ >= options_.patience) {
        note(fmt::format("no better epoch than {} for {} epochs: training ends here", best_epoch_, options_.patience));
        break;
      }
    }
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kInterrupted) throw;
    outcome.interrupted = true;
  }
  finish(outcome);
}

void Trainer::finish(TrainOutcome& outcome) {
  outcome.epochs_done = epochs_done_;
  outcome.best_epoch = best_epoch_;
  outcome.classes = set_.classes;
  outcome.images_per_second = train_seconds_ > 0 ? static_cast<double>(images_seen_) / train_seconds_ : 0;
  if (epochs_done_ == 0) return;
  log_->write_plots();
  ArtefactOptions artefact;
  artefact.recipe = recipe_of(set_.classes, options_.imgsz, description_.strides.back());
  artefact.dynamic = options_.dynamic;
  const auto write = [&](const char* checkpoint, const char* model) {
    const Checkpoint from = read_checkpoint(weights(checkpoint));
    restore_all(tensors_of(average_->network()), from.tensors, "ema.");
    average_->network().eval();
    artefact.metadata["goshawk.training"] = nlohmann::json{
        {"network", options_.model},
        {"epoch", from.epochs_done},
        {"options", to_json(options_)},
        {"data", set_.fingerprint}}.dump();
    write_model(average_->network(), weights(model), artefact);
  };
  write("last.safetensors", "last.onnx");
  if (best_epoch_ == 0) return;
  write("best.safetensors", "best.onnx");
  outcome.best = weights("best.onnx");
  if (options_.val && !outcome.interrupted) outcome.metrics = judge(average_->network(), false, "judging the best").metrics;
}

}  // namespace goshawk::train
