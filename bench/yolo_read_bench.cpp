// Reading many YOLO label files: makes a set of FILES images (empty files; they are not opened) with 0 to 12 boxes each
// below FOLDER unless it is there, and times `read_yolo` over it.
//   yolo_read_bench FOLDER [FILES] [ROUNDS]
#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include "goshawk/core/error.h"
#include "goshawk/dataset/readers.h"

namespace {

namespace fs = std::filesystem;

void generate(const fs::path& root, int files) {
  fs::create_directories(root / "images/train");
  fs::create_directories(root / "labels/train");
  std::mt19937 random(1);
  std::uniform_real_distribution<double> fraction(0.1, 0.9);
  for (int i = 0; i < files; ++i) {
    const std::string stem = fmt::format("{:012}", i);
    std::ofstream(root / "images/train" / (stem + ".jpg"));
    std::string text;
    for (unsigned boxes = random() % 13; boxes > 0; --boxes) {
      text += fmt::format("{} {:.6f} {:.6f} {:.6f} {:.6f}\n", random() % 80, fraction(random), fraction(random),
                          fraction(random) / 5, fraction(random) / 5);
    }
    std::ofstream(root / "labels/train" / (stem + ".txt")) << text;
  }
  std::ofstream(root / "data.yaml") << "train: images/train\nval: images/train\nnc: 80\n";
}

}  // namespace

int main(int count, char** words) {
  if (count < 2) {
    fmt::print(stderr, "usage: yolo_read_bench FOLDER [FILES] [ROUNDS]\n");
    return 64;
  }
  const fs::path root = words[1];
  const int files = count > 2 ? std::atoi(words[2]) : 100'000, rounds = count > 3 ? std::atoi(words[3]) : 5;
  try {
    if (!fs::exists(root / "data.yaml")) generate(root, files);
    std::vector<double> seconds;
    for (int i = 0; i <= rounds; ++i) {
      const auto start = std::chrono::steady_clock::now();
      const auto result = goshawk::dataset::read_yolo(root / "data.yaml");
      const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
      if (i == 0)
        fmt::print("{} images, {} boxes, {} problems\n", result.dataset.images.size(), result.dataset.annotations.size(),
                   result.problems.size());
      else seconds.push_back(took.count());  // the first round warms the cache
    }
    std::sort(seconds.begin(), seconds.end());
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    fmt::print("median {:.2f} s of {} rounds ({:.2f} to {:.2f}), peak {} MB\n", seconds[seconds.size() / 2], rounds,
               seconds.front(), seconds.back(), usage.ru_maxrss / 1024);
  } catch (const goshawk::Error& error) {
    fmt::print(stderr, "{}\n", error.describe());
    return goshawk::exit_code(error.code());
  }
  return 0;
}
