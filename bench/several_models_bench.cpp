// Memory and threads of a process that holds copies of a model, and how long a run takes.
//
//   several_models_bench shared|apart cpu|openvino MODEL [COPIES]
//
// `shared`: sessions of a ModelStore; `apart`: each by itself. Prints one line of JSON: resident bytes and threads of the
// process after each copy was loaded and run three times, and the median and least milliseconds of 60 runs over all.
#include <algorithm>
#include <chrono>
#include <filesystem>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "goshawk/core/error.h"
#include "goshawk/core/scratch_folder.h"
#include "goshawk/runtime/memory.h"
#include "goshawk/runtime/model_store.h"
#include "goshawk/runtime/random_inputs.h"

namespace {

namespace fs = std::filesystem;
using goshawk::runtime::Session;

std::vector<std::vector<std::int64_t>> shapes_of(const Session& session) {
  std::vector<std::vector<std::int64_t>> shapes;
  for (const auto& input : session.inputs()) {
    shapes.push_back(input.shape);
    for (auto& side : shapes.back()) side = side < 0 ? 1 : side;
  }
  return shapes;
}

void run(bool shared, const std::string& device, const fs::path& model, int copies) {
  const goshawk::ScratchFolder folder;
  goshawk::runtime::SessionOptions options;
  options.device = goshawk::runtime::parse_device(device);
  goshawk::runtime::ModelStore store({.capacity = static_cast<std::size_t>(copies), .folders = {folder.path()}});
  std::vector<std::shared_ptr<Session>> sessions;
  nlohmann::ordered_json memory, threads;
  std::unique_ptr<goshawk::runtime::RandomInputs> inputs;
  for (int i = 0; i < copies; ++i) {
    const std::string name = "copy" + std::to_string(i);
    const fs::path file = folder.path() / (name + ".onnx");
    fs::copy_file(model, file);
    if (shared) sessions.push_back(store.get(name, options));
    else sessions.push_back(Session::load(file, options));
    if (!inputs) inputs = std::make_unique<goshawk::runtime::RandomInputs>(sessions[0]->inputs(), shapes_of(*sessions[0]));
    for (int k = 0; k < 3; ++k) sessions.back()->run(inputs->views());
    memory.push_back(goshawk::runtime::process_memory().resident);
    const fs::directory_iterator tasks("/proc/self/task");
    threads.push_back(std::distance(begin(tasks), end(tasks)));
  }
  std::vector<double> milliseconds;
  for (int k = 0; k < 60; ++k) {
    const auto start = std::chrono::steady_clock::now();
    sessions[static_cast<std::size_t>(k % copies)]->run(inputs->views());
    const std::chrono::duration<double, std::milli> taken = std::chrono::steady_clock::now() - start;
    milliseconds.push_back(taken.count());
  }
  std::ranges::sort(milliseconds);
  std::cout << nlohmann::ordered_json{{"resident_bytes", memory},
                                      {"threads", threads},
                                      {"median_ms", milliseconds[30]},
                                      {"least_ms", milliseconds[0]}}
                   .dump()
            << '\n';
}

}  // namespace

int main(int count, char** arguments) try {
  const std::string way = count > 1 ? arguments[1] : "";
  const int copies = count == 5 ? std::stoi(arguments[4]) : 4;
  if (count < 4 || count > 5 || (way != "shared" && way != "apart") || copies < 1) {
    std::cerr << "several_models_bench shared|apart cpu|openvino MODEL [COPIES]\n";
    return 64;
  }
  run(way == "shared", arguments[2], arguments[3], copies);
} catch (const goshawk::Error& error) {
  std::cerr << error.describe() << '\n';
  return goshawk::exit_code(error.code());
} catch (const std::exception& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
