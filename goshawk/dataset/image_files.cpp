#include "goshawk/dataset/image_files.h"

#include <dirent.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <memory>
#include <set>
#include <system_error>
#include <utility>

#include "goshawk/core/error.h"
#include "goshawk/core/files.h"

namespace goshawk::dataset {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostFolders = 1'000'000;

/// Calls `visit(name, d_type)` for each entry but "." and "..".
template <typename Visit>
bool for_each_entry(const std::string& folder, Visit visit) {
  const std::unique_ptr<DIR, int (*)(DIR*)> open(::opendir(folder.c_str()), &::closedir);
  if (!open) return false;
  while (const dirent* entry = ::readdir(open.get())) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") visit(name, entry->d_type);
  }
  return true;
}

class Walk {
 public:
  explicit Walk(const ReadLimits& limits) : limits_(limits) {}

  std::vector<std::string> run(const std::string& root) {
    struct stat status {};
    if (::stat(root.c_str(), &status) == 0) visited_.insert({status.st_dev, status.st_ino});
    std::vector<std::string> waiting{root};
    while (!waiting.empty()) {
      const std::string folder = std::move(waiting.back());
      waiting.pop_back();
      if (limits_.stop.stop_requested()) throw Error(ErrorCode::kInterrupted, "stopped while folders were read");
      if (!for_each_entry(folder, [&](std::string_view name, unsigned char type) { take(folder, name, type, waiting); }))
        throw Error(ErrorCode::kIo, "cannot list the folder: " + std::generic_category().message(errno), folder);
    }
    std::sort(images_.begin(), images_.end());
    return std::move(images_);
  }

 private:
  void take(const std::string& folder, std::string_view name, unsigned char type, std::vector<std::string>& waiting) {
    if (name.starts_with('.') || name == "lost+found") return;  // the latter is the system's, and root's
    const bool image = has_image_extension(name);
    if (type == DT_REG || (type == DT_LNK && image)) {
      if (!image) return;
      if (images_.size() >= limits_.images)
        throw Error(ErrorCode::kBadData, "more than " + std::to_string(limits_.images) + " images", folder);
      images_.push_back(join(folder, name));
      return;
    }
    if (type != DT_DIR && type != DT_LNK && type != DT_UNKNOWN) return;
    std::string path = join(folder, name);
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) return;
    if (S_ISREG(status.st_mode)) {
      if (image) images_.push_back(std::move(path));
    } else if (S_ISDIR(status.st_mode) && visited_.insert({status.st_dev, status.st_ino}).second) {
      if (visited_.size() > kMostFolders) throw Error(ErrorCode::kBadData, "more than a million folders", folder);
      waiting.push_back(std::move(path));
    }
  }

  static std::string join(const std::string& folder, std::string_view name) {
    std::string path;
    path.reserve(folder.size() + 1 + name.size());
    path += folder;
    path += '/';
    path += name;
    return path;
  }

  const ReadLimits& limits_;
  std::set<std::pair<dev_t, ino_t>> visited_;
  std::vector<std::string> images_;
};

std::string listed_path(std::string_view line, const fs::path& list, const fs::path& root) {
  const fs::path path(line);
  if (path.is_absolute()) return path.lexically_normal().string();
  const fs::path beside = (list.parent_path() / path).lexically_normal();
  std::error_code error;
  if (line.starts_with("./") || fs::exists(beside, error)) return beside.string();
  for (const fs::path& base : {root, fs::current_path(error)}) {
    if (fs::exists(base / path, error)) return (base / path).lexically_normal().string();
  }
  return beside.string();
}

}  // namespace

bool has_image_extension(std::string_view name) {
  constexpr std::array<std::string_view, 14> kExtensions{"avif", "bmp", "dng", "gif", "heic", "heif", "jp2",
                                                         "jpeg", "jpg", "mpo", "png", "tif",  "tiff", "webp"};
  const std::size_t dot = name.rfind('.');
  if (dot == std::string_view::npos || name.size() - dot > 5 || name.size() - dot < 4) return false;
  std::array<char, 4> lower{};
  const std::string_view extension = name.substr(dot + 1);
  std::transform(extension.begin(), extension.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return std::binary_search(kExtensions.begin(), kExtensions.end(), std::string_view(lower.data(), extension.size()));
}

std::vector<std::string> images_below(const fs::path& folder, const ReadLimits& limits) {
  return Walk(limits).run(folder.string());
}

std::vector<std::string> images_listed(const fs::path& list, const fs::path& root, const ReadLimits& limits,
                                       ProblemList& problems) {
  constexpr std::uint64_t kMostBytes = 2ULL << 30;
  const std::string content = read_file(list, std::min(kMostBytes, limits.file_bytes));
  std::string_view text = content;
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  std::vector<std::string> images;
  for (std::int64_t number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(text.size(), end + 1));
    while (line.ends_with('\r') || line.ends_with(' ')) line.remove_suffix(1);
    while (line.starts_with(' ')) line.remove_prefix(1);
    if (line.empty()) continue;
    if (!has_image_extension(line) || line.find('\0') != std::string_view::npos || line.size() > 4095) {
      problems.add(ProblemKind::kBadLine, Severity::kError, list.string(), number, quoted(line) + " is no image's path");
      continue;
    }
    if (images.size() >= limits.images)
      throw Error(ErrorCode::kBadData, "more than " + std::to_string(limits.images) + " images", list.string());
    images.push_back(listed_path(line, list, root));
  }
  return images;
}

std::vector<std::string> files_with_extension(const fs::path& folder, std::string_view extension) {
  std::vector<std::string> names;
  for_each_entry(folder.string(), [&](std::string_view name, unsigned char type) {
    if (type != DT_DIR && name.ends_with(extension)) names.emplace_back(name);
  });
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace goshawk::dataset
