// The files of a data set whose labels lie in one file an image.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "goshawk/dataset/dataset.h"

namespace goshawk::dataset {

/// The files below a folder, as paths relative to it ('/' between folders), sorted. Hidden ones, links to folders and what
/// lies more than 16 folders deep are passed over.
struct LabelTree {
  std::filesystem::path root;
  std::vector<std::string> xml, text, images;  // by extension; images: jpg, jpeg, png, bmp, webp, gif, tif, tiff

  /// `recursive`: with its subfolders. Throws Error{kNotFound} when there is no such folder, {kIo} for one that
  /// cannot be listed, {kBadData} beyond limits.images files of one kind, {kInterrupted}.
  static LabelTree of(const std::filesystem::path& root, bool recursive, const ReadLimits& limits);
};

/// Finds images by path, or by path without extension.
class ImageIndex {
 public:
  explicit ImageIndex(const std::vector<std::string>& images);

  /// The path of an image that exists: `path` itself, or the first with the same path up to the extension.
  std::optional<std::string> find(const std::string& path) const;

 private:
  std::unordered_set<std::string_view> paths_;
  std::unordered_map<std::string_view, std::string_view> by_stem_;
};

/// "a/b/c.xml" -> "a/b/", "c.xml" -> "".
std::string folder_of(std::string_view path);

/// A folder named train, val, valid, validation or test on the way to the file says which split it is.
Split split_of_path(std::string_view path);

}  // namespace goshawk::dataset
