#include "goshawk/onnx/wiring.h"

#include <algorithm>
#include <functional>
#include <queue>
#include <unordered_set>

namespace goshawk::onnx {
namespace {

/// All names that a node needs, from its inputs and its subgraphs.
template <typename Take>
void for_each_need(const Node& node, const Take& take) {
  for (const auto& input : node.inputs) {
    if (!input.empty()) take(input);
  }
  for (const auto& name : node.captured) take(name);
}

}  // namespace

Wiring::Wiring(const Model& model) {
  for (std::size_t i = 0; i < model.nodes.size(); ++i) {
    const auto& node = model.nodes[i];
    for (const auto& output : node.outputs) {
      if (!output.empty()) producers_.emplace(output, i);
    }
    for_each_need(node, [&](const std::string& name) {
      auto& users = consumers_[name];
      if (users.empty() || users.back() != i) users.push_back(i);
    });
    captured_.insert(node.captured.begin(), node.captured.end());
  }
  for (const auto& output : model.outputs) outputs_.insert(output.name);
}

std::size_t Wiring::producer(const std::string& value) const {
  const auto found = producers_.find(value);
  return found == producers_.end() ? kNone : found->second;
}

const std::vector<std::size_t>& Wiring::consumers(const std::string& value) const {
  static const std::vector<std::size_t> kNobody;
  const auto found = consumers_.find(value);
  return found == consumers_.end() ? kNobody : found->second;
}

bool Wiring::has_one_use(const std::string& value) const {
  return consumers(value).size() == 1 && !is_output(value) && !is_captured(value);
}

std::size_t remove_unused(Model& model) {
  const Wiring wiring(model);
  std::vector<char> needed(model.nodes.size());
  std::vector<std::size_t> open;
  std::unordered_set<std::string> used;
  const auto need = [&](const std::string& value) {
    used.insert(value);
    const auto node = wiring.producer(value);
    if (node == Wiring::kNone || needed[node]) return;
    needed[node] = 1;
    open.push_back(node);
  };
  for (const auto& output : model.outputs) need(output.name);
  while (!open.empty()) {
    const auto node = open.back();
    open.pop_back();
    for_each_need(model.nodes[node], need);
  }
  std::vector<Node> kept;
  for (std::size_t i = 0; i < model.nodes.size(); ++i) {
    if (needed[i]) kept.push_back(std::move(model.nodes[i]));
  }
  const std::size_t removed = model.nodes.size() - kept.size();
  model.nodes = std::move(kept);
  for (const auto& node : model.nodes) used.insert(node.outputs.begin(), node.outputs.end());
  std::erase_if(model.constants, [&](const auto& item) { return !used.contains(item.first); });
  std::erase_if(model.values, [&](const auto& item) { return !used.contains(item.first); });
  return removed;
}

bool sort_nodes(Model& model) {
  const Wiring wiring(model);
  const std::size_t count = model.nodes.size();
  std::vector<std::size_t> waiting(count);
  for (std::size_t i = 0; i < count; ++i) {
    std::set<std::size_t> makers;
    for_each_need(model.nodes[i], [&](const std::string& name) {
      if (const auto maker = wiring.producer(name); maker != Wiring::kNone) makers.insert(maker);
    });
    if (makers.contains(i)) return false;
    waiting[i] = makers.size();
  }
  std::priority_queue<std::size_t, std::vector<std::size_t>, std::greater<>> ready;
  for (std::size_t i = 0; i < count; ++i) {
    if (waiting[i] == 0) ready.push(i);
  }
  std::vector<Node> sorted;
  sorted.reserve(count);
  while (!ready.empty()) {
    const auto i = ready.top();
    ready.pop();
    std::set<std::size_t> users;
    for (const auto& output : model.nodes[i].outputs) {
      if (output.empty()) continue;
      for (const auto user : wiring.consumers(output)) users.insert(user);
    }
    for (const auto user : users) {
      if (--waiting[user] == 0) ready.push(user);
    }
    sorted.push_back(std::move(model.nodes[i]));
  }
  if (sorted.size() != count) return false;  // the nodes moved are lost: callers give up on the model
  model.nodes = std::move(sorted);
  return true;
}

}  // namespace goshawk::onnx
