// How `goshawk train` and the shared object with LibTorch meet. Both come from one build; plain values cross, no exception.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "goshawk/core/error.h"
#include "goshawk/train/membership.h"
#include "goshawk/train/options.h"
#include "goshawk/train/validation.h"

namespace goshawk::train {

struct TrainRequest {
  TrainOptions options;              // when resuming, those of `changed` alone count
  std::vector<std::string> changed;  // names of options that replace the checkpoint's: where and how fast it goes on
  std::filesystem::path folder;      // of the run; exists. Only process 0 needs it, but when resuming
  Membership self;
  bool resume = false;  // go on from weights/last.safetensors of `folder`
  bool quiet = false;   // no progress
  std::stop_token stop;
  std::function<void(const std::string&)> tell, warn;  // news, and what the user should know: a line each; may be empty
};

struct TrainOutcome {
  std::optional<ErrorCode> error;  // then the three texts of an Error; else what follows
  std::string message, where, hint;

  bool interrupted = false;
  std::vector<std::string> unreadable;  // pictures that were left out, with the reason, a line each
  int epochs_done = 0, best_epoch = 0;
  std::vector<std::string> classes;
  std::optional<Metrics> metrics;     // of best.onnx's weights; none without validation
  std::filesystem::path best;         // the verified model; empty when there is none yet
  double images_per_second = 0;       // of training, without validation
  std::vector<double> epoch_seconds;  // the same, of each epoch that this call has trained
};

/// The symbol that the shared object exports. The number changes with the structs above.
inline constexpr const char* kTrainSymbol = "goshawk_train_6";
using TrainFunction = void (*)(const TrainRequest&, TrainOutcome&) noexcept;

}  // namespace goshawk::train
