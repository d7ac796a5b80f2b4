// The texts of a deployment package.
#pragma once

#include <string>
#include <vector>

namespace goshawk::cli {

/// A model in words, for tables.
struct PackagedModel {
  std::string file;      // "models/yolov8n.onnx"
  std::string network;   // "yolov8, 80 classes, 640x640"
  std::string size;      // "12.85 MB"
  std::string time;      // "17.3 ms", a picture
  std::string device;    // "openvino bf16", where that was measured
  std::string accuracy;  // AP50-95 in points, "37.30"; "-" where it was not measured
};

/// README.md: what is in the package, how to check and use it.
std::string package_readme(const std::string& name, const std::vector<PackagedModel>& models);
/// A minimal program over the library, and its CMakeLists.txt: those of examples/detect.
std::string package_program();
std::string package_cmake();
/// A systemd unit that tracks a camera or stream with the first model.
std::string package_unit(const std::string& name, const std::string& model_file);

}  // namespace goshawk::cli
