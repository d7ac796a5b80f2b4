// Detections of the MOT challenge, for tests and benchmarks of trackers only.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "goshawk/core/detection.h"

namespace goshawk::track::testing {

/// Lines `frame,id,x,y,w,h,score,...`; element 0 is frame 1. Frames without detections are empty.
inline std::vector<Detections> read_mot_detections(const std::filesystem::path& path) {
  std::ifstream file(path);
  if (!file) throw std::runtime_error("cannot open " + path.string());
  std::vector<Detections> frames;
  for (std::string line; std::getline(file, line);) {
    std::istringstream cells(line);
    std::vector<std::string> values;
    for (std::string cell; std::getline(cells, cell, ',');) values.push_back(cell);
    if (values.size() < 7) continue;
    const std::size_t frame = std::stoul(values[0]);
    if (frames.size() < frame) frames.resize(frame);
    const auto number = [&](int column) { return std::strtof(values[column].c_str(), nullptr); };
    const float x = number(2), y = number(3);
    frames[frame - 1].push_back({{x, y, x + number(4), y + number(5)}, number(6), 0, {}});
  }
  return frames;
}

}  // namespace goshawk::track::testing
