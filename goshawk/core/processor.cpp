#include "goshawk/core/processor.h"

#include <fstream>
#include <iterator>
#include <sstream>

namespace goshawk {

std::set<std::string> processor_features(std::string_view cpuinfo) {
  const auto line = cpuinfo.find("\nflags");
  const auto begin = cpuinfo.find(':', line);
  if (line == std::string_view::npos || begin == std::string_view::npos) return {};
  std::istringstream words(std::string(cpuinfo.substr(begin + 1, cpuinfo.find('\n', begin) - begin - 1)));
  return {std::istream_iterator<std::string>(words), std::istream_iterator<std::string>()};
}

const std::set<std::string>& processor_features() {
  static const auto features = [] {
    std::ifstream in("/proc/cpuinfo");
    return processor_features(std::string(std::istreambuf_iterator<char>(in), {}));
  }();
  return features;
}

bool bfloat16_is_fast() { return processor_features().contains("amx_bf16"); }

}  // namespace goshawk
