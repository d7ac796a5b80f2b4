// Detectors whose outputs are a set of boxes, without a grid. Sources: DETR (Carion et al. 2020, section 3.4: softmax with a
// last "no object" class, no suppression); RT-DETR (Apache-2.0) rtdetr_postprocessor.py and Hugging Face's
// post_process_object_detection (sigmoid, the best of all query-class pairs); Ultralytics' documentation of RT-DETR exports;
// torchvision.models.detection, ONNX Model Zoo SSD, TensorFlow Object Detection API, TensorRT EfficientNMS (separate
// outputs).
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <optional>

#include "goshawk/core/error.h"
#include "goshawk/detect/decode_families.h"

namespace goshawk::detect {
namespace {

using runtime::ElementType;

bool is_one_of(const std::string& name, std::initializer_list<const char*> names) {
  return std::any_of(names.begin(), names.end(), [&](const char* other) { return name == other; });
}

std::optional<std::size_t> find_named(Outputs outputs, std::initializer_list<const char*> names) {
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (is_one_of(outputs[i].name, names)) return i;
  }
  return std::nullopt;
}

class DetrDecoder : public Decoder {
 public:
  /// `boxes` and `logits` are the same output for joined ones.
  DetrDecoder(const Recipe& recipe, std::size_t boxes, std::size_t logits)
      : classes_(class_count(recipe)),
        activation_(recipe.activation),
        boxes_(boxes),
        logits_(logits) {}
  bool needs_suppression() const override { return false; }

  void decode(std::span<const runtime::Tensor> outputs, std::int64_t index, int width, int height,
              const DecodeLimits& limits, std::vector<Candidate>& candidates) const override {
    const ImageOutput boxes = image_output(outputs[boxes_], index);
    const ImageOutput logits = image_output(outputs[logits_], index);
    const std::int64_t skip = boxes_ == logits_ ? 4 : 0;
    const std::int64_t columns = logits.columns - skip;
    if (boxes.rows != logits.rows || (skip == 0 && boxes.columns != 4) || (columns != classes_ && columns != classes_ + 1) ||
        boxes.rows > kMaxBoxes) {
      reject_values("the model gave queries of another size than the recipe's classes need");
    }
    for (std::int64_t query = 0; query < boxes.rows; ++query) {
      const float* row = boxes.row(query);
      const auto w = static_cast<float>(width), h = static_cast<float>(height);
      const Box box = box_from_center(row[0] * w, row[1] * h, row[2] * w, row[3] * h);
      add_query(box, logits.row(query) + skip, columns, limits, candidates);
    }
  }

 private:
  void add_query(const Box& box, const float* logits, std::int64_t columns, const DecodeLimits& limits,
                 std::vector<Candidate>& candidates) const {
    if (activation_ == Activation::kSigmoid) {
      for (std::int64_t c = 0; c < classes_; ++c) {
        const float score = 1.0F / (1.0F + std::exp(-logits[c]));
        if (score > limits.confidence) add_candidate(box, score, static_cast<int>(c), limits, candidates);
      }
      return;
    }
    const float* best = logits + best_class(logits, classes_);
    float score = *best;
    if (activation_ == Activation::kSoftmax) {
      const float largest = *std::max_element(logits, logits + columns);
      float sum = 0;
      for (std::int64_t c = 0; c < columns; ++c) sum += std::exp(logits[c] - largest);
      score = std::exp(*best - largest) / sum;
    }
    if (score > limits.confidence) add_candidate(box, score, static_cast<int>(best - logits), limits, candidates);
  }

  std::int64_t classes_;
  Activation activation_;
  std::size_t boxes_, logits_;
};

/// Which output is what.
struct SetOutputs {
  std::size_t boxes = 0, scores = 0, labels = 0;
  std::optional<std::size_t> count;
};

class DetectionsDecoder : public Decoder {
 public:
  DetectionsDecoder(const Recipe& recipe, SetOutputs parts)
      : classes_(class_count(recipe)),
        first_class_(recipe.first_class),
        format_(recipe.box_format),
        normalized_(recipe.normalized_boxes),
        parts_(parts) {}
  bool needs_suppression() const override { return false; }

  void decode(std::span<const runtime::Tensor> outputs, std::int64_t index, int width, int height,
              const DecodeLimits& limits, std::vector<Candidate>& candidates) const override {
    const ImageOutput boxes = image_output(outputs[parts_.boxes], index);
    const std::span<const float> scores = image_values(outputs[parts_.scores], index, boxes.rows);
    const std::span<const float> labels = image_values(outputs[parts_.labels], index, boxes.rows);
    if (boxes.columns != 4 || boxes.rows > kMaxBoxes) reject_values("the model gave boxes that are not four numbers each");
    std::int64_t count = boxes.rows;
    if (parts_.count) {
      const float said = image_values(outputs[*parts_.count], index, 1)[0];
      count = said >= 0 && said < static_cast<float>(count) ? static_cast<std::int64_t>(said) : count;
    }
    const float scale_x = normalized_ ? static_cast<float>(width) : 1.0F;
    const float scale_y = normalized_ ? static_cast<float>(height) : 1.0F;
    for (std::int64_t i = 0; i < count; ++i) {
      const float score = scores[static_cast<std::size_t>(i)];
      if (!(score > limits.confidence)) continue;
      const Box box = box_of(boxes.row(i));
      add_candidate({box.x1 * scale_x, box.y1 * scale_y, box.x2 * scale_x, box.y2 * scale_y}, score,
                    class_of(labels[static_cast<std::size_t>(i)]), limits, candidates);
    }
  }

