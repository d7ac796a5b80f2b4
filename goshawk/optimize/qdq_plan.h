// Which layers and values of a model go into eight bits, and which values share a scale.
#pragma once

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "goshawk/optimize/quantize.h"

namespace goshawk::optimize {

/// Sets of values that share one scale.
class ScaleGroups {
 public:
  /// The value that stands for the group of `value`.
  std::string find(const std::string& value);
  void join(const std::string& a, const std::string& b);

 private:
  std::map<std::string, std::string> parent_;
};

struct QdqPlan {
  std::vector<std::size_t> layers;    // places of the nodes, rising
  std::vector<std::string> in_float;  // labels of the products that stay
  std::set<std::string> values;       // that are kept in eight bits, with one scale
  std::set<std::string> passed_on;    // those of `values` that are only picked from other values
  std::set<std::string> by_channel;   // values with a scale for each channel: inputs of depthwise convolutions alone
  ScaleGroups groups;
};

/// Throws Error{kBadConfig} when nothing can be quantized.
QdqPlan plan_qdq(const onnx::Model& model, const Calibration& calibration, const QuantizeOptions& options);

}  // namespace goshawk::optimize
