#include "apps/goshawk/eval_model.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <numeric>
#include <optional>

#include "apps/goshawk/data_set.h"
#include "apps/goshawk/describe.h"
#include "apps/goshawk/detect_on_set.h"
#include "apps/goshawk/option_values.h"
#include "apps/goshawk/options.h"
#include "goshawk/core/picture_scale.h"
#include "goshawk/dataset/combine.h"
#include "goshawk/dataset/label_gaps.h"
#include "goshawk/dataset/statistics.h"
#include "goshawk/evaluate/class_match.h"

namespace goshawk::cli {
namespace {

using nlohmann::json;

json describe_summary(const evaluate::CocoSummary& s) {
  return {{"AP", s.ap},
          {"AP50", s.ap50},
          {"AP75", s.ap75},
          {"AP_small", s.ap_small},
          {"AP_medium", s.ap_medium},
          {"AP_large", s.ap_large},
          {"AR_1", s.ar.at(0)},
          {"AR_10", s.ar.at(1)},
          {"AR_100", s.ar.at(2)},
          {"AR_small", s.ar_small},
          {"AR_medium", s.ar_medium},
          {"AR_large", s.ar_large}};
}

json describe_point(const evaluate::OperatingPoint& p) {
  return {{"confidence", p.confidence}, {"precision", p.precision}, {"recall", p.recall}, {"f1", p.f1}};
}

json describe_classes(const dataset::Dataset& truth, const evaluate::DetectorMetrics& metrics) {
  json classes = json::array();
  for (std::size_t c = 0; c < truth.categories.size(); ++c) {
    const auto& result = metrics.classes[c];
    classes.push_back({{"class", truth.categories[c].name},
                       {"id", truth.categories[c].id},
                       {"objects", result.objects},
                       {"AP", result.ap},
                       {"AP50", result.ap50},
                       {"AP75", result.ap75},
                       {"AR_100", result.ar},
                       {"best", describe_point(metrics.curves.classes[c].best)},
                       {"fixed", describe_point(metrics.classes_fixed[c])}});
  }
  return classes;
}

json describe_confusion(const dataset::Dataset& truth, const evaluate::ConfusionMatrix& matrix) {
  json labels = json::array(), rows = json::array();
  for (const auto& category : truth.categories) labels.push_back(category.name);
  labels.push_back("background");
  for (int detected = 0; detected <= matrix.classes(); ++detected) {
    json row = json::array();
    for (int is = 0; is <= matrix.classes(); ++is) row.push_back(matrix.at(detected, is));
    rows.push_back(std::move(row));
  }
  return {{"labels", labels}, {"rows", "detected"}, {"columns", "truth"}, {"counts", rows}};
}

json describe_speed(const ModelAnswers& answers) {
  json speed;
  for (const auto& [stage, s] : answers.stages) {
    speed[stage] = {{"mean_ms", s.mean}, {"p50_ms", s.p50}, {"p95_ms", s.p95}, {"calls", s.count}, {"total_ms", s.total}};
  }
  return speed;
}

}  // namespace

dataset::Dataset read_truth(const Invocation& call) {
  const std::string path = required_option(call, "data");
  auto truth = read_set(call, path, format_option(call, "from")).dataset;
  const auto holds = [&](dataset::Split split) {
    return std::any_of(truth.images.begin(), truth.images.end(), [&](const auto& image) { return image.split == split; });
  };
  auto wanted = split_of(call, truth);
  if (!wanted && holds(dataset::Split::kVal)) wanted = dataset::Split::kVal;
  if (!wanted && holds(dataset::Split::kTest)) wanted = dataset::Split::kTest;
  dataset::Filter part;
  part.split = wanted;
  if (const auto most = call.config.integer_if_set("source.max_frames")) part.limit = static_cast<std::size_t>(*most);
  dataset::filter(truth, part);
  std::vector<std::string> notes;
  dataset::add_gaps_as_crowds(truth, dataset::read_label_gaps(truth, &notes));
  if (const auto unscored = dataset::make_unscored_crowds(truth); unscored > 0) {
    notes.push_back(dataset::unscored_note(unscored));
  }
  for (const auto& note : notes) spdlog::warn("{}", note);
  if (truth.images.empty()) throw Error(ErrorCode::kBadData, "there is no image to evaluate on", path);
  keep_asked_classes(call, truth);
  return truth;
}

void keep_asked_classes(const Invocation& call, dataset::Dataset& truth) {
  dataset::keep_classes(truth, named_classes(truth, call.config.list("detect.classes")));
  const std::size_t scored = dataset::scored_count(truth);
  if (dataset::object_count(truth) == 0) {
    throw Error(ErrorCode::kBadData, "no image has a labelled object", truth.root.string(),
                scored > 0 ? dataset::scored_note(scored) : "An evaluation needs labels to compare with.");
  }
  if (scored > 0) spdlog::warn("{}", dataset::scored_note(scored));
}

ModelAnswers answer(const Invocation& call, const std::filesystem::path& model, const std::string& name,
                    const dataset::Dataset& truth) {
  auto detecting = detector_options(call.config);
  detecting.classes.clear();  // they are the data set's, which the model may call otherwise
  detecting.session.parallel_runs = parallel_runs(call.config, {});
  const auto detector = detect::Detector::load(model, detecting);

  ModelAnswers answers;
  answers.name = name;
  const auto classes = evaluate::match_classes(detector->recipe().class_names, class_names(truth), renamed_classes(call));
  answers.unknown_classes = classes.unknown;
  answers.predictions.resize(truth.images.size());
  answers.read.resize(truth.images.size());

  std::vector<std::size_t> images(truth.images.size());
  std::iota(images.begin(), images.end(), std::size_t{0});
  std::vector<std::string> misshapen;
  auto run = detect_on_set(
      call, truth, images, *detector, "evaluating " + answers.name, [&](std::size_t image, pipeline::DetectedFrame found) {
        const auto& entry = truth.images[image];
        const auto scale = picture_scale(found.frame.image.cols, found.frame.image.rows, entry.width, entry.height);
        if (!scale) {
          misshapen.push_back(fmt::format(
              "{}: it has {} x {} pixels, which is not the shape {} x {} that its labels are for",
              truth.path_of(entry).string(), found.frame.image.cols, found.frame.image.rows, entry.width, entry.height));
          return;
        }
        answers.read[image] = 1;
        answers.scaled += *scale == PictureScale{} ? 0 : 1;
        for (auto& detection : found.detections) {
          detection.class_id = classes.to_dataset[static_cast<std::size_t>(detection.class_id)];
          detection.box = (*scale)(detection.box);
          if (detection.class_id >= 0) answers.predictions[image].push_back(std::move(detection));
        }
      });
  answers.unreadable = std::move(run.unreadable);
  answers.unreadable.insert(answers.unreadable.end(), misshapen.begin(), misshapen.end());
  answers.stages = std::move(run.stages);
  answers.interrupted = run.interrupted;
  answers.model = describe_model(model, *detector);
  return answers;
}

evaluate::CocoSummary coco_summary(Invocation call, const std::filesystem::path& model, const dataset::Dataset& truth) {
  const auto unless_set = [&](const char* key, json value) {
    if (!call.config.is_set(key)) call.config.set(key, std::move(value), ConfigLayer::kFlag, "goshawk " + call.command.name);
  };
  unless_set("detect.conf", 0.001);
  unless_set("detect.max_det", 300);
  const auto answers = answer(call, model, model.stem().string(), truth);
  if (answers.interrupted) throw Error(ErrorCode::kInterrupted, "stopped while measuring accuracy");
  evaluate::CocoOptions options;
  options.stop = call.stop;
  evaluate::CocoEvaluator evaluator(truth, options);
  for (std::uint32_t i = 0; i < answers.predictions.size(); ++i) evaluator.add(i, answers.predictions[i]);
  return evaluator.evaluate().summary();
}

json evaluated_json(const Invocation& call, const dataset::Dataset& truth) {
  const auto split = truth.images.front().split;
  const bool one = split != dataset::Split::kNone &&
                   std::all_of(truth.images.begin(), truth.images.end(), [&](auto& image) { return image.split == split; });
  json evaluated{{"images", truth.images.size()},         {"objects", dataset::object_count(truth)},
                 {"data", required_option(call, "data")}, {"split", one ? dataset::name(split) : "all"},
                 {"map", renamed_classes(call)},          {"versions", describe_versions()}};
  if (call.has("from")) evaluated["from"] = call.options.at("from");
  return evaluated;
}

std::string evaluated_text(const json& evaluated) {
  std::vector<std::string> map;
  for (const auto& [from, to] : evaluated["map"].items()) map.push_back(from + "=" + to.get<std::string>());
  return fmt::format("{} images, {} objects of {} ({}){}; goshawk {}", evaluated["images"].get<std::size_t>(),
                     evaluated["objects"].get<std::size_t>(), evaluated["data"].get<std::string>(),
                     evaluated["split"].get<std::string>(),
                     map.empty() ? "" : fmt::format(", classes {}", fmt::join(map, ",")),
                     evaluated["versions"]["goshawk"].get<std::string>());
}

json metrics_json(const Invocation& call, const dataset::Dataset& truth, const evaluate::DetectorMetrics& metrics,
                  const ModelAnswers& answers) {
  json mistakes;
  for (std::size_t kind = 0; kind < evaluate::kErrorKinds; ++kind) {
    mistakes[evaluate::name(static_cast<evaluate::ErrorKind>(kind))] = metrics.mistakes[kind];
  }
  json document = evaluated_json(call, truth);
  document.update({{"coco", describe_summary(metrics.summary)},
                   {"at_best_confidence", describe_point(metrics.curves.mean_at_best)},
                   {"at_one_best_confidence", describe_point(metrics.curves.best_of_means)},
                   {"at_fixed_confidence", describe_point(metrics.fixed)},
                   {"classes", describe_classes(truth, metrics)},
                   {"unknown_classes", answers.unknown_classes},
                   {"unreadable", answers.unreadable},
                   {"scaled_images", answers.scaled},
                   {"mistakes", mistakes},
                   {"confusion_matrix", describe_confusion(truth, metrics.confusion)},
                   {"speed", describe_speed(answers)},
                   {"model", answers.model},
                   {"machine", describe_this_machine()}});
  return document;
}

}  // namespace goshawk::cli
