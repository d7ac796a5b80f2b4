#include "goshawk/dataset/label_tree.h"

#include <algorithm>
#include <system_error>

#include "goshawk/core/error.h"
#include "goshawk/core/text.h"
#include "goshawk/dataset/image_files.h"
#include "goshawk/dataset/safe_path.h"

namespace goshawk::dataset {
namespace {

namespace fs = std::filesystem;

constexpr int kDeepest = 16;

std::vector<std::string>* list_for(LabelTree& tree, const fs::path& path) {
  const std::string extension = to_lower(path.extension().string());
  if (extension == ".xml") return &tree.xml;
  if (extension == ".txt") return &tree.text;
  return has_image_extension(path.string()) ? &tree.images : nullptr;
}

}  // namespace

LabelTree LabelTree::of(const fs::path& root, bool recursive, const ReadLimits& limits) {
  std::error_code error;
  if (!fs::is_directory(root, error)) throw Error(ErrorCode::kNotFound, "there is no such folder", root.string());
  LabelTree tree;
  tree.root = root;
  fs::path folder = root;  // that is entered next
  for (fs::recursive_directory_iterator it(root, error), end; !error && it != end; it.increment(error)) {
    if (limits.stop.stop_requested()) throw Error(ErrorCode::kInterrupted, "stopped while the folder was listed");
    const std::string name = it->path().filename().string();
    const bool hidden = name.starts_with('.') || name == "lost+found";  // the latter is the system's, and root's
    std::error_code ignored;
    if (it->is_directory(ignored)) {
      if (hidden || !recursive || it.depth() >= kDeepest) it.disable_recursion_pending();
      folder = it->path();
      continue;
    }
    auto* list = hidden ? nullptr : list_for(tree, it->path());
    if (list == nullptr || !it->is_regular_file(ignored)) continue;
    if (list->size() >= limits.images) throw Error(ErrorCode::kBadData, "the folder holds too many files", root.string());
    list->push_back(it->path().lexically_relative(root).generic_string());
  }
  if (error) throw Error(ErrorCode::kIo, "cannot list the folder: " + error.message(), folder.string());
  for (auto* list : {&tree.xml, &tree.text, &tree.images}) std::sort(list->begin(), list->end());
  return tree;
}

ImageIndex::ImageIndex(const std::vector<std::string>& images) : paths_(images.begin(), images.end()) {
  for (const auto& path : images) by_stem_.emplace(without_extension(path), path);
}

std::optional<std::string> ImageIndex::find(const std::string& path) const {
  if (paths_.contains(path)) return path;
  auto it = by_stem_.find(without_extension(path));
  if (it == by_stem_.end()) it = by_stem_.find(path);  // "photo.1" may have no extension at all
  if (it == by_stem_.end()) return std::nullopt;
  return std::string(it->second);
}

std::string folder_of(std::string_view path) { return std::string(path.substr(0, path.rfind('/') + 1)); }

Split split_of_path(std::string_view path) {
  while (true) {
    const std::size_t slash = path.find('/');
    if (slash == std::string_view::npos) return Split::kNone;
    const std::string folder = to_lower(path.substr(0, slash));
    if (folder == "train") return Split::kTrain;
    if (folder == "val" || folder == "valid" || folder == "validation") return Split::kVal;
    if (folder == "test") return Split::kTest;
    path.remove_prefix(slash + 1);
  }
}

}  // namespace goshawk::dataset
