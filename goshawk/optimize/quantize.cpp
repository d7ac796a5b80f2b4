#include "goshawk/optimize/quantize.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "goshawk/core/error.h"
#include "goshawk/onnx/wiring.h"

namespace goshawk::optimize {
namespace {

using onnx::ElementType;
using onnx::Model;
using onnx::Node;
using onnx::Tensor;
using onnx::Wiring;

/// Inputs of a node that hold data, not parameters (sizes, scales, axes).
std::size_t data_inputs(const Node& node) {
  return node.is("Concat") || node.is("Add") || node.is("Mul") ? node.inputs.size() : 1;
}

/// Puts values elsewhere, or picks some, without computing new ones: in and out can have one scale.
bool passes_on(const Node& node) {
  if (node.is("Resize")) return node.text("mode", "nearest") == "nearest";
  static const std::set<std::string> kOps{"MaxPool",   "Concat",  "Slice",     "Split",  "Reshape",
                                          "Transpose", "Squeeze", "Unsqueeze", "Flatten"};
  return node.domain.empty() && kOps.contains(node.op);
}

/// Computes something in eight bits in ONNX Runtime's CPU provider.
bool is_elementwise(const Node& node) {
  static const std::set<std::string> kOps{"Sigmoid", "Mul", "Add", "LeakyRelu", "AveragePool", "GlobalAveragePool"};
  return node.domain.empty() && kOps.contains(node.op);
}

bool is_float_constant(const Model& model, const std::string& name) {
  const auto* constant = model.constant(name);
  return constant && constant->type == ElementType::kFloat;
}

bool is_product(const Node& node, const Model& model) {
  if (node.inputs.size() < 2 || !is_float_constant(model, node.inputs[1]) || model.constant(node.inputs[0])) return false;
  const auto& weights = *model.constant(node.inputs[1]);
  if (weights.count() == 0) return false;
  if (node.inputs.size() > 2 && !node.inputs[2].empty() && !is_float_constant(model, node.inputs[2])) return false;
  if (node.is("Conv")) return weights.shape.size() == 4;
  if (node.is("Gemm")) {
    return weights.shape.size() == 2 && node.number("alpha", 1) == 1 && node.number("beta", 1) == 1 &&
           node.integer("transA", 0) == 0;
  }
  return node.is("MatMul") && weights.shape.size() == 2;
}

/// Which dimension of the weights is the output channel.
std::size_t channel_axis(const Node& node) {
  if (node.is("Conv")) return 0;
  return node.is("Gemm") && node.integer("transB", 0) == 1 ? 0 : 1;
}

/// Sets of values that share one scale.
class Groups {
 public:
  std::string find(const std::string& name) {
    auto at = name;
    for (auto found = parent_.find(at); found != parent_.end() && found->second != at; found = parent_.find(at))
      at = found->second;
    parent_[name] = at;
    return at;
  }
  void join(const std::string& a, const std::string& b) {
    const auto x = find(a), y = find(b);
    if (x != y) parent_[y] = x;
  }

 private:
  std::map<std::string, std::string> parent_;
};

class Quantizer {
 public:
  Quantizer(const Model& model, const Calibration& calibration, const QuantizeOptions& options)
      : source_(model), calibration_(calibration), options_(options), wiring_(model) {
    done_.model = model;
    done_.model.values.clear();  // what they say is inferred again
  }

  Quantized run() {
    choose_layers();
    choose_values();
    settle_grids();
    write_pairs();
    for (const auto i : layers_) write_layer(i);
    if (!onnx::sort_nodes(done_.model)) throw Error(ErrorCode::kInternal, "the quantized graph has a cycle");
    onnx::remove_unused(done_.model);
    onnx::check(done_.model, "quantized model");
    return std::move(done_);
  }

