// Answers requests to many models, of which the last few used stay loaded: several_models FOLDER KEEP reads lines
// "MODEL PICTURE" and prints what that model of the folder finds on that picture.
#include <cstdlib>
#include <iostream>
#include <opencv2/core/mat.hpp>
#include <span>
#include <sstream>
#include <string>

#include "goshawk/core/error.h"
#include "goshawk/detect/detector.h"
#include "goshawk/media/image.h"
#include "goshawk/runtime/model_store.h"

namespace {

void answer(goshawk::runtime::ModelStore& store, const std::string& model, const std::string& picture) {
  const auto detector = goshawk::detect::Detector::load(store, model);
  const cv::Mat image = goshawk::media::read_image(picture);
  const auto detections = detector->detect(std::span(&image, 1));
  for (const auto& found : detections[0]) {
    std::cout << model << ' ' << goshawk::class_name(detector->recipe().class_names, found.class_id) << ' ' << found.score
              << ' ' << found.box.x1 << ' ' << found.box.y1 << ' ' << found.box.x2 << ' ' << found.box.y2 << '\n';
  }
}

}  // namespace

int main(int count, char** arguments) try {
  const int keep = count == 3 ? std::atoi(arguments[2]) : 0;
  if (keep < 1) {
    std::cerr << "several_models FOLDER KEEP\n";
    return 64;
  }
  goshawk::runtime::ModelStore store({.capacity = static_cast<std::size_t>(keep), .folders = {arguments[1]}});
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream words(line);
    std::string model, picture;
    words >> model >> picture;
    try {
      answer(store, model, picture);
    } catch (const goshawk::Error& error) {  // of this request: the next ones are answered
      std::cerr << error.describe() << '\n';
    }
  }
  const auto statistics = store.statistics();
  std::cerr << statistics.misses << " loads, " << statistics.hits << " hits that saved " << statistics.saved_ms << " ms, "
            << statistics.evictions << " evictions\n";
} catch (const goshawk::Error& error) {
  std::cerr << error.describe() << '\n';
  return goshawk::exit_code(error.code());
}
