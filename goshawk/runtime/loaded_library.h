// Versions of the libraries that providers bring along.
#pragma once

#include <string>
#include <string_view>

namespace goshawk::runtime {

/// The version of the library in this process whose file name begins with `name` ("libnvinfer.so"): what TensorRT's
/// libraries say themselves ("10.3.0.26"), else what the file is called (libz.so.1.2.13: "1.2.13"), else "unknown".
/// "none" where no such library is loaded.
std::string loaded_library_version(std::string_view name);

}  // namespace goshawk::runtime
