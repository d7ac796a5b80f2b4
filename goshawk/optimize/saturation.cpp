#include "goshawk/optimize/saturation.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>
#include <string>

namespace goshawk::optimize {
namespace {

/// What the first processor can do; empty on other processors than x86.
std::set<std::string> flags_in(std::string_view cpuinfo) {
  const auto begin = cpuinfo.find("\nflags");
  if (begin == std::string_view::npos) return {};
  std::istringstream words(std::string(cpuinfo.substr(begin, cpuinfo.find('\n', begin + 1) - begin)));
  return {std::istream_iterator<std::string>(words), std::istream_iterator<std::string>()};
}

}  // namespace

bool products_saturate(std::string_view cpuinfo) {
  const auto flags = flags_in(cpuinfo);
  const auto exact = {"avx_vnni", "avx512_vnni", "amx_int8"};
  return flags.contains("avx2") &&
         std::none_of(exact.begin(), exact.end(), [&](const char* flag) { return flags.contains(flag); });
}

bool needs_narrow_weights(runtime::DeviceKind device) {
  if (runtime::is_gpu(device)) return false;
  std::ifstream in("/proc/cpuinfo");
  return products_saturate(std::string(std::istreambuf_iterator<char>(in), {}));
}

}  // namespace goshawk::optimize
