// frames.json: what is taken names plain files once each, and is written so that the same list reads back.
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <set>
#include <string>

#include "fuzz/scratch.h"
#include "goshawk/core/error.h"
#include "goshawk/dataset/frame_list.h"

using namespace goshawk;           // NOLINT: a fuzzer
using namespace goshawk::dataset;  // NOLINT

namespace {

FrameList read(const std::string& text) {
  const auto file = scratch_folder() / "frames.json";
  std::ofstream(file, std::ios::binary) << text;
  return read_frame_list(file);
}

void check(const FrameList& list) {
  std::set<std::string> files;
  for (const auto& frame : list.frames) {
    require(is_plain_file_name(frame.file) && files.insert(frame.file).second, "files are plain names, once each");
    require(frame.source < list.sources.size() && frame.index >= 0 && frame.time.count() >= 0, "frames are of a source");
  }
  for (const auto& source : list.sources) require(is_plain_file_name(source.name), "names begin names of files");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  FrameList list;
  try {
    list = read({reinterpret_cast<const char*>(data), size});
  } catch (const Error&) {
    return 0;  // the one way in which text may be refused
  }
  check(list);
  const std::string text = to_text(list);  // frame rates and times are shortened the first time
  require(to_text(read(text)) == text, "what is written reads back");
  return 0;
}
