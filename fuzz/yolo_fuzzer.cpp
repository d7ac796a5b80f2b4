// YOLO label text, data.yaml and lists of images from anywhere.
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>

#include "fuzz/scratch.h"
#include "goshawk/core/error.h"
#include "goshawk/dataset/readers.h"
#include "goshawk/dataset/yolo_text.h"

namespace {

using namespace goshawk;           // NOLINT: a fuzzer
using namespace goshawk::dataset;  // NOLINT

ReadLimits small_limits() {
  ReadLimits limits;
  limits.images = 1000;
  limits.objects_per_image = 100;
  limits.problems = 10;
  return limits;
}

/// Boxes that were taken can be written and read back.
void read_labels(const std::string& text) {
  const ReadLimits limits = small_limits();
  const YoloClasses classes({{0, "x", ""}, {2, "y", ""}});
  YoloObjects objects;
  ProblemList problems(limits.problems);
  parse_yolo_text(text, "a.txt", 0, classes, limits, objects, problems);
  require(objects.annotations.size() <= limits.objects_per_image, "the limit holds");
  for (const auto& a : objects.annotations) {
    require(a.category < 2 && a.rectangle.width >= 0 && a.rectangle.height >= 0, "what is listed is not taken");
    std::string line = a.category == 0 ? "0" : "2";
    const auto number = [&](double value) { append_fraction(line += ' ', value); };
    number(a.rectangle.x + a.rectangle.width / 2);
    number(a.rectangle.y + a.rectangle.height / 2);
    number(a.rectangle.width);
    number(a.rectangle.height);
    YoloObjects again;
    ProblemList none(1);
    parse_yolo_text(line, "again", 0, classes, limits, again, none);
    // An outline may reach 0.01 beyond the image on both sides, and its extent then is wider than a box may be.
    require(again.annotations.size() == 1 || a.mask >= 0, "a box reads back");
  }
}

/// With one image in it.
const std::filesystem::path& folder() {
  static const std::filesystem::path& kFolder = []() -> const std::filesystem::path& {
    const auto& path = scratch_folder();
    std::filesystem::create_directories(path / "images");
    std::ofstream(path / "images/a.png") << "";
    return path;
  }();
  return kFolder;
}

void read_config(const std::string& text) {
  const auto file = folder() / "data.yaml";
  std::ofstream(file, std::ios::binary) << "train: images\n" << text;
  read_yolo(file, small_limits());
}

void read_list(const std::string& text) {
  const auto file = folder() / "data.yaml";
  std::ofstream(file) << "train: list.txt\nnames: [x]\n";
  std::ofstream(folder() / "list.txt", std::ios::binary) << text;
  const auto limits = small_limits();
  require(read_yolo(file, limits).dataset.images.size() <= limits.images, "the limit holds");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string text(reinterpret_cast<const char*>(data + 1), size - 1);
  try {
    if (data[0] % 3 == 0) read_labels(text);
    else if (data[0] % 3 == 1) read_config(text);
    else read_list(text);
  } catch (const Error&) {
    // The one way in which text may be refused.
  }
  return 0;
}
