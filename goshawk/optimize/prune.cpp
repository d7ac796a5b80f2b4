#include "goshawk/optimize/prune.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <map>
#include <utility>

#include "goshawk/core/error.h"
#include "goshawk/core/text.h"
#include "goshawk/onnx/free_names.h"
#include "goshawk/onnx/wiring.h"
#include "goshawk/optimize/channels.h"

namespace goshawk::optimize {
namespace {

using onnx::Model;
using onnx::Node;
using onnx::Tensor;

constexpr std::size_t kNarrowest = 8;  // multiple of channels that is not halved for narrow layers

/// `tensor` with only the places of `kept` along `axis`.
Tensor picked(const Tensor& tensor, std::size_t axis, const std::vector<std::size_t>& kept) {
  const std::size_t width = onnx::size_of(tensor.type);
  std::size_t outer = 1, inner = width;
  for (std::size_t d = 0; d < axis; ++d) outer *= static_cast<std::size_t>(tensor.shape[d]);
  for (std::size_t d = axis + 1; d < tensor.shape.size(); ++d) inner *= static_cast<std::size_t>(tensor.shape[d]);
  const auto count = static_cast<std::size_t>(tensor.shape[axis]);
  Tensor result{tensor.name, tensor.type, tensor.shape, {}};
  result.shape[axis] = static_cast<std::int64_t>(kept.size());
  result.bytes.reserve(outer * kept.size() * inner);
  for (std::size_t o = 0; o < outer; ++o) {
    for (const auto k : kept) result.bytes.append(tensor.bytes, (o * count + k) * inner, inner);
  }
  return result;
}

bool splits_channels(const Node& node) {
  const auto axis = node.integer("axis", 0);
  return node.is("Split") && (axis == 1 || axis == -3);
}

std::size_t weights_of(const Model& model) {
  std::size_t sum = 0;
  for (const auto& [name, tensor] : model.constants) {
    if (tensor.type == onnx::ElementType::kFloat) sum += tensor.count();
  }
  return sum;
}

/// A set of channels that go together, as prune sees it.
struct Candidate {
  std::size_t root = 0;
  double saliency = 0;
  std::vector<std::size_t> layers;  // convolutions whose output holds it, as often as it does
  std::vector<std::size_t> parts;   // outputs of splits that hold it, likewise
};

/// How often each is there.
std::map<std::size_t, std::size_t> counted(const std::vector<std::size_t>& all) {
  std::map<std::size_t, std::size_t> times;
  for (const auto one : all) ++times[one];
  return times;
}

/// `model` with a picture of this side where its inputs are open.
Model with_sizes(Model model) {
  constexpr std::int64_t kSide = 640;
  for (auto& input : model.inputs) {
    if (!input.shape) continue;
    for (std::size_t d = 0; d < input.shape->size(); ++d) {
      auto& size = (*input.shape)[d];
      if (!std::holds_alternative<std::int64_t>(size)) size = d == 0 ? 1 : kSide;
    }
  }
  for (auto& output : model.outputs) output.shape.reset();
  return model;
}

class Pruner {
 public:
  Pruner(const Model& model, const ChannelCovariances* covariances, const PruneOptions& options)
      : source_(model), options_(options), sizes_(infer_types(with_sizes(model))), map_(model, infer_types(model)) {
    collect();
    if (options_.saliency == Saliency::kActivation && covariances) order_by_loss(*covariances);
  }

  Pruned run() {
    if (candidates_.empty()) {
      throw Error(ErrorCode::kBadConfig,
                  "no channel of the model can go: all reach a reshape, a matrix product or an output");
    }
    Pruned done;
    done.before = cost_without({});
    if (!(done.before > 0)) {
      throw Error(ErrorCode::kBadConfig, "what the model costs cannot be told: the sizes within it are open", "",
                  "Export it with a fixed size of input.");
    }
    done.weights_before = weights_of(source_);
    // The share that goes is found by halving: cost falls with it.
    double few = 0, many = 1;
    std::set<std::size_t> gone;
    for (int step = 0; step < 14; ++step) {
      const double share = step == 0 ? 1.0 : (few + many) / 2;
      auto chosen = choose(share);
      const double cost = cost_without(chosen);
      if (cost > done.before * options_.target) {
        few = share;
        if (step == 0) {  // all that may go is not enough
          gone = std::move(chosen);
          break;
        }
      } else {
        many = share;
        gone = std::move(chosen);
      }
    }
    if (gone.empty()) throw Error(ErrorCode::kBadConfig, "no channel may go with these limits");
    done.model = without(gone, done.layers);
    done.after = cost_without(gone);
    done.weights_after = weights_of(done.model);
    return done;
  }

