#include "goshawk/optimize/qdq_plan.h"

#include <algorithm>

#include "goshawk/core/error.h"
#include "goshawk/onnx/wiring.h"
#include "goshawk/optimize/quantizable.h"

namespace goshawk::optimize {
namespace {

using onnx::Model;
using onnx::Node;
using onnx::Wiring;

class Planner {
 public:
  Planner(const Model& model, const Calibration& calibration, const QuantizeOptions& options)
      : model_(model), calibration_(calibration), options_(options), wiring_(model) {}

  QdqPlan run() {
    choose_layers();
    choose_values();
    return std::move(plan_);
  }

 private:
  void choose_layers() {
    for (std::size_t i = 0; i < model_.nodes.size(); ++i) {
      const Node& node = model_.nodes[i];
      if (!is_product(node, model_)) continue;
      if (options_.float_layers.contains(node.label()) || !is_known(node.inputs[0])) {
        plan_.in_float.push_back(node.label());
        continue;
      }
      plan_.layers.push_back(i);
      is_layer_.insert(i);
    }
    if (plan_.layers.empty()) {
      throw Error(ErrorCode::kBadConfig,
                  "nothing can be quantized: the model has no convolution or product with constant weights");
    }
  }

  bool is_known(const std::string& value) const {
    const auto found = calibration_.values.find(value);
    return found != calibration_.values.end() && found->second.histogram.count() > 0;
  }

  /// A layer's stored output: behind the activation that providers fuse into it (Relu and Clip become part of the grid).
  std::string stored_output(std::size_t i) const {
    const std::string& output = model_.nodes[i].outputs[0];
    if (!wiring_.has_one_use(output)) return output;
    const auto user = wiring_.consumers(output)[0];
    const Node& next = model_.nodes[user];
    return next.is("Relu") || next.is("Clip") ? next.outputs[0] : output;
  }

  bool is_depthwise(std::size_t i) const {
    const Node& node = model_.nodes[i];
    return node.is("Conv") && model_.constant(node.inputs[1])->shape[1] == 1 && node.integer("group", 1) > 1;
  }

  /// Values that go into depthwise convolutions alone: each channel is summed by itself, so each can have a scale of its
  /// own. One outlier channel else takes the steps of all others; in small networks that costs most of the accuracy.
  void choose_values_by_channel() {
    // ONNX Runtime's integer kernels take one scale only, and its fusion fails on more.
    if (!options_.depthwise_by_channel || options_.placement != Placement::kFused) return;
    for (const auto i : plan_.layers) {
      const auto& value = model_.nodes[i].inputs[0];
      const auto& seen = calibration_.values.at(value);
      if (seen.channel_ranges.size() != static_cast<std::size_t>(model_.nodes[i].integer("group", 1))) continue;
      const auto& users = wiring_.consumers(value);
      const bool apart = std::all_of(users.begin(), users.end(), [&](std::size_t user) {
        return is_layer_.contains(user) && is_depthwise(user) && stays_float(stored_output(user));
      });
      if (apart && comes_from_floats(value) && !wiring_.is_captured(value)) plan_.by_channel.insert(value);
    }
  }

  /// No pair stands behind the value: what computes it and what takes it are not joined into an integer kernel.
  bool stays_float(const std::string& value) const {
    const auto& users = wiring_.consumers(value);
    return std::none_of(users.begin(), users.end(),
                        [&](std::size_t user) { return is_layer_.contains(user) || passes_on(model_.nodes[user]); });
  }

  /// SiLU and its like: ONNX Runtime's CPU provider would join a convolution to the pair behind it, and then fail.
  bool comes_from_floats(const std::string& value) const {
    const auto maker = wiring_.producer(value);
    if (maker == Wiring::kNone || !model_.nodes[maker].is("Mul")) return false;
    const auto& inputs = model_.nodes[maker].inputs;
    return std::all_of(inputs.begin(), inputs.end(), [&](const auto& input) { return stays_float(input); });
  }

  void choose_values() {
    choose_values_by_channel();
    for (const auto i : plan_.layers) add_with_sources(model_.nodes[i].inputs[0]);
    if (options_.placement == Placement::kEveryNode) {
      const auto useful = values_toward_layers();
      for (const auto i : plan_.layers) {
        const auto output = stored_output(i);
        if (is_known(output) && useful.contains(output)) add_with_sources(output);
      }
      for (std::size_t i = 0; i < model_.nodes.size(); ++i) add_elementwise(i, useful);
    }
  }

  /// Values on which the input of a quantized layer depends, but through a layer that stays in float: what goes into that
  /// one has no pairs back to where it was computed, or it would be as coarse as before.
  std::set<std::string> values_toward_layers() const {
    std::set<std::string> useful;
    for (std::size_t i = model_.nodes.size(); i-- > 0;) {
      const Node& node = model_.nodes[i];
      if (is_product(node, model_) && !is_layer_.contains(i)) continue;
      const bool wanted = is_layer_.contains(i) || std::any_of(node.outputs.begin(), node.outputs.end(),
                                                               [&](const auto& o) { return useful.contains(o); });
      if (wanted) useful.insert(node.inputs.begin(), node.inputs.end());
    }
    return useful;
  }

  void add_elementwise(std::size_t i, const std::set<std::string>& useful) {
    const Node& node = model_.nodes[i];
    if (!is_elementwise(node) || options_.float_layers.contains(node.label())) return;
    for (std::size_t k = 0; k < data_inputs(node); ++k) {
      if (!plan_.values.contains(node.inputs[k])) return;
    }
    const auto& output = node.outputs[0];
    if (useful.contains(output) && is_known(output)) add_with_sources(output);
  }

  /// The value is kept in eight bits, and so is what it was only picked from, back to where it was computed.
  void add_with_sources(const std::string& value) {
    if (plan_.by_channel.contains(value) || !plan_.values.insert(value).second) return;
    const auto maker = wiring_.producer(value);
    if (maker == Wiring::kNone || !passes_on(model_.nodes[maker])) return;
    const Node& node = model_.nodes[maker];
    for (std::size_t k = 0; k < data_inputs(node); ++k) {
      if (!is_known(node.inputs[k])) return;
    }
    for (std::size_t k = 0; k < data_inputs(node); ++k) {
      plan_.groups.join(value, node.inputs[k]);
      add_with_sources(node.inputs[k]);
    }
    plan_.passed_on.insert(value);
    // Other outputs of a split go the same way.
    for (const auto& output : node.outputs) {
      if (output != value && !output.empty() && is_known(output)) plan_.groups.join(value, output);
    }
  }

  const Model& model_;
  const Calibration& calibration_;
  const QuantizeOptions& options_;
  Wiring wiring_;
  std::set<std::size_t> is_layer_;
  QdqPlan plan_;
};

}  // namespace

std::string ScaleGroups::find(const std::string& value) {
  auto at = value;
  for (auto found = parent_.find(at); found != parent_.end() && found->second != at; found = parent_.find(at))
    at = found->second;
  parent_[value] = at;
  return at;
}

void ScaleGroups::join(const std::string& a, const std::string& b) {
  const auto x = find(a), y = find(b);
  if (x != y) parent_[y] = x;
}

QdqPlan plan_qdq(const Model& model, const Calibration& calibration, const QuantizeOptions& options) {
  return Planner(model, calibration, options).run();
}

}  // namespace goshawk::optimize
