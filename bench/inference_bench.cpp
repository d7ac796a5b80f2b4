// Does goshawk/benchmark tell the truth? Medians of inference against a plain loop over ONNX Runtime's C++ API in the same
// process and in turns, and what the measurement itself costs. Both run on the CPU provider with the same threads.
//
//   inference_bench MODEL.onnx [ROUNDS] [SECONDS A TURN]
//
// Ends with 1 when a goal is missed: medians within 3 %, own cost below 1 % of a model of 5 ms.
#include <onnxruntime_cxx_api.h>
#include <onnxruntime_session_options_config_keys.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <numeric>
#include <span>
#include <string>
#include <vector>

#include "goshawk/benchmark/models.h"
#include "goshawk/benchmark/statistics.h"
#include "goshawk/core/machine.h"
#include "goshawk/runtime/random_inputs.h"
#include "goshawk/runtime/session.h"

namespace {

using namespace goshawk;
using Clock = std::chrono::steady_clock;
using Milliseconds = std::chrono::duration<double, std::milli>;

double median_of(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

/// Nothing but the API: one session, one input, one loop.
class PlainLoop {
 public:
  PlainLoop(const std::string& model, const std::vector<std::int64_t>& shape) : shape_(shape) {
    Ort::SessionOptions options;
    options.SetIntraOpNumThreads(usable_cores());
    options.AddConfigEntry(kOrtSessionOptionsConfigAllowIntraOpSpinning, "0");  // as goshawk does
    session_ = Ort::Session(env_, model.c_str(), options);
    Ort::AllocatorWithDefaultOptions allocator;
    input_name_ = session_.GetInputNameAllocated(0, allocator).get();
    for (std::size_t i = 0; i < session_.GetOutputCount(); ++i) {
      output_names_.emplace_back(session_.GetOutputNameAllocated(i, allocator).get());
    }
    for (const auto& name : output_names_) outputs_.push_back(name.c_str());
    std::int64_t count = 1;
    for (const auto dimension : shape) count *= dimension;
    values_.assign(static_cast<std::size_t>(count), 0.5F);
  }

  void run_for(Clock::duration time, std::vector<double>& times) {
    const auto memory = Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault);
    const char* input = input_name_.c_str();
    const auto until = Clock::now() + time;
    do {
      const auto start = Clock::now();
      auto value = Ort::Value::CreateTensor<float>(memory, values_.data(), values_.size(), shape_.data(), shape_.size());
      const auto results = session_.Run({}, &input, &value, 1, outputs_.data(), outputs_.size());
      times.push_back(Milliseconds(Clock::now() - start).count());
    } while (Clock::now() < until);
  }

 private:
  Ort::Env env_{ORT_LOGGING_LEVEL_ERROR};
  Ort::Session session_{nullptr};
  std::vector<std::int64_t> shape_;
  std::string input_name_;
  std::vector<std::string> output_names_;
  std::vector<const char*> outputs_;
  std::vector<float> values_;
};

/// What a call costs besides what it does, in microseconds: calls of 5 ms that time themselves, and the wall time of a turn
/// beyond their sum. The median over turns, for the machine may take the processor away between two calls.
double own_cost() {
  std::vector<double> own;  // milliseconds that each call took by its own clock
  benchmark::Contestant spin;
  spin.call = [&](std::size_t) {
    const auto start = Clock::now();
    auto now = start;
    while (now - start < std::chrono::milliseconds(5)) now = Clock::now();
    own.push_back(Milliseconds(now - start).count());
    return benchmark::StageTimes{};
  };
  benchmark::MeasureOptions options;
  const auto rounds = benchmark::measure(std::span(&spin, 1), options)[0].rounds;
  std::size_t next = own.size();
  for (const auto& round : rounds) next -= round.total.size();  // warm-up calls come first
  std::vector<double> costs;
  for (const auto& round : rounds) {
    const auto first = own.begin() + static_cast<std::ptrdiff_t>(next);
    next += round.total.size();
    const double inside = std::accumulate(first, own.begin() + static_cast<std::ptrdiff_t>(next), 0.0);
    costs.push_back((round.wall_ms - inside) * 1000 / static_cast<double>(round.total.size()));
  }
  return median_of(costs);
}

int compare(const std::string& model, int rounds, double seconds) {
  runtime::SessionOptions session_options;
  session_options.device = {runtime::DeviceKind::kCpu, 0};
  const auto session = runtime::Session::load(model, session_options);
  const std::vector<std::vector<std::int64_t>> shapes{session->inputs().at(0).shape};
  const runtime::RandomInputs inputs(session->inputs(), shapes);
  benchmark::Contestant contestant;  // inference alone, as models that are no detectors are measured
  contestant.call = [&](std::size_t) {
    const auto start = Clock::now();
    session->run(inputs.views());
    return benchmark::StageTimes{.inference = Clock::now() - start};
  };
  PlainLoop plain(model, shapes[0]);
  std::vector<double> plain_times, own_times, warm_up;
  const auto turn = std::chrono::milliseconds(static_cast<std::int64_t>(seconds * 1000));
  plain.run_for(turn, warm_up);
  benchmark::MeasureOptions options;
  options.time = turn;
  options.rounds = 1;
  for (int round = 0; round < rounds; ++round) {
    if (round % 2 == 0) plain.run_for(turn, plain_times);
    options.warm_up = round == 0 ? 5 : 1;
    for (const auto& own : benchmark::measure(std::span(&contestant, 1), options)[0].rounds) {
      own_times.insert(own_times.end(), own.inference.begin(), own.inference.end());
    }
    if (round % 2 == 1) plain.run_for(turn, plain_times);
  }
  const double theirs = median_of(plain_times), ours = median_of(own_times), cost = own_cost();
  std::printf("plain loop           %8.3f ms  (median of %zu calls)\n", theirs, plain_times.size());
  std::printf("goshawk, inference   %8.3f ms  (median of %zu calls)\n", ours, own_times.size());
  std::printf("difference           %+8.2f %%   goal: at most 3 %% either way\n", 100 * (ours / theirs - 1));
  std::printf("own cost of a call   %8.2f us  %.3f %% of a model of 5 ms, goal: at most 1 %%\n", cost, cost / 50);
  return std::abs(ours / theirs - 1) <= 0.03 && cost <= 50 ? 0 : 1;
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 2) {
    std::fprintf(stderr, "inference_bench MODEL.onnx [ROUNDS] [SECONDS A TURN]\n");
    return 64;
  }
  try {
    return compare(arguments[1], count > 2 ? std::atoi(arguments[2]) : 100, count > 3 ? std::atof(arguments[3]) : 0.1);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 70;
  }
}