 private:
  void collect() {
    std::map<std::size_t, Candidate> by_root;
    for (std::size_t i = 0; i < source_.nodes.size(); ++i) {
      const Node& node = source_.nodes[i];
      if (!node.is("Conv")) continue;
      const auto* channels = map_.channels(node.outputs[0]);
      const auto* weights = source_.constant(node.inputs[1]);
      if (!channels || !weights || weights->type != onnx::ElementType::kFloat) continue;
      const auto norms = filter_norms(*weights, channels->size());
      for (std::size_t c = 0; c < channels->size(); ++c) {
        const auto root = map_.root((*channels)[c]);
        if (map_.is_pinned(root)) continue;
        auto& candidate = by_root[root];
        candidate.root = root;
        candidate.saliency += norms[c];
        candidate.layers.push_back(i);
        if (options_.whole.contains(node.label())) whole_.insert(root);
      }
    }
    for (const auto& node : source_.nodes) {
      if (!splits_channels(node)) continue;
      for (const auto& output : node.outputs) {
        const auto* channels = map_.channels(output);
        if (!channels) continue;
        for (const auto channel : *channels) {
          if (const auto found = by_root.find(map_.root(channel)); found != by_root.end())
            found->second.parts.push_back(part_sizes_.size());
        }
        part_sizes_.push_back(channels->size());
      }
    }
    for (auto& [root, candidate] : by_root) {
      if (whole_.contains(root)) continue;
      candidate.saliency /= static_cast<double>(candidate.layers.size());
      candidates_.push_back(std::move(candidate));
    }
    std::stable_sort(candidates_.begin(), candidates_.end(),
                     [](const auto& a, const auto& b) { return a.saliency < b.saliency; });
  }

  /// L2 norm of each filter over the layer's mean.
  static std::vector<double> filter_norms(const Tensor& weights, std::size_t channels) {
    const auto values = weights.floats();
    const std::size_t each = values.size() / channels;
    std::vector<double> norms(channels, 0.0);
    double mean = 0;
    for (std::size_t c = 0; c < channels; ++c) {
      double sum = 0;
      for (std::size_t i = 0; i < each; ++i)
        sum += static_cast<double>(values[c * each + i]) * static_cast<double>(values[c * each + i]);
      norms[c] = std::sqrt(sum);
      mean += norms[c] / static_cast<double>(channels);
    }
    for (auto& norm : norms) norm /= std::max(mean, 1e-30);
    return norms;
  }

  /// Multiplications that each channel, by root, is part of.
  std::map<std::size_t, double> costs() const {
    std::map<std::size_t, double> costs;
    for (const auto& node : source_.nodes) {
      const double uses = uses_of_a_weight(node);
      if (uses == 0) continue;
      const auto& weights = *source_.constant(node.inputs[1]);
      const auto area = static_cast<double>(weights.shape[2] * weights.shape[3]);
      for (const auto channel : *map_.channels(node.outputs[0]))
        costs[map_.root(channel)] += uses * area * static_cast<double>(weights.shape[1]);
      const auto* ins = map_.channels(node.inputs[0]);
      if (!ins || node.integer("group", 1) != 1) continue;
      for (const auto channel : *ins) costs[map_.root(channel)] += uses * area * static_cast<double>(weights.shape[0]);
    }
    return costs;
  }

