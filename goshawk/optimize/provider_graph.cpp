#include "goshawk/optimize/provider_graph.h"

#include <algorithm>
#include <numeric>
#include <vector>

#include "goshawk/core/error.h"
#include "goshawk/onnx/free_names.h"
#include "goshawk/onnx/wiring.h"
#include "goshawk/optimize/shapes.h"

namespace goshawk::optimize {
namespace {

using onnx::Model;
using onnx::Node;
using Order = std::vector<std::int64_t>;

/// Axes as they are but for the last and `axis`, which change places.
Order with_last(std::size_t rank, std::size_t axis) {
  Order order(rank);
  std::iota(order.begin(), order.end(), std::int64_t{0});
  std::swap(order[axis], order.back());
  return order;
}

Node transpose(const std::string& from, const std::string& to, const Order& order) {
  return {"Transpose", "", "", {from}, {to}, {{"perm", order}}, {}};
}

/// The Transpose that makes what the softmax takes, and nothing else takes that; null where there is none.
const Node* transpose_before(const Model& model, const onnx::Wiring& wiring, const Node& softmax, std::size_t rank) {
  const auto producer = wiring.producer(softmax.inputs[0]);
  if (producer == onnx::Wiring::kNone || !wiring.has_one_use(softmax.inputs[0])) return nullptr;
  const Node& before = model.nodes[producer];
  return before.is("Transpose") && before.integers("perm").size() == rank ? &before : nullptr;
}

}  // namespace

std::size_t fit_to_provider(Model& model, runtime::DeviceKind device) {
  const auto is_softmax = [](const Node& node) { return node.is("Softmax") && node.integer("axis", -1) != -1; };
  if (device != runtime::DeviceKind::kCpu || model.opset < 13) return 0;
  if (std::none_of(model.nodes.begin(), model.nodes.end(), is_softmax)) return 0;
  const onnx::Wiring wiring(model);
  const auto types = infer_types(model);
  onnx::FreeNames names(model);
  std::size_t changed = 0;
  std::vector<Node> added;
  for (auto& node : model.nodes) {
    const auto info = is_softmax(node) ? types.find(node.outputs[0]) : types.end();
    if (info == types.end()) continue;
    const auto rank = static_cast<std::int64_t>(info->second.shape.size());
    const auto given = node.integer("axis", -1), axis = given < 0 ? given + rank : given;
    if (axis < 0 || axis >= rank - 1) continue;
    const Order order = with_last(info->second.shape.size(), static_cast<std::size_t>(axis));
    Order first = order;
    std::string input = node.inputs[0];
    if (const Node* before = transpose_before(model, wiring, node, order.size())) {
      const Order earlier = before->integers("perm");
      for (auto& place : first) place = earlier.at(static_cast<std::size_t>(place));
      input = before->inputs[0];
    }
    const auto turned = names.take(node.outputs[0] + "_turned"), result = names.take(node.outputs[0] + "_last");
    added.push_back(transpose(input, turned, first));
    added.push_back(transpose(result, node.outputs[0], order));
    node.inputs[0] = turned;
    node.outputs[0] = result;
    node.attributes["axis"] = std::int64_t{-1};
    ++changed;
  }
  if (changed == 0) return 0;
  model.nodes.insert(model.nodes.end(), added.begin(), added.end());
  require(onnx::sort_nodes(model), "turning a softmax made a cycle");
  onnx::remove_unused(model);
  return changed;
}

}  // namespace goshawk::optimize
