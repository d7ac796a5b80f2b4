#include "goshawk/dataset/carried_frames.h"

#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "goshawk/core/error.h"
#include "goshawk/core/files.h"
#include "goshawk/core/parallel.h"
#include "goshawk/dataset/frame_list.h"
#include "goshawk/dataset/label_tree.h"
#include "goshawk/dataset/safe_path.h"

namespace goshawk::dataset {
namespace {

namespace fs = std::filesystem;

/// A frames.json with its frames by file name.
struct Known {
  FrameList list;
  std::map<std::string, const FrameRecord*> by_file;
};

/// The lists of the folders that images lie in; one that cannot be read is as good as none.
class KnownLists {
 public:
  const Known* of(const fs::path& folder) {
    const auto known = lists_.find(folder);
    return (known != lists_.end() ? known->second : lists_.emplace(folder, read(folder)).first->second).get();
  }

 private:
  static std::unique_ptr<Known> read(const fs::path& folder) {
    auto known = std::make_unique<Known>();
    try {
      known->list = read_frame_list(folder / "frames.json");
    } catch (const Error&) {
      return nullptr;
    }
    for (const auto& frame : known->list.frames) known->by_file[frame.file] = &frame;
    return known;
  }

  std::map<fs::path, std::unique_ptr<Known>> lists_;
};

/// Frames of one written folder.
struct Gathered {
  FrameList list;
  std::map<std::pair<const Known*, std::uint32_t>, std::uint32_t> sources;
  std::map<std::string, int> names;

  void add(const Known& known, FrameRecord frame) {
    const auto [at, is_new] =
        sources.emplace(std::pair(&known, frame.source), static_cast<std::uint32_t>(list.sources.size()));
    if (is_new) {
      list.sources.push_back(known.list.sources[frame.source]);
      std::string& name = list.sources.back().name;
      if (const int number = ++names[name]; number > 1) name += "-" + std::to_string(number);  // of two folders
    }
    frame.source = at->second;
    list.frames.push_back(std::move(frame));
  }
};

/// What is known of an image that was placed.
struct Placed {
  std::size_t image = 0;
  const Known* known = nullptr;
  const FrameRecord* frame = nullptr;
};

}  // namespace

void carry_frame_lists(FolderWriter& writer, const Dataset& dataset, std::span<const std::string> names,
                       std::stop_token stop) {
  KnownLists lists;
  std::vector<Placed> placed;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const fs::path path = dataset.path_of(dataset.images[i]);
    const Known* known = names[i].empty() ? nullptr : lists.of(path.parent_path());
    if (known == nullptr) continue;
    const auto found = known->by_file.find(path.filename().string());
    if (found != known->by_file.end()) placed.push_back({i, known, found->second});
  }
  std::vector<char> same(placed.size(), 0);
  parallel_blocks(placed.size(), 16, [&](std::size_t begin, std::size_t end) {
    for (std::size_t k = begin; k < end; ++k) {
      if (stop.stop_requested()) throw Error(ErrorCode::kInterrupted, "stopped; nothing was written");
      const fs::path path = writer.root() / names[placed[k].image];
      std::error_code ignored;
      same[k] = fs::is_regular_file(path, ignored) && sha256_of_file(path) == placed[k].frame->sha256 ? 1 : 0;
    }
  });
  std::map<std::string, Gathered> folders;
  for (std::size_t k = 0; k < placed.size(); ++k) {
    if (same[k] == 0) continue;
    const std::string& name = names[placed[k].image];
    FrameRecord frame = *placed[k].frame;
    frame.file = file_name_of(name);
    folders[folder_of(name)].add(*placed[k].known, std::move(frame));
  }
  for (const auto& [folder, gathered] : folders) writer.write(folder + "frames.json", to_text(gathered.list));
}

}  // namespace goshawk::dataset
