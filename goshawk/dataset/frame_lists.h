// What the frames.json files beside a data set's images say of them.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "goshawk/dataset/frame_list.h"

namespace goshawk::dataset {

/// The frames.json of each folder that was asked about, read once; one that is damaged is as good as none. Not thread-safe.
class FrameLists {
 public:
  struct Found {  // points into this
    const FrameList* list;
    const FrameRecord* frame;
    const FrameSource& source() const { return list->sources[frame->source]; }
  };

  /// nullopt where no frames.json beside `image` names it.
  std::optional<Found> find(const std::filesystem::path& image);

  /// Why lists were passed over, a line each.
  const std::vector<std::string>& problems() const { return problems_; }

 private:
  struct Known {
    FrameList list;
    std::map<std::string, const FrameRecord*> by_file;
  };

  std::unique_ptr<Known> read(const std::filesystem::path& folder);

  std::map<std::filesystem::path, std::unique_ptr<Known>> lists_;
  std::vector<std::string> problems_;
};

}  // namespace goshawk::dataset
