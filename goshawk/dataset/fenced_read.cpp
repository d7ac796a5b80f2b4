#include "goshawk/dataset/fenced_read.h"

#include <sys/stat.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "goshawk/core/error.h"
#include "goshawk/core/text.h"
#include "goshawk/dataset/problems.h"
#include "goshawk/dataset/safe_path.h"

namespace goshawk::dataset {
namespace {

namespace fs = std::filesystem;

constexpr const char* kTakesThem = "--follow-links takes them";

bool is_link(const fs::path& path) {
  struct stat status {};
  return ::lstat(path.c_str(), &status) == 0 && S_ISLNK(status.st_mode);
}

/// Empty when nothing is there.
fs::path real_path(const fs::path& path) {
  std::error_code error;
  fs::path real = fs::canonical(path.empty() ? "." : path, error);
  return error ? fs::path() : real;
}

/// Tells whether files lie in a folder, links resolved. It remembers the last folder, as files come folder by folder.
class Fence {
 public:
  explicit Fence(const fs::path& root) : root_(root), real_root_(real_path(root)) {}

  /// `file`: relative to the root, or absolute. True for what is not there.
  bool holds(const std::string& file) {
    const bool absolute = file.starts_with('/');
    const fs::path path = root_ / file;
    enter(path.parent_path(), absolute);
    if (!folder_held_) return false;
    if (!is_link(path)) return true;
    const fs::path real = real_path(path);
    return real.empty() || (is_within(real, absolute ? real_folder_ : real_root_) &&
                            to_lower(real.extension().string()) == to_lower(path.extension().string()));
  }

  bool holds_folder(const std::string& folder) { return folder.empty() || holds(folder + "/."); }

 private:
  void enter(const fs::path& folder, bool absolute) {
    if (folder == folder_) return;
    folder_ = folder;
    real_folder_ = real_path(folder);
    folder_held_ = absolute || real_folder_.empty() || is_within(real_folder_, real_root_);
  }

  fs::path root_, real_root_;
  fs::path folder_ = "?", real_folder_;  // the last one
  bool folder_held_ = true;
};

void require_held(Fence& fence, const fs::path& root, const std::string& file) {
  if (fence.holds(file)) return;
  throw Error(ErrorCode::kBadData,
              "a link leads out of the data set, to " + dataset::quoted(real_path(root / file).string()),
              (root / file).string(), std::string(kTakesThem) + ".");
}

/// The files that a folder's format is told from; they are not even opened where they are elsewhere.
void require_held_sources(const fs::path& root) {
  Fence fence(root);
  for (const std::string folder : {"", "annotations/"}) {
    std::error_code error;
    for (fs::directory_iterator it(root / folder, error), end; !error && it != end; it.increment(error)) {
      const std::string name = it->path().filename().string(), extension = to_lower(it->path().extension().string());
      if (extension == ".json" || extension == ".yaml" || extension == ".yml" || name == "annotations.xml")
        require_held(fence, root, folder + name);
    }
  }
}

class Filter {
 public:
  Filter(ReadResult& result, const ReadLimits& limits)
      : result_(result), set_(result.dataset), problems_(limits.problems), fence_(result.dataset.root) {}

  void run() {
    require_held_names();
    take_out_problems();
    take_out_labels();
    take_out_images();
    problems_.move_to(result_);
  }

 private:
  void require_held(const std::string& file) { goshawk::dataset::require_held(fence_, set_.root, file); }

  /// Lists of classes and images, in the root and beside labels: what the formats call them.
  void require_held_names() {
    for (const char* name : {"classes.txt", "labels/classes.txt", "obj.names", "obj.data", "labelmap.txt", "train.txt",
                             "valid.txt", "val.txt", "test.txt", "seqinfo.ini"}) {
      require_held(name);
    }
    std::set<std::string> folders;
    for (const auto& image : set_.images) {
      const std::string folder = fs::path(image.labels).parent_path().string();
      if (folder.empty() || !folders.insert(folder).second) continue;
      for (const char* name : {"/classes.txt", "/labels.txt", "/../seqinfo.ini"}) require_held(folder + name);
    }
  }

