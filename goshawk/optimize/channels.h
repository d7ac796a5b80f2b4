// Which channels of a network are one: the map that pruning goes by. Internal to this folder.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "goshawk/onnx/model.h"
#include "goshawk/optimize/shapes.h"

namespace goshawk::optimize {

/// Channels of axis 1 of every value of rank 4, as numbers: values whose channels have the same number keep or lose them
/// together. Not thread-safe.
class ChannelMap {
 public:
  ChannelMap(const onnx::Model& model, const std::map<std::string, ValueType>& types);

  /// Root number of each channel of a value; empty where they are not followed.
  const std::vector<std::size_t>* channels(const std::string& value) const;
  std::size_t root(std::size_t channel) const;
  bool is_pinned(std::size_t channel) const { return pinned_[root(channel)] != 0; }
  std::size_t size() const { return parent_.size(); }
  /// Constants [1, C, 1, 1] or [C, 1, 1] that have a value a channel, with the axis.
  struct Parameter {
    std::string constant, value;  // the channels are those of `value`
    std::size_t axis = 0;
  };
  const std::vector<Parameter>& parameters() const { return parameters_; }

 private:
  void follow(const onnx::Node& node, const onnx::Model& model, const std::map<std::string, ValueType>& types);
  bool follow_convolution(const onnx::Node& node, const onnx::Model& model);
  bool follow_elementwise(const onnx::Node& node, const onnx::Model& model, const std::map<std::string, ValueType>& types);
  bool follow_concat(const onnx::Node& node);
  bool follow_split(const onnx::Node& node, const onnx::Model& model, const std::map<std::string, ValueType>& types);
  std::vector<std::size_t> fresh(std::size_t count);
  void join(std::size_t a, std::size_t b);
  void pin(const std::string& value);
  std::vector<std::size_t>* known(const std::string& value);

  std::map<std::string, std::vector<std::size_t>> channels_;
  std::vector<std::size_t> parent_;
  std::vector<char> pinned_;
  std::vector<Parameter> parameters_;
};

}  // namespace goshawk::optimize