 private:
  /// The values of one image in an output of shape [N, count], [N, count, 1], [count], or [N] where count is 1.
  static std::span<const float> image_values(const runtime::Tensor& tensor, std::int64_t index, std::int64_t count) {
    const auto size = static_cast<std::int64_t>(tensor.size());
    const bool shared = tensor.shape.size() <= 1 && size == count && index == 0;
    if (!shared && (tensor.shape.empty() || tensor.shape[0] <= index || size != tensor.shape[0] * count)) {
      reject_values("the model gave an output of shape " + shape_text(tensor.shape) + " for " + std::to_string(count) +
                    " boxes");
    }
    return tensor.values().subspan(shared ? 0 : static_cast<std::size_t>(index * count), static_cast<std::size_t>(count));
  }

  Box box_of(const float* row) const {
    switch (format_) {
      case BoxFormat::kYxyx:
        return {row[1], row[0], row[3], row[2]};
      case BoxFormat::kCxcywh:
        return box_from_center(row[0], row[1], row[2], row[3]);
      case BoxFormat::kXyxy:
        break;
    }
    return {row[0], row[1], row[2], row[3]};
  }

  int class_of(float label) const {
    const float class_id = label - static_cast<float>(first_class_);
    if (class_id >= 0 && class_id < static_cast<float>(classes_)) return static_cast<int>(class_id);
    throw Error(ErrorCode::kBadConfig,
                "the model gave label " + std::to_string(label) + ", which the recipe's " + std::to_string(classes_) +
                    " class names from label " + std::to_string(first_class_) + " on do not have",
                "recipe.class_names", "correct `class_names` or `first_class`");
  }

  std::int64_t classes_;
  int first_class_;
  BoxFormat format_;
  bool normalized_;
  SetOutputs parts_;
};

bool is_integer(const runtime::TensorInfo& output) {
  return output.type == ElementType::kInt64 || output.type == ElementType::kInt32;
}

/// By the names that exporters give, else by type and shape: whole numbers are labels, four columns are boxes.
std::optional<SetOutputs> set_outputs(Outputs outputs) {
  auto boxes = find_named(outputs, {"boxes", "bboxes", "detection_boxes", "det_boxes", "dets"});
  auto scores = find_named(outputs, {"scores", "detection_scores", "det_scores"});
  auto labels = find_named(outputs, {"labels", "classes", "detection_classes", "det_classes"});
  if ((!boxes || !scores || !labels) && outputs.size() == 3) {
    boxes = scores = labels = std::nullopt;
    for (std::size_t i = 0; i < 3; ++i) {
      const auto& output = outputs[i];
      auto& role = output.shape.size() >= 2 && output.shape.back() == 4 ? boxes : is_integer(output) ? labels : scores;
      if (role) return std::nullopt;
      role = i;
    }
  }
  if (!boxes || !scores || !labels) return std::nullopt;
  return SetOutputs{*boxes, *scores, *labels, find_named(outputs, {"num_detections", "num_dets"})};
}

}  // namespace

std::unique_ptr<Decoder> make_detr(const Recipe& recipe, Outputs outputs) {
  const auto classes = class_count(recipe);
  const std::string expected = "boxes [N, queries, 4] with logits [N, queries, classes (+ 1)], or both joined";
  const auto fits = [&](std::size_t i, std::int64_t columns) {
    return outputs[i].shape.size() == 3 && may_be(outputs[i].shape[2], columns);
  };
  if (outputs.size() == 1) {
    if (!fits(0, 4 + classes)) reject_outputs(recipe, outputs, expected);
    return std::make_unique<DetrDecoder>(recipe, 0, 0);
  }
  auto boxes = find_named(outputs, {"pred_boxes", "boxes", "dets"});
  auto logits = find_named(outputs, {"pred_logits", "logits", "labels", "scores"});
  if ((!boxes || !logits) && outputs.size() == 2) {
    if (fits(0, 4) && fits(1, 4)) reject_outputs(recipe, outputs, "outputs called pred_boxes and logits");
    boxes = fits(0, 4) ? 0 : 1;
    logits = 1 - *boxes;
  }
  if (!boxes || !logits || !fits(*boxes, 4) || !(fits(*logits, classes) || fits(*logits, classes + 1))) {
    reject_outputs(recipe, outputs, expected);
  }
  return std::make_unique<DetrDecoder>(recipe, *boxes, *logits);
}

std::unique_ptr<Decoder> make_detections(const Recipe& recipe, Outputs outputs) {
  const auto parts = set_outputs(outputs);
  if (!parts) reject_outputs(recipe, outputs, "outputs with boxes, scores and labels");
  return std::make_unique<DetectionsDecoder>(recipe, *parts);
}

}  // namespace goshawk::detect
