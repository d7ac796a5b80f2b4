// Times a tracker over the detections of a MOT sequence, and can write what it reports.
//
//   track_bench --det det.txt --tracker bytetrack [--repeat 7] [--tracks out.txt]
//
// Prints one line of JSON: the median over the runs of the mean processor time of a frame, and each run. A tracker uses one
// thread and waits for nothing, so its processor time is its time on a machine that is not busy with something else.
#include <algorithm>
#include <ctime>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "goshawk/core/error.h"
#include "goshawk/track/testing.h"
#include "goshawk/track/tracker.h"

namespace {

using goshawk::Detections;

struct Arguments {
  std::string det, tracker = "bytetrack", tracks;
  int repeat = 7;
};

Arguments parse(int argc, char** argv) {
  Arguments arguments;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string flag = argv[i], value = argv[i + 1];
    if (flag == "--det") arguments.det = value;
    else if (flag == "--tracker") arguments.tracker = value;
    else if (flag == "--tracks") arguments.tracks = value;
    else if (flag == "--repeat") arguments.repeat = std::max(1, std::stoi(value));
    else throw goshawk::Error(goshawk::ErrorCode::kUsage, "unknown flag " + flag);
  }
  if (arguments.det.empty()) throw goshawk::Error(goshawk::ErrorCode::kUsage, "--det FILE is needed");
  return arguments;
}

double processor_microseconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) / 1e3;
}

double run_once(const std::vector<Detections>& frames, const goshawk::track::TrackerOptions& options) {
  const auto tracker = goshawk::track::make_tracker(options);
  const double start = processor_microseconds();
  for (const Detections& detections : frames) tracker->update(detections, {});
  return (processor_microseconds() - start) / static_cast<double>(frames.size());
}

void write_tracks(const std::vector<Detections>& frames, const goshawk::track::TrackerOptions& options,
                  const std::string& path) {
  std::ofstream out(path);
  const auto tracker = goshawk::track::make_tracker(options);
  for (std::size_t i = 0; i < frames.size(); ++i) {
    for (const auto& track : tracker->update(frames[i], {})) {
      out << i + 1 << ',' << track.id << ',' << track.box.x1 << ',' << track.box.y1 << ',' << track.box.x2 << ','
          << track.box.y2 << '\n';
    }
  }
}

void run(const Arguments& arguments) {
  const std::vector<Detections> frames = goshawk::track::testing::read_mot_detections(arguments.det);
  const auto options = goshawk::track::tracker_by_name(arguments.tracker);
  std::vector<double> runs;
  run_once(frames, options);  // warms the caches
  for (int i = 0; i < arguments.repeat; ++i) runs.push_back(run_once(frames, options));
  std::vector<double> sorted = runs;
  std::sort(sorted.begin(), sorted.end());
  std::size_t count = 0;
  for (const Detections& detections : frames) count += detections.size();
  const nlohmann::json result = {{"tracker", arguments.tracker},
                                 {"frames", frames.size()},
                                 {"detections_per_frame", static_cast<double>(count) / static_cast<double>(frames.size())},
                                 {"us_per_frame", sorted[sorted.size() / 2]},
                                 {"runs_us", runs}};
  std::cout << result.dump() << '\n';
  if (!arguments.tracks.empty()) write_tracks(frames, options, arguments.tracks);
}

}  // namespace

int main(int argc, char** argv) try {
  run(parse(argc, argv));
  return 0;
} catch (const goshawk::Error& error) {
  std::cerr << error.describe() << '\n';
  return goshawk::exit_code(error.code());
} catch (const std::exception& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
