// The pictures of a training set, read once and kept.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <vector>

#include "goshawk/train/augment.h"

namespace goshawk::train {

/// One labelled picture of a training set; targets in pixels of the picture as it is stored and shown (upright).
struct TrainingImage {
  std::filesystem::path path;
  int width = 0, height = 0;  // pixels of the whole picture
  ImageTargets targets;
};

/// Hands out pictures whose longer side has `side` pixels, and keeps the pixels in memory as far as `cache_bytes` go.
/// Thread-safe. The pixels that are handed out are shared: read-only.
class ImageStore {
 public:
  ImageStore(std::vector<TrainingImage> images, int side, std::uint64_t cache_bytes);

  std::size_t size() const { return images_.size(); }
  const TrainingImage& image(std::size_t index) const { return images_[index]; }
  int side() const { return side_; }
  /// Throws what media::read_image throws, and Error{kBadData} when the picture is not of the size that its labels are for.
  Sample get(std::size_t index);
  /// Bytes of the pictures that are kept now.
  std::uint64_t cached_bytes() const { return cached_bytes_; }

 private:
  cv::Mat load(const TrainingImage& image) const;

  std::vector<TrainingImage> images_;
  int side_;
  std::uint64_t cache_bytes_;
  std::atomic<std::uint64_t> cached_bytes_{0};
  std::mutex mutex_;
  std::vector<cv::Mat> cached_;  // empty: not kept
};

}  // namespace goshawk::train
