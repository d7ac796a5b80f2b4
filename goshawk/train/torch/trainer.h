// A training from its first epoch, or from a checkpoint, to its last.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>

#include "goshawk/train/checkpoint.h"
#include "goshawk/train/loader.h"
#include "goshawk/train/plugin.h"
#include "goshawk/train/run_files.h"
#include "goshawk/train/torch/compute.h"
#include "goshawk/train/torch/judge.h"
#include "goshawk/train/torch/learner.h"
#include "goshawk/train/torch/peers.h"
#include "goshawk/train/torch/run_weights.h"
#include "goshawk/train/torch/teacher.h"
#include "goshawk/train/torch/unreadable.h"
#include "goshawk/train/training_set.h"

namespace goshawk::train {

/// Trains on the CPU or a GPU, alone or with peers. On the CPU what weights come out follows from options, data, number of
/// threads and processes and seed alone, also where a training was cut short and resumed. Files (docs/training.md) are
/// written below `folder`, by process 0. One thread.
class Trainer {
 public:
  /// `checkpoint`: to go on from; its options count. Throws Error{kBadData} when it is of another network or of other
  /// classes, {kUsage, kBadConfig} for options that do not fit. `device` is what choose_device gave. `request`, `set` and
  /// `peers` must outlive it; all processes make theirs at once.
  Trainer(const TrainRequest& request, const TrainingSet& set, const std::optional<Checkpoint>& checkpoint,
          const torch::Device& device, Peers& peers);
  ~Trainer();

  /// Throws Error{kBadData} when the loss is no number any more (the batch is kept in the folder), {kIo}, and what reading
  /// images throws. `outcome` gets everything but the error.
  void run(TrainOutcome& outcome);

  /// With what `auto` stood for settled.
  const TrainOptions& options() const { return options_; }

 private:
  void make_store(std::uint64_t memory);
  void make_judge();
  void go_on_from(const Checkpoint& checkpoint);
  /// The network that training begins with, with weights from elsewhere where the options say so.
  std::shared_ptr<DetectionNetwork> beginning(bool with_weights) const;
  std::unique_ptr<Teacher> load_teacher() const;
  /// Takes from the file what fits by name and shape.
  void start_from(DetectionNetwork& network, const std::vector<std::string>& files) const;
  void start_from(DetectionNetwork& network, const std::filesystem::path& path, bool whole) const;
  /// The weights of a model, whose norms get their statistics back from the first batches.
  void start_from_model(DetectionNetwork& network, const std::filesystem::path& path) const;
  LoaderOptions loader_options() const;
  Checkpoint state(bool whole) const;

  bool train_epoch(LossParts& mean);  // false: stopped
  LossParts train_batch(const Batch& batch, std::optional<Taught> taught, bool last);
  [[noreturn]] void fail_at(const Batch& batch, const char* what) const;
  std::string time_left(std::size_t done, std::size_t batches, double epoch_seconds) const;
  Judgement judge(DetectionNetwork& network, const Compute& compute, const char* title);
  void end_epoch(const LossParts& mean, std::chrono::steady_clock::time_point start);
  void log_epoch(const LossParts& mean, const Judgement& judged, bool better);
  void write_last() const;
  void finish(TrainOutcome& outcome);
  void keep_models();
  bool out_of_patience() const;
  void halve_batch();
  void tell(const std::string& line) const;
  void warn(const std::string& line) const;
  void draw(const std::function<void()>& plots);
  void settle_optimizer(std::int64_t images);

  const TrainRequest& request_;
  Peers& peers_;
  TrainOptions options_;
  const TrainingSet& set_;
  Network description_;
  Compute compute_;
  RunWeights weights_;
  std::unique_ptr<ImageStore> store_;
  std::unique_ptr<Teacher> teacher_;
  std::unique_ptr<Learner> learner_;
  std::unique_ptr<Judge> judge_;
  std::unique_ptr<ResultLog> log_;  // of process 0
  Unreadable unreadable_;

  Standing standing_;
  double seconds_ = 0;
  std::vector<double> epoch_seconds_;  // of this process's epochs: training without judging
  std::int64_t images_seen_ = 0;
  bool can_draw_ = true;  // plots; where not, that is told once
};

}  // namespace goshawk::train
