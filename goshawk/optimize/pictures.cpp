#include "goshawk/optimize/pictures.h"

#include <algorithm>
#include <cstdint>
#include <span>
#include <utility>

#include "goshawk/core/error.h"
#include "goshawk/optimize/calibrate.h"

namespace goshawk::optimize {
namespace {

constexpr std::uint64_t kMostBytes = 2ULL << 30, kLeast = 16;

}  // namespace

Pictures::Pictures(const onnx::Model& model, const Recipe& recipe, const std::vector<std::filesystem::path>& images,
                   std::stop_token stop)
    : stop_(std::move(stop)) {
  if (images.empty()) throw Error(ErrorCode::kNotFound, "there is no picture to look at");
  if (model.inputs.size() != 1 || model.inputs[0].type != onnx::ElementType::kFloat)
    throw Error(ErrorCode::kBadConfig, "looking at channels needs a model with one float input, an image");
  const auto bytes = static_cast<std::uint64_t>(recipe.input_width) * static_cast<std::uint64_t>(recipe.input_height) * 12;
  const std::size_t wanted =
      std::min<std::size_t>(images.size(), std::max(kLeast, kMostBytes / std::max<std::uint64_t>(bytes, 1)));
  std::string unreadable;
  for (std::size_t i = 0; i < wanted; ++i) {
    const auto& image = images[i * images.size() / wanted];
    if (stop_.stop_requested()) throw Error(ErrorCode::kInterrupted, "looking at pictures was stopped");
    try {
      inputs_.push_back(image_tensor(image, recipe, model.inputs[0]));
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kBadData && error.code() != ErrorCode::kNotFound) throw;
      unreadable = error.what();
    }
  }
  if (inputs_.empty()) throw Error(ErrorCode::kBadData, "no picture could be read", unreadable);
}

void Pictures::watch(const onnx::Model& model, const std::set<std::string>& values,
                     const std::function<void(std::size_t picture, const Values& values)>& look) const {
  runtime::PlainModel runs(onnx::serialize(with_outputs(model, values)), "pictures", {.threads = 0, .optimize = true});
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    if (stop_.stop_requested()) throw Error(ErrorCode::kInterrupted, "looking at pictures was stopped");
    const auto results = runs.run(std::span(&inputs_[i], 1));
    Values by_name;
    for (const auto& result : results) by_name[result.name] = &result;
    look(i, by_name);
  }
}

}  // namespace goshawk::optimize
