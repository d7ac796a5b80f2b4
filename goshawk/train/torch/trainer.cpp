#include "goshawk/train/torch/trainer.h"

#include <ATen/Parallel.h>
#include <fmt/format.h>
#include <torch/torch.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numeric>
#include <utility>

#include "goshawk/core/error.h"
#include "goshawk/core/machine.h"
#include "goshawk/core/progress.h"
#include "goshawk/report/plot.h"
#include "goshawk/train/kept_batch.h"
#include "goshawk/train/run_pictures.h"
#include "goshawk/train/torch/checked_options.h"
#include "goshawk/train/torch/taught_batches.h"
#include "goshawk/train/torch/weights.h"

namespace goshawk::train {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kPicturedBatches = 3;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

/// "1 h 05 min", "3 min 20 s", "12 s".
std::string duration_text(double seconds) {
  const auto all = static_cast<std::int64_t>(std::llround(seconds));
  if (all >= 3600) return fmt::format("{} h {:02} min", all / 3600, all / 60 % 60);
  if (all >= 60) return fmt::format("{} min {:02} s", all / 60, all % 60);
  return fmt::format("{} s", all);
}

/// A share of the machine's cores for each process on it.
int share_of_cores(const Membership& self) { return std::max(1, usable_cores() / self.local_world); }

}  // namespace

Trainer::Trainer(const TrainRequest& request, const TrainingSet& set, const std::optional<Checkpoint>& checkpoint,
                 const torch::Device& device, Peers& peers)
    : request_(request),
      peers_(peers),
      options_(checkpoint ? checkpoint->options : request.options),
      set_(set),
      description_(load_network(options_.model, static_cast<int>(set.classes.size()))),
      compute_(compute_of(options_, device)),
      weights_(request.folder, set, description_),
      unreadable_(request, peers, set.unreadable) {
  if (checkpoint && checkpoint->classes != set_.classes)
    throw Error(ErrorCode::kBadData, "the data set's classes are not those of the checkpoint", options_.data);
  check_options(options_, description_, peers_.world());
  if (checkpoint && checkpoint->network != description_text(description_))
    throw Error(ErrorCode::kBadData, "the checkpoint is of another network than '" + options_.model + "' is now",
                options_.model);
  if (checkpoint && checkpoint->fingerprint != set_.fingerprint)
    warn("the data set has changed since the training began: it will not end as it would have");
  at::set_num_threads(options_.threads > 0 ? options_.threads : share_of_cores(request_.self));
  tell(fmt::format("{} on {}", numbers_of(compute_), compute_.device.str()));
  teacher_ = load_teacher();
  const auto images = static_cast<std::int64_t>(set_.train.size());
  if (!checkpoint) {
    if (options_.batch == 0) {
      options_.batch = batch_for_all(options_, description_, images, compute_, peers_, request_.self.local_world);
      tell(fmt::format("a batch of {} images fits into the memory that is free", options_.batch));
    }
    settle_optimizer(images);
    settle_numbers(options_, compute_);
    if (options_.epochs <= options_.close_mosaic && (options_.augment.mosaic > 0 || options_.augment.mixup > 0))
      tell(fmt::format("no mosaic and mix-up: every epoch is among the last {} (--close-mosaic)", options_.close_mosaic));
  }
  const auto memory = static_cast<std::uint64_t>(options_.cache_gb * 1e9);
  make_store(memory * 3 / 4);
  auto network = beginning(!checkpoint);
  learner_ = std::make_unique<Learner>(std::move(network), options_, images, compute_, peers_);
  make_judge();
  if (checkpoint) go_on_from(*checkpoint);
}

Trainer::~Trainer() = default;

void Trainer::make_judge() {
  const auto memory = static_cast<std::uint64_t>(options_.cache_gb * 1e9);
  judge_ =
      std::make_unique<Judge>(set_, description_, options_.imgsz, std::max(1, options_.batch / peers_.world()), memory / 4);
}

