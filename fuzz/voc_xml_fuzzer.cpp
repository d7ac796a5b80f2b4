// One VOC XML file. What is read is written, and reads back as itself.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>

#include "goshawk/core/error.h"
#include "goshawk/dataset/voc_xml.h"

namespace {

using namespace goshawk;           // NOLINT: a fuzzer
using namespace goshawk::dataset;  // NOLINT

VocFile read(const std::string& text, ProblemList& problems) {
  ReadLimits limits;
  limits.objects_per_image = 100;
  NotKept not_kept;
  return parse_voc(XmlFile::parse(text, "fuzz.xml", {.bytes = 1 << 20, .nodes = 20'000, .depth = 32}), "fuzz.xml", limits,
                   problems, not_kept);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ProblemList problems(100);
  VocFile voc;
  try {
    voc = read({reinterpret_cast<const char*>(data), size}, problems);
  } catch (const Error&) {
    return 0;  // the one way in which text may be refused
  }
  for (const auto& object : voc.objects) {
    require(std::isfinite(object.rectangle.area()), "boxes are finite");
    require(object.rectangle.width >= 0 && object.rectangle.height >= 0, "boxes have a size");
  }
  ProblemList none(100);
  const VocFile again = read(voc_text(voc, "folder"), none);
  require(again.objects.size() == voc.objects.size(), "what is written reads back");
  return 0;
}
