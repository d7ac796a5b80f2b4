// One model with its recipe: the steps that Detector and conformance checks share, and that benchmark/ times one by one.
// Others use Detector.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "goshawk/core/detection.h"
#include "goshawk/core/recipe.h"
#include "goshawk/detect/decode.h"
#include "goshawk/detect/letterbox.h"
#include "goshawk/detect/recognize.h"
#include "goshawk/runtime/session.h"

namespace goshawk::detect {

struct InputSize {
  int width = 0, height = 0;
  auto operator<=>(const InputSize&) const = default;
};

/// How overlapping boxes of one image are thinned out.
struct Suppression {
  float iou = 0.7F;
  int max_detections = 300;
  NmsClasses classes = NmsClasses::kApart;
};

/// What one run gave for some images of the same input size.
struct Inferred {
  InputSize size;
  std::vector<Placement> placements;  // an entry an image
  std::vector<runtime::Tensor> outputs;
};

/// Not thread-safe.
class Inference {
 public:
  /// Throws as Detector::load does.
  Inference(const std::filesystem::path& model, const runtime::SessionOptions& options, const RecipeChoices& choices);

  /// Another one over a session that is loaded already: for a second thread. Throws as the first one did.
  Inference(const std::filesystem::path& model, std::shared_ptr<runtime::Session> session, const RecipeChoices& choices);

  const Recipe& recipe() const { return recipe_; }
  const std::shared_ptr<runtime::Session>& shared_session() const { return session_; }
  const runtime::Session& session() const { return *session_; }

  /// Square input of this side for a model of dynamic size. Throws Error{kUsage} for others.
  void set_image_size(int side);
  /// Images that one run takes.
  std::size_t max_batch() const { return max_batch_; }
  /// Images of the recipe's size that fit into memory, at most `max_batch`.
  int fitting_batch();
  /// The input size for an image. It depends on nothing but the image, so results do not depend on the batch.
  /// Throws Error{kBadData} unless it is 8-bit BGR with pixels.
  InputSize input_size(const cv::Mat& image) const;

  /// Fills the input with at most `max_batch` images of one input size; `run` takes it from there.
  std::vector<Placement> fill(std::span<const cv::Mat* const> images, InputSize size);
  Inferred run(std::vector<Placement> placements, InputSize size);
  /// Detections of image `index` of a run: decoded, suppressed, in that image's pixels, highest score first.
  /// With NmsClasses::kTogether boxes are suppressed also where the model has done so by itself, class by class.
  Detections decode(const Inferred& inferred, std::size_t index, const DecodeLimits& limits, const Suppression& suppression);
  /// The same image's answer at every cell, in pixels of the input; nullopt for families that do not answer cell by cell.
  std::optional<CellAnswers> cells(const Inferred& inferred, std::size_t index) const;

 private:
  void check_inputs();
  std::vector<runtime::TensorView> inputs(std::size_t batch, InputSize size);

  std::shared_ptr<runtime::Session> session_;  // shared by the lanes of a detector
  Recipe recipe_;
  std::unique_ptr<Decoder> decoder_;
  bool batched_input_ = true;
  bool fixed_batch_ = true;
  bool takes_size_ = false;
  bool sized_by_user_ = false;
  std::size_t max_batch_ = 1;
  std::vector<float> tensor_;
  InputSize filled_size_;                         // of the images in `tensor_`
  std::vector<std::optional<Placement>> filled_;  // how they lie there
  std::vector<float> sizes_;
  std::vector<Candidate> candidates_;
};

}  // namespace goshawk::detect
