// Who makes and who takes the values of a model.
#pragma once

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "goshawk/onnx/model.h"

namespace goshawk::onnx {

/// An index over a model's nodes; wrong as soon as the nodes change. Keeps no reference to it.
class Wiring {
 public:
  explicit Wiring(const Model& model);

  static constexpr std::size_t kNone = static_cast<std::size_t>(-1);
  /// Index of the node that makes the value; kNone for inputs, constants and unknown names.
  std::size_t producer(const std::string& value) const;
  /// Indices of the nodes that take the value, each once, rising; those whose subgraphs refer to it too.
  const std::vector<std::size_t>& consumers(const std::string& value) const;
  bool is_output(const std::string& value) const { return outputs_.contains(value); }
  /// Whether a subgraph refers to it: its name must stay.
  bool is_captured(const std::string& value) const { return captured_.contains(value); }
  /// Whether exactly one node takes it, and nothing else does.
  bool has_one_use(const std::string& value) const;

 private:
  std::unordered_map<std::string, std::size_t> producers_;
  std::unordered_map<std::string, std::vector<std::size_t>> consumers_;
  std::set<std::string> outputs_, captured_;
};

/// Removes nodes none of whose outputs is used, constants that nobody takes, and what is said of values that are gone.
/// Returns how many nodes went.
std::size_t remove_unused(Model& model);
/// Puts nodes in an order in which they can run, otherwise as they were. False when there is a cycle.
bool sort_nodes(Model& model);

}  // namespace goshawk::onnx
