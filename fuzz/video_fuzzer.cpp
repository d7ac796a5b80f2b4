// Containers from outside, through the disk as users give them: libav must see a file.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "goshawk/core/error.h"
#include "goshawk/media/frame_map.h"
#include "goshawk/media/source.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const int file = ::memfd_create("fuzz", 0);
  if (::ftruncate(file, 0) != 0 || ::pwrite(file, data, size, 0) != static_cast<ssize_t>(size)) return 0;
  goshawk::media::SourceOptions options;
  options.threads = 1;
  options.max_frames = 8;
  options.limits = {512 * 512, 8};
  options.timeout = std::chrono::seconds(2);
  if (size % 3 == 1) options.start = goshawk::Microseconds(static_cast<std::int64_t>(size) * 100);
  const std::string path = "/proc/self/fd/" + std::to_string(file);
  try {
    if (size % 3 == 2) {  // some frames alone, by the file's packets
      auto map = goshawk::media::FrameMap::of_file(path, options, {});
      if (map) {
        const auto last = map->frames() - 1;
        options.chosen =
            goshawk::media::ChosenFrames{std::make_shared<const goshawk::media::FrameMap>(std::move(*map)), {last}};
      }
    }
    const auto source = goshawk::media::open_source(path, options);
    goshawk::Microseconds last(-1'000'000'000'000'000'000);
    while (const auto frame = source->read()) {
      goshawk::require(source->info().images || frame->pts > last, "times that do not grow");
      last = frame->pts;
    }
  } catch (const goshawk::Error&) {
    // Refusing is right.
  }
  return 0;
}
