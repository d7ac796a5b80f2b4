#include "goshawk/optimize/quantize.h"

#include <algorithm>
#include <array>

#include "goshawk/core/error.h"
#include "goshawk/onnx/free_names.h"
#include "goshawk/onnx/wiring.h"
#include "goshawk/optimize/int8_weights.h"
#include "goshawk/optimize/provider_graph.h"
#include "goshawk/optimize/qdq_plan.h"
#include "goshawk/optimize/quantizable.h"

namespace goshawk::optimize {
namespace {

using onnx::Model;
using onnx::Node;
using onnx::Tensor;

class Quantizer {
 public:
  Quantizer(const Model& model, const Calibration& calibration, const QuantizeOptions& options)
      : source_(model),
        calibration_(calibration),
        options_(options),
        plan_(plan_qdq(model, calibration, options)),
        names_(model) {
    done_.model = model;
    done_.model.values.clear();  // what they say is inferred again
    done_.in_float = plan_.in_float;
    for (const auto i : plan_.layers) done_.layers.push_back(model.nodes[i].label());
  }

  Quantized run() {
    settle_grids();
    write_pairs();
    for (const auto i : plan_.layers) write_layer(i);
    if (!onnx::sort_nodes(done_.model)) throw Error(ErrorCode::kInternal, "the quantized graph has a cycle");
    onnx::remove_unused(done_.model);
    onnx::check(done_.model, "quantized model");
    return std::move(done_);
  }

 private:
  bool is_symmetric(const Range& seen) const {
    return options_.activations == Activations::kSigned || (options_.activations == Activations::kSymmetric && seen.low < 0);
  }

  void settle_grids() {
    std::map<std::string, Histogram> merged;
    for (const auto& value : plan_.values) merged[plan_.groups.find(value)].merge(calibration_.values.at(value).histogram);
    const auto methods = methods_by_group();
    const auto method_of = [&](const std::string& group) {
      const auto found = methods.find(group);
      return found != methods.end() ? found->second : options_.method;
    };
    std::map<std::string, Grid> by_group;
    for (const auto& [group, histogram] : merged) {
      const bool symmetric = is_symmetric(histogram.seen());
      by_group[group] = grid_of(choose_range(histogram, method_of(group), symmetric), symmetric);
    }
    if (options_.activations == Activations::kSymmetric) {
      for (const auto& node : source_.nodes) {
        if (node.is("Concat") && plan_.values.contains(node.outputs[0]))
          make_unsigned(by_group.at(plan_.groups.find(node.outputs[0])));
      }
    }
    for (const auto& value : plan_.values) grids_[value] = by_group.at(plan_.groups.find(value));
    done_.groups = by_group.size() + plan_.by_channel.size();
    for (const auto& value : plan_.by_channel) {
      const auto& seen = calibration_.values.at(value);
      for (Range range : method_of(value) == RangeMethod::kMinMax ? seen.channel_ranges : seen.channel_extremes) {
        range = {std::min(range.low, 0.0F), std::max(range.high, 0.0F)};
        channel_grids_[value].push_back(grid_of(range, options_.activations == Activations::kSigned));
      }
    }
  }

  /// The same steps, counted from 128: OpenVINO gives joined int8 values a scale of 1 on CPUs without AMX
  /// (docs/decisions/095).
  static void make_unsigned(Grid& grid) {
    if (grid.least >= 0) return;
    grid = {grid.scale, 128, grid.least + 128, grid.most + 128};
  }

  /// What layers have a calibration method of their own for, by group or value.
  std::map<std::string, RangeMethod> methods_by_group() {
    std::map<std::string, RangeMethod> methods;
    for (const auto i : plan_.layers) {
      const auto found = options_.methods_of_layers.find(source_.nodes[i].label());
      if (found == options_.methods_of_layers.end()) continue;
      const auto& value = source_.nodes[i].inputs[0];
      methods[plan_.by_channel.contains(value) ? value : plan_.groups.find(value)] = found->second;
    }
    return methods;
  }

