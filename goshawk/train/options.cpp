#include "goshawk/train/options.h"

#include <algorithm>
#include <set>
#include <sstream>

#include "goshawk/core/error.h"

namespace goshawk::train {

nlohmann::ordered_json to_json(const TrainOptions& options) {
  nlohmann::ordered_json document;
  for_each_field(options, [&](const char* name, const auto& value) { document[name] = value; });
  return document;
}

TrainOptions options_from_json(const nlohmann::json& document, const std::string& where) {
  TrainOptions options;
  std::set<std::string> known;
  try {
    for_each_field(options, [&](const char* name, auto& value) {
      known.insert(name);
      if (document.contains(name)) document.at(name).get_to(value);
    });
    for (const auto& [key, value] : document.items()) {
      if (!known.contains(key)) throw Error(ErrorCode::kBadData, "unknown option of training '" + key + "'", where);
    }
  } catch (const nlohmann::json::exception& error) {
    throw Error(ErrorCode::kBadData, std::string("the options of training are malformed: ") + error.what(), where);
  }
  return options;
}

std::vector<std::string> weights_files(const std::string& weights) {
  std::vector<std::string> files;
  std::istringstream stream(weights);
  for (std::string file; std::getline(stream, file, ',');) files.push_back(file);
  return files;
}

TrainOptions settled(TrainOptions options, std::int64_t images, int classes) {
  if (options.optimizer != "auto") return options;
  constexpr std::int64_t kFewSteps = 10'000;
  const std::int64_t gathered = std::max(options.batch, options.nbs);
  const std::int64_t steps = (images + gathered - 1) / gathered * options.epochs;
  options.momentum = 0.9;
  if (steps > kFewSteps) {
    options.optimizer = "sgd";
    options.lr0 = 0.01;
  } else {
    options.optimizer = "adamw";
    options.lr0 = 0.002 * 5 / (4 + classes);
  }
  options.warmup_bias_lr = 0;
  return options;
}

ScheduleOptions schedule_of(const TrainOptions& options) {
  ScheduleOptions schedule;
  schedule.decay = options.decay == "cosine" ? Decay::kCosine : options.decay == "step" ? Decay::kStep : Decay::kLinear;
  schedule.lr0 = options.lr0;
  schedule.lrf = options.lrf;
  schedule.momentum = options.momentum;
  schedule.warmup_epochs = options.warmup_epochs;
  schedule.warmup_momentum = options.warmup_momentum;
  schedule.warmup_bias_lr = options.warmup_bias_lr;
  return schedule;
}

}  // namespace goshawk::train
