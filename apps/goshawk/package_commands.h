// The commands that make and check deployment packages.
#pragma once

#include "apps/goshawk/command.h"

namespace goshawk::cli {

Command package_command();
Command package_verify_command();

/// The list of files and models in a package, and what its `format` says.
inline constexpr const char* kPackageInfo = "package_info.json";
inline constexpr const char* kPackageFormat = "goshawk package 1";

}  // namespace goshawk::cli
