// A place for files that nobody keeps.
#pragma once

#include <filesystem>

namespace goshawk {

/// A new folder of this user's alone in TMPDIR (/tmp), which goes away with what is in it. Not thread-safe; threads may
/// write into the folder.
class ScratchFolder {
 public:
  /// Throws Error{kIo} where it cannot be made.
  ScratchFolder();
  ~ScratchFolder();
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace goshawk