/// The processes of a machine share its memory and one folder.
void Trainer::make_store(std::uint64_t memory) {
  const Membership& self = request_.self;
  ImageCache cache{memory / static_cast<std::uint64_t>(self.local_world), {}, self.local_rank};
  const int machine = self.rank / self.local_world;
  const auto folder = request_.folder / (machine == 0 ? "cache" : fmt::format("cache_machine{}", machine));
  if (options_.cache == "disk") cache.folder = folder;
  std::error_code ignored;
  if (request_.resume && self.local_rank == 0) fs::remove_all(folder, ignored);  // of a process that was killed
  const auto make = [&] { store_ = std::make_unique<ImageStore>(set_.train, options_.imgsz, cache); };
  if (cache.process == 0) make();
  peers_.any(false);  // the first of each machine has made the folder
  if (cache.process != 0) make();
}

void Trainer::tell(const std::string& line) const {
  if (request_.tell) request_.tell(line);
}

void Trainer::draw(const std::function<void()>& plots) {
  can_draw_ = can_draw_ && report::draw_or_warn(plots, [&](const std::string& line) { warn(line); });
}

void Trainer::warn(const std::string& line) const {
  if (request_.warn) request_.warn(line);
}

/// What `auto` stands for, which is told: options that it overrules would be missed.
void Trainer::settle_optimizer(std::int64_t images) {
  const TrainOptions asked = options_, usual;
  options_ = settled(options_, images, static_cast<int>(set_.classes.size()));
  if (options_ == asked) return;
  tell(fmt::format("optimizer auto: {}, lr0 {:.3g}, momentum {:g}", options_.optimizer, options_.lr0, options_.momentum));
  if (asked.lr0 != usual.lr0 || asked.momentum != usual.momentum || asked.warmup_bias_lr != usual.warmup_bias_lr)
    warn("--optimizer auto chooses --lr0, --momentum and --warmup-bias-lr itself: name an optimizer to set them");
}

void Trainer::go_on_from(const Checkpoint& checkpoint) {
  learner_->go_on_from(checkpoint);
  standing_ = checkpoint.standing;
}

std::shared_ptr<DetectionNetwork> Trainer::beginning(bool with_weights) const {
  torch::manual_seed(static_cast<std::uint64_t>(options_.seed));
  auto network = std::make_shared<DetectionNetwork>(description_);
  network->to(compute_.device);
  use_channels_last(*network);
  if (options_.sync_bn && !peers_.alone()) network->share_statistics(peers_);
  if (with_weights && !options_.weights.empty()) start_from(*network, weights_files(options_.weights));
  if (with_weights && options_.model.ends_with(".onnx")) start_from_model(*network, options_.model);
  return network;
}

std::unique_ptr<Teacher> Trainer::load_teacher() const {
  if (!options_.is_taught()) return nullptr;
  auto session = session_beside(compute_.device, at::get_num_threads());
  session.log = request_.warn;
  auto teacher = std::make_unique<Teacher>(options_.teacher, set_.classes, options_.teacher_classes, description_,
                                           options_.imgsz, session);
  tell(fmt::format("{} teaches {} of {} classes", options_.teacher, teacher->known(), set_.classes.size()));
  return teacher;
}

void Trainer::start_from(DetectionNetwork& network, const std::vector<std::string>& files) const {
  start_from(network, files.front(), files.size() > 1);
  for (std::size_t i = 1; i < files.size(); ++i) {
    DetectionNetwork other(description_);
    other.to(compute_.device);
    start_from(other, files[i], true);
    move_towards(network, other, 1.0 / static_cast<double>(i + 1));
  }
}

