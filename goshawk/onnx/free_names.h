// Names for what is added to a model.
#pragma once

#include <string>
#include <unordered_map>
#include <unordered_set>

#include "goshawk/onnx/model.h"

namespace goshawk::onnx {

/// Names that no value, constant or node of a model has. Looks at the model once, when it is made: while it is used, names
/// come into the model from here only. Keeps no reference to it.
class FreeNames {
 public:
  explicit FreeNames(const Model& model);
  /// `wish`, or that with a number behind it. No later call gives the same.
  std::string take(const std::string& wish);

 private:
  std::unordered_set<std::string> taken_;
  std::unordered_map<std::string, int> last_;  // number behind a wish
};

}  // namespace goshawk::onnx