  /// Names of scale and zero point constants, made once for each group.
  std::pair<std::string, std::string> grid_constants(const std::string& value) {
    const auto group = plan_.groups.find(value);
    auto& names = grid_names_[group];
    if (!names.first.empty()) return names;
    const Grid& grid = grids_.at(value);
    // Short names, and one constant for equal zero points: in small networks they are a tenth of the file.
    const bool is_signed = grid.least < 0;
    auto& zero = grid_zeros_[{is_signed, grid.zero_point}];
    if (zero.empty()) zero = names_.take("zero" + std::to_string(grid.zero_point) + (is_signed ? "s" : ""));
    names = {names_.take("scale" + std::to_string(grid_names_.size())), zero};
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
    const auto scale = names_.take(value + "_scale"), zero = names_.take(value + "_zero_point");
    const onnx::Shape shape{static_cast<std::int64_t>(grids.size())};
    done_.model.constants[scale] = Tensor::of(scale, shape, scales);
    done_.model.constants[zero] = is_signed ? Tensor::of(zero, shape, signed_zeros) : Tensor::of(zero, shape, zeros);
    return {scale, zero};
  }

  /// Whether a pair must stand behind the value: not where it is only passed on and the provider carries eight bits through.
  bool needs_pair(const std::string& value) const {
    return options_.placement == Placement::kEveryNode || !plan_.passed_on.contains(value);
  }

  void write_pairs() {
    std::map<std::string, std::string> replaced;
    const auto write = [&](const std::string& value, const std::pair<std::string, std::string>& grid,
                           const auto& attributes) {
      const auto number = std::to_string(done_.values);
      const std::string q = names_.take("q" + number), back = names_.take("dq" + number);
      done_.model.nodes.push_back({"QuantizeLinear", "", "", {value, grid.first, grid.second}, {q}, attributes, {}});
      done_.model.nodes.push_back({"DequantizeLinear", "", "", {q, grid.first, grid.second}, {back}, attributes, {}});
      replaced[value] = back;
      ++done_.values;
    };
    using Attributes = decltype(Node::attributes);
    for (const auto& value : plan_.values) {
      if (needs_pair(value)) write(value, grid_constants(value), Attributes{});
    }
    for (const auto& [value, grids] : channel_grids_) {
      write(value, channel_constants(value, grids), Attributes{{"axis", std::int64_t{1}}});
    }
    for (std::size_t i = 0; i < source_.nodes.size(); ++i) {
      for (auto& input : done_.model.nodes[i].inputs) {
        if (const auto found = replaced.find(input); found != replaced.end()) input = found->second;
      }
    }
  }

  void write_layer(std::size_t i) {
    const Node& source = source_.nodes[i];
    const Tensor& weights = *source_.constant(source.inputs[1]);
    const Tensor* bias =
        source.inputs.size() > 2 && !source.inputs[2].empty() ? source_.constant(source.inputs[2]) : nullptr;
    const std::size_t axis = channel_axis(source);
    const auto channels = static_cast<std::size_t>(weights.shape[axis]);
    const auto input_scales = input_scales_of(source.inputs[0], channels);
    const auto least = least_scales(bias, input_scales);
    const auto small = quantize_weights(weights, axis, least, options_.narrow_weights ? kNarrowWeights : 127.0F);
    if (options_.correct_bias && source.is("Conv")) {
      const auto& means = calibration_.values.at(source.inputs[0]).channel_means;
      if (const auto corrected = corrected_bias(source, weights, bias, small, means)) {
        auto& inputs = done_.model.nodes[i].inputs;
        inputs.resize(3);
        inputs[2] = bias_input(source, *corrected);
      }
    }
    const auto floats = weights_input(source, weights.shape, axis, small);  // another node: all move
    done_.model.nodes[i].inputs[1] = floats;
  }

  /// The scale of what each output channel is computed from.
  std::vector<float> input_scales_of(const std::string& input, std::size_t outputs) const {
    const auto found = channel_grids_.find(input);
    if (found == channel_grids_.end()) return std::vector<float>(outputs, grids_.at(input).scale);
    std::vector<float> scales(outputs);
    for (std::size_t c = 0; c < outputs; ++c) scales[c] = found->second[c / (outputs / found->second.size())].scale;
    return scales;
  }

