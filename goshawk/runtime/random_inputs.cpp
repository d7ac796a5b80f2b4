#include "goshawk/runtime/random_inputs.h"

#include <algorithm>
#include <random>

#include "goshawk/core/error.h"

namespace goshawk::runtime {
namespace {

constexpr std::int64_t kMostValues = 1LL << 28;

std::size_t count_values(const TensorInfo& input, const std::vector<std::int64_t>& shape) {
  std::int64_t values = 1;
  for (const auto dimension : shape) {
    if (dimension < 0) {
      throw Error(ErrorCode::kBadConfig, "the size of the input '" + input.name + "' is open", "model inputs",
                  "Give --imgsz where it is an image, or export the model with a fixed size");
    }
    values *= std::min(dimension, kMostValues);
    if (values > kMostValues) {
      throw Error(ErrorCode::kBadConfig, "the input '" + input.name + "' is too large", "model inputs");
    }
  }
  return static_cast<std::size_t>(values);
}

}  // namespace

RandomInputs::RandomInputs(std::span<const TensorInfo> inputs, const std::vector<std::vector<std::int64_t>>& shapes) {
  require(inputs.size() == shapes.size(), "RandomInputs: one shape an input");
  std::mt19937 random(1);
  std::uniform_real_distribution<float> uniform(0, 1);
  values_.reserve(inputs.size());
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    auto& values = values_.emplace_back(count_values(inputs[i], shapes[i]), 0.0F);
    const bool real = inputs[i].type == ElementType::kFloat32 || inputs[i].type == ElementType::kFloat16 ||
                      inputs[i].type == ElementType::kFloat64;
    if (real) std::generate(values.begin(), values.end(), [&] { return uniform(random); });
    views_.push_back({values, shapes[i]});
  }
}

}  // namespace goshawk::runtime
