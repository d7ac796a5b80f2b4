// Lines and zones of flags and files, tracker options, and the counters and trackers that are made of them.
#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include "goshawk/core/document.h"
#include "goshawk/core/error.h"
#include "goshawk/track/signals.h"
#include "goshawk/track/tracker.h"
#include "goshawk/track/zones.h"

namespace {

using namespace goshawk;         // NOLINT: a fuzzer
using namespace goshawk::track;  // NOLINT

/// Leads an object around through zones that were accepted.
void count(const std::vector<Zone>& zones) {
  if (zones.empty() || zones.size() > 20) return;
  ZoneCounter counter(zones, {"person", "car"}, {640, 360});
  for (int i = 0; i < 40; ++i) {
    const auto x = static_cast<float>(i * 20 % 640), y = static_cast<float>(i * 37 % 360);
    const Track track{1, {x, y, x + 30, y + 30}, 0.9F, i / 20, 0, i};
    counter.update(std::span(&track, 1), Microseconds(i * 1'000'000));
  }
  for (const ZoneCounts& counts : counter.counts()) require(counts.total().out <= counts.total().in + 40, "counts are sane");
}

void run_tracker(const TrackerOptions& options) {
  const auto tracker = make_tracker(options);
  for (int i = 0; i < 5; ++i) {
    const auto x = static_cast<float>(i * 5);
    tracker->update(Detections{{{x, 0, x + 30, 60}, 0.95F, 0, {}}, {{x + 9, 0, x + 40, 60}, 0.4F, 1, {}}}, {});
    tracker->predict();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string text(reinterpret_cast<const char*>(data + 1), size - 1);
  try {
    switch (data[0] % 5) {
      case 0:
        count({parse_line(text, 1)});
        break;
      case 1:
        count({parse_polygon(text, 1)});
        break;
      case 2:
        count(zones_of(parse_yaml(text, "fuzz"), "fuzz"));
        break;
      case 3:
        run_tracker(tracker_options_of(parse_yaml(text, "fuzz"), "fuzz"));
        break;
      default:
        parse_signal_target(text);
        break;
    }
  } catch (const Error&) {
    // The one way in which text may be refused.
  }
  return 0;
}