  /// Writes the integers with what makes floats of them; returns the name of the floats.
  std::string weights_input(const Node& source, const onnx::Shape& shape, std::size_t axis, const Int8Weights& weights) {
    const std::string base =
        source.inputs[1] + (done_.model.constants.contains(source.inputs[1] + "_q") ? "_" + source.label() : "");
    const auto integers = names_.take(base + "_q"), scale = names_.take(base + "_scale");
    const auto floats = names_.take(base + "_dq");
    const onnx::Shape by_channel{static_cast<std::int64_t>(weights.scales.size())};
    done_.model.constants[integers] = Tensor::of(integers, shape, weights.integers);
    done_.model.constants[scale] = Tensor::of(scale, by_channel, weights.scales);
    done_.model.nodes.push_back({"DequantizeLinear",
                                 "",
                                 "",
                                 {integers, scale, weight_zeros(weights.scales.size())},
                                 {floats},
                                 {{"axis", static_cast<std::int64_t>(axis)}},
                                 {}});
    return floats;
  }

  /// Biases stay float: ONNX Runtime makes int32 ones of them when it loads the model, the others want them so.
  std::string bias_input(const Node& source, const std::vector<float>& bias) {
    const auto name = names_.take(source.outputs[0] + "_bias");
    done_.model.constants[name] = Tensor::of(name, {static_cast<std::int64_t>(bias.size())}, bias);
    return name;
  }

  /// The zero points of symmetric weights, one constant for all layers of as many channels.
  std::string weight_zeros(std::size_t channels) {
    auto& name = zeros_[channels];
    if (!name.empty()) return name;
    name = names_.take("zeros_" + std::to_string(channels));
    const onnx::Shape shape{static_cast<std::int64_t>(channels)};
    done_.model.constants[name] = Tensor::of(name, shape, std::vector<std::int8_t>(channels, 0));
    return name;
  }

  const Model& source_;
  const Calibration& calibration_;
  const QuantizeOptions& options_;
  QdqPlan plan_;
  onnx::FreeNames names_;
  Quantized done_;
  std::map<std::string, Grid> grids_;                       // of the plan's values
  std::map<std::string, std::vector<Grid>> channel_grids_;  // of the plan's values by channel
  std::map<std::string, std::pair<std::string, std::string>> grid_names_;
  std::map<std::pair<bool, int>, std::string> grid_zeros_;  // constants of zero points, by sign of the type and value
  std::map<std::size_t, std::string> zeros_;                // of weights, by count
};

constexpr std::array kPlacements{Placement::kFused, Placement::kEveryNode};
constexpr std::array kActivations{Activations::kAsymmetric, Activations::kSymmetric, Activations::kSigned};

}  // namespace

std::string_view to_string(Placement placement) { return placement == Placement::kFused ? "fused" : "every-node"; }

Placement parse_placement(std::string_view text) {
  for (const auto placement : kPlacements) {
    if (to_string(placement) == text) return placement;
  }
  throw Error(ErrorCode::kUsage, "'" + std::string(text) + "' is no placement", "", "It is fused or every-node.");
}

Placement placement_for(runtime::DeviceKind device) {
  return device == runtime::DeviceKind::kCpu ? Placement::kEveryNode : Placement::kFused;
}

std::string_view to_string(Activations activations) {
  if (activations == Activations::kAsymmetric) return "asymmetric";
  return activations == Activations::kSymmetric ? "symmetric" : "signed";
}

Activations parse_activations(std::string_view text) {
  for (const auto activations : kActivations) {
    if (to_string(activations) == text) return activations;
  }
  throw Error(ErrorCode::kUsage, "'" + std::string(text) + "' is no kind of activations", "",
              "They are asymmetric, symmetric or signed.");
}

Activations activations_for(runtime::DeviceKind device) {
  if (device == runtime::DeviceKind::kCpu) return Activations::kAsymmetric;
  return device == runtime::DeviceKind::kOpenVino ? Activations::kSymmetric : Activations::kSigned;
}

Quantized quantize(const Model& model, const Calibration& calibration, const QuantizeOptions& options) {
  if (model.opset < 13) throw Error(ErrorCode::kBadConfig, "the model's operator set is older than 13");
  auto done = Quantizer(model, calibration, options).run();
  if (options.placement == Placement::kEveryNode) fit_to_provider(done.model, runtime::DeviceKind::kCpu);
  return done;
}

}  // namespace goshawk::optimize