  /// Puts the candidates into the order in which they go: next is always the one whose going loses least for what it saves,
  /// when the weights of those that stay take over what they can. Those that no layer can spare, or no convolution sees,
  /// come last.
  void order_by_loss(const ChannelCovariances& covariances) {
    Elimination elimination(source_, map_, covariances);
    const auto cost = costs();
    std::map<std::size_t, std::size_t> place_of;  // of a root among the candidates
    for (std::size_t i = 0; i < candidates_.size(); ++i) place_of[candidates_[i].root] = i;
    constexpr double kNever = std::numeric_limits<double>::infinity();
    std::vector<double> prices(candidates_.size(), kNever);
    const auto set_price = [&](std::size_t i) {
      const auto root = candidates_[i].root;
      const double price = elimination.loss(root) / std::max(cost.at(root), 1.0);
      prices[i] = std::isfinite(price) ? price : std::numeric_limits<double>::max();
    };
    Losses lost;
    std::vector<Candidate> order, last;
    for (std::size_t i = 0; i < candidates_.size(); ++i) {
      if (elimination.is_seen(candidates_[i].root)) set_price(i);
      else last.push_back(candidates_[i]);
    }
    while (order.size() + last.size() < candidates_.size()) {
      const auto next = static_cast<std::size_t>(std::min_element(prices.begin(), prices.end()) - prices.begin());
      prices[next] = kNever;
      const auto& candidate = candidates_[next];
      const bool goes = fits(candidate, lost, 1.0);
      (goes ? order : last).push_back(candidate);
      if (!goes) continue;
      lost.add(candidate);
      for (const auto root : elimination.remove(candidate.root)) {
        const auto found = place_of.find(root);
        if (found != place_of.end() && prices[found->second] != kNever) set_price(found->second);
      }
    }
    std::move(last.begin(), last.end(), std::back_inserter(order));
    candidates_ = std::move(order);
  }

  /// How many channels of a layer stay at least.
  std::size_t least_kept(std::size_t layer, std::size_t count) const {
    const auto width = options_.widths.find(source_.nodes[layer].label());
    const std::size_t whole = width != options_.widths.end() ? width->second : count;
    const auto share = static_cast<std::size_t>(std::ceil(options_.least_kept * static_cast<double>(whole)));
    return std::max<std::size_t>({share, 1, std::min(count, multiple_of(count))});
  }

  /// What the channels that remain of a layer are multiples of: narrow layers could else lose none.
  std::size_t multiple_of(std::size_t count) const {
    auto multiple = static_cast<std::size_t>(std::max(options_.multiple, 1));
    while (multiple > kNarrowest && count < 2 * multiple) multiple /= 2;
    return multiple;
  }

  /// Channels that layers and parts of splits have lost.
  struct Losses {
    std::map<std::size_t, std::size_t> layers, parts;
    void add(const Candidate& candidate) {
      for (const auto& [layer, times] : counted(candidate.layers)) layers[layer] += times;
      for (const auto& [part, times] : counted(candidate.parts)) parts[part] += times;
    }
  };

  /// Whether every layer can spare the candidate as well, when `share` of all candidates shall go.
  bool fits(const Candidate& candidate, Losses& lost, double share) const {
    const auto room = [&](std::size_t layer) {
      const std::size_t count = map_.channels(source_.nodes[layer].outputs[0])->size();
      const std::size_t most = count - std::min(count, least_kept(layer, count));
      return options_.global ? most : std::min(most, static_cast<std::size_t>(share * static_cast<double>(count)));
    };
    const auto uses = counted(candidate.layers), parts = counted(candidate.parts);
    return std::all_of(uses.begin(), uses.end(),
                       [&](const auto& use) { return lost.layers[use.first] + use.second <= room(use.first); }) &&
           std::all_of(parts.begin(), parts.end(),
                       [&](const auto& part) { return lost.parts[part.first] + part.second < part_sizes_[part.first]; });
  }

  /// The roots that go when `share` of all candidates shall: the first, as far as every layer keeps enough.
  std::set<std::size_t> choose(double share) const {
    std::set<std::size_t> gone;
    Losses lost;
    const auto wanted =
        options_.global ? static_cast<std::size_t>(share * static_cast<double>(candidates_.size())) : candidates_.size();
    for (const auto& candidate : candidates_) {
      if (gone.size() >= wanted) break;
      if (!fits(candidate, lost, share)) continue;
      lost.add(candidate);
      gone.insert(candidate.root);
    }
    return rounded(std::move(gone), std::move(lost.layers));
  }

