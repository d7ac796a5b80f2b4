#include "goshawk/optimize/size_constants.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <numeric>
#include <optional>
#include <vector>

#include "goshawk/core/error.h"
#include "goshawk/onnx/free_names.h"
#include "goshawk/onnx/wiring.h"
#include "goshawk/optimize/shapes.h"

namespace goshawk::optimize {
namespace {

using onnx::Model;
using onnx::Shape;
using onnx::Tensor;

std::int64_t product(Shape::const_iterator begin, Shape::const_iterator end) {
  return std::accumulate(begin, end, std::int64_t{1}, std::multiplies<>());
}
std::int64_t product(const Shape& shape) { return product(shape.begin(), shape.end()); }

/// A place of the output grid: its column and row, and the stride.
struct Place {
  float column, row, stride;
};

/// By rising stride, row by row.
std::vector<Place> places_of(Extent extent, const std::vector<int>& strides) {
  std::vector<Place> places;
  for (const int stride : strides) {
    for (std::int64_t y = 0; y < extent.height / stride; ++y) {
      for (std::int64_t x = 0; x < extent.width / stride; ++x)
        places.push_back({static_cast<float>(x), static_cast<float>(y), static_cast<float>(stride)});
    }
  }
  return places;
}

/// What exporters note of a place: its stride; its corner or centre, in strides or in pixels.
constexpr std::array<float (*)(const Place&), 9> kNotes{
    [](const Place& p) { return p.stride; },
    [](const Place& p) { return p.column; },
    [](const Place& p) { return p.row; },
    [](const Place& p) { return p.column + 0.5F; },
    [](const Place& p) { return p.row + 0.5F; },
    [](const Place& p) { return p.column * p.stride; },
    [](const Place& p) { return p.row * p.stride; },
    [](const Place& p) { return (p.column + 0.5F) * p.stride; },
    [](const Place& p) { return (p.row + 0.5F) * p.stride; },
};

/// The constant for other places; nullopt where it notes something else.
std::optional<Tensor> noted_for(const Tensor& tensor, const std::vector<Place>& before, const std::vector<Place>& after) {
  constexpr std::int64_t kMostNotes = 16;  // of a place
  const auto axis = std::ranges::find(tensor.shape, static_cast<std::int64_t>(before.size()));
  if (tensor.type != onnx::ElementType::kFloat || axis == tensor.shape.end()) return std::nullopt;
  const auto outer = static_cast<std::size_t>(product(tensor.shape.begin(), axis));
  const auto inner = static_cast<std::size_t>(product(axis + 1, tensor.shape.end()));
  if (outer * inner > kMostNotes) return std::nullopt;
  const auto values = tensor.floats();
  std::vector<float> changed(outer * after.size() * inner);
  for (std::size_t o = 0; o < outer; ++o) {
    for (std::size_t i = 0; i < inner; ++i) {
      const auto note = std::ranges::find_if(kNotes, [&](const auto& noted) {
        for (std::size_t place = 0; place < before.size(); ++place) {
          const float value = noted(before[place]);
          if (!(std::abs(values[(o * before.size() + place) * inner + i] - value) <= 1e-4F * (1 + value))) return false;
        }
        return true;
      });
      if (note == kNotes.end()) return std::nullopt;
      for (std::size_t place = 0; place < after.size(); ++place)
        changed[(o * after.size() + place) * inner + i] = (*note)(after[place]);
    }
  }
  Shape shape = tensor.shape;
  shape[static_cast<std::size_t>(axis - tensor.shape.begin())] = static_cast<std::int64_t>(after.size());
  return Tensor::of(tensor.name, shape, changed);
}

/// Strides of the grids that detectors have.
const std::vector<std::vector<int>> kGrids{{8, 16, 32}, {8, 16, 32, 64}, {4, 8, 16, 32}, {16, 32}, {8, 16}};

void change_grids(Model& model, Extent before, Extent after) {
  for (const auto& strides : kGrids) {
    const auto from = places_of(before, strides), to = places_of(after, strides);
    for (auto& [name, tensor] : model.constants) {
      if (auto changed = noted_for(tensor, from, to)) tensor = std::move(*changed);
    }
  }
}

/// What a Reshape makes of an input: its -1 in numbers. Empty where it also copies dimensions (0) or does not fit.
Shape resolved(const Shape& stated, const Shape& input) {
  Shape shape = stated;
  const auto open = std::ranges::find(shape, -1);
  if (open != shape.end()) *open = 1;
  const std::int64_t others = product(shape), count = product(input);
  if (others <= 0 || count % others != 0) return {};
  if (open != shape.end()) *open = count / others;
  return product(shape) == count ? shape : Shape();
}

/// Whether a Reshape that states this gives that shape.
bool says(const Shape& stated, const Shape& shape) {
  return std::ranges::equal(stated, shape, [](const auto s, const auto d) { return s == d || s == -1; });
}

/// The shape that a Reshape states, for an input that was `before` and is `after`: a length or an area of the picture that
/// is among the input's dimensions changes as it does there. nullopt where no such change fits.
std::optional<Shape> restated(const Shape& stated, const Shape& before, const Shape& after, Extent old_size,
                              Extent new_size) {
  const std::int64_t count = product(after);
  if (product(stated) == count) return stated;
  const auto fits = [&](std::size_t at, std::initializer_list<std::int64_t> lengths) -> std::optional<Shape> {
    Shape shape = stated;
    std::copy(lengths.begin(), lengths.end(), shape.begin() + static_cast<std::ptrdiff_t>(at));
    if (product(shape) == count) return shape;
    return std::nullopt;
  };
  for (std::size_t d = stated.size(); d-- > 0;) {
    for (std::size_t first = 0; first < before.size(); ++first) {
      std::int64_t was = 1, is = 1;
      for (std::size_t last = first; last < before.size() && before[last] != after[last]; ++last) {
        was *= before[last], is *= after[last];
        if (was == stated[d]) {
          if (auto shape = fits(d, {is})) return shape;
        }
        if (d > 0 && was == stated[d - 1] * stated[d]) {  // rows and columns come back
          const auto rows = stated[d - 1] * new_size.height / old_size.height;
          if (auto shape = fits(d - 1, {rows, stated[d] * new_size.width / old_size.width})) return shape;
        }
      }
    }
  }
  return std::nullopt;
}

/// The sizes that a Resize states, for an input that was `before` and is `after`: rows and columns that change stay the
/// same part of the picture's. nullopt where the sizes do not fit the input; throws where they would be no whole numbers.
std::optional<Shape> resized(const onnx::Node& node, const Shape& stated, const Shape& before, const Shape& after,
                             Extent old_size, Extent new_size) {
  const auto rank = static_cast<std::int64_t>(before.size());
  auto axes = node.integers("axes");
  if (axes.empty()) {
    axes.resize(before.size());
    std::iota(axes.begin(), axes.end(), std::int64_t{0});
  }
  if (axes.size() != stated.size() || before.size() != after.size()) return std::nullopt;
  Shape shape = stated;
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const auto axis = axes[i] < 0 ? axes[i] + rank : axes[i];
    if (axis < 0 || axis >= rank) return std::nullopt;
    const auto place = static_cast<std::size_t>(axis);
    if (before[place] == after[place]) continue;
    const bool is_rows = axis == rank - 2;
    const auto was = is_rows ? old_size.height : old_size.width, is = is_rows ? new_size.height : new_size.width;
    if ((!is_rows && axis != rank - 1) || stated[i] * is % was != 0)
      throw Error(ErrorCode::kBadConfig, "'" + node.label() + "' resizes to a size that is no part of the picture's");
    shape[i] = stated[i] * is / was;
  }
  return shape;
}

/// Shape of a value that is there before the node at `place`.
Shape shape_before(const Model& model, std::size_t place, const std::string& value) {
  Model part = model;
  part.nodes.resize(place);
  part.outputs = {{value, onnx::ElementType::kUndefined, {}, {}}};
  onnx::remove_unused(part);
  const auto types = infer_types(part);
  const auto found = types.find(value);
  return found == types.end() ? Shape() : found->second.shape;
}

bool is_known(const Shape& shape) {
  return !shape.empty() && std::ranges::all_of(shape, [](const auto d) { return d > 0; });
}

}  // namespace

