// What the tests of this folder share.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "goshawk/dataset/dataset.h"

namespace goshawk::dataset::testing {

/// Where tests write: in memory where that is possible, as each written set is flushed to disk.
inline std::filesystem::path scratch_folder() {
  return ::access("/dev/shm", W_OK) == 0 ? std::filesystem::path("/dev/shm") : std::filesystem::temp_directory_path();
}

/// A folder of its own for each test, removed at its end.
class FolderTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto* info = ::testing::UnitTest::GetInstance()->current_test_info();
    std::string name = std::string(info->test_suite_name()) + "." + info->name() + "." + std::to_string(::getpid());
    std::replace(name.begin(), name.end(), '/', '_');
    folder_ = scratch_folder() / ("goshawk-" + name);
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::filesystem::path write(const std::string& name, std::string_view text) const {
    const auto path = folder_ / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << text;
    return path;
  }
  std::string read(const std::string& name) const {
    std::ifstream file(folder_ / name, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  std::filesystem::path folder_;
};

/// The start of a PNG file of that size: enough for its size to be read.
inline std::string png_header(std::uint32_t width, std::uint32_t height) {
  std::string text("\x89PNG\r\n\x1A\n\0\0\0\rIHDR", 16);
  for (const std::uint32_t value : {width, height}) {
    for (int shift = 24; shift >= 0; shift -= 8) text += static_cast<char>(value >> shift & 0xFF);
  }
  return text + std::string("\x08\x02\0\0\0", 5);
}

/// "kind file:line" of each problem, in their order.
inline std::vector<std::string> brief(const std::vector<Problem>& problems) {
  std::vector<std::string> lines;
  for (const auto& p : problems) lines.push_back(std::string(name(p.kind)) + " " + p.file + ":" + std::to_string(p.line));
  return lines;
}

}  // namespace goshawk::dataset::testing
