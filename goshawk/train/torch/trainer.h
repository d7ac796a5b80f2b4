// A training from its first epoch, or from a checkpoint, to its last.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <stop_token>

#include "goshawk/train/checkpoint.h"
#include "goshawk/train/plugin.h"
#include "goshawk/train/run_files.h"
#include "goshawk/train/torch/ema.h"
#include "goshawk/train/torch/loss.h"
#include "goshawk/train/torch/optimizer.h"
#include "goshawk/train/training_set.h"

namespace goshawk::train {

/// Trains on the CPU. What weights come out follows from options, data, number of threads and seed alone, also where a
/// training was cut short and resumed. Files (docs/training.md) are written below `folder`. One thread.
class Trainer {
 public:
  /// `checkpoint`: to go on from; its options count. Throws Error{kBadData} when it is of another network or of other
  /// classes, {kUsage, kBadConfig} for options that do not fit, {kUnavailable} for a device that is not there. `request` and
  /// `set` must outlive it.
  Trainer(const TrainRequest& request, const TrainingSet& set, const std::optional<Checkpoint>& checkpoint);
  ~Trainer();

  /// Throws Error{kBadData} when the loss is no number any more (the batch is kept in the folder), {kIo}, and what reading
  /// images throws. `outcome` gets everything but the error.
  void run(TrainOutcome& outcome);

  /// With what `auto` stood for settled.
  const TrainOptions& options() const { return options_; }

 private:
  struct Parts {
    double box = 0, classes = 0, distribution = 0;
    void add(const Loss& loss, double share);
  };
  struct Judgement {
    Metrics metrics;
    Parts loss;
  };

  void go_on_from(const Checkpoint& checkpoint);
  /// Takes from the file what fits by name and shape.
  void start_from(const std::filesystem::path& path);
  Checkpoint state() const;
  std::filesystem::path weights(const char* name) const { return request_.folder / "weights" / name; }

  bool train_epoch(Parts& mean);  // false: stopped
  Loss train_batch(const Batch& batch, bool last);
  void keep_batch(const Batch& batch) const;
  void set_training_mode();
  std::string time_left(std::size_t done, std::size_t batches, double epoch_seconds) const;
  Judgement judge(DetectionNetwork& network, bool amp, const char* title);
  void end_epoch(const Parts& mean);
  void finish(TrainOutcome& outcome);
  void halve_batch();
  torch::Tensor to_input(const std::vector<std::uint8_t>& pixels, std::size_t count, int side, bool amp) const;
  std::int64_t batches_per_epoch() const;
  void note(const std::string& line) const;

  const TrainRequest& request_;
  TrainOptions options_;
  const TrainingSet& set_;
  Network description_;
  std::shared_ptr<DetectionNetwork> network_;
  std::unique_ptr<MovingAverage> average_;
  std::unique_ptr<Optimizer> optimizer_;
  std::unique_ptr<DetectionLoss> criterion_;
  std::unique_ptr<ImageStore> store_;
  std::unique_ptr<ValidationImages> validation_;
  std::unique_ptr<ResultLog> log_;

  int epochs_done_ = 0, best_epoch_ = 0, pending_ = 0;
  std::int64_t step_ = 0;
  double best_fitness_ = -1, train_seconds_ = 0, seconds_ = 0;
  std::int64_t images_seen_ = 0;
};

}  // namespace goshawk::train
