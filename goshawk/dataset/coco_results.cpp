#include <algorithm>
#include <limits>

#include "goshawk/dataset/coco.h"
#include "goshawk/dataset/coco_json.h"

namespace goshawk::dataset {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kStopEvery = 1U << 14U;

class ResultsFile {
 public:
  ResultsFile(const fs::path& file, CocoParts parts, const ReadLimits& limits)
      : json_(file, limits), parts_(parts), limits_(limits), problems_(limits.problems) {}

  CocoResults read() {
    ondemand::array array;
    const auto opened = json_.document().get_array().get(array);
    if (opened != simdjson::SUCCESS && opened != simdjson::INCORRECT_TYPE) json_.check(opened);
    if (opened != simdjson::SUCCESS) json_.fail("COCO's results are a list of detections; this is another kind of JSON");
    json_.for_each_element(array, [&](ondemand::value element) {
      if (element_ % kStopEvery == 0 && limits_.stop.stop_requested()) throw Error(ErrorCode::kInterrupted, "stopped");
      if (element_ == std::numeric_limits<std::int32_t>::max()) json_.fail("there are too many detections");
      read_detection(element);
      ++element_;
    });
    json_.expect_end();
    ReadResult listed;
    problems_.move_to(listed);
    results_.problems = std::move(listed.problems);
    results_.problems_left_out = listed.problems_left_out;
    return std::move(results_);
  }

 private:
  void read_detection(ondemand::value element) {
    const char* const place = element.raw_json_token().data();
    ondemand::object object;
    if (element.get_object().get(object) != simdjson::SUCCESS) return report(place, {ProblemKind::kBadLine, "is no object"});
    Prediction prediction;
    std::int64_t image = 0, category = 0;
    bool has_image = false, has_category = false, has_score = false, has_box = false;
    std::optional<Mask> mask;
    std::optional<FieldProblem> problem;
    const auto wrong = [&](std::optional<FieldProblem> found) {
      if (found && !problem) problem = std::move(found);
    };
    json_.for_each_field(object, [&](std::string_view key, ondemand::value value) {
      if (key == "image_id") has_image = get_integer(value, image);
      else if (key == "category_id") has_category = get_integer(value, category);
      else if (key == "score") wrong(read_score(value, prediction.score)), has_score = true;
      else if (key == "bbox" && !is_empty(value)) wrong(get_rectangle(json_, value, prediction.rectangle)), has_box = true;
      else if (key == "segmentation" && parts_ == CocoParts::kBoxesAndMasks) wrong(get_mask(json_, value, mask));
      else if (key == "segmentation") has_mask_ = true;
    });
    if (!has_image) wrong(FieldProblem{ProblemKind::kBadLine, "has no image_id that is a whole number"});
    if (!has_category) wrong(FieldProblem{ProblemKind::kBadLine, "has no category_id that is a whole number"});
    if (!has_score) wrong(FieldProblem{ProblemKind::kBadLine, "has no score"});
    if (!has_box && !mask)
      wrong(FieldProblem{ProblemKind::kBadLine, has_mask_ ? "has no bbox (masks: --type segm)" : "has no bbox"});
    if (problem) return report(place, *problem);
    if (results_.predictions.items.empty()) results_.predictions.have_boxes = has_box;
    if (!has_box) prediction.rectangle = bounds_of(*mask);
    if (mask) {
      prediction.mask = static_cast<std::int32_t>(results_.predictions.masks.size());
      results_.predictions.masks.push_back(std::move(*mask));
    }
    prediction.element = element_;
    results_.predictions.items.push_back(prediction);
    results_.image_ids.push_back(image);
    results_.category_ids.push_back(category);
  }

  static std::optional<FieldProblem> read_score(ondemand::value value, double& score) {
    const Got got = get_number(value, score);
    if (got == Got::kNotFinite) return FieldProblem{ProblemKind::kNotFinite, "its score is not finite"};
    if (got == Got::kOther) return FieldProblem{ProblemKind::kBadLine, "its score is no number"};
    return std::nullopt;
  }

  /// `[]`: the detection is a mask alone. Looks at the text, and leaves the value as it is.
  static bool is_empty(ondemand::value value) {
    const char* text = value.raw_json_token().data();
    if (*text != '[') return false;
    do ++text;
    while (*text == ' ' || *text == '\n' || *text == '\r' || *text == '\t');
    return *text == ']';
  }

  void report(const char* place, const FieldProblem& problem) {
    problems_.add(problem.kind, Severity::kError, json_.where(), json_.line_of(place),
                  sentence("detection " + std::to_string(element_), problem.text));
  }

  CocoJson json_;
  CocoParts parts_;
  const ReadLimits& limits_;
  ProblemList problems_;
  CocoResults results_;
  std::uint32_t element_ = 0;
  bool has_mask_ = false;
};

}  // namespace

CocoResults read_coco_results(const fs::path& file, CocoParts parts, const ReadLimits& limits) {
  return ResultsFile(file, parts, limits).read();
}

Predictions resolve(CocoResults& results, const Dataset& truth, const ReadLimits& limits) {
  IdIndex images, categories;
  images.reserve(truth.images.size());
  for (std::uint32_t i = 0; i < truth.images.size(); ++i) images.add(truth.images[i].id, i);
  for (std::uint32_t i = 0; i < truth.categories.size(); ++i) categories.add(truth.categories[i].id, i);
  ProblemList problems(limits.problems);
  Predictions predictions = std::move(results.predictions);
  std::size_t kept = 0;
  for (std::size_t i = 0; i < predictions.items.size(); ++i) {
    Prediction prediction = predictions.items[i];
    const auto what = [&] { return "detection " + std::to_string(prediction.element) + " names "; };
    const auto image = images.find(results.image_ids[i]);
    const auto category = categories.find(results.category_ids[i]);
    if (!image) {
      problems.add(ProblemKind::kOrphanLabels, Severity::kError, "", 0,
                   what() + "image " + std::to_string(results.image_ids[i]) + ", which is not there");
    } else if (!category) {
      problems.add(ProblemKind::kUnknownClass, Severity::kWarning, "", 0,
                   what() + "category " + std::to_string(results.category_ids[i]) + ", which is not there");
    } else {
      prediction.image = *image;
      prediction.category = *category;
      predictions.items[kept++] = prediction;
    }
  }
  predictions.items.resize(kept);
  results.image_ids = {};
  results.category_ids = {};
  ReadResult listed;
  problems.move_to(listed);
  results.problems.insert(results.problems.end(), listed.problems.begin(), listed.problems.end());
  results.problems_left_out += listed.problems_left_out;
  return predictions;
}

}  // namespace goshawk::dataset
