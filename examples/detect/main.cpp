// Prints what a model finds on pictures: detect MODEL.onnx PICTURE...
#include <iostream>
#include <opencv2/core/mat.hpp>
#include <span>

#include "goshawk/core/error.h"
#include "goshawk/detect/detector.h"
#include "goshawk/media/image.h"

int main(int count, char** arguments) try {
  if (count < 3) {
    std::cerr << "detect MODEL.onnx PICTURE...\n";
    return 64;
  }
  // The model knows how it is used: its recipe is in it. The device is the fastest that is here.
  const auto detector = goshawk::detect::Detector::load(arguments[1]);
  const auto& names = detector->recipe().class_names;
  for (int i = 2; i < count; ++i) {
    const cv::Mat image = goshawk::media::read_image(arguments[i]);
    const auto detections = detector->detect(std::span(&image, 1));  // an entry an image
    for (const auto& found : detections[0]) {
      const auto& box = found.box;  // pixels of the picture
      std::cout << arguments[i] << ' ' << goshawk::class_name(names, found.class_id) << ' ' << found.score << ' ' << box.x1
                << ' ' << box.y1 << ' ' << box.x2 << ' ' << box.y2 << '\n';
    }
  }
} catch (const goshawk::Error& error) {
  std::cerr << error.describe() << '\n';
  return goshawk::exit_code(error.code());
}
