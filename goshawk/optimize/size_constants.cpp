#include "goshawk/optimize/size_constants.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <numeric>
#include <optional>
#include <vector>

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

void change_grids(Model& model, Extent before, Extent after) {
  const std::vector<std::vector<int>> grids{{8, 16, 32}, {8, 16, 32, 64}, {4, 8, 16, 32}, {16, 32}, {8, 16}};
  for (const auto& strides : grids) {
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
    if (!node.is("Reshape") || node.inputs.size() < 2) continue;
    const auto* target = model.constant(node.inputs[1]);
    const auto type = types.find(node.inputs[0]);
    if (target == nullptr || type == types.end() || !is_known(type->second.shape)) continue;
    const Shape stated = target->integers();
    const Shape result = resolved(stated, type->second.shape);
    if (result.empty()) continue;
    const auto shape = shape_before(model, i, node.inputs[0]);
    if (!is_known(shape)) continue;
    const auto changed = restated(result, type->second.shape, shape, before, after);
    if (!changed || says(stated, *changed)) continue;
    node.inputs[1] = names.take(node.inputs[1]);  // another node may read the old one
    model.constants[node.inputs[1]] = Tensor::of(node.inputs[1], {static_cast<std::int64_t>(changed->size())}, *changed);
  }
}

}  // namespace goshawk::optimize
