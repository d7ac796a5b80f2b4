// What an evaluation leaves in its folder.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <vector>

#include "apps/goshawk/command.h"
#include "apps/goshawk/eval_model.h"

namespace goshawk::cli {

/// Removes the images that some model could not be shown from the data set and from all answers. Returns whether there were
/// any.
bool leave_out_unread(dataset::Dataset& truth, std::vector<ModelAnswers>& answers);

/// metrics.json, classes.csv, predictions.json, curves, confusion matrix, pictures of the worst mistakes, report.html.
/// Returns what metrics.json holds.
nlohmann::json write_evaluation(const Invocation& call, const dataset::Dataset& truth,
                                const evaluate::DetectorMetrics& metrics, const ModelAnswers& answers,
                                const std::filesystem::path& folder);

/// "wrong class"
std::string words(evaluate::ErrorKind kind);

/// COCO's results format: image_id, category_id, bbox x y w h in pixels, score; and file_name.
std::string results_json(const dataset::Dataset& truth, const std::vector<Detections>& predictions);

}  // namespace goshawk::cli
