#include "goshawk/train/image_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <opencv2/imgproc.hpp>
#include <utility>

#include "goshawk/core/error.h"
#include "goshawk/core/files.h"
#include "goshawk/media/image.h"

namespace goshawk::train {

PictureScale scale_to_labels(const TrainingImage& image, int width, int height) {
  if (const auto scale = picture_scale(width, height, image.width, image.height)) return *scale;
  throw Error(ErrorCode::kBadData,
              fmt::format("the picture is not of the shape {} x {} that its labels are for", image.width, image.height),
              image.path.string());
}

bool too_many_unreadable(std::size_t unreadable, std::size_t all) {
  constexpr std::size_t kMost = 10;  // one in so many
  return unreadable > 0 && (unreadable == all || (unreadable > 1 && unreadable * kMost > all));
}

ImageStore::ImageStore(std::vector<TrainingImage> images, int side, ImageCache cache)
    : images_(std::move(images)),
      side_(side),
      cache_(std::move(cache)),
      cached_(images_.size()),
      being_written_(images_.size()) {
  if (cache_.folder.empty()) return;
  std::error_code error;
  if (cache_.process == 0) std::filesystem::remove_all(cache_.folder, error);  // of a training that was killed
  make_folder(cache_.folder);
}

ImageStore::~ImageStore() {
  std::error_code ignored;
  if (!cache_.folder.empty() && cache_.process == 0) std::filesystem::remove_all(cache_.folder, ignored);
}

std::filesystem::path ImageStore::file_of(std::size_t index) const { return cache_.folder / fmt::format("{}.bgr", index); }

cv::Mat ImageStore::from_folder(std::size_t index) const {
  std::ifstream file(file_of(index), std::ios::binary);
  std::int32_t rows = 0, columns = 0;
  file.read(reinterpret_cast<char*>(&rows), sizeof rows).read(reinterpret_cast<char*>(&columns), sizeof columns);
  if (!file || rows < 1 || columns < 1 || rows > side_ || columns > side_) return {};
  cv::Mat pixels(rows, columns, CV_8UC3);
  file.read(reinterpret_cast<char*>(pixels.data), static_cast<std::streamsize>(pixels.total() * pixels.elemSize()));
  return file ? pixels : cv::Mat();
}

/// A disk that is full costs speed, never the training. Other processes see the whole file or none.
void ImageStore::into_folder(std::size_t index, const cv::Mat& pixels) {
  const auto path = file_of(index);
  auto growing = path;
  growing += fmt::format(".{}", cache_.process);
  std::ofstream file(growing, std::ios::binary);
  const std::int32_t rows = pixels.rows, columns = pixels.cols;
  file.write(reinterpret_cast<const char*>(&rows), sizeof rows)
      .write(reinterpret_cast<const char*>(&columns), sizeof columns);
  file.write(reinterpret_cast<const char*>(pixels.data), static_cast<std::streamsize>(pixels.total() * pixels.elemSize()));
  file.close();
  std::error_code error;
  if (file) std::filesystem::rename(growing, path, error);
  if (file && !error) return;
  folder_full_ = true;
  std::filesystem::remove(growing, error);
}

/// True once for each picture: two threads never write the same.
bool ImageStore::may_write(std::size_t index) {
  if (cache_.folder.empty() || folder_full_) return false;
  std::error_code error;
  const auto space = std::filesystem::space(cache_.folder, error);
  if (error || space.available < cache_.spare_bytes) {
    folder_full_ = true;
    return false;
  }
  return std::exchange(being_written_[index], 1) == 0;
}

std::optional<Sample> ImageStore::get_if_readable(std::size_t index) {
  {
    const std::lock_guard lock(mutex_);
    if (unreadable_.contains(index)) return std::nullopt;
  }
  try {
    return get(index);
  } catch (const Error& error) {
    mark_unreadable(index, error.what());
    return std::nullopt;
  }
}

void ImageStore::mark_unreadable(std::size_t index, const std::string& why) {
  const std::lock_guard lock(mutex_);
  unreadable_.emplace(index, why);
  if (!too_many_unreadable(unreadable_.size(), images_.size())) return;
  throw Error(ErrorCode::kBadData,
              fmt::format("{} of {} pictures cannot be read, the last of them: {}", unreadable_.size(), images_.size(), why),
              images_[index].path.string(), "`goshawk data check` lists them all.");
}

std::map<std::size_t, std::string> ImageStore::unreadable() const {
  const std::lock_guard lock(mutex_);
  return unreadable_;
}

cv::Mat ImageStore::load(const TrainingImage& image) const {
  cv::Mat pixels = media::read_image_reduced(image.path, side_);
  // A JPEG that was decoded at a reduced scale has its sides rounded up: one pixel of its own is no other shape.
  const auto difference = std::abs(std::int64_t{pixels.cols} * image.height - std::int64_t{pixels.rows} * image.width);
  if (difference > std::max(image.width, image.height)) scale_to_labels(image, pixels.cols, pixels.rows);
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
  if (sample.image.empty() && !cache_.folder.empty()) sample.image = from_folder(index);
  if (sample.image.empty()) {
    sample.image = load(image);
    const std::uint64_t bytes = sample.image.total() * sample.image.elemSize();
    std::unique_lock lock(mutex_);
    if (cached_[index].empty() && cached_bytes_ + bytes <= cache_.memory_bytes) {
      cached_[index] = sample.image;
      cached_bytes_ += bytes;
    } else if (cached_[index].empty() && may_write(index)) {
      lock.unlock();
      into_folder(index, sample.image);
    }
  }
  const auto x = static_cast<float>(sample.image.cols) / static_cast<float>(image.width);
  const auto y = static_cast<float>(sample.image.rows) / static_cast<float>(image.height);
  sample.targets = scaled(image.targets, x, y);
  return sample;
}

}  // namespace goshawk::train
