#include "goshawk/benchmark/measure.h"

#include <algorithm>
#include <exception>
#include <mutex>
#include <numeric>
#include <thread>

#include "goshawk/core/error.h"

namespace goshawk::benchmark {
namespace {

float milliseconds(Clock::duration duration) { return std::chrono::duration<float, std::milli>(duration).count(); }

void check_stop(const MeasureOptions& options) {
  if (options.stop.stop_requested()) throw Error(ErrorCode::kInterrupted, "stopped while measuring");
}

/// Calls until `until`, once at least.
void call_until(const Contestant& contestant, std::size_t stream, Clock::time_point until, Round& round,
                const std::stop_token& stop) {
  auto now = Clock::now();
  do {
    const auto start = now;
    const StageTimes stages = contestant.call(stream);
    now = Clock::now();
    round.total.push_back(milliseconds(now - start));
    round.prepare.push_back(milliseconds(stages.prepare));
    round.inference.push_back(milliseconds(stages.inference));
    round.postprocess.push_back(milliseconds(stages.postprocess));
  } while (now < until && !stop.stop_requested());
}

void append(std::vector<float>& to, const std::vector<float>& from) { to.insert(to.end(), from.begin(), from.end()); }

/// Does `work(stream)` on as many threads as there are streams; the caller's is the first. Throws the first exception.
template <typename Work>
void on_all_streams(int streams, Work work) {
  std::exception_ptr failure;
  std::mutex mutex;
  const auto guarded = [&](std::size_t stream) {
    try {
      work(stream);
    } catch (...) {
      const std::lock_guard lock(mutex);
      if (!failure) failure = std::current_exception();
    }
  };
  {
    std::vector<std::jthread> others;
    for (int stream = 1; stream < streams; ++stream) others.emplace_back(guarded, static_cast<std::size_t>(stream));
    guarded(0);
  }
  if (failure) std::rethrow_exception(failure);
}

Round take_turn(const Contestant& contestant, Clock::duration time, const MeasureOptions& options) {
  std::vector<Round> parts(static_cast<std::size_t>(contestant.streams));
  const auto start = Clock::now();
  on_all_streams(contestant.streams,
                 [&](std::size_t stream) { call_until(contestant, stream, start + time, parts[stream], options.stop); });
  Round round = std::move(parts[0]);
  round.wall_ms = std::chrono::duration<double, std::milli>(Clock::now() - start).count();
  for (std::size_t i = 1; i < parts.size(); ++i) {
    append(round.total, parts[i].total);
    append(round.prepare, parts[i].prepare);
    append(round.inference, parts[i].inference);
    append(round.postprocess, parts[i].postprocess);
  }
  round.calls = round.total.size();
  return round;
}

void warm_up(const Contestant& contestant, const MeasureOptions& options, Samples& samples) {
  for (int i = 0; i < options.warm_up; ++i) {
    check_stop(options);
    const Round round = take_turn(contestant, {}, options);
    if (i == 0) samples.first_call_ms = round.total[0];
  }
}

/// Each contestant is first as often as any other, and follows each other one as often as it goes before it.
std::vector<std::size_t> order_of(std::size_t contestants, int round) {
  std::vector<std::size_t> order(contestants);
  std::iota(order.begin(), order.end(), 0);
  std::rotate(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(static_cast<std::size_t>(round) / 2 % contestants),
              order.end());
  if (round % 2 == 1) std::reverse(order.begin(), order.end());
  return order;
}

}  // namespace

std::vector<Samples> measure(std::span<const Contestant> contestants, const MeasureOptions& options) {
  require(!contestants.empty(), "measure: contestants");
  require(options.rounds > 0 && options.warm_up >= 0, "measure: rounds and warm-up");
  std::vector<Samples> all;
  for (const auto& contestant : contestants) {
    require(contestant.streams > 0 && contestant.items > 0, "measure: streams and items");
    Samples samples;
    samples.name = contestant.name;
    samples.streams = contestant.streams;
    samples.items = contestant.items;
    warm_up(contestant, options, samples);
    all.push_back(std::move(samples));
  }
  ResourceMonitor monitor(contestants.size(), options.gpu, options.sample);
  const auto turn = std::chrono::duration_cast<Clock::duration>(options.time) / options.rounds;
  const double turns = static_cast<double>(options.rounds) * static_cast<double>(contestants.size());
  double done = 0;
  for (int round = 0; round < options.rounds; ++round) {
    for (const std::size_t i : order_of(contestants.size(), round)) {
      check_stop(options);
      monitor.begin(i);
      all[i].rounds.push_back(take_turn(contestants[i], turn, options));
      monitor.end();
      if (options.warm_up == 0 && round == 0) all[i].first_call_ms = all[i].rounds[0].total[0];
      if (options.progress) options.progress(++done / turns);
    }
  }
  check_stop(options);
  for (std::size_t i = 0; i < all.size(); ++i) all[i].resources = monitor.resources()[i];
  return all;
}

}  // namespace goshawk::benchmark
