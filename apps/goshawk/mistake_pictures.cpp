#include "apps/goshawk/mistake_pictures.h"

#include <fmt/format.h>

#include <algorithm>
#include <opencv2/imgproc.hpp>

#include "goshawk/core/error.h"
#include "goshawk/media/image.h"
#include "goshawk/pipeline/box_canvas.h"

namespace goshawk::cli {
namespace {

constexpr int kTextHeight = 13;
const cv::Scalar kRight(80, 180, 60), kObject(0, 150, 255), kWrong(50, 40, 230);  // BGR

}  // namespace

std::string mistake_label(const dataset::Dataset& truth, std::span<const evaluate::TrueObject> objects,
                          const Detections& detections, const evaluate::DetectionError& error) {
  const auto name_of = [&](const auto& one) { return truth.categories[static_cast<std::size_t>(one.class_id)].name; };
  const auto object_name = [&] { return name_of(objects[static_cast<std::size_t>(error.object)]); };
  if (error.detection < 0) return object_name();
  const auto& detection = detections[static_cast<std::size_t>(error.detection)];
  const auto label = fmt::format("{} {:.2f}", name_of(detection), detection.score);
  return error.kind == evaluate::ErrorKind::kWrongClass ? label + ", is " + object_name() : label;
}

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
  pipeline::BoxCanvas canvas(picture, text, zoom);
  for (const auto& object : objects) canvas.box(object.box, kRight, 1);
  for (const auto& error : errors.errors) {
    if (error.kind != kind) continue;
    const auto label = mistake_label(truth, objects, detections, error);
    if (error.object >= 0) {
      const auto& object = objects[static_cast<std::size_t>(error.object)];
      canvas.box(object.box, kObject, 2);
      if (error.detection < 0) canvas.label(object.box, label, kObject);
    }
    if (error.detection < 0) continue;
    const auto& detection = detections[static_cast<std::size_t>(error.detection)];
    canvas.box(detection.box, kWrong, 2);
    canvas.label(detection.box, label, kWrong);
  }
  return picture;
}

}  // namespace goshawk::cli
