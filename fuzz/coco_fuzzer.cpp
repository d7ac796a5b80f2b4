// COCO labels, results and run lengths: what is taken holds together, what is not is one Error or a listed problem.
#include <cmath>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "fuzz/scratch.h"
#include "goshawk/core/error.h"
#include "goshawk/dataset/coco.h"
#include "goshawk/dataset/rle.h"

using namespace goshawk;           // NOLINT: a fuzzer
using namespace goshawk::dataset;  // NOLINT

namespace {

const std::filesystem::path& scratch() {
  static const std::filesystem::path path = scratch_folder() / "coco.json";
  return path;
}

void check(const Dataset& set) {
  for (const auto& annotation : set.annotations) {
    require(annotation.image < set.images.size() && annotation.category < set.categories.size(), "indices are in range");
    require(std::isfinite(annotation.rectangle.x) && std::isfinite(annotation.area), "numbers are finite");
    require(annotation.mask < static_cast<std::int64_t>(set.masks.size()), "masks are there");
  }
  for (const auto& mask : set.masks) {
    if (const auto* runs = std::get_if<RunLengths>(&mask)) require(covers_image(*runs), "runs cover their size");
    else require(covers_image(mask_in_image(mask, 37, 53)), "polygons can be drawn");
  }
}

void read_files(std::string_view text) {
  std::ofstream(scratch(), std::ios::binary) << text;
  const auto truth = read_coco_truth(scratch(), CocoParts::kBoxesAndMasks);
  check(truth.dataset);
  check(read_coco(scratch()).dataset);
}

void read_results(std::string_view text) {
  std::ofstream(scratch(), std::ios::binary) << text;
  Dataset truth;
  truth.images.emplace_back().id = 1;
  truth.categories.push_back({1, "one"});
  auto results = read_coco_results(scratch(), CocoParts::kBoxesAndMasks);
  for (const auto& item : resolve(results, truth).items) require(std::isfinite(item.score), "scores are finite");
}

void read_runs(std::string_view text) {
  const auto counts = decode_runs(text, 100, 100);
  if (counts) require(decode_runs(encode_runs(*counts), 100, 100) == counts, "runs read back");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  try {
    if (data[0] % 3 == 0) read_files(text);
    else if (data[0] % 3 == 1) read_results(text);
    else read_runs(text);
  } catch (const Error&) {
    // The one way in which text may be refused.
  }
  return 0;
}