/// `whole`: where it does not hold all of the network, that is an error.
void Trainer::start_from(DetectionNetwork& network, const fs::path& path, bool whole) const {
  const auto taken = take_checkpoint(network, path);
  if (taken.tensors == 0) {
    throw Error(ErrorCode::kBadData, "no tensor in it fits the network " + options_.model, path.string(),
                "A checkpoint of the same network is needed, of any data set: runs/train/NAME/weights/best.safetensors.");
  }
  if (whole && taken.tensors < taken.of)
    throw Error(ErrorCode::kBadData, "it holds only a part of the network, so that no mean can be taken", path.string(),
                "Means are of checkpoints of one network and one list of classes.");
  tell(fmt::format("{} of {} tensors come from {}", taken.tensors, taken.of, path.string()));
  if (2 * taken.tensors < taken.of)
    warn("more than half of the network begins at random: was that another network's checkpoint?");
}

void Trainer::start_from_model(DetectionNetwork& network, const fs::path& path) const {
  const auto taken = take_weights(network, read_trained_model(path), [&] {
    constexpr std::size_t kBatches = 16;
    const torch::NoGradGuard no_grad;
    auto loading = loader_options();
    loading.rank = 0, loading.world = 1;  // all processes see the same
    EpochLoader loader(*store_, loading, 0, standing_.epochs_done < options_.epochs - options_.close_mosaic);
    const auto batches = static_cast<std::int64_t>(std::min<std::size_t>(loader.batches(), kBatches));
    std::optional<Progress> progress;
    if (!request_.quiet) progress.emplace("statistics of batch norms", batches, "batches");
    for (std::int64_t i = 0; i < batches; ++i) {
      const auto batch = loader.next();
      if (!batch || peers_.any(request_.stop.stop_requested())) throw Error(ErrorCode::kInterrupted, "stopped");
      const Autocast autocast(compute_);
      network.forward(to_input(batch->pixels, batch->size(), batch->side, compute_));
      if (progress) progress->update(i + 1);
    }
  });
  tell(fmt::format("{} of {} tensors come from {}", taken.tensors, taken.of, path.string()));
}

Checkpoint Trainer::state(bool whole) const {
  Checkpoint c;
  c.options = options_;
  c.classes = set_.classes;
  c.network = description_text(description_);
  c.fingerprint = set_.fingerprint;
  c.standing = standing_;
  learner_->store(c, whole);
  return c;
}

LossParts Trainer::train_batch(const Batch& batch, std::optional<Taught> taught, bool last) {
  const Loss loss = learner_->loss_of(batch, std::move(taught), standing_.epochs_done);
  const auto parts = peers_.sum(std::vector<double>{loss.box, loss.classes, loss.distribution});
  const LossParts all{.box = parts[0], .classes = parts[1], .distribution = parts[2]};
  if (!std::isfinite(all.box + all.classes + all.distribution)) fail_at(batch, "the loss is no number any more");
  if (!learner_->learn(loss, last)) fail_at(batch, "the gradients are no numbers any more");
  return all;
}

void Trainer::fail_at(const Batch& batch, const char* what) const {
  const auto file = request_.folder /
                    (peers_.first() ? "bad_batch.safetensors" : fmt::format("bad_batch_rank{}.safetensors", peers_.rank()));
  try {
    keep_batch(file, batch, *store_);
  } catch (const std::exception& error) {
    warn(fmt::format("the batch could not be kept: {}", error.what()));
  }
  throw Error(ErrorCode::kBadData, fmt::format("{}, in epoch {}", what, standing_.epochs_done + 1), file.string(),
              "The batch is kept there. A lower --lr0 or --no-amp helps most often; look at the batch's labels too.");
}

std::string Trainer::time_left(std::size_t done, std::size_t batches, double epoch_seconds) const {
  const double of_epoch = epoch_seconds / static_cast<double>(done);
  const double left = of_epoch * (static_cast<double>(batches - done) +
                                  static_cast<double>(batches) * (options_.epochs - standing_.epochs_done - 1));
  return duration_text(left);
}