  /// Gives the most salient of the gone back until what remains of every layer is a multiple, as far as that can be.
  std::set<std::size_t> rounded(std::set<std::size_t> gone, std::map<std::size_t, std::size_t> lost) const {
    if (options_.multiple <= 1) return gone;
    const auto odd = [&](std::size_t layer) {
      const std::size_t count = map_.channels(source_.nodes[layer].outputs[0])->size();
      const std::size_t multiple = multiple_of(count);
      return count >= multiple && lost[layer] > 0 && (count - lost[layer]) % multiple != 0;
    };
    for (auto candidate = candidates_.rbegin(); candidate != candidates_.rend(); ++candidate) {
      if (!gone.contains(candidate->root)) continue;
      if (std::none_of(candidate->layers.begin(), candidate->layers.end(), odd)) continue;
      gone.erase(candidate->root);
      for (const auto& [layer, times] : counted(candidate->layers)) lost[layer] -= times;
    }
    return gone;
  }

  std::vector<std::size_t> kept_of(const std::string& value, const std::set<std::size_t>& gone) const {
    std::vector<std::size_t> kept;
    const auto& channels = *map_.channels(value);
    for (std::size_t c = 0; c < channels.size(); ++c) {
      if (!gone.contains(map_.root(channels[c]))) kept.push_back(c);
    }
    return kept;
  }

  /// Multiplications for each weight of a convolution: the places that it answers for; 0 for what is not counted.
  double uses_of_a_weight(const Node& node) const {
    if (!node.is("Conv") || !sizes_.contains(node.outputs[0]) || !map_.channels(node.outputs[0])) return 0;
    const auto& out = sizes_.at(node.outputs[0]).shape;
    if (!source_.constant(node.inputs[1]) || out.size() != 4) return 0;
    return static_cast<double>(std::max<std::int64_t>(out[2], 0) * std::max<std::int64_t>(out[3], 0));
  }

  double cost_without(const std::set<std::size_t>& gone) const {
    double sum = 0;
    for (const auto& node : source_.nodes) {
      const double uses = uses_of_a_weight(node);
      if (uses == 0) continue;
      const auto* weights = source_.constant(node.inputs[1]);
      const auto outs = static_cast<double>(kept_of(node.outputs[0], gone).size());
      double ins = static_cast<double>(weights->shape[1]);
      if (node.integer("group", 1) == 1 && map_.channels(node.inputs[0]))
        ins = static_cast<double>(kept_of(node.inputs[0], gone).size());
      sum += uses * outs * ins * static_cast<double>(weights->shape[2] * weights->shape[3]);
    }
    return sum;
  }

  Model without(const std::set<std::size_t>& gone, std::vector<PrunedLayer>& layers) const {
    Model model = source_;
    model.values.clear();
    onnx::FreeNames names(model);
    std::map<std::string, std::string> replaced;  // name of the pruned constant -> of the one before
    const auto replace = [&](std::string& input, const Tensor& tensor) {
      const std::string name = names.take(input + "_pruned");
      model.constants[name] = tensor;
      model.constants[name].name = name;
      replaced[name] = std::exchange(input, name);
    };
    for (std::size_t i = 0; i < source_.nodes.size(); ++i) {
      const Node& source = source_.nodes[i];
      Node& node = model.nodes[i];
      if (source.is("Conv") && map_.channels(source.outputs[0]) && source_.constant(source.inputs[1]) &&
          map_.channels(source.inputs[0])) {
        const auto outs = kept_of(source.outputs[0], gone), ins = kept_of(source.inputs[0], gone);
        Tensor weights = *source_.constant(source.inputs[1]);
        const auto before = static_cast<std::size_t>(weights.shape[0]);
        const bool grouped = source.integer("group", 1) != 1;
        if (outs.size() == before && (grouped || ins.size() == static_cast<std::size_t>(weights.shape[1]))) continue;
        weights = picked(weights, 0, outs);
        if (!grouped) weights = picked(weights, 1, ins);
        else if (outs.size() != before) node.attributes["group"] = static_cast<std::int64_t>(outs.size());
        replace(node.inputs[1], weights);
        if (source.inputs.size() > 2 && !source.inputs[2].empty())
          replace(node.inputs[2], picked(*source_.constant(source.inputs[2]), 0, outs));
        if (outs.size() != before) layers.push_back({source.label(), source.outputs[0], before, outs});
      } else if (splits_channels(source) && map_.channels(source.inputs[0]) && map_.channels(source.outputs[0])) {
        std::vector<std::int64_t> sizes;
        for (const auto& output : source.outputs) sizes.push_back(static_cast<std::int64_t>(kept_of(output, gone).size()));
        node.attributes.erase("num_outputs");
        if (source_.opset < 13) {
          node.attributes["split"] = sizes;
        } else {
          node.inputs.resize(2);
          if (node.inputs[1].empty()) node.inputs[1] = source.outputs[0] + "_sizes";
          const onnx::Shape shape{static_cast<std::int64_t>(sizes.size())};
          replace(node.inputs[1], Tensor::of("", shape, sizes));
        }
      }
    }
    for (const auto& parameter : map_.parameters()) {
      const auto kept = kept_of(parameter.value, gone);
      const Tensor& tensor = *source_.constant(parameter.constant);
      if (kept.size() == static_cast<std::size_t>(tensor.shape[parameter.axis])) continue;
      for (auto& node : model.nodes) {
        if (node.outputs[0] != parameter.value) continue;
        for (auto& input : node.inputs) {
          if (input == parameter.constant) replace(input, picked(tensor, parameter.axis, kept));
        }
      }
    }
    onnx::remove_unused(model);
    take_names(model, replaced);
    onnx::check(model, "pruned model");
    return model;
  }

