// YOLO outputs. Sources: Ultralytics 8.4 documentation of the export formats and of non_max_suppression (best class of each
// box, scores above the threshold), YOLOX 0.3 (Apache-2.0) yolox/models/yolo_head.py decode_outputs and utils/boxes.py.
#include <algorithm>
#include <array>
#include <cmath>

#include "goshawk/core/error.h"
#include "goshawk/detect/decode_families.h"

namespace goshawk::detect {
namespace {

/// Rejects a model whose first output is not [N, rows, columns] with `size` in dimension `axis`.
void check_first(const Recipe& recipe, Outputs outputs, std::size_t axis, std::int64_t size, const std::string& expected) {
  const bool fits = !outputs.empty() && outputs[0].shape.size() == 3 && may_be(outputs[0].shape[axis], size);
  if (!fits) reject_outputs(recipe, outputs, expected);
}

void check_values(const ImageOutput& output, bool fits, const char* expected) {
  if (fits && output.rows <= kMaxBoxes && output.columns <= kMaxBoxes) return;
  const std::array<std::int64_t, 2> shape = {output.rows, output.columns};
  reject_values("the model gave an output of shape " + shape_text(shape) + " an image where " + expected + " was expected");
}

CellAnswers room_for(std::int64_t cells, std::int64_t classes) {
  CellAnswers answers;
  answers.boxes.reserve(static_cast<std::size_t>(cells));
  answers.scores.reserve(static_cast<std::size_t>(cells * classes));
  return answers;
}

class YoloV8Decoder : public Decoder {
 public:
  explicit YoloV8Decoder(std::int64_t classes) : classes_(classes) {}

  void decode(std::span<const runtime::Tensor> outputs, std::int64_t index, int, int, const DecodeLimits& limits,
              std::vector<Candidate>& candidates) const override {
    const ImageOutput output = checked(outputs, index);
    const std::int64_t anchors = output.columns;
    // Scores lie class by class: one pass finds each anchor's best score, and only the few that pass are looked at closely.
    std::vector<float> best(static_cast<std::size_t>(anchors), limits.confidence);
    for (std::int64_t c = 0; c < classes_; ++c) {
      const float* scores = output.row(4 + c);
      float* maximum = best.data();
      for (std::int64_t a = 0; a < anchors; ++a) maximum[a] = scores[a] > maximum[a] ? scores[a] : maximum[a];
    }
    std::vector<std::int64_t> passing;
    for (std::int64_t a = 0; a < anchors; ++a) {
      if (best[static_cast<std::size_t>(a)] > limits.confidence) passing.push_back(a);
    }
    const std::vector<int> class_ids = classes_of(output, passing, best);
    for (std::size_t i = 0; i < passing.size(); ++i) {
      const float* box = output.values.data() + passing[i];
      add_candidate(box_from_center(box[0], box[anchors], box[2 * anchors], box[3 * anchors]),
                    best[static_cast<std::size_t>(passing[i])], class_ids[i], limits, candidates);
    }
  }

  std::optional<CellAnswers> cells(std::span<const runtime::Tensor> outputs, std::int64_t index, int, int) const override {
    const ImageOutput output = checked(outputs, index);
    const std::int64_t anchors = output.columns;
    CellAnswers answers = room_for(anchors, classes_);
    for (std::int64_t a = 0; a < anchors; ++a) {
      const float* box = output.values.data() + a;
      add_cell(box_from_center(box[0], box[anchors], box[2 * anchors], box[3 * anchors]), 1, box + 4 * anchors, anchors,
               classes_, answers);
    }
    return answers;
  }

 private:
  ImageOutput checked(std::span<const runtime::Tensor> outputs, std::int64_t index) const {
    const ImageOutput output = image_output(outputs[0], index);
    check_values(output, output.rows == 4 + classes_, "[4 + classes, anchors]");
    return output;
  }

  /// The first class of each passing anchor that has the anchor's best score; read row by row, as the values lie in memory.
  std::vector<int> classes_of(const ImageOutput& output, const std::vector<std::int64_t>& passing,
                              const std::vector<float>& best) const {
    std::vector<int> class_ids(passing.size(), -1);
    for (std::int64_t c = 0; c < classes_; ++c) {
      const float* scores = output.row(4 + c);
      for (std::size_t i = 0; i < passing.size(); ++i) {
        const bool found = class_ids[i] < 0 && scores[passing[i]] == best[static_cast<std::size_t>(passing[i])];
        class_ids[i] = found ? static_cast<int>(c) : class_ids[i];
      }
    }
    return class_ids;
  }

  std::int64_t classes_;
};

class YoloV5Decoder : public Decoder {
 public:
  explicit YoloV5Decoder(std::int64_t classes) : classes_(classes) {}

  void decode(std::span<const runtime::Tensor> outputs, std::int64_t index, int, int, const DecodeLimits& limits,
              std::vector<Candidate>& candidates) const override {
    const ImageOutput output = image_output(outputs[0], index);
    check_values(output, output.columns == 5 + classes_, "[anchors, 5 + classes]");
    for (std::int64_t a = 0; a < output.rows; ++a) {
      const float* row = output.row(a);
      if (!(row[4] > limits.confidence)) continue;
      const std::int64_t class_id = best_class(row + 5, classes_);
      const float score = row[4] * row[5 + class_id];
      if (!(score > limits.confidence)) continue;
      add_candidate(box_from_center(row[0], row[1], row[2], row[3]), score, static_cast<int>(class_id), limits, candidates);
    }
  }

