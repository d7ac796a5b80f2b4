// The training loader alone: batches of changed pictures, as `goshawk train` takes them, without a network.
//   loader_bench DATA [--imgsz 320] [--batch 16] [--workers 2] [--epochs 5] [--cache-gb 2]
//
// Prints one line of JSON: images/s and processor time an image of the first epoch, in which pictures are decoded, and of
// the middle one of the others.
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "goshawk/core/error.h"
#include "goshawk/dataset/formats.h"
#include "goshawk/train/loader.h"
#include "goshawk/train/training_set.h"

namespace {

struct Arguments {
  std::string data;
  int imgsz = 320, batch = 16, workers = 2, epochs = 5;
  double cache_gb = 2;
};

Arguments parse(int argc, char** argv) {
  Arguments arguments;
  if (argc < 2) throw goshawk::Error(goshawk::ErrorCode::kUsage, "a data set is needed");
  arguments.data = argv[1];
  for (int i = 2; i + 1 < argc; i += 2) {
    const std::string flag = argv[i], value = argv[i + 1];
    if (flag == "--imgsz") arguments.imgsz = std::stoi(value);
    else if (flag == "--batch") arguments.batch = std::stoi(value);
    else if (flag == "--workers") arguments.workers = std::stoi(value);
    else if (flag == "--epochs") arguments.epochs = std::max(2, std::stoi(value));
    else if (flag == "--cache-gb") arguments.cache_gb = std::stod(value);
    else throw goshawk::Error(goshawk::ErrorCode::kUsage, "unknown flag " + flag);
  }
  return arguments;
}

double processor_seconds() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& t) { return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6; };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

struct Epoch {
  double images_per_second = 0, processor_ms_per_image = 0;
};

Epoch run_epoch(goshawk::train::ImageStore& store, const goshawk::train::LoaderOptions& options, int number) {
  const auto start = std::chrono::steady_clock::now();
  const double processor = processor_seconds();
  double images = 0;
  {
    goshawk::train::EpochLoader loader(store, options, number, true);
    while (const auto batch = loader.next()) images += static_cast<double>(batch->size());
  }
  const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - start;
  return {images / wall.count(), (processor_seconds() - processor) * 1e3 / images};
}

void run(const Arguments& arguments) {
  const auto read = goshawk::dataset::read_dataset(arguments.data);
  const auto set = goshawk::train::make_training_set(read.dataset);
  goshawk::train::ImageCache cache;
  cache.memory_bytes = static_cast<std::uint64_t>(arguments.cache_gb * 1e9);
  goshawk::train::ImageStore store(set.train, arguments.imgsz, cache);
  goshawk::train::LoaderOptions options;
  options.batch = arguments.batch;
  options.workers = arguments.workers;
  std::vector<Epoch> epochs;
  for (int i = 0; i < arguments.epochs; ++i) epochs.push_back(run_epoch(store, options, i));
  const auto json = [](const Epoch& epoch) {
    return nlohmann::json{{"images_per_second", epoch.images_per_second},
                          {"processor_ms_per_image", epoch.processor_ms_per_image}};
  };
  const Epoch first = epochs.front();
  epochs.erase(epochs.begin());
  const auto middle = epochs.begin() + static_cast<std::ptrdiff_t>(epochs.size() / 2);
  std::nth_element(epochs.begin(), middle, epochs.end(),
                   [](const Epoch& a, const Epoch& b) { return a.images_per_second < b.images_per_second; });
  std::cout << nlohmann::json{{"images", store.size()}, {"first", json(first)}, {"cached", json(*middle)}}.dump() << '\n';
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