  /// Pruned constants get the names of those that they stand for, where these are gone: training finds them by name.
  static void take_names(Model& model, const std::map<std::string, std::string>& replaced) {
    std::map<std::string, std::string> renamed;
    for (const auto& [pruned, name] : replaced) {
      if (!model.constants.contains(pruned) || model.constants.contains(name)) continue;
      auto entry = model.constants.extract(pruned);
      entry.key() = entry.mapped().name = name;
      model.constants.insert(std::move(entry));
      renamed[pruned] = name;
    }
    for (auto& node : model.nodes) {
      for (auto& input : node.inputs) {
        if (const auto found = renamed.find(input); found != renamed.end()) input = found->second;
      }
    }
  }

  const Model& source_;
  const PruneOptions& options_;
  std::map<std::string, ValueType> sizes_;  // what costs are counted at
  ChannelMap map_;
  std::vector<Candidate> candidates_;    // in the order in which they go
  std::vector<std::size_t> part_sizes_;  // channels of each output of a split
  std::set<std::size_t> whole_;
};

}  // namespace

std::string_view to_string(Saliency saliency) { return saliency == Saliency::kMagnitude ? "magnitude" : "activation"; }

Saliency parse_saliency(std::string_view text) {
  if (text == "magnitude") return Saliency::kMagnitude;
  if (text == "activation") return Saliency::kActivation;
  const std::vector<std::string> names{"magnitude", "activation"};
  throw Error(ErrorCode::kUsage, "'" + std::string(text) + "' is no saliency" + did_you_mean(text, names), "--by",
              "It is magnitude or activation.");
}

std::map<std::string, std::size_t> widths_of(const Model& model) {
  std::map<std::string, std::size_t> widths;
  for (const auto& node : model.nodes) {
    if (!node.is("Conv")) continue;
    if (const auto* weights = model.constant(node.inputs[1]))
      widths[node.label()] = static_cast<std::size_t>(weights->shape[0]);
  }
  return widths;
}

void check_whole(const Model& model, const std::set<std::string>& whole) {
  const auto widths = widths_of(model);
  std::vector<std::string> known;
  for (const auto& [label, width] : widths) known.push_back(label);
  for (const auto& label : whole) {
    if (!widths.contains(label))
      throw Error(ErrorCode::kUsage, "the model has no convolution '" + label + "'" + did_you_mean(label, known), "--whole");
  }
}

Pruned prune(const Model& model, const ChannelCovariances* covariances, const PruneOptions& options) {
  if (!(options.target > 0 && options.target < 1))
    throw Error(ErrorCode::kUsage, "the share of multiplications to keep is between 0 and 1", "--keep");
  return Pruner(model, covariances, options).run();
}

}  // namespace goshawk::optimize
