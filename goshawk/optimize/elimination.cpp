#include "goshawk/optimize/elimination.h"

#include <Eigen/Cholesky>
#include <algorithm>
#include <cstdint>
#include <set>
#include <utility>

#include "goshawk/optimize/patches.h"

namespace goshawk::optimize {
namespace {

constexpr double kRidge = 1e-2;       // of the mean variance of a channel: a sample says no more of how channels go together
constexpr std::size_t kPlaces = 128;  // in each picture at least,
constexpr std::size_t kPlacesPerChannel = 8;  // and for each channel in all pictures

/// Sums of one value's channels over places.
struct Sums {
  Eigen::MatrixXd squares;
  Eigen::VectorXd first;
  double places = 0;
};

bool mixes_channels(const onnx::Model& model, const onnx::Node& node) {
  const auto geometry = conv_geometry(model, node);
  return geometry && geometry->groups == 1;
}

/// Filters with a column for each channel that they see.
Eigen::MatrixXf by_channel(const onnx::Tensor& weights) {
  const auto outs = weights.shape[0], ins = weights.shape[1], area = weights.shape[2] * weights.shape[3];
  const auto values = weights.floats();
  Eigen::MatrixXf columns(outs * area, ins);
  for (std::int64_t o = 0; o < outs; ++o) {
    for (std::int64_t i = 0; i < ins; ++i) {
      for (std::int64_t k = 0; k < area; ++k)
        columns(o * area + k, i) = values[static_cast<std::size_t>((o * ins + i) * area + k)];
    }
  }
  return columns;
}

}  // namespace

ChannelCovariances covariances_of(const onnx::Model& model, const Pictures& pictures,
                                  const std::function<void(std::int64_t done, std::int64_t total)>& progress) {
  std::set<std::string> values;
  for (const auto& node : model.nodes) {
    if (mixes_channels(model, node) && node.inputs[0] != model.inputs[0].name) values.insert(node.inputs[0]);
  }
  if (values.empty()) return {};
  std::map<std::string, Sums> sums;
  pictures.watch(model, values, [&](std::size_t picture, const Pictures::Values& seen) {
    for (const auto& [name, value] : seen) {
      if (value->shape.size() != 4) continue;
      const auto channels = static_cast<std::size_t>(value->shape[1]);
      const auto plane = static_cast<std::size_t>(value->shape[2] * value->shape[3]);
      const std::size_t most = std::max(kPlaces, kPlacesPerChannel * channels / pictures.count());
      const auto sampled =
          answers(value->floats(), value->shape, sampled_places(plane, most, static_cast<std::uint32_t>(picture)));
      auto& sum = sums[name];
      if (sum.first.size() == 0) {
        sum.first = Eigen::VectorXd::Zero(sampled.cols());
        sum.squares = Eigen::MatrixXd::Zero(sampled.cols(), sampled.cols());
      }
      sum.squares += (sampled.transpose() * sampled).cast<double>();
      sum.first += sampled.colwise().sum().transpose().cast<double>();
      sum.places += static_cast<double>(sampled.rows());
    }
    if (progress) progress(static_cast<std::int64_t>(picture + 1), static_cast<std::int64_t>(pictures.count()));
  });
  ChannelCovariances covariances;
  for (const auto& [name, sum] : sums) {
    Eigen::MatrixXd covariance = (sum.squares - sum.first * sum.first.transpose() / sum.places) / sum.places;
    if (covariance.allFinite()) covariances[name] = std::move(covariance);
  }
  return covariances;
}

Elimination::Elimination(const onnx::Model& model, const ChannelMap& map, const ChannelCovariances& covariances) {
  std::map<std::string, std::size_t> known;
  for (const auto& node : model.nodes) {
    if (!mixes_channels(model, node)) continue;
    const auto covariance = covariances.find(node.inputs[0]);
    const auto* channels = map.channels(node.inputs[0]);
    const auto* weights = model.constant(node.inputs[1]);
    if (covariance == covariances.end() || !channels || covariance->second.rows() != weights->shape[1]) continue;
    const auto [place, is_new] = known.try_emplace(node.inputs[0], values_.size());
    if (is_new) {
      Eigen::MatrixXd held = covariance->second;
      held.diagonal().array() += std::max(kRidge * held.trace() / static_cast<double>(held.rows()), 1e-12);
      auto& value = values_.emplace_back();
      value.inverse = held.ldlt().solve(Eigen::MatrixXd::Identity(held.rows(), held.cols()));
      for (std::size_t c = 0; c < channels->size(); ++c) {
        value.roots.push_back(map.root((*channels)[c]));
        places_[value.roots.back()].emplace_back(place->second, c);
      }
    }
    Filters filters{by_channel(*weights), {}, 0};
    filters.norms = filters.weights.colwise().squaredNorm().transpose().cast<double>();
    filters.variance = filters.norms.dot(covariance->second.diagonal());
    values_[place->second].consumers.push_back(std::move(filters));
  }
}

double Elimination::loss(std::size_t root) const {
  double sum = 0;
  const auto found = places_.find(root);
  if (found == places_.end()) return sum;
  for (const auto& [place, c] : found->second) {
    const auto& value = values_[place];
    const auto channel = static_cast<Eigen::Index>(c);
    const double alone = 1 / std::max(value.inverse(channel, channel), 1e-30);  // variance that no other channel tells
    for (const auto& filters : value.consumers) {
      if (filters.variance > 0) sum += filters.norms[channel] * alone / filters.variance;
    }
  }
  return sum;
}

std::vector<std::size_t> Elimination::remove(std::size_t root) {
  std::vector<std::size_t> touched;
  const auto found = places_.find(root);
  if (found == places_.end()) return touched;
  for (const auto& [place, c] : found->second) {
    auto& value = values_[place];
    const auto channel = static_cast<Eigen::Index>(c);
    const Eigen::VectorXd column = value.inverse.col(channel);
    const double own = column[channel];
    if (!(own > 0)) continue;
    const Eigen::VectorXd share = column / own;
    for (auto& filters : value.consumers) {
      const Eigen::VectorXf gone = filters.weights.col(channel);
      filters.weights.noalias() -= gone * share.transpose().cast<float>();
      filters.norms = filters.weights.colwise().squaredNorm().transpose().cast<double>();
    }
    value.inverse.noalias() -= share * column.transpose();
    touched.insert(touched.end(), value.roots.begin(), value.roots.end());
  }
  return touched;
}

}  // namespace goshawk::optimize