 private:
  void choose_layers() {
    for (std::size_t i = 0; i < source_.nodes.size(); ++i) {
      const Node& node = source_.nodes[i];
      if (!is_product(node, source_)) continue;
      if (options_.float_layers.contains(node.label()) || !is_known(node.inputs[0])) {
        done_.in_float.push_back(node.label());
        continue;
      }
      layers_.push_back(i);
      is_layer_.insert(i);
      done_.layers.push_back(node.label());
    }
    if (layers_.empty()) {
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
    const std::string& output = source_.nodes[i].outputs[0];
    if (!wiring_.has_one_use(output)) return output;
    const auto user = wiring_.consumers(output)[0];
    const Node& next = source_.nodes[user];
    return next.is("Relu") || next.is("Clip") ? next.outputs[0] : output;
  }

  bool is_depthwise(std::size_t i) const {
    const Node& node = source_.nodes[i];
    return node.is("Conv") && source_.constant(node.inputs[1])->shape[1] == 1 && node.integer("group", 1) > 1;
  }

  /// Values that go into depthwise convolutions alone: each channel is summed by itself, so each can have a scale of its
  /// own. One outlier channel else takes the steps of all others; in small networks that costs most of the accuracy.
  void choose_values_by_channel() {
    // ONNX Runtime's integer kernels take one scale only, and its fusion fails on more.
    if (!options_.depthwise_by_channel || options_.placement != Placement::kFused) return;
    for (const auto i : layers_) {
      const auto& value = source_.nodes[i].inputs[0];
      const auto& seen = calibration_.values.at(value);
      if (seen.channel_ranges.size() != static_cast<std::size_t>(source_.nodes[i].integer("group", 1))) continue;
      const auto& users = wiring_.consumers(value);
      const bool apart = std::all_of(users.begin(), users.end(), [&](std::size_t user) {
        return is_layer_.contains(user) && is_depthwise(user) && stays_float(stored_output(user));
      });
      if (apart && comes_from_floats(value) && !wiring_.is_captured(value)) by_channel_[value] = {};
    }
  }

  /// No pair stands behind the value: what computes it and what takes it are not joined into an integer kernel.
  bool stays_float(const std::string& value) const {
    const auto& users = wiring_.consumers(value);
    return std::none_of(users.begin(), users.end(),
                        [&](std::size_t user) { return is_layer_.contains(user) || passes_on(source_.nodes[user]); });
  }

  /// SiLU and its like: ONNX Runtime's CPU provider would join a convolution to the pair behind it, and then fail.
  bool comes_from_floats(const std::string& value) const {
    const auto maker = wiring_.producer(value);
    if (maker == Wiring::kNone || !source_.nodes[maker].is("Mul")) return false;
    const auto& inputs = source_.nodes[maker].inputs;
    return std::all_of(inputs.begin(), inputs.end(), [&](const auto& input) { return stays_float(input); });
  }

  void choose_values() {
    choose_values_by_channel();
    for (const auto i : layers_) add_with_sources(source_.nodes[i].inputs[0]);
    if (options_.placement == Placement::kEveryNode) {
      const auto useful = values_toward_layers();
      for (const auto i : layers_) {
        const auto output = stored_output(i);
        if (is_known(output) && useful.contains(output)) add_with_sources(output);
      }
      for (std::size_t i = 0; i < source_.nodes.size(); ++i) add_elementwise(i, useful);
    }
  }

  /// Values on which the input of a quantized layer depends, but through a layer that stays in float: what goes into that
  /// one has no pairs back to where it was computed, or it would be as coarse as before.
  std::set<std::string> values_toward_layers() const {
    std::set<std::string> useful;
    for (std::size_t i = source_.nodes.size(); i-- > 0;) {
      const Node& node = source_.nodes[i];
      if (is_product(node, source_) && !is_layer_.contains(i)) continue;
      const bool wanted = is_layer_.contains(i) || std::any_of(node.outputs.begin(), node.outputs.end(),
                                                               [&](const auto& o) { return useful.contains(o); });
      if (wanted) useful.insert(node.inputs.begin(), node.inputs.end());
    }
    return useful;
  }

  void add_elementwise(std::size_t i, const std::set<std::string>& useful) {
    const Node& node = source_.nodes[i];
    if (!is_elementwise(node) || options_.float_layers.contains(node.label())) return;
    for (std::size_t k = 0; k < data_inputs(node); ++k) {
      if (!values_.contains(node.inputs[k])) return;
    }
    const auto& output = node.outputs[0];
    if (useful.contains(output) && is_known(output)) add_with_sources(output);
  }

  /// The value is kept in eight bits, and so is what it was only picked from, back to where it was computed.
  void add_with_sources(const std::string& value) {
    if (by_channel_.contains(value) || !values_.insert(value).second) return;
    const auto maker = wiring_.producer(value);
    if (maker == Wiring::kNone || !passes_on(source_.nodes[maker])) return;
    const Node& node = source_.nodes[maker];
    for (std::size_t k = 0; k < data_inputs(node); ++k) {
      if (!is_known(node.inputs[k])) return;
    }
    for (std::size_t k = 0; k < data_inputs(node); ++k) {
      groups_.join(value, node.inputs[k]);
      add_with_sources(node.inputs[k]);
    }
    passed_on_.insert(value);
    // Other outputs of a split go the same way.
    for (const auto& output : node.outputs) {
      if (output != value && !output.empty() && is_known(output)) groups_.join(value, output);
    }
  }

  void settle_grids() {
    std::map<std::string, Histogram> merged;
    for (const auto& value : values_) merged[groups_.find(value)].merge(calibration_.values.at(value).histogram);
    const auto methods = methods_by_group();
    const auto method_of = [&](const std::string& group) {
      const auto found = methods.find(group);
      return found != methods.end() ? found->second : options_.method;
    };
    std::map<std::string, Grid> by_group;
    for (const auto& [group, histogram] : merged) {
      const bool symmetric = options_.symmetric_activations && histogram.seen().low < 0;
      by_group[group] = grid_of(choose_range(histogram, method_of(group), symmetric), symmetric);
    }
    for (const auto& value : values_) grids_[value] = by_group.at(groups_.find(value));
    done_.groups = by_group.size() + by_channel_.size();
    for (auto& [value, grids] : by_channel_) {
      const auto& seen = calibration_.values.at(value);
      for (Range range : method_of(value) == RangeMethod::kMinMax ? seen.channel_ranges : seen.channel_extremes) {
        range = {std::min(range.low, 0.0F), std::max(range.high, 0.0F)};
        grids.push_back(grid_of(range, options_.symmetric_activations && range.low < 0));
      }
    }
  }

  /// What layers have a calibration method of their own for, by group or value.
  std::map<std::string, RangeMethod> methods_by_group() {
    std::map<std::string, RangeMethod> methods;
    for (const auto i : layers_) {
      const auto found = options_.methods_of_layers.find(source_.nodes[i].label());
      if (found == options_.methods_of_layers.end()) continue;
      const auto& value = source_.nodes[i].inputs[0];
      methods[by_channel_.contains(value) ? value : groups_.find(value)] = found->second;
    }
    return methods;
  }

  /// Names of scale and zero point constants, made once for each group.
  std::pair<std::string, std::string> grid_constants(const std::string& value) {
    const auto group = groups_.find(value);
    auto& names = grid_names_[group];
    if (!names.first.empty()) return names;
    const Grid& grid = grids_.at(value);
    // Short names, and one constant for equal zero points: in small networks they are a tenth of the file.
    const bool is_signed = grid.least < 0;
    auto& zero = grid_zeros_[{is_signed, grid.zero_point}];
    if (zero.empty()) zero = done_.model.unique("zero" + std::to_string(grid.zero_point) + (is_signed ? "s" : ""));
    names = {done_.model.unique("scale" + std::to_string(grid_names_.size())), zero};
    done_.model.constants[names.first] = Tensor::of(names.first, {}, std::vector{grid.scale});
    done_.model.constants[names.second] =
        is_signed ? Tensor::of(names.second, {}, std::vector{static_cast<std::int8_t>(grid.zero_point)})
                  : Tensor::of(names.second, {}, std::vector{static_cast<std::uint8_t>(grid.zero_point)});
    return names;
  }

  /// The same for a value with a grid for each channel.
  std::pair<std::string, std::string> channel_constants(const std::string& value, const std::vector<Grid>& grids) {
    std::vector<float> scales;
    std::vector<std::uint8_t> zeros;
    std::vector<std::int8_t> signed_zeros;
    const bool is_signed = std::any_of(grids.begin(), grids.end(), [](const Grid& grid) { return grid.least < 0; });
    for (const auto& grid : grids) {
      scales.push_back(grid.scale);
      zeros.push_back(static_cast<std::uint8_t>(grid.zero_point));
      signed_zeros.push_back(static_cast<std::int8_t>(grid.least < 0 ? 0 : grid.zero_point - 128));
    }
    const auto scale = done_.model.unique(value + "_scale"), zero = done_.model.unique(value + "_zero_point");
    const onnx::Shape shape{static_cast<std::int64_t>(grids.size())};
    done_.model.constants[scale] = Tensor::of(scale, shape, scales);
    done_.model.constants[zero] = is_signed ? Tensor::of(zero, shape, signed_zeros) : Tensor::of(zero, shape, zeros);
    return {scale, zero};
  }

  /// Whether a pair must stand behind the value: not where it is only passed on and the provider carries eight bits through.
  bool needs_pair(const std::string& value) const {
    return options_.placement == Placement::kEveryNode || !passed_on_.contains(value);
  }

  void write_pairs() {
    std::map<std::string, std::string> replaced;
    const auto write = [&](const std::string& value, const std::pair<std::string, std::string>& grid,
                           const auto& attributes) {
      const auto number = std::to_string(done_.values);
      const std::string q = done_.model.unique("q" + number), back = done_.model.unique("dq" + number);
      done_.model.nodes.push_back({"QuantizeLinear", "", "", {value, grid.first, grid.second}, {q}, attributes, {}});
      done_.model.nodes.push_back({"DequantizeLinear", "", "", {q, grid.first, grid.second}, {back}, attributes, {}});
      replaced[value] = back;
      ++done_.values;
    };
    using Attributes = decltype(Node::attributes);
    for (const auto& value : values_) {
      if (needs_pair(value)) write(value, grid_constants(value), Attributes{});
    }
    for (const auto& [value, grids] : by_channel_) {
      write(value, channel_constants(value, grids), Attributes{{"axis", std::int64_t{1}}});
    }
    for (std::size_t i = 0; i < source_.nodes.size(); ++i) {
      for (auto& input : done_.model.nodes[i].inputs) {
        if (const auto found = replaced.find(input); found != replaced.end()) input = found->second;
      }
    }
  }

  struct Channels {
    std::size_t count = 0, outer = 0, inner = 0;  // value (o, c, i) lies at (o * count + c) * inner + i
  };
  static Channels channels_of(const Tensor& weights, std::size_t axis) {
    Channels c;
    c.count = static_cast<std::size_t>(weights.shape[axis]);
    c.outer = axis == 0 ? 1 : static_cast<std::size_t>(weights.shape[0]);
    c.inner = axis == 0 ? weights.count() / c.count : 1;
    return c;
  }

  void write_layer(std::size_t i) {
    Node& node = done_.model.nodes[i];
    const Node& source = source_.nodes[i];
    const Tensor& weights = *source_.constant(source.inputs[1]);
    const std::size_t axis = channel_axis(source);
    const Channels channels = channels_of(weights, axis);
    const auto values = weights.floats();
    const bool has_bias = source.inputs.size() > 2 && !source.inputs[2].empty();
    std::vector<float> bias =
        has_bias ? source_.constant(source.inputs[2])->floats() : std::vector<float>(channels.count, 0.0F);
    if (bias.size() != channels.count) bias.resize(channels.count, bias.empty() ? 0.0F : bias[0]);
    const auto input_scales = input_scales_of(source.inputs[0], channels.count);
    const auto scales = weight_scales(values, channels, bias, input_scales);
    const auto integers = quantized_weights(values, channels, scales);
    bool write_bias = has_bias;
    if (options_.correct_bias && source.is("Conv")) write_bias |= correct_bias(source, values, integers, scales, bias);

    const std::string base =
        source.inputs[1] + (done_.model.constants.contains(source.inputs[1] + "_q") ? "_" + node.label() : "");
    const auto weight_q = done_.model.unique(base + "_q"), weight_scale = done_.model.unique(base + "_scale");
    const auto weight_dq = done_.model.unique(base + "_dq");
    const onnx::Shape by_channel{static_cast<std::int64_t>(channels.count)};
    done_.model.constants[weight_q] = Tensor::of(weight_q, weights.shape, integers);
    done_.model.constants[weight_scale] = Tensor::of(weight_scale, by_channel, scales);
    node.inputs[1] = weight_dq;
    if (write_bias) node.inputs.resize(3);
    if (write_bias) node.inputs[2] = bias_input(source, bias);
    done_.model.nodes.push_back({"DequantizeLinear",
                                 "",
                                 "",
                                 {weight_q, weight_scale, weight_zeros(channels.count)},
                                 {weight_dq},
                                 {{"axis", static_cast<std::int64_t>(axis)}},
                                 {}});
  }

  /// The scale of what each output channel is computed from.
  std::vector<float> input_scales_of(const std::string& input, std::size_t outputs) const {
    const auto found = by_channel_.find(input);
    if (found == by_channel_.end()) return std::vector<float>(outputs, grids_.at(input).scale);
    std::vector<float> scales(outputs);
    for (std::size_t c = 0; c < outputs; ++c) scales[c] = found->second[c / (outputs / found->second.size())].scale;
    return scales;
  }

  std::vector<float> weight_scales(const std::vector<float>& values, const Channels& channels,
                                   const std::vector<float>& bias, const std::vector<float>& input_scales) const {
    const float most = options_.narrow_weights ? 63.0F : 127.0F;
    std::vector<float> scales(channels.count, 0.0F);
    for (std::size_t o = 0; o < channels.outer; ++o) {
      for (std::size_t c = 0; c < channels.count; ++c) {
        for (std::size_t k = 0; k < channels.inner; ++k) {
          scales[c] = std::max(scales[c], std::abs(values[(o * channels.count + c) * channels.inner + k]) / most);
        }
      }
    }
    for (std::size_t c = 0; c < channels.count; ++c) {
      // An int32 bias in units of input scale times weight scale must not overflow, with room for the sum itself.
      const float least = std::abs(bias[c]) / input_scales[c] / static_cast<float>(1 << 30);
      scales[c] = std::max({scales[c], least, 1e-20F});
      if (scales[c] <= 1e-20F) scales[c] = 1.0F;  // a channel of zeros
    }
    return scales;
  }

  std::vector<std::int8_t> quantized_weights(const std::vector<float>& values, const Channels& channels,
                                             const std::vector<float>& scales) const {
    std::vector<std::int8_t> integers(values.size());
    for (std::size_t o = 0; o < channels.outer; ++o) {
      for (std::size_t c = 0; c < channels.count; ++c) {
        for (std::size_t k = 0; k < channels.inner; ++k) {
          const std::size_t at = (o * channels.count + c) * channels.inner + k;
          integers[at] = static_cast<std::int8_t>(std::clamp(std::nearbyint(values[at] / scales[c]), -127.0F, 127.0F));
        }
      }
    }
    return integers;
  }

  /// Takes from the bias what the rounded weights add to the channel's mean. Source: Nagel et al., "Data-Free Quantization
  /// Through Weight Equalization and Bias Correction" (2019), section 4.2, with means from calibration.
  bool correct_bias(const Node& node, const std::vector<float>& values, const std::vector<std::int8_t>& integers,
                    const std::vector<float>& scales, std::vector<float>& bias) const {
    const auto& means = calibration_.values.at(node.inputs[0]).channel_means;
    const auto& shape = source_.constant(node.inputs[1])->shape;
    const auto groups = static_cast<std::size_t>(std::max<std::int64_t>(1, node.integer("group", 1)));
    const auto outs = static_cast<std::size_t>(shape[0]), ins = static_cast<std::size_t>(shape[1]);
    const auto area = static_cast<std::size_t>(shape[2] * shape[3]);
    if (means.size() != ins * groups || outs % groups != 0) return false;
    for (std::size_t c = 0; c < outs; ++c) {
      const std::size_t first = c / (outs / groups) * ins;
      double shift = 0;
      for (std::size_t in = 0; in < ins; ++in) {
        double error = 0;
        for (std::size_t k = 0; k < area; ++k) {
          const std::size_t at = (c * ins + in) * area + k;
          error += static_cast<double>(scales[c]) * integers[at] - static_cast<double>(values[at]);
        }
        shift += error * means[first + in];
      }
      bias[c] -= static_cast<float>(shift);
    }
    return true;
  }

  /// Biases stay float: ONNX Runtime makes int32 ones of them when it loads the model, the others want them so.
  std::string bias_input(const Node& source, const std::vector<float>& bias) {
    const auto name = done_.model.unique(source.outputs[0] + "_bias");
    done_.model.constants[name] = Tensor::of(name, {static_cast<std::int64_t>(bias.size())}, bias);
    return name;
  }

  /// The zero points of symmetric weights, one constant for all layers of as many channels.
  std::string weight_zeros(std::size_t channels) {
    auto& name = zeros_[channels];
    if (!name.empty()) return name;
    name = done_.model.unique("zeros_" + std::to_string(channels));
    const onnx::Shape shape{static_cast<std::int64_t>(channels)};
    done_.model.constants[name] = Tensor::of(name, shape, std::vector<std::int8_t>(channels, 0));
    return name;
  }

  const Model& source_;
  const Calibration& calibration_;
  const QuantizeOptions& options_;
  Wiring wiring_;
  Quantized done_;
  std::vector<std::size_t> layers_;
  std::set<std::size_t> is_layer_;
  std::set<std::string> values_, passed_on_;
  Groups groups_;
  std::map<std::string, Grid> grids_;
  std::map<std::string, std::vector<Grid>> by_channel_;  // values of depthwise convolutions, a grid for each channel
  std::map<std::string, std::pair<std::string, std::string>> grid_names_;
  std::map<std::pair<bool, int>, std::string> grid_zeros_;  // constants of zero points, by sign of the type and value
  std::map<std::size_t, std::string> zeros_;                // of weights, by count
};

}  // namespace

std::string_view to_string(Placement placement) { return placement == Placement::kFused ? "fused" : "every-node"; }

std::vector<std::string> quantizable_layers(const Model& model) {
  std::vector<std::string> labels;
  for (const auto& node : model.nodes) {
    if (is_product(node, model)) labels.push_back(node.label());
  }
  return labels;
}

bool has_convolutions(const Model& model) {
  return std::any_of(model.nodes.begin(), model.nodes.end(), [](const Node& node) { return node.is("Conv"); });
}

std::set<std::string> values_to_calibrate(const Model& model, Placement placement) {
  const auto floats = float_values(model);
  std::set<std::string> wanted;
  const auto want = [&](const std::string& value) {
    if (floats.contains(value)) wanted.insert(value);
  };
  for (std::size_t i = model.nodes.size(); i-- > 0;) {
    const Node& node = model.nodes[i];
    const bool toward =
        std::any_of(node.outputs.begin(), node.outputs.end(), [&](const auto& o) { return wanted.contains(o); });
    if (is_product(node, model)) {
      want(node.inputs[0]);
      if (placement == Placement::kEveryNode) want(node.outputs[0]);
    } else if (toward && (placement == Placement::kEveryNode || passes_on(node))) {
      for (std::size_t k = 0; k < std::min(data_inputs(node), node.inputs.size()); ++k) want(node.inputs[k]);
    }
  }
  return wanted;
}

Quantized quantize(const Model& model, const Calibration& calibration, const QuantizeOptions& options) {
  if (model.opset < 13) throw Error(ErrorCode::kBadConfig, "the model's operator set is older than 13");
  return Quantizer(model, calibration, options).run();
}

}  // namespace goshawk::optimize
