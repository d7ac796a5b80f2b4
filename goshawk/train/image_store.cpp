#include "goshawk/train/image_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <opencv2/imgproc.hpp>

#include "goshawk/core/error.h"
#include "goshawk/media/image.h"

namespace goshawk::train {

ImageStore::ImageStore(std::vector<TrainingImage> images, int side, std::uint64_t cache_bytes)
    : images_(std::move(images)), side_(side), cache_bytes_(cache_bytes), cached_(images_.size()) {}

cv::Mat ImageStore::load(const TrainingImage& image) const {
  cv::Mat pixels = media::read_image_reduced(image.path, side_);
  const double given = static_cast<double>(pixels.cols) / pixels.rows,
               expected = static_cast<double>(image.width) / image.height;
  constexpr double kRounding = 0.05;  // reduced pictures are rounded up to whole pixels
  if (std::abs(given / expected - 1) > kRounding) {
    throw Error(ErrorCode::kBadData,
                fmt::format("the picture is not of the shape {} x {} that its labels are for", image.width, image.height),
                image.path.string());
  }
  const double zoom = static_cast<double>(side_) / std::max(pixels.cols, pixels.rows);
  if (zoom == 1) return pixels;
  const cv::Size size(std::max(1, static_cast<int>(std::lround(pixels.cols * zoom))),
                      std::max(1, static_cast<int>(std::lround(pixels.rows * zoom))));
  cv::Mat scaled;
  cv::resize(pixels, scaled, size, 0, 0, zoom < 1 ? cv::INTER_AREA : cv::INTER_LINEAR);
  return scaled;
}

Sample ImageStore::get(std::size_t index) {
  const TrainingImage& image = images_[index];
  Sample sample;
  {
    const std::lock_guard lock(mutex_);
    sample.image = cached_[index];
  }
  if (sample.image.empty()) {
    sample.image = load(image);
    const std::uint64_t bytes = sample.image.total() * sample.image.elemSize();
    const std::lock_guard lock(mutex_);
    if (cached_[index].empty() && cached_bytes_ + bytes <= cache_bytes_) {
      cached_[index] = sample.image;
      cached_bytes_ += bytes;
    }
  }
  const auto x = static_cast<float>(sample.image.cols) / static_cast<float>(image.width);
  const auto y = static_cast<float>(sample.image.rows) / static_cast<float>(image.height);
  const auto scaled = [&](const Box& b) { return Box{b.x1 * x, b.y1 * y, b.x2 * x, b.y2 * y}; };
  for (const auto& object : image.targets.objects) sample.targets.objects.push_back({scaled(object.box), object.class_id});
  for (const auto& place : image.targets.ignored) sample.targets.ignored.push_back(scaled(place));
  sample.targets.unlabelled = image.targets.unlabelled;
  return sample;
}

}  // namespace goshawk::train
