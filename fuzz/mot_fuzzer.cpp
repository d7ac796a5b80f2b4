// MOT text: rows within their bounds, problems with a line each.
#include <cmath>
#include <cstdlib>
#include <string_view>

#include "goshawk/dataset/mot_text.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const auto text = goshawk::dataset::parse_mot({reinterpret_cast<const char*>(data), size}, "fuzz.txt");
  for (const auto& row : text.rows) {
    if (row.frame < 1 || !std::isfinite(row.box.area()) || row.line == 0) std::abort();
  }
  for (const auto& problem : text.problems) {
    if (problem.line < 1 || problem.message.empty()) std::abort();
  }
  return 0;
}
