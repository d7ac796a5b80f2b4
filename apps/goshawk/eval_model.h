// One model over one data set: what `goshawk eval` measures and writes.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "apps/goshawk/command.h"
#include "goshawk/core/latency.h"
#include "goshawk/dataset/dataset.h"
#include "goshawk/evaluate/detector_metrics.h"

namespace goshawk::cli {

/// A model's answers on a data set, in the data set's own classes.
struct ModelAnswers {
  std::string name;                                            // as the caller calls the model
  std::vector<Detections> predictions;                         // an entry an image; pixels of the labels
  std::vector<char> read;                                      // [images] 0: unreadable, or not of its labels' shape
  std::vector<std::string> unreadable;                         // why, one line an image
  std::size_t scaled = 0;                                      // images of another size than their labels state
  std::vector<std::string> unknown_classes;                    // of the data set, that the model cannot name
  std::vector<std::pair<std::string, LatencySummary>> stages;  // read, prepare, inference, postprocess
  nlohmann::json model;                                        // file, hash, device, precision
  bool interrupted = false;
};

/// The images of --data, also those without a label file, which are background, in the split asked for (--split): else of
/// val, else of test, else all; with the classes asked for (--classes); at most --max-frames. Objects that are
/// not to be scored are crowds, which is told. Throws Error{kUsage} for a split that is not there, {kBadData} without images
/// or labels.
dataset::Dataset read_truth(const Invocation& call);

/// Keeps the classes asked for (--classes) of the data set. Throws Error{kUsage} for one that is not there, {kBadData} when
/// no object is left.
void keep_asked_classes(const Invocation& call, dataset::Dataset& truth);

/// Runs the model over all images of `truth`, with a progress bar. Throws what loading and running throw.
ModelAnswers answer(const Invocation& call, const std::filesystem::path& model, const std::string& name,
                    const dataset::Dataset& truth);

/// COCO's figures of the model alone, as an evaluation takes them: boxes from confidence 0.001 on and 300 an image, unless
/// the user says otherwise. Throws as `answer` does, and Error{kInterrupted}.
evaluate::CocoSummary coco_summary(Invocation call, const std::filesystem::path& model, const dataset::Dataset& truth);

/// What was evaluated on, and with which goshawk: numbers of images and objects, data, split ("all" where images of several
/// or of none were taken), map, versions.
nlohmann::json evaluated_json(const Invocation& call, const dataset::Dataset& truth);
/// The same for readers: "128 images, 929 objects of coco128/data.yaml (val); goshawk 0.1.0".
std::string evaluated_text(const nlohmann::json& evaluated);

/// metrics.json of a run: evaluated_json, every figure, the mistakes, the speed, the machine.
nlohmann::json metrics_json(const Invocation& call, const dataset::Dataset& truth, const evaluate::DetectorMetrics& metrics,
                            const ModelAnswers& answers);

}  // namespace goshawk::cli
