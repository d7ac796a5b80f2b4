#include "goshawk/dataset/frame_lists.h"

#include <system_error>

#include "goshawk/core/error.h"

namespace goshawk::dataset {

std::optional<FrameLists::Found> FrameLists::find(const std::filesystem::path& image) {
  const auto folder = image.parent_path();
  auto known = lists_.find(folder);
  if (known == lists_.end()) known = lists_.emplace(folder, read(folder)).first;
  if (known->second == nullptr) return std::nullopt;
  const auto& by_file = known->second->by_file;
  const auto found = by_file.find(image.filename().string());
  return found == by_file.end() ? std::nullopt : std::optional<Found>({&known->second->list, found->second});
}

std::unique_ptr<FrameLists::Known> FrameLists::read(const std::filesystem::path& folder) {
  const auto path = folder / "frames.json";
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) return nullptr;
  auto known = std::make_unique<Known>();
  try {
    known->list = read_frame_list(path);
  } catch (const Error& error) {
    problems_.push_back("passed over: " + error.describe());
    return nullptr;
  }
  for (const auto& frame : known->list.frames) known->by_file[frame.file] = &frame;
  return known;
}

}  // namespace goshawk::dataset
