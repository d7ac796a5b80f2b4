// Writing a data set's files and images into a new folder, and nowhere else.
#pragma once

#include <filesystem>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "goshawk/dataset/dataset.h"
#include "goshawk/dataset/formats.h"

namespace goshawk::dataset {

/// Files below a folder that this process made. Names are relative ('/' between folders), go through `safe_relative_path`,
/// and folders are made as needed. Nothing that exists is overwritten and no symbolic link is followed by the last part of a
/// name. Thread rule: all methods may be called from several threads at once.
class FolderWriter {
 public:
  explicit FolderWriter(std::filesystem::path root) : root_(std::move(root)) {}

  const std::filesystem::path& root() const { return root_; }
  /// Throws Error{kIo} when the file exists or cannot be written, {kBadData} for an unsafe name.
  void write(const std::string& name, std::string_view content);
  /// A copy, a hard link (else a symbolic one), or nothing. False when there is no such source file, or no regular one.
  bool place(const std::filesystem::path& source, const std::string& name, Images how);

 private:
  std::filesystem::path target(const std::string& name);

  std::filesystem::path root_;
  std::mutex mutex_;
  std::unordered_set<std::string> folders_;
};

/// Places images[i] of the set as `names[i]` (empty: not at all), on all cores, with progress and stop of `options`,
/// and what frames.json says of them (`carry_frame_lists`).
/// Returns one problem for each image that is missing (its labels can still be written), and a note of how many names do not
/// fit (`fitting_name`).
std::vector<Problem> place_images(FolderWriter& writer, const Dataset& dataset, std::span<const std::string> names,
                                  const WriteOptions& options);

/// Where an image belongs within a written set's own folders: its path without leading images/, labels/, train/, val/,
/// valid/, validation/, test/ (in any case, as CVAT has Train/), JPEGImages/ (and what is before it) and obj_*_data/
/// folders, and without folders called images or labels behind them, as YOLO finds labels by these: for
/// "images/train/a/b.jpg" and "a/images/b.jpg" "a/b.jpg". Of an absolute path, what follows the last images/, else the
/// file's name. It is a `fitting_name`.
std::string written_name(const ImageEntry& image);

/// `path` with names that each format can hold: an underscore for each byte that is no UTF-8, control character and '\\',
/// and at most 240 bytes between two '/', of which the end of a file's name, its extension, stays.
std::string fitting_name(std::string_view path);

/// Hands out names that differ: "a.jpg", then "a-2.jpg". Names that differ only in their extension or in ASCII case count as
/// equal, as their label files would be the same, or are so on some systems.
class DistinctNames {
 public:
  std::string take(const std::string& wanted);

 private:
  std::unordered_map<std::string, int> taken_;  // and the number to try next
};

}  // namespace goshawk::dataset
