// What a network loses when channels go whose work the others take over.
#pragma once

#include <Eigen/Core>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "goshawk/onnx/model.h"
#include "goshawk/optimize/channels.h"
#include "goshawk/optimize/pictures.h"

namespace goshawk::optimize {

/// How the channels of what convolutions see vary together on pictures: [channels, channels] by value.
using ChannelCovariances = std::map<std::string, Eigen::MatrixXd>;
/// Of the inputs of all convolutions, at a sample of their places. `progress` may be empty. Throws what Pictures::watch
/// throws.
ChannelCovariances covariances_of(const onnx::Model& model, const Pictures& pictures,
                                  const std::function<void(std::int64_t done, std::int64_t total)>& progress = {});

/// Channels going one after the other, the weights of those that stay taking over what they can tell of them. Source:
/// Hassibi, Stork, "Second order derivatives for network pruning: Optimal Brain Surgeon", 1992, with the error of each
/// convolution's answers as what is to be small, and a channel in all filters for a weight. Not thread-safe.
class Elimination {
 public:
  /// `map` must outlive it, and be that of `model`.
  Elimination(const onnx::Model& model, const ChannelMap& map, const ChannelCovariances& covariances);

  /// Whether any convolution sees the channel (a root of the map).
  bool is_seen(std::size_t root) const { return places_.contains(root); }
  /// What the channel's going adds: the variance of answers that is lost, of all of it, summed over the convolutions that
  /// see it.
  double loss(std::size_t root) const;
  /// Lets it go, once for each. Returns the channels whose loss is another now, some of them often.
  std::vector<std::size_t> remove(std::size_t root);

 private:
  struct Filters {
    Eigen::MatrixXf weights;  // [numbers of all filters for one channel, channels]
    Eigen::VectorXd norms;    // squared, of the columns
    double variance = 0;      // of the answers, when nothing is gone
  };
  struct Value {
    Eigen::MatrixXd inverse;         // of the covariances of the channels that are there
    std::vector<std::size_t> roots;  // of its channels
    std::vector<Filters> consumers;
  };
  std::vector<Value> values_;
  std::map<std::size_t, std::vector<std::pair<std::size_t, std::size_t>>> places_;  // value and channel, by root
};

}  // namespace goshawk::optimize
