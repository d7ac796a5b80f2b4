// Where the fuzzers of readers that take files write them.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>

/// A folder of this process: in memory where /dev/shm is, gone when the fuzzer ends.
inline const std::filesystem::path& scratch_folder() {
  struct Folder {
    std::filesystem::path path;
    Folder() {
      std::error_code none;
      const bool in_memory = std::filesystem::is_directory("/dev/shm", none);
      std::string name = (in_memory ? "/dev/shm" : std::filesystem::temp_directory_path().string()) + "/goshawk-fuzz-XXXXXX";
      if (::mkdtemp(name.data()) == nullptr) std::abort();
      path = name;
    }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    ~Folder() {
      std::error_code ignored;
      std::filesystem::remove_all(path, ignored);
    }
  };
  static const Folder folder;
  return folder.path;
}