LoaderOptions Trainer::loader_options() const {
  LoaderOptions loading;
  loading.batch = options_.batch / peers_.world();
  loading.rank = peers_.rank();
  loading.world = peers_.world();
  loading.workers = options_.workers > 0 ? options_.workers : share_of_cores(request_.self);
  loading.seed = static_cast<std::uint64_t>(options_.seed);
  loading.augment = options_.augment;
  return loading;
}

bool Trainer::train_epoch(LossParts& mean) {
  const bool mosaic = standing_.epochs_done < options_.epochs - options_.close_mosaic;
  EpochLoader loader(*store_, loader_options(), standing_.epochs_done, mosaic);

  std::optional<Progress> progress;
  if (!request_.quiet) {
    progress.emplace(fmt::format("epoch {}/{}", standing_.epochs_done + 1, options_.epochs),
                     static_cast<std::int64_t>(store_->size()), "images");
  }
  const auto start = Clock::now();
  std::int64_t images = 0;
  std::size_t done = 0;
  LossParts sum;
  TaughtBatches batches(loader, teacher_.get());
  while (auto taken = batches.next()) {
    const Batch& batch = taken->batch;
    if (peers_.any(request_.stop.stop_requested())) return false;
    if (peers_.first() && standing_.epochs_done == 0 && done < kPicturedBatches)
      write_batch_picture(request_.folder / fmt::format("train_batch{}.jpg", done), batch, set_.classes);
    const LossParts parts = train_batch(batch, std::move(taken->taught), done + 1 == loader.batches());
    images += static_cast<std::int64_t>(batch.whole);
    sum.add(parts, static_cast<double>(batch.whole));
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
  epoch_seconds_.push_back(seconds_since(start));
  images_seen_ += images;
  return true;
}

Judgement Trainer::judge(DetectionNetwork& network, const Compute& compute, const char* title) {
  auto judged = (*judge_)(network, learner_->criterion(), compute, title, request_.quiet, request_.stop);
  for (const auto& line : judge_->unreadable()) unreadable_.note(line);
  return judged;
}

void Trainer::end_epoch(const LossParts& mean, std::chrono::steady_clock::time_point start) {
  Judgement judged;
  const bool last = standing_.epochs_done + 1 == options_.epochs;
  bool stopped = false;
  if (options_.val && peers_.first()) {
    try {
      judged = judge(learner_->average().network(), compute_, "judging");
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kInterrupted) throw;
      stopped = true;
    }
  }
  const auto told = peers_.of_first(std::vector<double>{stopped ? 1.0 : 0.0, judged.metrics.fitness()});
  if (told[0] > 0) throw Error(ErrorCode::kInterrupted, "stopped");
  const bool better = standing_.add(options_.val ? std::optional(told[1]) : std::nullopt, last);
  unreadable_.note_all_of(*store_);
  unreadable_.tell();
  seconds_ += seconds_since(start);
  if (!peers_.first()) return;
  if (better) weights_.write_best(state(false));
  log_epoch(mean, judged, better);
}

void Trainer::log_epoch(const LossParts& mean, const Judgement& judged, bool better) {
  const Rates rates = learner_->rates();
  log_->add(standing_.epochs_done, seconds_,
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
    fmt::print(stderr, "epoch {}/{}  box {:.3f}  cls {:.3f}  dfl {:.3f}", standing_.epochs_done, options_.epochs, mean.box,
               mean.classes, mean.distribution);
    if (options_.val) {
      fmt::print(stderr, "  P {:.3f}  R {:.3f}  mAP50 {:.3f}  mAP50-95 {:.3f}{}", judged.metrics.precision,
                 judged.metrics.recall, judged.metrics.map50, judged.metrics.map, better ? "  best" : "");
    }
    fmt::print(stderr, "  {}\n", duration_text(seconds_));
  }
}