  /// What was said of files elsewhere may quote them.
  void take_out_problems() {
    std::erase_if(result_.problems, [&](const Problem& problem) {
      if (problem.file.empty() || problem.kind == ProblemKind::kMissingImage || fence_.holds(problem.file)) return false;
      if (problem.kind != ProblemKind::kUnreadableImage) list_labels(problem.file);  // images are listed below
      return true;
    });
  }

  void list_labels(const std::string& file) {
    if (!listed_.insert(file).second) return;
    problems_.add(ProblemKind::kUnsafePath, Severity::kError, file, 0,
                  std::string("a link leads to these labels, out of the data set; left out (") + kTakesThem + ")");
  }

  void take_out_labels() {
    std::vector<char> out(set_.images.size(), 0);
    const std::string* last = nullptr;  // many images may have one file
    bool held = true;
    for (std::size_t i = 0; i < set_.images.size(); ++i) {
      ImageEntry& image = set_.images[i];
      if (image.labels.empty()) continue;
      if (last == nullptr || *last != image.labels) held = fence_.holds(image.labels);
      last = &image.labels;
      if (held) continue;
      list_labels(image.labels);
      out[i] = 1;
    }
    for (std::size_t i = 0; i < out.size(); ++i) {
      if (out[i] == 0) continue;
      set_.images[i].labels.clear();
      set_.images[i].labelled = false;
    }
    std::erase_if(set_.annotations, [&](const Annotation& annotation) { return out[annotation.image] != 0; });
  }

  void take_out_images() {
    constexpr std::uint32_t kOut = UINT32_MAX;
    std::vector<std::uint32_t> place(set_.images.size());
    std::map<std::string, std::uint64_t> folders;  // that are links, or lie in one: how many images are left out there
    std::uint32_t kept = 0;
    for (std::size_t i = 0; i < set_.images.size(); ++i) {
      const std::string& file = set_.images[i].file;
      place[i] = fence_.holds(file) ? kept++ : kOut;
      if (place[i] != kOut) continue;
      const std::string folder = fs::path(file).parent_path().string();
      if (fence_.holds_folder(folder)) {
        problems_.add(ProblemKind::kUnsafePath, Severity::kError, file, 0,
                      std::string("the image is a link out of the data set; left out (") + kTakesThem + ")");
      } else {
        ++folders[folder];
      }
    }
    for (const auto& [folder, count] : folders) {
      problems_.add(ProblemKind::kUnsafePath, Severity::kError, folder, 0,
                    "the folder is a link out of the data set; its " + std::to_string(count) +
                        (count == 1 ? " image is" : " images are") + " left out (" + kTakesThem + ")");
    }
    if (kept < place.size()) remove_images(place, kOut, kept);
  }

  void remove_images(const std::vector<std::uint32_t>& place, std::uint32_t out, std::uint32_t kept) {
    for (std::size_t i = 0; i < place.size(); ++i) {
      if (place[i] != out && place[i] != i) set_.images[place[i]] = std::move(set_.images[i]);
    }
    set_.images.resize(kept);
    std::erase_if(set_.annotations, [&](const Annotation& annotation) { return place[annotation.image] == out; });
    for (auto& annotation : set_.annotations) annotation.image = place[annotation.image];
  }

  ReadResult& result_;
  Dataset& set_;
  ProblemList problems_;
  Fence fence_;
  std::set<std::string> listed_;
};

}  // namespace

ReadResult read_fenced_dataset(const fs::path& path, std::optional<Format> format, const ReadLimits& limits) {
  std::error_code ignored;
  const bool is_folder = fs::is_directory(path, ignored);
  if (is_folder) require_held_sources(path);
  ReadResult result = read_dataset(path, format, limits);
  if (result.dataset.unpacked) return result;  // archives with links are refused
  take_out_links(result, limits);
  return result;
}

void take_out_links(ReadResult& result, const ReadLimits& limits) { Filter(result, limits).run(); }

}  // namespace goshawk::dataset
