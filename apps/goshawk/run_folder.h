// The folder that a run writes into.
#pragma once

#include <filesystem>
#include <string>

#include "apps/goshawk/command.h"

namespace goshawk::cli {

/// Creates PROJECT/NAME (NAME2, ... when it exists) and removes it again when nothing was left in it.
class RunFolder {
 public:
  /// NAME is output.name, else taken from the source. Throws as create_run_folder does.
  RunFolder(const Invocation& call, const std::string& source);
  ~RunFolder();
  RunFolder(const RunFolder&) = delete;
  RunFolder& operator=(const RunFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// For --resume: throws Error{kUsage} where --project or --name ask for another folder than `resumed`.
void refuse_other_folder(const Invocation& call, const std::filesystem::path& resumed);

/// A file name for what comes from `source`: "traffic" of "clips/traffic.mp4", "shots_2024.05" of a folder of that name or
/// "shots_2024.05/*.jpg", "camera0" of "camera:0", "stream" of a URL. At most 100 bytes.
std::string name_of_source(const std::string& source);

}  // namespace goshawk::cli