 private:
  std::int64_t classes_;
};

class YoloEnd2EndDecoder : public Decoder {
 public:
  explicit YoloEnd2EndDecoder(std::int64_t classes) : classes_(classes) {}
  bool needs_suppression() const override { return false; }

  void decode(std::span<const runtime::Tensor> outputs, std::int64_t index, int, int, const DecodeLimits& limits,
              std::vector<Candidate>& candidates) const override {
    const ImageOutput output = image_output(outputs[0], index);
    check_values(output, output.columns == 6, "[boxes, 6]");
    for (std::int64_t i = 0; i < output.rows; ++i) {
      const float* row = output.row(i);
      if (!(row[4] > limits.confidence)) continue;
      if (!(row[5] >= 0 && row[5] < static_cast<float>(classes_))) {
        throw Error(ErrorCode::kBadConfig,
                    "the model gave a class that is not in the list of " + std::to_string(classes_) + " names",
                    "recipe.class_names", "give the model's own list of classes");
      }
      add_candidate({row[0], row[1], row[2], row[3]}, row[4], static_cast<int>(row[5]), limits, candidates);
    }
  }

 private:
  std::int64_t classes_;
};

class YoloxDecoder : public Decoder {
 public:
  explicit YoloxDecoder(std::int64_t classes, int largest_stride) : classes_(classes), largest_stride_(largest_stride) {}

  void decode(std::span<const runtime::Tensor> outputs, std::int64_t index, int width, int height,
              const DecodeLimits& limits, std::vector<Candidate>& candidates) const override {
    for_each_cell(outputs, index, width, height, [&](const float* row, float x, float y, float step) {
      if (!(row[4] >= limits.confidence)) return;
      const std::int64_t class_id = best_class(row + 5, classes_);
      const float score = row[4] * row[5 + class_id];
      if (!(score >= limits.confidence)) return;
      add_candidate(box_of(row, x, y, step), score, static_cast<int>(class_id), limits, candidates);
    });
  }

  std::optional<CellAnswers> cells(std::span<const runtime::Tensor> outputs, std::int64_t index, int width,
                                   int height) const override {
    CellAnswers answers = room_for(count(width, height), classes_);
    for_each_cell(outputs, index, width, height, [&](const float* row, float x, float y, float step) {
      add_cell(box_of(row, x, y, step), row[4], row + 5, 1, classes_, answers);
    });
    return answers;
  }

 private:
  static Box box_of(const float* row, float x, float y, float step) {
    return box_from_center((row[0] + x) * step, (row[1] + y) * step, std::exp(row[2]) * step, std::exp(row[3]) * step);
  }

  /// Calls `visit(row, x, y, stride)`, x and y in cells.
  template <typename Visit>
  void for_each_cell(std::span<const runtime::Tensor> outputs, std::int64_t index, int width, int height,
                     Visit visit) const {
    const ImageOutput output = image_output(outputs[0], index);
    check_values(output, output.columns == 5 + classes_ && output.rows == count(width, height), "[grid cells, 5 + classes]");
    const float* row = output.values.data();
    for (int stride = 8; stride <= largest_stride_; stride *= 2) {
      for (int y = 0; y < cells_along(height, stride); ++y) {
        for (int x = 0; x < cells_along(width, stride); ++x, row += output.columns)
          visit(row, static_cast<float>(x), static_cast<float>(y), static_cast<float>(stride));
      }
    }
  }

  std::int64_t count(int width, int height) const {
    std::int64_t cells = 0;
    for (int stride = 8; stride <= largest_stride_; stride *= 2) {
      cells += cells_of(width, height, stride);
    }
    return cells;
  }

  std::int64_t classes_;
  int largest_stride_;
};

}  // namespace

std::unique_ptr<Decoder> make_yolo_v5(const Recipe& recipe, Outputs outputs) {
  const std::int64_t classes = class_count(recipe);
  check_first(recipe, outputs, 2, 5 + classes, "[N, anchors, 5 + classes]");
  return std::make_unique<YoloV5Decoder>(classes);
}

std::unique_ptr<Decoder> make_yolo_v8(const Recipe& recipe, Outputs outputs) {
  const std::int64_t classes = class_count(recipe);
  check_first(recipe, outputs, 1, 4 + classes, "[N, 4 + classes, anchors]");
  return std::make_unique<YoloV8Decoder>(classes);
}

std::unique_ptr<Decoder> make_yolo_end2end(const Recipe& recipe, Outputs outputs) {
  check_first(recipe, outputs, 2, 6, "[N, boxes, 6]");
  return std::make_unique<YoloEnd2EndDecoder>(class_count(recipe));
}

std::unique_ptr<Decoder> make_yolox(const Recipe& recipe, Outputs outputs) {
  const std::int64_t classes = class_count(recipe);
  check_first(recipe, outputs, 2, 5 + classes, "[N, grid cells, 5 + classes]");
  return std::make_unique<YoloxDecoder>(classes, recipe.stride);
}

}  // namespace goshawk::detect