void follow_input_size(Model& model, const std::map<std::string, ValueType>& types, Extent before, Extent after) {
  change_grids(model, before, after);
  onnx::FreeNames names(model);
  for (std::size_t i = 0; i < model.nodes.size(); ++i) {
    auto& node = model.nodes[i];
    const std::size_t place = node.is("Reshape") ? 1 : 3;
    if ((!node.is("Reshape") && !node.is("Resize")) || node.inputs.size() <= place) continue;
    const auto* target = model.constant(node.inputs[place]);
    const auto type = types.find(node.inputs[0]);
    if (target == nullptr || type == types.end() || !is_known(type->second.shape)) continue;
    const Shape stated = target->integers();
    const Shape result = node.is("Reshape") ? resolved(stated, type->second.shape) : stated;
    if (result.empty()) continue;
    const auto shape = shape_before(model, i, node.inputs[0]);
    if (!is_known(shape)) continue;
    const auto changed = node.is("Reshape") ? restated(result, type->second.shape, shape, before, after)
                                            : resized(node, result, type->second.shape, shape, before, after);
    if (!changed || says(stated, *changed)) continue;
    auto& name = node.inputs[place];
    name = names.take(name);  // another node may read the old one
    model.constants[name] = Tensor::of(name, {static_cast<std::int64_t>(changed->size())}, *changed);
  }
  onnx::remove_unused(model);
}

bool keeps_old_places(const Shape& was, const Shape& is, Extent before, Extent after) {
  bool had_places = false;
  for (const auto& strides : kGrids) {
    const auto count = [&](Extent extent) { return static_cast<std::int64_t>(places_of(extent, strides).size()); };
    if (std::ranges::find(was, count(before)) == was.end()) continue;
    if (std::ranges::any_of(is, [&](const auto d) { return d < 0 || d == count(after); })) return false;
    had_places = true;
  }
  return had_places;
}

}  // namespace goshawk::optimize
