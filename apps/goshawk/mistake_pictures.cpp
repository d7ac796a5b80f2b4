#include "apps/goshawk/mistake_pictures.h"

#include <fmt/format.h>

#include <algorithm>
#include <opencv2/imgproc.hpp>

#include "apps/goshawk/box_canvas.h"
#include "goshawk/core/error.h"
#include "goshawk/media/image.h"

namespace goshawk::cli {
namespace {

constexpr int kTextHeight = 13;
const cv::Scalar kRight(80, 180, 60), kObject(0, 150, 255), kWrong(50, 40, 230);  // BGR

}  // namespace

cv::Mat mistake_picture(const dataset::Dataset& truth, std::size_t image, std::span<const evaluate::TrueObject> objects,
                        const Detections& detections, evaluate::ErrorKind kind, float confidence, int width) {
  cv::Mat picture;
  try {
    picture = media::read_image(truth.path_of(truth.images[image]));
  } catch (const Error&) {
    return {};
  }
  const auto& entry = truth.images[image];
  cv::Size size = picture.size();  // that the boxes are for
  if (entry.width > 0 && entry.height > 0) size = {static_cast<int>(entry.width), static_cast<int>(entry.height)};
  const double zoom = std::min(1.0, static_cast<double>(width) / size.width);
  if (zoom < 1) size = {width, std::max(1, cvRound(size.height * zoom))};
  if (size != picture.size()) cv::resize(picture, picture, size, 0, 0, cv::INTER_AREA);

  const auto errors = evaluate::find_errors(objects, detections, {.confidence = confidence});
  pipeline::TextPainter text(kTextHeight);
  BoxCanvas canvas(picture, text, zoom);
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
