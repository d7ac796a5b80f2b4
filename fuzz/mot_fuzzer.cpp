// MOT text: rows within their bounds, problems with a line each; and a sequence of it with seqinfo.ini and labels.txt,
// separated by lines of "---".
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "fuzz/scratch.h"
#include "goshawk/core/error.h"
#include "goshawk/dataset/mot.h"
#include "goshawk/dataset/mot_text.h"
#include "goshawk/dataset/safe_path.h"

using namespace goshawk;           // NOLINT: a fuzzer
using namespace goshawk::dataset;  // NOLINT

namespace {

void read_rows(std::string_view text) {
  const auto rows = parse_mot(text, "fuzz.txt");
  for (const auto& row : rows.rows) {
    require(row.frame >= 1 && std::isfinite(row.box.area()) && row.line > 0, "rows are sound");
  }
  for (const auto& problem : rows.problems) require(problem.line >= 1 && !problem.message.empty(), "problems have a line");
}

void read_sequence(std::string text) {
  const auto& folder = scratch_folder();
  std::filesystem::create_directories(folder / "gt");
  for (const char* file : {"gt/gt.txt", "seqinfo.ini", "gt/labels.txt"}) {
    const std::size_t end = std::min(text.find("---\n"), text.size());
    std::ofstream(folder / file, std::ios::binary) << text.substr(0, end);
    text.erase(0, end + 4);
  }
  ReadLimits limits;
  limits.images = 1000;
  limits.objects_per_image = 100;
  const Dataset set = read_mot(folder, limits).dataset;
  require(set.images.size() <= limits.images, "the limit holds");
  for (const auto& image : set.images) require(safe_relative_path(image.file).has_value(), "images lie in the set");
  for (const auto& a : set.annotations) {
    require(a.image < set.images.size() && a.category < set.categories.size(), "objects are of an image and a class");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  try {
    if (data[0] % 2 == 0) read_rows(text);
    else read_sequence(std::string(text));
  } catch (const Error&) {
    // The one way in which text may be refused.
  }
  return 0;
}
