#include "goshawk/optimize/channels.h"

#include <algorithm>
#include <numeric>
#include <set>

namespace goshawk::optimize {
namespace {

using onnx::Model;
using onnx::Node;

std::int64_t channels_in(const std::map<std::string, ValueType>& types, const std::string& value) {
  const auto found = types.find(value);
  return found != types.end() && found->second.shape.size() == 4 ? found->second.shape[1] : -1;
}

bool keeps_channels(const Node& node) {
  static const std::set<std::string> kOps{"Relu",     "LeakyRelu", "Sigmoid", "HardSigmoid", "HardSwish",         "Clip",
                                          "Tanh",     "Elu",       "MaxPool", "AveragePool", "GlobalAveragePool", "Resize",
                                          "Identity", "Gelu",      "Mish",    "Softplus"};
  return node.domain.empty() && kOps.contains(node.op);
}

/// A resize to stated sizes states the number of channels, too.
bool says_sizes(const Node& node) { return node.is("Resize") && node.inputs.size() > 3 && !node.inputs[3].empty(); }

}  // namespace

ChannelMap::ChannelMap(const Model& model, const std::map<std::string, ValueType>& types) {
  for (const auto& info : model.inputs) {
    if (const auto count = channels_in(types, info.name); count > 0)
      channels_[info.name] = fresh(static_cast<std::size_t>(count));
    pin(info.name);
  }
  for (const auto& node : model.nodes) follow(node, model, types);
  for (const auto& info : model.outputs) pin(info.name);
}

const std::vector<std::size_t>* ChannelMap::channels(const std::string& value) const {
  const auto found = channels_.find(value);
  return found == channels_.end() ? nullptr : &found->second;
}

std::vector<std::size_t>* ChannelMap::known(const std::string& value) {
  const auto found = channels_.find(value);
  return found == channels_.end() ? nullptr : &found->second;
}

std::size_t ChannelMap::root(std::size_t channel) const {
  while (parent_[channel] != channel) channel = parent_[channel];
  return channel;
}

std::vector<std::size_t> ChannelMap::fresh(std::size_t count) {
  std::vector<std::size_t> made(count);
  std::iota(made.begin(), made.end(), parent_.size());
  parent_.insert(parent_.end(), made.begin(), made.end());
  pinned_.resize(parent_.size(), 0);
  return made;
}

void ChannelMap::join(std::size_t a, std::size_t b) {
  a = root(a);
  b = root(b);
  if (a == b) return;
  parent_[b] = a;
  if (pinned_[b]) pinned_[a] = 1;
}

void ChannelMap::pin(const std::string& value) {
  if (const auto* all = known(value)) {
    for (const auto c : *all) pinned_[root(c)] = 1;
  }
}

bool ChannelMap::follow_convolution(const Node& node, const Model& model) {
  if (node.inputs.size() < 2) return false;
  const auto* weights = model.constant(node.inputs[1]);
  const auto* in = known(node.inputs[0]);
  if (!weights || weights->type != onnx::ElementType::kFloat || weights->shape.size() != 4 || !in) return false;
  if (node.inputs.size() > 2 && !node.inputs[2].empty() && !model.constant(node.inputs[2])) return false;
  const auto outs = static_cast<std::size_t>(weights->shape[0]);
  const auto groups = node.integer("group", 1);
  if (groups == 1) {
    channels_[node.outputs[0]] = fresh(outs);
    return true;
  }
  // Depthwise, one filter a channel: in and out are one. Other groups must stay equal in size.
  if (static_cast<std::size_t>(groups) == in->size() && outs == in->size()) {
    channels_[node.outputs[0]] = *in;
    return true;
  }
  channels_[node.outputs[0]] = fresh(outs);
  pin(node.outputs[0]);
  return false;
}

bool ChannelMap::follow_elementwise(const Node& node, const Model& model, const std::map<std::string, ValueType>& types) {
  const auto made = channels_in(types, node.outputs[0]);
  if (made <= 0) return false;
  const auto count = static_cast<std::size_t>(made);
  std::vector<std::size_t> all;
  std::vector<ChannelMap::Parameter> found;
  for (const auto& input : node.inputs) {
    if (const auto* constant = model.constant(input)) {
      const auto& shape = constant->shape;
      const std::size_t axis = shape.size() == 4 ? 1 : 0;
      const bool by_channel = (shape.size() == 4 && shape[0] == 1) || shape.size() == 3;
      if (constant->count() == 1) continue;
      if (!by_channel || shape[axis] != made) {
        // The same for all channels where it is 1 there.
        if (by_channel && shape[axis] == 1) continue;
        return false;
      }
      found.push_back({input, node.outputs[0], axis});
      continue;
    }
    const auto* channels = known(input);
    if (!channels) return false;
    if (channels->size() == 1 && count != 1) continue;
    if (channels->size() != count) return false;
    if (all.empty()) all = *channels;
    else
      for (std::size_t c = 0; c < count; ++c) join(all[c], (*channels)[c]);
  }
  if (all.empty()) return false;
  channels_[node.outputs[0]] = all;
  parameters_.insert(parameters_.end(), found.begin(), found.end());
  return true;
}

bool ChannelMap::follow_concat(const Node& node) {
  if (node.integer("axis", 0) != 1 && node.integer("axis", 0) != -3) return false;
  std::vector<std::size_t> all;
  for (const auto& input : node.inputs) {
    const auto* channels = known(input);
    if (!channels) return false;
    all.insert(all.end(), channels->begin(), channels->end());
  }
  channels_[node.outputs[0]] = std::move(all);
  return true;
}

bool ChannelMap::follow_split(const Node& node, const Model& model, const std::map<std::string, ValueType>& types) {
  const auto axis = node.integer("axis", 0);
  const auto* in = known(node.inputs[0]);
  if (!in || (axis != 1 && axis != -3)) return false;
  if (node.inputs.size() > 1 && !node.inputs[1].empty() && !model.constant(node.inputs[1])) return false;
  const auto all = *in;
  std::size_t next = 0;
  for (const auto& output : node.outputs) {
    const auto count = channels_in(types, output);
    if (count <= 0 || next + static_cast<std::size_t>(count) > all.size()) return false;
    const auto begin = all.begin() + static_cast<std::ptrdiff_t>(next);
    channels_[output] = std::vector<std::size_t>(begin, begin + count);
    next += static_cast<std::size_t>(count);
  }
  return true;
}

void ChannelMap::follow(const Node& node, const Model& model, const std::map<std::string, ValueType>& types) {
  bool followed = false;
  if (node.captured.empty() && !node.inputs.empty() && !node.outputs.empty()) {
    if (node.is("Conv")) {
      followed = follow_convolution(node, model);
    } else if (keeps_channels(node) && known(node.inputs[0]) && !says_sizes(node)) {
      const auto count = channels_in(types, node.outputs[0]);
      const auto channels = *known(node.inputs[0]);
      followed = count == static_cast<std::int64_t>(channels.size());
      if (followed) channels_[node.outputs[0]] = channels;
    } else if (node.is("Add") || node.is("Mul") || node.is("Sub") || node.is("Div") || node.is("PRelu")) {
      followed = follow_elementwise(node, model, types);
    } else if (node.is("Concat")) {
      followed = follow_concat(node);
    } else if (node.is("Split")) {
      followed = follow_split(node, model, types);
    }
  }
  if (followed) return;
  for (const auto& input : node.inputs) pin(input);
  for (const auto& name : node.captured) pin(name);
  for (const auto& output : node.outputs) {
    if (channels_.contains(output)) continue;
    if (const auto count = channels_in(types, output); count > 0) {
      channels_[output] = fresh(static_cast<std::size_t>(count));
      pin(output);
    }
  }
}

}  // namespace goshawk::optimize
