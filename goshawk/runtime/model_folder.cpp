#include "goshawk/runtime/model_folder.h"

#include <algorithm>

namespace goshawk::runtime {

namespace fs = std::filesystem;

std::vector<fs::path> models_in(const fs::path& folder) {
  std::vector<fs::path> paths;
  std::error_code error;
  if (folder.empty()) return paths;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    std::error_code unreadable;
    if (it->path().extension() == ".onnx" && fs::is_regular_file(it->path(), unreadable)) paths.push_back(it->path());
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

bool same_model_name(const std::string& a, const std::string& b) {
  const auto alike = [](char x, char y) { return x == y || ((x == '-' || x == '_') && (y == '-' || y == '_')); };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), alike);
}

std::optional<fs::path> model_named(const std::string& name, const fs::path& folder) {
  for (const auto& path : models_in(folder)) {
    if (same_model_name(path.stem().string(), name)) return path;
  }
  return std::nullopt;
}

}  // namespace goshawk::runtime