void Trainer::halve_batch() {
  if (!peers_.alone()) {
    throw Error(ErrorCode::kUnavailable, "the batch does not fit into the memory of one of the processes", "",
                fmt::format("Begin again with --batch {} or less.", std::max(options_.batch / 2, peers_.world())));
  }
  if (options_.batch == 1) {
    throw Error(ErrorCode::kUnavailable, "there is not enough memory even for a batch of one image", "",
                "Train at a smaller --imgsz or with a smaller network.");
  }
  const Checkpoint before = weights_.read_last();
  options_.batch /= 2;
  warn(fmt::format("the batch does not fit into memory: going on with {} images", options_.batch));
  go_on_from(before);
  // The schedule counts epochs in batches, which are smaller now.
  learner_->set_batch(options_.batch, standing_.epochs_done);
  make_judge();
}

void Trainer::write_last() const {
  if (peers_.first()) weights_.write_last(state(true));
}

void Trainer::run(TrainOutcome& outcome) {
  if (peers_.first()) {
    log_ = std::make_unique<ResultLog>(request_.folder, standing_.epochs_done);
    seconds_ = log_->seconds_before();
  }
  unreadable_.tell();
  if (standing_.epochs_done == 0) write_last();
  if (standing_.epochs_done == 0 && peers_.first())
    draw([&] { write_label_picture(request_.folder / "labels.jpg", set_.train, set_.classes); });
  try {
    while (standing_.epochs_done < options_.epochs && !out_of_patience()) {
      const auto start = Clock::now();
      LossParts mean;
      try {
        if (!train_epoch(mean)) throw Error(ErrorCode::kInterrupted, "stopped");
        end_epoch(mean, start);
      } catch (const Error&) {
        throw;
      } catch (const std::exception& error) {
        if (!says_out_of_memory(error)) throw;
        halve_batch();
        continue;
      }
      write_last();
    }
    if (out_of_patience())
      tell(
          fmt::format("no better epoch than {} for {} epochs: training ends here", standing_.best_epoch, options_.patience));
  } catch (const Error& error) {
    outcome.interrupted = error.code() == ErrorCode::kInterrupted;
    if (!outcome.interrupted) {
      keep_models();
      throw;
    }
  } catch (...) {  // LibTorch's, oneDNN's
    keep_models();
    throw;
  }
  finish(outcome);
}

bool Trainer::out_of_patience() const { return options_.val && standing_.out_of_patience(options_.patience); }

/// What the epochs before a failure have learned.
void Trainer::keep_models() {
  if (standing_.epochs_done == 0 || !peers_.first()) return;
  try {
    weights_.write_models();
  } catch (const std::exception& error) {
    warn(error.what());
  }
}

void Trainer::finish(TrainOutcome& outcome) {
  outcome.epochs_done = standing_.epochs_done;
  outcome.best_epoch = standing_.best_epoch;
  outcome.classes = set_.classes;
  outcome.epoch_seconds = epoch_seconds_;
  const double seconds = std::accumulate(epoch_seconds_.begin(), epoch_seconds_.end(), 0.0);
  outcome.images_per_second = seconds > 0 ? static_cast<double>(images_seen_) / seconds : 0;
  outcome.unreadable = unreadable_.lines();
  if (standing_.epochs_done == 0 || !peers_.first()) return;
  const auto best = weights_.write_models();
  draw([&] { log_->write_plots(); });
  if (best == nullptr) return;
  outcome.best = weights_.best_model();
  if (!options_.val || outcome.interrupted) return;
  best->to(compute_.device);
  Judgement judged;
  try {
    judged = judge(*best, Compute{compute_.device, std::nullopt}, "judging the best");
  } catch (const Error& error) {
    outcome.interrupted = error.code() == ErrorCode::kInterrupted;
    if (!outcome.interrupted) throw;
    return;
  }
  outcome.metrics = judged.metrics;
  draw([&] { write_judgement(request_.folder, judge_->truth(), judge_->of_truth(judged.found)); });
  write_validation_pictures(request_.folder, judge_->images(), judged.found, set_.classes);
}

}  // namespace goshawk::train
