// Runs goshawk's detector on raw images for detect_reference.py, which compares it with the families' own processing.
// detect_dump MODEL IMAGES OUT.json [--confidence X] [--iou X] [--batch N] [--tensors OUT.bin] [--device D]
// IMAGES: for each image int32 width, int32 height, then 8-bit BGR pixels; little endian.
// --boxes BOXES.json, a list of [x1, y1, x2, y2] for each image, makes MODEL a re-identification model whose vectors are
// written. --tensors writes each image's input tensor as float32, for models of a fixed size.
#include <cstdint>
#include <cstdio>
#include <exception>
#include <fstream>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <opencv2/core.hpp>
#include <string>
#include <vector>

#include "goshawk/core/error.h"
#include "goshawk/detect/detector.h"
#include "goshawk/detect/embedder.h"
#include "goshawk/detect/letterbox.h"

namespace {

using goshawk::detect::Detector;

std::vector<cv::Mat> read_images(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::vector<cv::Mat> images;
  std::int32_t size[2];
  while (in.read(reinterpret_cast<char*>(size), sizeof size)) {
    cv::Mat image(size[1], size[0], CV_8UC3);
    if (!in.read(reinterpret_cast<char*>(image.data), static_cast<std::streamsize>(image.total() * 3))) {
      throw std::runtime_error("truncated: " + path);
    }
    images.push_back(image);
  }
  return images;
}

void write_tensors(const std::string& path, const goshawk::Recipe& recipe, const std::vector<cv::Mat>& images) {
  std::ofstream out(path, std::ios::binary);
  std::vector<float> tensor(static_cast<std::size_t>(recipe.input_width) * static_cast<std::size_t>(recipe.input_height) *
                            3);
  for (const auto& image : images) {
    goshawk::detect::prepare(image, recipe, recipe.input_width, recipe.input_height, tensor);
    out.write(reinterpret_cast<const char*>(tensor.data()), static_cast<std::streamsize>(tensor.size() * sizeof(float)));
  }
}

nlohmann::json json_of(const goshawk::Detections& detections) {
  auto list = nlohmann::json::array();
  for (const auto& d : detections) {
    list.push_back({{"xyxy", {d.box.x1, d.box.y1, d.box.x2, d.box.y2}}, {"score", d.score}, {"class_id", d.class_id}});
  }
  return list;
}

void embed(const std::string& model, const std::vector<std::string>& arguments, const std::string& boxes_file) {
  goshawk::detect::EmbedderOptions options;
  options.session.device = goshawk::runtime::parse_device("cpu");
  options.session.precision = goshawk::runtime::Precision::kFp32;
  const auto embedder = goshawk::detect::Embedder::load(model, options);
  const auto lists = nlohmann::json::parse(std::ifstream(boxes_file));
  const std::vector<cv::Mat> images = read_images(arguments[0]);
  auto results = nlohmann::json::array();
  for (std::size_t i = 0; i < images.size(); ++i) {
    std::vector<goshawk::Box> boxes;
    for (const auto& box : lists.at(i)) boxes.push_back({box.at(0), box.at(1), box.at(2), box.at(3)});
    results.push_back(embedder->embed(images[i], boxes));
  }
  std::ofstream(arguments[1]) << results.dump();
}

void run(const std::string& model, const std::vector<std::string>& arguments, std::map<std::string, std::string>& flags) {
  goshawk::detect::DetectorOptions options;
  options.session.device = goshawk::runtime::parse_device(flags.contains("--device") ? flags["--device"] : "cpu");
  options.session.precision = goshawk::runtime::Precision::kFp32;
  if (flags.contains("--confidence")) options.confidence = std::stof(flags["--confidence"]);
  if (flags.contains("--iou")) options.iou = std::stof(flags["--iou"]);
  if (flags.contains("--recipe")) options.recipe = flags["--recipe"];
  const std::size_t batch = flags.contains("--batch") ? std::stoul(flags["--batch"]) : 1;
  const auto detector = Detector::load(model, options);
  const std::vector<cv::Mat> images = read_images(arguments[0]);
  if (flags.contains("--tensors")) write_tensors(flags["--tensors"], detector->recipe(), images);
  auto results = nlohmann::json::array();
  for (std::size_t begin = 0; begin < images.size(); begin += batch) {
    const auto part = std::span(images).subspan(begin, std::min(batch, images.size() - begin));
    for (const auto& detections : detector->detect(part)) results.push_back(json_of(detections));
  }
  std::ofstream(arguments[1]) << results.dump();
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  if (words.size() < 3 || words.size() % 2 == 0) {
    std::fputs("detect_dump MODEL IMAGES OUT.json [--confidence X] [--iou X] [--batch N] [--tensors OUT.bin] [--device D]\n",
               stderr);
    return 64;
  }
  std::map<std::string, std::string> flags;
  for (std::size_t i = 3; i + 1 < words.size(); i += 2) flags[words[i]] = words[i + 1];
  try {
    if (flags.contains("--boxes")) {
      embed(words[0], {words[1], words[2]}, flags["--boxes"]);
    } else {
      run(words[0], {words[1], words[2]}, flags);
    }
  } catch (const goshawk::Error& error) {
    std::fprintf(stderr, "%s\n", error.describe().c_str());
    return goshawk::exit_code(error.code());
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 70;
  }
  return 0;
}
