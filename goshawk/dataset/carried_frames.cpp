#include "goshawk/dataset/carried_frames.h"

#include <map>
#include <string_view>
#include <utility>
#include <vector>

#include "goshawk/core/error.h"
#include "goshawk/core/files.h"
#include "goshawk/core/parallel.h"
#include "goshawk/dataset/frame_lists.h"
#include "goshawk/dataset/label_tree.h"
#include "goshawk/dataset/safe_path.h"

namespace goshawk::dataset {
namespace {

namespace fs = std::filesystem;

/// Frames of one written folder.
struct Gathered {
  FrameList list;
  std::map<std::pair<const FrameList*, std::uint32_t>, std::uint32_t> sources;
  std::map<std::string, int> names;

  void add(const FrameLists::Found& found, std::string_view file) {
    FrameRecord frame = *found.frame;
    frame.file = file;
    const auto [at, is_new] =
        sources.emplace(std::pair(found.list, frame.source), static_cast<std::uint32_t>(list.sources.size()));
    if (is_new) {
      list.sources.push_back(found.source());
      std::string& name = list.sources.back().name;
      if (const int number = ++names[name]; number > 1) name += "-" + std::to_string(number);  // of two folders
    }
    frame.source = at->second;
    list.frames.push_back(std::move(frame));
  }
};

/// What is known of an image that was placed.
struct Placed {
  std::size_t image;
  FrameLists::Found found;
};

}  // namespace

void carry_frame_lists(FolderWriter& writer, const Dataset& dataset, std::span<const std::string> names,
                       std::stop_token stop) {
  FrameLists lists;
  std::vector<Placed> placed;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i].empty()) continue;
    if (const auto found = lists.find(dataset.path_of(dataset.images[i]))) placed.push_back({i, *found});
  }
  std::vector<char> same(placed.size(), 0);
  parallel_blocks(placed.size(), 16, [&](std::size_t begin, std::size_t end) {
    for (std::size_t k = begin; k < end; ++k) {
      if (stop.stop_requested()) throw Error(ErrorCode::kInterrupted, "stopped; nothing was written");
      const fs::path path = writer.root() / names[placed[k].image];
      std::error_code ignored;
      same[k] = fs::is_regular_file(path, ignored) && sha256_of_file(path) == placed[k].found.frame->sha256 ? 1 : 0;
    }
  });
  std::map<std::string, Gathered> folders;
  for (std::size_t k = 0; k < placed.size(); ++k) {
    if (same[k] == 0) continue;
    const std::string& name = names[placed[k].image];
    folders[folder_of(name)].add(placed[k].found, file_name_of(name));
  }
  for (const auto& [folder, gathered] : folders) writer.write(folder + "frames.json", to_text(gathered.list));
}

}  // namespace goshawk::dataset
