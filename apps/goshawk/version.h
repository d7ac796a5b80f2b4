// What this binary was built from.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace goshawk::cli {

extern const char* const kVersion;    // "0.1.0"
extern const char* const kRevision;   // `git describe --always --dirty` when CMake ran; empty outside of a checkout
extern const char* const kCompiler;   // "GNU 12.2.0"
extern const char* const kBuildType;  // "Release"

/// Name and version of each library, as built.
std::vector<std::pair<std::string, std::string>> library_versions();

}  // namespace goshawk::cli
