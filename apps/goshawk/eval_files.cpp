#include "apps/goshawk/eval_files.h"

#include <fmt/format.h>

#include <algorithm>

#include "apps/goshawk/data_set.h"
#include "apps/goshawk/drawing.h"
#include "apps/goshawk/mistake_pictures.h"
#include "goshawk/core/document.h"
#include "goshawk/core/files.h"
#include "goshawk/core/json_text.h"
#include "goshawk/core/text.h"
#include "goshawk/dataset/combine.h"
#include "goshawk/dataset/statistics.h"
#include "goshawk/evaluate/detector_plots.h"
#include "goshawk/media/jpeg.h"
#include "goshawk/report/page.h"

namespace goshawk::cli {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

std::string classes_csv(const dataset::Dataset& truth, const evaluate::DetectorMetrics& metrics) {
  std::string text = "class,id,objects,precision,recall,f1,confidence,AP50,AP75,AP50-95,AR100\n";
  for (std::size_t c = 0; c < truth.categories.size(); ++c) {
    const auto& result = metrics.classes[c];
    const auto& best = metrics.curves.classes[c].best;
    text += fmt::format("{},{},{},{:.6f},{:.6f},{:.6f},{:.4f},{:.6f},{:.6f},{:.6f},{:.6f}\n",
                        csv_field(truth.categories[c].name), truth.categories[c].id, result.objects, best.precision,
                        best.recall, best.f1, best.confidence, result.ap50, result.ap75, result.ap, result.ar);
  }
  return text;
}

/// What each kind of mistake is, for who reads the report.
const char* explanation(evaluate::ErrorKind kind) {
  using enum evaluate::ErrorKind;
  switch (kind) {
    case kMissed:
      return "Objects that no detection accounts for (orange).";
    case kWrongClass:
      return "Detections (red) that overlap an object of another class (orange).";
    case kPoorBox:
      return "Detections (red) of the right class that overlap their object (orange) by less than one half.";
    case kDuplicate:
      return "Detections (red) of an object (orange) that a more confident one has found already.";
    case kBackground:
      return "Detections (red) where nothing of their class is.";
  }
  return "";
}

/// Draws the worst images of each kind into folder/mistakes/, and into the page.
void add_mistakes(report::Page& page, const dataset::Dataset& truth, const evaluate::DetectorMetrics& metrics,
                  const ModelAnswers& answers, const fs::path& folder) {
  constexpr int kWidth = 640, kQuality = 85;
  const auto objects = evaluate::true_objects(truth);
  for (std::size_t k = 0; k < evaluate::kErrorKinds; ++k) {
    const auto kind = static_cast<evaluate::ErrorKind>(k);
    if (metrics.worst[k].empty()) continue;
    std::vector<report::Picture> pictures;
    for (const auto& worst : metrics.worst[k]) {
      const auto picture = mistake_picture(truth, worst.image, objects[worst.image], answers.predictions[worst.image], kind,
                                           static_cast<float>(metrics.confidence), kWidth);
      if (picture.empty()) continue;
      const std::string jpeg = media::encode_jpeg(picture, kQuality);
      const fs::path file = truth.images[worst.image].file;
      fs::create_directories(folder / "mistakes" / evaluate::name(kind));
      write_file_atomically(folder / "mistakes" / evaluate::name(kind) /
                                fmt::format("{:02}_{}.jpg", pictures.size() + 1, file.stem().string()),
                            jpeg);
      pictures.push_back({jpeg, fmt::format("{}: {}", file.filename().string(), worst.mistakes)});
    }
    page.section(fmt::format("Mistakes: {} ({})", words(kind), metrics.mistakes[k]));
    page.paragraph(std::string(explanation(kind)) +
                   " All other objects are green. The number is that of such mistakes in the picture.");
    page.pictures(pictures);
  }
}

void add_classes(report::Page& page, const dataset::Dataset& truth, const evaluate::DetectorMetrics& metrics) {
  std::vector<std::vector<std::string>> rows;
  for (std::size_t c = 0; c < truth.categories.size(); ++c) {
    const auto& result = metrics.classes[c];
    if (result.objects == 0) continue;
    const auto& best = metrics.curves.classes[c].best;
    rows.push_back({truth.categories[c].name, std::to_string(result.objects), figure(best.precision), figure(best.recall),
                    figure(best.f1), fmt::format("{:.2f}", best.confidence), figure(result.ap50), figure(result.ap75),
                    figure(result.ap)});
  }
  page.section("Classes");
  page.paragraph("Precision, recall and F1 at IoU 0.5 and each class's own best confidence.");
  page.table({"class", "objects", "precision", "recall", "F1", "at confidence", "AP50", "AP75", "AP50-95"}, rows);
}

void write_report(const dataset::Dataset& truth, const evaluate::DetectorMetrics& metrics, const ModelAnswers& answers,
                  const json& result, const fs::path& folder) {
  const auto& s = metrics.summary;
  report::Page page(fmt::format("{}: evaluation", answers.name),
                    fmt::format("{}; {} ({})", evaluated_text(result), answers.model["device"].get<std::string>(),
                                answers.model["precision"].get<std::string>()));
  page.key_figures({{"AP50-95", figure(s.ap)},
                    {"AP50", figure(s.ap50)},
                    {"AP75", figure(s.ap75)},
                    {"precision", figure(metrics.curves.mean_at_best.precision)},
                    {"recall", figure(metrics.curves.mean_at_best.recall)},
                    {"F1", figure(metrics.curves.mean_at_best.f1)}});
  page.table({"", "small", "medium", "large"},
             {{"AP50-95", figure(s.ap_small), figure(s.ap_medium), figure(s.ap_large)},
              {"AR, 100 detections", figure(s.ar_small), figure(s.ar_medium), figure(s.ar_large)}});
  page.paragraph(fmt::format("At confidence {:.2f}: precision {}, recall {}, F1 {}.", metrics.confidence,
                             figure(metrics.fixed.precision), figure(metrics.fixed.recall), figure(metrics.fixed.f1)));
  add_classes(page, truth, metrics);
  draw_or_warn([&] {
    const auto plots = evaluate::detector_plots(class_names(truth), metrics);
    page.section("Curves");
    for (const auto& plot : plots) {
      write_file_atomically(folder / plot.file, plot.png);
      page.figure({plot.png, plot.title});
    }
  });
  add_mistakes(page, truth, metrics, answers, folder);
  page.section("Speed");
  std::vector<std::vector<std::string>> rows;
  for (const auto& [stage, t] : answers.stages) {
    if (t.count > 0)
      rows.push_back({stage, fmt::format("{:.2f}", t.mean), fmt::format("{:.2f}", t.p50), fmt::format("{:.2f}", t.p95)});
  }
  page.table({"stage", "ms, mean", "median", "p95"}, rows);
  page.write(folder / "report.html");
}

}  // namespace

