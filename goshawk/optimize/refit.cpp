#include "goshawk/optimize/refit.h"

#include <Eigen/Cholesky>
#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "goshawk/onnx/free_names.h"
#include "goshawk/optimize/patches.h"

namespace goshawk::optimize {
namespace {

using onnx::Model;
using onnx::Node;
using onnx::Tensor;
using Progress = std::function<void(std::int64_t done, std::int64_t total)>;

constexpr double kRidge = 3e-2;              // of the mean variance of what is seen: holds weights where pictures say little
constexpr std::size_t kPlacesPerNumber = 6;  // places in all pictures for each number that a filter sees,
constexpr std::size_t kLeastPlaces = 128;    // and in each picture at least

/// Sums over places, from which least squares finds the filters of one group.
class Sums {
 public:
  Sums(Eigen::Index depth, Eigen::Index outs)
      : squares_(Eigen::MatrixXd::Zero(depth, depth)),
        products_(Eigen::MatrixXd::Zero(depth, outs)),
        seen_(Eigen::VectorXd::Zero(depth)),
        wanted_(Eigen::VectorXd::Zero(outs)) {}

  void add(const Eigen::MatrixXf& seen, const Eigen::MatrixXf& wanted) {
    squares_ += (seen.transpose() * seen).cast<double>();
    products_ += (seen.transpose() * wanted).cast<double>();
    seen_ += seen.colwise().sum().transpose().cast<double>();
    wanted_ += wanted.colwise().sum().transpose().cast<double>();
    places_ += static_cast<double>(seen.rows());
  }

  struct Fit {
    Eigen::MatrixXd filters;  // [depth, outs]
    Eigen::VectorXd bias;
  };
  /// What comes closest, held to `now` by the ridge; nullopt where nothing that is seen varies. Without `has_bias`, `bias`
  /// is zero.
  std::optional<Fit> fit(const Eigen::MatrixXd& now, bool has_bias) const {
    Eigen::MatrixXd squares = squares_, products = products_;
    if (has_bias) {
      squares -= seen_ * seen_.transpose() / places_;
      products -= seen_ * wanted_.transpose() / places_;
    }
    const double variance = squares.trace() / static_cast<double>(squares.rows());
    if (!(variance > 0) || !std::isfinite(variance)) return std::nullopt;
    products -= squares * now;
    squares.diagonal().array() += kRidge * variance;
    Fit fit{now + squares.ldlt().solve(products), Eigen::VectorXd::Zero(wanted_.size())};
    if (has_bias) fit.bias = (wanted_ - fit.filters.transpose() * seen_) / places_;
    if (!fit.filters.allFinite() || !fit.bias.allFinite()) return std::nullopt;
    return fit;
  }

 private:
  Eigen::MatrixXd squares_, products_;
  Eigen::VectorXd seen_, wanted_;
  double places_ = 0;
};

/// One convolution to be refitted.
struct Target {
  std::size_t node = 0;                               // of the pruned model
  ConvGeometry geometry;                              // of the pruned one
  std::vector<std::size_t> kept;                      // of the original's channels
  std::size_t level = 0;                              // how many of the others lie before it at most
  std::vector<Eigen::MatrixXf> wanted = {};           // [places, kept], by picture
  std::vector<std::vector<std::size_t>> places = {};  // by picture
  std::vector<std::size_t> widths = {};               // of the output's plane, by picture
};

class Refitter {
 public:
  Refitter(Pruned& pruned, const Model& original, const Pictures& pictures, const Progress& progress)
      : pruned_(pruned),
        model_(pruned.model),
        original_(original),
        pictures_(pictures),
        progress_(progress),
        names_(model_) {
    for (const auto& node : model_.nodes) {
      for (const auto& input : node.inputs) ++uses_[input];
    }
    find_targets(pruned.layers);
  }

  void run() {
    if (targets_.empty()) return;
    std::size_t levels = 0;
    for (const auto& target : targets_) levels = std::max(levels, target.level + 1);
    total_ = static_cast<std::int64_t>(levels + 1);
    look_at_original();
    for (std::size_t level = 0; level < levels; ++level) refit_level(level);
    report(total_);
  }

 private:
  void report(std::int64_t done) const {
    if (progress_) progress_(done, total_);
  }

  void find_targets(const std::vector<PrunedLayer>& layers) {
    std::map<std::string, const PrunedLayer*> by_output;
    for (const auto& layer : layers) by_output[layer.output] = &layer;
    std::map<std::string, std::size_t> levels;  // of the values behind a channel that is gone
    for (std::size_t i = 0; i < model_.nodes.size(); ++i) {
      const Node& node = model_.nodes[i];
      const auto pruned = by_output.find(node.outputs[0]);
      std::optional<std::size_t> level;
      for (const auto& input : node.inputs) {
        if (const auto found = levels.find(input); found != levels.end()) level = std::max(level.value_or(0), found->second);
      }
      const bool changed = level.has_value();
      if (pruned != by_output.end() && !level) level = 0;
      if (!level) continue;
      if (const auto geometry = conv_geometry(model_, node); geometry && changed) {
        targets_.push_back({i, *geometry, pruned == by_output.end() ? all(*geometry) : pruned->second->kept, *level});
        ++*level;
      }
      for (const auto& output : node.outputs) levels[output] = *level;
    }
  }

