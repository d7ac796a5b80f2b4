// Latency and throughput, measured so that figures can be compared: contestants take turns, so that what else happens on
// the machine meets them all.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "goshawk/benchmark/resources.h"

namespace goshawk::benchmark {

using Clock = std::chrono::steady_clock;

/// Where the time of one call went; the clock of the measurement itself gives the whole.
struct StageTimes {
  Clock::duration prepare{}, inference{}, postprocess{};
};

/// Something that can be done again and again. `call` returns when the work is done, on a GPU too.
struct Contestant {
  std::string name;
  int streams = 1;  // threads that call at the same time, each with its own number from 0
  int items = 1;    // images a call
  std::function<StageTimes(std::size_t stream)> call;
};

struct MeasureOptions {
  int warm_up = 5;                             // calls of each stream that do not count
  std::chrono::milliseconds time{3000};        // that each contestant is measured, warm-up aside
  int rounds = 20;                             // turns of each contestant; at least 2 for intervals
  int gpu = -1;                                // number of the GPU whose memory and use are sampled; -1: none
  std::chrono::milliseconds sample{50};        // between two looks at memory
  std::stop_token stop;                        // then Error{kInterrupted}
  std::function<void(double share)> progress;  // of all the work, 0..1, in the caller's thread; may be empty
};

/// One turn of one contestant. Times are milliseconds a call; the four lists are equally long, and in no order between
/// streams. Rounds of a file have the times of some calls only, and those of stages not at all.
struct Round {
  std::vector<float> total, prepare, inference, postprocess;
  double wall_ms = 0;     // of the turn
  std::size_t calls = 0;  // that were made in the turn
  bool operator==(const Round&) const = default;
};

/// All that was measured of one contestant. At least one call a round and stream.
struct Samples {
  std::string name;
  int streams = 1, items = 1;
  double first_call_ms = 0;  // the first call of all, which warm-up hides
  std::vector<Round> rounds;
  Resources resources;  // of the process during the turns
};

/// Warms every contestant up, then gives each its turns: round by round, in an order that shifts from round to round and
/// runs backwards in every second one. A turn lasts time / rounds, and one call of each stream at least. With one stream the
/// calls are made in the caller's thread. SHAPE: contestants. What a call throws is thrown; Error{kInterrupted}.
std::vector<Samples> measure(std::span<const Contestant> contestants, const MeasureOptions& options = {});

}  // namespace goshawk::benchmark
