// What the tests of several folders share. Not part of the library.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <string>

#include "goshawk/core/error.h"
#include "goshawk/core/scratch_folder.h"

namespace goshawk {

/// A folder that goes away with the test.
class TemporaryFolder : public ScratchFolder {
 public:
  std::filesystem::path operator/(const std::filesystem::path& name) const { return path() / name; }
  std::filesystem::path write(const std::filesystem::path& name, const std::string& content) const {
    std::ofstream(path() / name, std::ios::binary) << content;
    return path() / name;
  }
};

/// Code of the error that `action` ends with, and its whole text; the test fails when there is none, or it says nothing.
inline ErrorCode code_of(const std::function<void()>& action, std::string* text = nullptr) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_FALSE(std::string(error.what()).empty());
    if (text != nullptr) *text = error.describe();
    return error.code();
  }
  ADD_FAILURE() << "no error";
  return ErrorCode::kInternal;
}

/// Its text alone, where the code is known.
inline std::string text_of_error(const std::function<void()>& action, ErrorCode code) {
  std::string text;
  EXPECT_EQ(code_of(action, &text), code) << text;
  return text;
}

}  // namespace goshawk