  static std::vector<std::size_t> all(const ConvGeometry& geometry) {
    return sampled_places(geometry.outs * geometry.groups, geometry.outs * geometry.groups, 0);
  }

  /// Notes what the whole network's convolutions answer.
  void look_at_original() {
    report(0);
    std::set<std::string> outputs;
    for (const auto& target : targets_) outputs.insert(model_.nodes[target.node].outputs[0]);
    pictures_.watch(original_, outputs, [&](std::size_t picture, const auto& values) {
      for (auto& target : targets_) {
        const auto& output = *values.at(model_.nodes[target.node].outputs[0]);
        const auto plane = static_cast<std::size_t>(output.shape[2] * output.shape[3]);
        const std::size_t most =
            std::max(kLeastPlaces, (kPlacesPerNumber * target.geometry.depth() + pictures_.count() - 1) / pictures_.count());
        const auto seed = static_cast<std::uint32_t>(target.node * 7919 + picture);
        const auto& places = target.places.emplace_back(sampled_places(plane, most, seed));
        target.widths.push_back(static_cast<std::size_t>(output.shape[3]));
        const auto given = answers(output.floats(), output.shape, places);
        auto& wanted = target.wanted.emplace_back(given.rows(), static_cast<Eigen::Index>(target.kept.size()));
        for (std::size_t c = 0; c < target.kept.size(); ++c)
          wanted.col(static_cast<Eigen::Index>(c)) = given.col(static_cast<Eigen::Index>(target.kept[c]));
      }
    });
  }

  void refit_level(std::size_t level) {
    report(static_cast<std::int64_t>(level + 1));
    std::set<std::string> inputs;
    std::vector<Target*> now;
    std::vector<std::vector<Sums>> sums;  // by convolution and group
    for (auto& target : targets_) {
      if (target.level != level) continue;
      now.push_back(&target);
      inputs.insert(model_.nodes[target.node].inputs[0]);
      sums.emplace_back(target.geometry.groups, Sums(static_cast<Eigen::Index>(target.geometry.depth()),
                                                     static_cast<Eigen::Index>(target.geometry.outs)));
    }
    pictures_.watch(model_, inputs, [&](std::size_t picture, const auto& values) {
      for (std::size_t t = 0; t < now.size(); ++t) {
        const auto& geometry = now[t]->geometry;
        const auto& input = *values.at(model_.nodes[now[t]->node].inputs[0]);
        for (std::size_t group = 0; group < geometry.groups; ++group) {
          const auto outs = static_cast<Eigen::Index>(geometry.outs);
          sums[t][group].add(
              patches(input.floats(), input.shape, geometry, group, now[t]->places[picture], now[t]->widths[picture]),
              now[t]->wanted[picture].middleCols(static_cast<Eigen::Index>(group) * outs, outs));
        }
      }
    });
    for (std::size_t t = 0; t < now.size(); ++t) {
      take(*now[t], sums[t]);
      now[t]->wanted.clear();  // they are large
    }
  }

  /// Solves, and puts the weights into the model.
  void take(const Target& target, const std::vector<Sums>& sums) {
    Node& node = model_.nodes[target.node];
    const bool has_bias = node.inputs.size() > 2 && model_.constant(node.inputs[2]) != nullptr;
    auto weights = model_.constants.at(node.inputs[1]).floats();
    auto bias = has_bias ? model_.constants.at(node.inputs[2]).floats() : std::vector<float>();
    const auto depth = target.geometry.depth(), outs = target.geometry.outs;
    for (std::size_t group = 0; group < sums.size(); ++group) {
      Eigen::Map<Eigen::MatrixXf> filters(weights.data() + group * depth * outs, static_cast<Eigen::Index>(depth),
                                          static_cast<Eigen::Index>(outs));
      const auto fit = sums[group].fit(filters.cast<double>(), has_bias);
      if (!fit) continue;
      filters = fit->filters.cast<float>();
      for (std::size_t c = 0; has_bias && c < outs; ++c)
        bias[group * outs + c] = static_cast<float>(fit->bias[static_cast<Eigen::Index>(c)]);
    }
    put(node.inputs[1], weights);
    if (has_bias) put(node.inputs[2], bias);
    ++pruned_.refitted;
  }

  /// Sets a node's constant; one that others take as well stays theirs.
  void put(std::string& input, const std::vector<float>& values) {
    const Tensor before = model_.constants.at(input);
    if (uses_[input] > 1) {
      --uses_[input];
      input = names_.take(input + "_refitted");
      uses_[input] = 1;
    }
    model_.constants[input] = Tensor::of(input, before.shape, values);
  }

  Pruned& pruned_;
  Model& model_;
  const Model& original_;
  const Pictures& pictures_;
  const Progress& progress_;
  onnx::FreeNames names_;
  std::map<std::string, std::size_t> uses_;  // of constants
  std::vector<Target> targets_;
  std::int64_t total_ = 1;
};

}  // namespace

void refit(Pruned& pruned, const Model& original, const Pictures& pictures, const Progress& progress) {
  Refitter(pruned, original, pictures, progress).run();
}

}  // namespace goshawk::optimize
