#include "goshawk/runtime/loaded_library.h"

#include <dlfcn.h>
#include <link.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <system_error>

namespace goshawk::runtime {
namespace {

namespace fs = std::filesystem;

struct Search {
  std::string_view name;
  fs::path found;
};

int look_at(dl_phdr_info* library, std::size_t, void* search) {
  auto& [name, found] = *static_cast<Search*>(search);
  const fs::path path(library->dlpi_name);
  if (!path.filename().string().starts_with(name)) return 0;
  found = path;
  return 1;
}

/// Source: TensorRT's NvInferRuntimeBase.h, since version 10. Empty for other libraries.
std::string told_by(void* library) {
  std::string version;
  for (const char* part :
       {"getInferLibMajorVersion", "getInferLibMinorVersion", "getInferLibPatchVersion", "getInferLibBuildVersion"}) {
    const auto number = reinterpret_cast<std::int32_t (*)()>(::dlsym(library, part));
    if (number == nullptr) return {};
    version += (version.empty() ? "" : ".") + std::to_string(number());
  }
  return version;
}

}  // namespace

std::string loaded_library_version(std::string_view name) {
  Search search{name, {}};
  if (::dl_iterate_phdr(look_at, &search) == 0) return "none";
  const std::unique_ptr<void, int (*)(void*)> library(::dlopen(search.found.c_str(), RTLD_LAZY | RTLD_NOLOAD), ::dlclose);
  if (const auto told = library ? told_by(library.get()) : ""; !told.empty()) return told;
  std::error_code ignored;
  const std::string file = fs::weakly_canonical(search.found, ignored).filename().string();
  const auto end = file.find(".so.");
  return end == std::string::npos ? "unknown" : file.substr(end + 4);
}

}  // namespace goshawk::runtime