std::string words(evaluate::ErrorKind kind) {
  std::string text = evaluate::name(kind);
  std::replace(text.begin(), text.end(), '_', ' ');
  return text;
}

bool leave_out_unread(dataset::Dataset& truth, std::vector<ModelAnswers>& answers) {
  std::vector<char> keep(truth.images.size(), 1);
  for (const auto& one : answers) {
    for (std::size_t i = 0; i < keep.size(); ++i) keep[i] = static_cast<char>(keep[i] != 0 && one.read[i] != 0);
  }
  if (std::find(keep.begin(), keep.end(), 0) == keep.end()) return false;
  if (std::find(keep.begin(), keep.end(), 1) == keep.end()) {
    throw Error(ErrorCode::kBadData, "none of the images could be read", truth.root.string(),
                answers.front().unreadable.empty() ? "" : answers.front().unreadable.front());
  }
  dataset::keep_images(truth, keep);
  for (auto& one : answers) {
    std::size_t kept = 0;
    for (std::size_t i = 0; i < keep.size(); ++i) {
      if (keep[i] == 0) continue;
      if (kept != i) one.predictions[kept] = std::move(one.predictions[i]);  // a vector moved to itself is empty
      ++kept;
    }
    one.predictions.resize(kept);
  }
  return true;
}

std::string results_json(const dataset::Dataset& truth, const std::vector<Detections>& predictions) {
  std::string text = "[";
  for (std::size_t i = 0; i < predictions.size(); ++i) {
    const auto& image = truth.images[i];
    const std::string file = json_quoted(image.file);
    for (const auto& d : predictions[i]) {
      text += fmt::format(
          "{}\n{{\"image_id\": {}, \"file_name\": {}, \"category_id\": {}, \"bbox\": [{}, {}, {}, {}], \"score\": {}}}",
          text.size() > 1 ? "," : "", image.id, file, truth.categories[static_cast<std::size_t>(d.class_id)].id, d.box.x1,
          d.box.y1, d.box.width(), d.box.height(), d.score);
    }
  }
  return text + "\n]\n";
}

json write_evaluation(const Invocation& call, const dataset::Dataset& truth, const evaluate::DetectorMetrics& metrics,
                      const ModelAnswers& answers, const fs::path& folder) {
  json result = metrics_json(call, truth, metrics, answers);
  result["folder"] = folder.string();
  result["config"] = call.config.to_json();
  write_file_atomically(folder / "predictions.json", results_json(truth, answers.predictions));
  write_file_atomically(folder / "classes.csv", classes_csv(truth, metrics));
  write_file_atomically(folder / "config.yaml", to_yaml(call.config.to_json()));
  write_file_atomically(folder / "metrics.json", json_text(result) + "\n");
  write_report(truth, metrics, answers, result, folder);
  return result;
}

}  // namespace goshawk::cli
