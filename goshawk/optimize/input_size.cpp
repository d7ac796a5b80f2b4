#include "goshawk/optimize/input_size.h"

#include <fmt/format.h>

#include <vector>

#include "goshawk/core/error.h"
#include "goshawk/optimize/shapes.h"
#include "goshawk/optimize/size_constants.h"
#include "goshawk/runtime/plain_model.h"

namespace goshawk::optimize {
namespace {

/// Throws what ONNX Runtime says of shapes that do not meet, when loading or when running.
void try_out(const onnx::Model& model, const onnx::ValueInfo& input, Layout layout) {
  runtime::PlainModel loaded(onnx::serialize(model), "model", {.threads = 1, .optimize = false});
  std::vector<runtime::RawTensor> inputs;
  for (const auto& info : loaded.inputs()) {
    require(info.name == input.name, "a detector's only input is the picture");
    auto shape = info.shape;
    shape[layout == Layout::kNchw ? 1 : 3] = 3;  // it may be open
    const std::vector<float> zeros(onnx::count_of(shape).value());
    inputs.push_back(runtime::RawTensor::of(info.name, shape, zeros));
  }
  loaded.run(inputs);
}

}  // namespace

void set_input_size(onnx::Model& model, Recipe& recipe, int side) {
  constexpr int kMost = 16384;
  if (side < recipe.stride || side > kMost || side % recipe.stride != 0)
    throw Error(ErrorCode::kUsage, fmt::format("must be a multiple of {}, at most {}", recipe.stride, kMost), "--imgsz");
  recipe.input_width = recipe.input_height = side;
  if (recipe.dynamic_size) return;

  require(!model.inputs.empty(), "a detector has an input");
  auto& input = model.inputs[0];
  if (model.inputs.size() != 1 || !input.shape || input.shape->size() != 4)
    throw Error(ErrorCode::kBadConfig, "the model's only input must be [N, 3, height, width] or [N, height, width, 3]");
  const std::size_t height = recipe.layout == Layout::kNchw ? 2 : 1;
  auto& rows = (*input.shape)[height];
  auto& columns = (*input.shape)[height + 1];
  const bool was_fixed = std::holds_alternative<std::int64_t>(rows) && std::holds_alternative<std::int64_t>(columns);
  const Extent before =
      was_fixed ? Extent{std::get<std::int64_t>(columns), std::get<std::int64_t>(rows)} : Extent{side, side};
  const auto types_before = infer_types(model);
  rows = columns = std::int64_t{side};
  model.values.clear();
  for (auto& output : model.outputs) output.shape.reset();
  try {
    follow_input_size(model, types_before, before, {side, side});
    const auto types = infer_types(model);
    for (auto& output : model.outputs) {
      auto& shape = output.shape.emplace();
      const auto& now = types.at(output.name).shape;
      for (const auto d : now) {
        if (d >= 0) shape.emplace_back(d);
        else shape.emplace_back(std::string());
      }
      const auto was = types_before.find(output.name);
      if (was != types_before.end() && keeps_old_places(was->second.shape, now, before, {side, side}))
        throw Error(ErrorCode::kBadConfig, "'" + output.name + "' does not get the places of the new size");
    }
    if (std::holds_alternative<std::int64_t>((*input.shape)[0])) try_out(model, input, recipe.layout);
  } catch (const Error& error) {
    throw Error(ErrorCode::kBadConfig, std::string("the graph holds constants made for its own size: ") + error.what(),
                "--imgsz", "Export it at this size, or with a dynamic size, from what it was made with.");
  }
}

}  // namespace goshawk::optimize
