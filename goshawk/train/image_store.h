// The pictures of a training set, read once and kept.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "goshawk/core/picture_scale.h"
#include "goshawk/train/augment.h"

namespace goshawk::train {

/// One labelled picture of a training set; targets in pixels of the picture as it is shown (upright), in the size that the
/// labels state.
struct TrainingImage {
  std::filesystem::path path;
  int width = 0, height = 0;  // pixels of the whole picture, as the labels state them; the file may have others
  ImageTargets targets;
};

/// From the picture of `image`, read with `width` x `height` pixels, to the pixels of its labels. Throws Error{kBadData}
/// when it is not of the shape that they are for.
PictureScale scale_to_labels(const TrainingImage& image, int width, int height);

/// Whether so many of `all` pictures cannot be read that more is wrong than these: all, or more than one and a tenth.
bool too_many_unreadable(std::size_t unreadable, std::size_t all);

/// Where decoded pictures are kept.
struct ImageCache {
  std::uint64_t memory_bytes = 0;
  std::filesystem::path folder;  // what memory does not hold is kept here, uncompressed; empty: decoded again each time
  int process = 0;               // among those that share the folder; the first makes it anew, before the others come
  std::uint64_t spare_bytes = std::uint64_t{2} << 30U;  // of the folder's disk, for weights and whoever else writes there
};

/// Hands out pictures whose longer side has `side` pixels, and keeps the pixels. Thread-safe. The pixels that are handed out
/// are shared: read-only. A cache's folder is created, may be shared with the stores of other processes over the same
/// pictures, which read what any of them has written, and goes with the store of the first.
class ImageStore {
 public:
  ImageStore(std::vector<TrainingImage> images, int side, ImageCache cache);
  ~ImageStore();
  ImageStore(const ImageStore&) = delete;
  ImageStore& operator=(const ImageStore&) = delete;

  std::size_t size() const { return images_.size(); }
  const TrainingImage& image(std::size_t index) const { return images_[index]; }
  int side() const { return side_; }
  /// Throws what media::read_image throws, and what scale_to_labels does.
  Sample get(std::size_t index);
  /// The same; nullopt for a picture that cannot be read, which is remembered. Throws Error{kBadData} once it is
  /// too_many_unreadable.
  std::optional<Sample> get_if_readable(std::size_t index);
  /// Pictures that could not be read so far, with the reason.
  std::map<std::size_t, std::string> unreadable() const;
  /// Another process could not read that picture. Throws Error{kBadData} where too many cannot be read, as
  /// `get_if_readable`.
  void mark_unreadable(std::size_t index, const std::string& why);
  /// Bytes of the pictures that are kept now.
  std::uint64_t cached_bytes() const { return cached_bytes_; }

 private:
  cv::Mat load(const TrainingImage& image) const;
  cv::Mat from_folder(std::size_t index) const;
  void into_folder(std::size_t index, const cv::Mat& pixels);
  bool may_write(std::size_t index);
  std::filesystem::path file_of(std::size_t index) const;

  std::vector<TrainingImage> images_;
  int side_;
  ImageCache cache_;
  std::atomic<std::uint64_t> cached_bytes_{0};
  std::atomic<bool> folder_full_ = false;
  mutable std::mutex mutex_;
  std::vector<cv::Mat> cached_;      // empty: not kept
  std::vector<char> being_written_;  // to the folder, by this process
  std::map<std::size_t, std::string> unreadable_;
};

}  // namespace goshawk::train
