// Pictures held in memory as a model's input, and what passes through models on them.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <map>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "goshawk/core/recipe.h"
#include "goshawk/onnx/model.h"
#include "goshawk/runtime/plain_model.h"

namespace goshawk::optimize {

class Pictures {
 public:
  /// Those of `images` that can be read, as the input of `model`; as many as 2 GiB hold, but 16 in any case, spread over
  /// them. Throws Error{kBadConfig} for a model of several inputs or one that is not FP32, {kNotFound} for no image,
  /// {kBadData} when none can be read, {kInterrupted}.
  Pictures(const onnx::Model& model, const Recipe& recipe, const std::vector<std::filesystem::path>& images,
           std::stop_token stop = {});

  std::size_t count() const { return inputs_.size(); }

  using Values = std::map<std::string, const runtime::RawTensor*>;
  /// Runs `model` in FP32 on all cores, as far as `values` need it, and calls `look` with each picture's number and values.
  /// `model` has the input of the one that this was made with. Throws Error{kBadData}, {kInterrupted}.
  void watch(const onnx::Model& model, const std::set<std::string>& values,
             const std::function<void(std::size_t picture, const Values& values)>& look) const;

 private:
  std::vector<runtime::RawTensor> inputs_;
  std::stop_token stop_;
};

}  // namespace goshawk::optimize
