#include "goshawk/optimize/judge.h"

#include <fmt/format.h>

#include <algorithm>

#include "goshawk/core/error.h"
#include "goshawk/core/picture_scale.h"
#include "goshawk/dataset/combine.h"
#include "goshawk/dataset/statistics.h"
#include "goshawk/evaluate/boxes.h"
#include "goshawk/evaluate/class_match.h"
#include "goshawk/media/image.h"

namespace goshawk::optimize {

Judge::Judge(dataset::Dataset truth, std::map<std::string, std::string> renamed, std::uint64_t cache_bytes)
    : truth_(std::move(truth)), renamed_(std::move(renamed)) {
  std::vector<char> readable(truth_.images.size(), 1);
  std::vector<cv::Mat> images(truth_.images.size());
  std::uint64_t used = 0;
  for (std::size_t i = 0; i < truth_.images.size(); ++i) {
    try {
      const cv::Mat image = media::read_image(truth_.path_of(truth_.images[i]));
      auto& entry = truth_.images[i];
      if (entry.width == 0 || entry.height == 0) {
        entry.width = static_cast<std::uint32_t>(image.cols);
        entry.height = static_cast<std::uint32_t>(image.rows);
      }
      if (!picture_scale(image.cols, image.rows, entry.width, entry.height)) {
        throw Error(ErrorCode::kBadData, fmt::format("the picture is not of the shape {} x {} that its labels are for",
                                                     entry.width, entry.height));
      }
      const std::uint64_t bytes = image.total() * image.elemSize();
      if (used + bytes <= cache_bytes) used += bytes, images[i] = image;
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kBadData && error.code() != ErrorCode::kNotFound) throw;
      left_out_.push_back(truth_.images[i].file + ": " + error.what());
      readable[i] = 0;
    }
  }
  for (std::size_t i = 0; i < images.size(); ++i) {
    if (readable[i]) cached_.push_back(std::move(images[i]));
  }
  dataset::keep_images(truth_, readable);
  if (truth_.images.empty()) throw Error(ErrorCode::kBadData, "there is no picture to judge on", truth_.root.string());
  if (dataset::object_count(truth_) == 0) {
    throw Error(ErrorCode::kBadData, "no picture to judge on has a labelled object", truth_.root.string());
  }
}

cv::Mat Judge::image(std::size_t index) {
  if (!cached_[index].empty()) return cached_[index];
  return media::read_image(truth_.path_of(truth_.images[index]));
}

Accuracy Judge::accuracy(detect::Detector& detector, const std::stop_token& stop, const Progress& progress) {
  std::vector<std::string> names;
  for (const auto& category : truth_.categories) names.push_back(category.name);
  const auto classes = evaluate::match_classes(detector.recipe().class_names, names, renamed_);
  evaluate::CocoOptions options;
  options.stop = stop;
  evaluate::CocoEvaluator evaluator(truth_, options);
  for (std::size_t i = 0; i < truth_.images.size(); ++i) {
    if (stop.stop_requested()) throw Error(ErrorCode::kInterrupted, "judging was stopped");
    if (progress) progress(static_cast<std::int64_t>(i), static_cast<std::int64_t>(truth_.images.size()));
    const cv::Mat picture = image(i);
    const auto& entry = truth_.images[i];
    const auto scale = picture_scale(picture.cols, picture.rows, entry.width, entry.height).value_or(PictureScale{});
    auto found = detector.detect(std::span(&picture, 1)).front();
    Detections kept;
    for (auto& detection : found) {
      detection.class_id = classes.to_dataset[static_cast<std::size_t>(detection.class_id)];
      detection.box = scale(detection.box);
      if (detection.class_id >= 0) kept.push_back(std::move(detection));
    }
    evaluator.add(static_cast<std::uint32_t>(i), kept);
  }
  const auto summary = evaluator.evaluate().summary();
  return {summary.ap, summary.ap50};
}

Accuracy Judge::accuracy(const std::filesystem::path& model, detect::DetectorOptions options, const std::stop_token& stop,
                         const Progress& progress) {
  options = judging_options(std::move(options));
  options.session.cache_folder.reset();
  return accuracy(*detect::Detector::load(model, options), stop, progress);
}

std::vector<cv::Mat> Judge::pictures(std::size_t most) {
  std::vector<cv::Mat> some;
  for (std::size_t i = 0; i < std::min(most, truth_.images.size()); ++i) some.push_back(image(i));
  return some;
}

void require_findings(const Accuracy& original, const std::filesystem::path& model) {
  if (original.ap > 0) return;
  throw Error(ErrorCode::kBadData, "the model finds nothing on the pictures that it is judged on", model.string(),
              "There is no accuracy to hold: look at what `goshawk eval` says first.");
}

detect::DetectorOptions judging_options(detect::DetectorOptions options) {
  options.confidence = 0.001F;
  options.max_detections = 300;
  options.classes.clear();  // what is judged is the data set's to say
  return options;
}

}  // namespace goshawk::optimize
