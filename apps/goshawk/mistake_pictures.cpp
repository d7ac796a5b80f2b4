#include "apps/goshawk/mistake_pictures.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <opencv2/imgproc.hpp>

#include "goshawk/core/error.h"
#include "goshawk/media/image.h"
#include "goshawk/pipeline/text_painter.h"

namespace goshawk::cli {
namespace {

const cv::Scalar kRight(80, 180, 60), kObject(0, 150, 255), kWrong(50, 40, 230), kWhite(255, 255, 255);  // BGR

std::vector<evaluate::TrueObject> objects_of(const dataset::Dataset& truth, std::size_t image) {
  std::vector<evaluate::TrueObject> objects;
  for (const auto& a : truth.annotations) {
    if (a.image == image && a.score < 0) objects.push_back({a.rectangle.box(), static_cast<int>(a.category), a.crowd});
  }
  return objects;
}

/// Draws boxes in the image's own pixels on a picture of another size.
class Canvas {
 public:
  Canvas(cv::Mat& picture, double zoom) : picture_(picture), zoom_(static_cast<float>(zoom)), text_(13) {}

  void box(const Box& b, const cv::Scalar& color, int thickness) {
    cv::rectangle(picture_, corner(b.x1, b.y1), corner(b.x2, b.y2), color, thickness, cv::LINE_AA);
  }

  /// A label on a ground of its colour, above the box or, at the picture's edge, within it.
  void label(const Box& b, const std::string& text, const cv::Scalar& color) {
    const cv::Point at = corner(b.x1, b.y1);
    const int height = text_.line_height(), width = text_.width(text) + 6;
    const int x = std::clamp(at.x, 0, std::max(0, picture_.cols - width));
    const int y = at.y - height < 0 ? at.y : at.y - height;
    cv::rectangle(picture_, cv::Rect(x, y, width, height) & cv::Rect(0, 0, picture_.cols, picture_.rows), color, cv::FILLED);
    text_.draw(picture_, text, {x + 3, y}, kWhite);
  }

 private:
  cv::Point corner(float x, float y) const {
    return {static_cast<int>(std::lround(x * zoom_)), static_cast<int>(std::lround(y * zoom_))};
  }

  cv::Mat& picture_;
  float zoom_;
  pipeline::TextPainter text_;
};

}  // namespace

cv::Mat mistake_picture(const dataset::Dataset& truth, std::size_t image, const Detections& detections,
                        evaluate::ErrorKind kind, float confidence, int width) {
  cv::Mat picture;
  try {
    picture = media::read_image(truth.path_of(truth.images[image]));
  } catch (const Error&) {
    return {};
  }
  const double zoom = std::min(1.0, static_cast<double>(width) / picture.cols);
  if (zoom < 1) cv::resize(picture, picture, {}, zoom, zoom, cv::INTER_AREA);

  const auto objects = objects_of(truth, image);
  const auto errors = evaluate::find_errors(objects, detections, {.confidence = confidence});
  Canvas canvas(picture, zoom);
  for (const auto& object : objects) canvas.box(object.box, kRight, 1);
  const auto name_of = [&](int category) { return truth.categories[static_cast<std::size_t>(category)].name; };
  for (const auto& error : errors.errors) {
    if (error.kind != kind) continue;
    if (error.object >= 0) {
      const auto& object = objects[static_cast<std::size_t>(error.object)];
      canvas.box(object.box, kObject, 2);
      if (error.detection < 0) canvas.label(object.box, name_of(object.class_id), kObject);
    }
    if (error.detection < 0) continue;
    const auto& detection = detections[static_cast<std::size_t>(error.detection)];
    canvas.box(detection.box, kWrong, 2);
    canvas.label(detection.box, fmt::format("{} {:.2f}", name_of(detection.class_id), detection.score), kWrong);
  }
  return picture;
}

}  // namespace goshawk::cli
