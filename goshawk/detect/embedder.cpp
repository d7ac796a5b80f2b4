#include "goshawk/detect/embedder.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "goshawk/core/error.h"
#include "goshawk/detect/decode_families.h"
#include "goshawk/detect/resize_kernel.h"

namespace goshawk::detect {
namespace {

constexpr std::int64_t kMaxBatch = 32;
constexpr std::int64_t kMaxDimension = 65536;

/// The whole pixels of a box that lie in the image.
std::optional<cv::Rect> crop_of(const Box& box, const cv::Mat& image) {
  if (!std::isfinite(box.x1) || !std::isfinite(box.y1) || !std::isfinite(box.x2) || !std::isfinite(box.y2))
    return std::nullopt;
  const Box inside = clip(box, static_cast<float>(image.cols), static_cast<float>(image.rows));
  const auto round = [](float value) { return static_cast<int>(std::lround(value)); };
  const cv::Rect crop(cv::Point(round(inside.x1), round(inside.y1)), cv::Point(round(inside.x2), round(inside.y2)));
  if (inside.x2 <= inside.x1 || inside.y2 <= inside.y1 || crop.empty()) return std::nullopt;
  return crop;
}

std::vector<float> unit_vector(std::span<const float> values) {
  double squares = 0;
  for (const float value : values) squares += static_cast<double>(value) * value;
  if (!std::isfinite(squares) || squares <= 0) return {};
  std::vector<float> unit(values.begin(), values.end());
  const auto length = static_cast<float>(std::sqrt(squares));
  for (float& value : unit) value /= length;
  return unit;
}

class OnnxEmbedder : public Embedder {
 public:
  OnnxEmbedder(const std::filesystem::path& model, const EmbedderOptions& options)
      : session_(runtime::Session::load(model, options.session)),
        format_{options.color == ColorOrder::kRgb, false, options.mean, options.deviation} {
    const auto& inputs = session_->inputs();
    const auto& outputs = session_->outputs();
    const bool fits = inputs.size() == 1 && inputs[0].shape.size() == 4 && inputs[0].shape[1] == 3 &&
                      inputs[0].shape[2] > 0 && inputs[0].shape[3] > 0 && !outputs.empty() && outputs[0].shape.size() == 2 &&
                      outputs[0].shape[1] > 0 && outputs[0].shape[1] <= kMaxDimension;
    if (!fits) {
      std::string have;
      for (const auto& tensor : inputs) have += " " + tensor.name + " " + shape_text(tensor.shape);
      have += " ->";
      for (const auto& tensor : outputs) have += " " + tensor.name + " " + shape_text(tensor.shape);
      throw Error(ErrorCode::kBadConfig, "this is no re-identification model: it has" + have, model.string(),
                  "goshawk needs an input [N, 3, height, width] of fixed size and an output [N, numbers]");
    }
    size_ = {static_cast<int>(inputs[0].shape[3]), static_cast<int>(inputs[0].shape[2])};
    fixed_batch_ = inputs[0].shape[0];
    dimension_ = outputs[0].shape[1];
  }

  std::vector<std::vector<float>> embed(const cv::Mat& image, std::span<const Box> boxes) override {
    if (image.empty() || image.type() != CV_8UC3) {
      throw Error(ErrorCode::kBadData, "an image must be 8-bit BGR and have pixels", "image");
    }
    std::vector<std::vector<float>> vectors(boxes.size());
    std::vector<std::size_t> members;
    std::vector<cv::Rect> crops;
    for (std::size_t i = 0; i < boxes.size(); ++i) {
      if (const auto crop = crop_of(boxes[i], image)) {
        members.push_back(i);
        crops.push_back(*crop);
      }
    }
    if (members.empty()) return vectors;
    const ScopedTimer timer(timings_);
    const auto step = static_cast<std::size_t>(fixed_batch_ > 0 ? fixed_batch_ : kMaxBatch);
    for (std::size_t begin = 0; begin < members.size(); begin += step) {
      const std::size_t count = std::min(step, members.size() - begin);
      const runtime::Tensor output = run(image, std::span(crops).subspan(begin, count));
      for (std::size_t i = 0; i < count; ++i) {
        const auto dimension = static_cast<std::size_t>(dimension_);
        vectors[members[begin + i]] = unit_vector(output.values().subspan(i * dimension, dimension));
      }
    }
    return vectors;
  }

  int dimension() const override { return static_cast<int>(dimension_); }
  const runtime::Session& session() const override { return *session_; }
  const LatencyRecorder& timings() const override { return timings_; }

 private:
  runtime::Tensor run(const cv::Mat& image, std::span<const cv::Rect> crops) {
    const std::size_t pixels = static_cast<std::size_t>(size_.area()) * 3;
    const std::int64_t batch = fixed_batch_ > 0 ? fixed_batch_ : static_cast<std::int64_t>(crops.size());
    tensor_.resize(std::max(tensor_.size(), pixels * static_cast<std::size_t>(batch)));
    for (std::size_t i = 0; i < crops.size(); ++i) {
      resize_into(image(crops[i]), {{}, size_}, size_, format_, std::span(tensor_).subspan(i * pixels, pixels));
    }
    const std::vector<runtime::TensorView> inputs = {
        {std::span(tensor_).first(pixels * static_cast<std::size_t>(batch)), {batch, 3, size_.height, size_.width}}};
    auto outputs = session_->run(inputs);
    if (outputs.empty() || outputs[0].shape != std::vector<std::int64_t>{batch, dimension_}) {
      throw Error(ErrorCode::kBadConfig, "the re-identification model gave an output of another shape than it says");
    }
    return std::move(outputs[0]);
  }

  std::unique_ptr<runtime::Session> session_;
  PixelFormat format_;
  cv::Size size_;
  std::int64_t fixed_batch_ = 1;
  std::int64_t dimension_ = 0;
  LatencyRecorder timings_;
  std::vector<float> tensor_;
};

}  // namespace

std::unique_ptr<Embedder> Embedder::load(const std::filesystem::path& model, const EmbedderOptions& options) {
  return std::make_unique<OnnxEmbedder>(model, options);
}

}  // namespace goshawk::detect
