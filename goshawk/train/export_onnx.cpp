#include "goshawk/train/export_onnx.h"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>

#include "goshawk/core/error.h"
#include "goshawk/onnx/graph_builder.h"

namespace goshawk::train {
namespace {

using onnx::Dimension;
using onnx::GraphBuilder;
using Integers = std::vector<std::int64_t>;

constexpr double kBatchNormEpsilon = 1e-3;  // as torch/modules.h sets it

/// Emits the layers in order; values of the graph are known by their names.
class Exporter {
 public:
  Exporter(const Network& network, const WeightSource& weights, const ExportOptions& options)
      : network_(network), weights_(weights), options_(options), graph_(network.name) {}

  std::string run() {
    const Dimension batch = options_.batch ? Dimension(std::int64_t{*options_.batch}) : Dimension("batch");
    const auto side = [&](int pixels, const char* name) {
      return options_.dynamic_size ? Dimension(std::string(name)) : Dimension(std::int64_t{pixels});
    };
    const std::string image =
        graph_.input("images", {batch, std::int64_t{3}, side(options_.height, "height"), side(options_.width, "width")});
    std::vector<std::string> maps;
    for (std::size_t i = 0; i + 1 < network_.layers.size(); ++i) {
      maps.push_back(layer(network_.layers[i], fmt::format("model.{}", i), inputs_of(network_.layers[i], maps, image)));
    }
    detect(fmt::format("model.{}", network_.layers.size() - 1), inputs_of(network_.head(), maps, image));
    graph_.output("output0", {batch, std::int64_t{4 + network_.classes},
                              options_.dynamic_size ? Dimension("anchors") : Dimension(anchors())});
    for (const auto& [key, value] : options_.metadata) graph_.metadata(key, value);
    graph_.metadata(kNetworkKey, description_of(network_).dump());
    return graph_.serialize("goshawk", "");
  }

 private:
  static std::vector<std::string> inputs_of(const Layer& layer, const std::vector<std::string>& maps,
                                            const std::string& image) {
    std::vector<std::string> inputs;
    for (const int source : layer.from) inputs.push_back(source < 0 ? image : maps[static_cast<std::size_t>(source)]);
    return inputs;
  }

  std::int64_t anchors() const {
    std::int64_t sum = 0;
    for (const int stride : network_.strides) sum += std::int64_t{options_.width / stride} * (options_.height / stride);
    return sum;
  }

  std::string layer(const Layer& layer, const std::string& name, const std::vector<std::string>& inputs) {
    switch (layer.op) {
      case Op::kConv:
        return conv_block(name, inputs[0], layer.kernel, layer.stride);
      case Op::kCsp:
        return csp(layer, name, inputs[0]);
      case Op::kSppf:
        return sppf(layer, name, inputs[0]);
      case Op::kUpsample:
        return upsample(inputs[0]);
      case Op::kConcat:
        return concat(inputs);
      case Op::kDetect:
        break;
    }
    require(false, "export_onnx: a head within the network");
    return {};
  }

  std::string concat(const std::vector<std::string>& inputs) {
    return graph_.node("Concat", inputs, {{"axis", std::int64_t{1}}});
  }

  std::string convolution(const std::string& name, const std::string& input, const Weights& kernel,
                          const std::vector<float>& bias, int stride) {
    const std::int64_t size = kernel.shape[2];
    const std::int64_t pad = size / 2;
    const auto w = graph_.constant(name + ".weight", kernel.shape, kernel.values);
    const Integers bias_shape{static_cast<std::int64_t>(bias.size())};
    const auto b = graph_.constant(name + ".bias", bias_shape, bias);
    return graph_.node("Conv", {input, w, b},
                       {{"kernel_shape", Integers{size, size}},
                        {"strides", Integers{stride, stride}},
                        {"pads", Integers{pad, pad, pad, pad}}});
  }

  /// Convolution, batch norm and SiLU: the norm goes into the convolution's weights and bias.
  std::string conv_block(const std::string& name, const std::string& input, int kernel_size, int stride) {
    Weights kernel = weights_(name + ".conv.weight");
    require(kernel.shape.size() == 4 && kernel.shape[2] == kernel_size, "export_onnx: weights of another network");
    const auto gamma = weights_(name + ".bn.weight").values, beta = weights_(name + ".bn.bias").values;
    const auto mean = weights_(name + ".bn.running_mean").values, variance = weights_(name + ".bn.running_var").values;
    std::vector<float> bias(gamma.size());
    const std::size_t per_filter = kernel.values.size() / gamma.size();
    for (std::size_t c = 0; c < gamma.size(); ++c) {
      const double scale = static_cast<double>(gamma[c]) / std::sqrt(static_cast<double>(variance[c]) + kBatchNormEpsilon);
      bias[c] = static_cast<float>(static_cast<double>(beta[c]) - static_cast<double>(mean[c]) * scale);
      for (std::size_t i = 0; i < per_filter; ++i) {
        float& value = kernel.values[c * per_filter + i];
        value = static_cast<float>(static_cast<double>(value) * scale);
      }
    }
    const auto y = convolution(name, input, kernel, bias, stride);
    return graph_.node("Mul", {y, graph_.node("Sigmoid", {y})});
  }

  std::string csp(const Layer& layer, const std::string& name, const std::string& input) {
    const Integers sizes{layer.inner[0], layer.inner[1]};
    const auto both = conv_block(name + ".cv1", input, 1, 1);
    auto parts =
        graph_.node_of_many("Split", {both, graph_.constant(name + ".parts", sizes)}, 2, {{"axis", std::int64_t{1}}});
    for (int i = 0; i < layer.repeats; ++i) {
      const std::string block = fmt::format("{}.m.{}", name, i);
      auto y = conv_block(block + ".cv2", conv_block(block + ".cv1", parts.back(), 3, 1), 3, 1);
      parts.push_back(layer.shortcut ? graph_.node("Add", {parts.back(), y}) : y);
    }
    return conv_block(name + ".cv2", concat(parts), 1, 1);
  }

  std::string sppf(const Layer& layer, const std::string& name, const std::string& input) {
    const std::int64_t size = layer.kernel, pad = layer.kernel / 2;
    std::vector<std::string> maps{conv_block(name + ".cv1", input, 1, 1)};
    for (int i = 0; i < 3; ++i) {
      maps.push_back(graph_.node(
          "MaxPool", {maps.back()},
          {{"kernel_shape", Integers{size, size}}, {"pads", Integers{pad, pad, pad, pad}}, {"strides", Integers{1, 1}}}));
    }
    return conv_block(name + ".cv2", concat(maps), 1, 1);
  }

  std::string upsample(const std::string& input) {
    if (scales_.empty()) {
      const Integers shape{4};
      const std::vector<float> twice{1, 1, 2, 2};
      scales_ = graph_.constant("twice", shape, twice);
    }
    return graph_.node("Resize", {input, "", scales_},
                       {{"mode", std::string("nearest")},
                        {"coordinate_transformation_mode", std::string("asymmetric")},
                        {"nearest_mode", std::string("floor")}});
  }

  std::string plain_convolution(const std::string& name, const std::string& input) {
    return convolution(name, input, weights_(name + ".weight"), weights_(name + ".bias").values, 1);
  }

  void detect(const std::string& name, const std::vector<std::string>& inputs) {
    const auto branch = [&](const char* which, std::size_t level) {
      const std::string path = fmt::format("{}.{}.{}", name, which, level);
      return plain_convolution(path + ".2", conv_block(path + ".1", conv_block(path + ".0", inputs[level], 3, 1), 3, 1));
    };
    std::vector<std::string> flat_boxes, flat_scores, maps;
    const auto box_shape = graph_.constant("flat_boxes", Integers{0, 4 * network_.bins, -1});
    const auto score_shape = graph_.constant("flat_scores", Integers{0, network_.classes, -1});
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      maps.push_back(branch("cv2", i));
      flat_boxes.push_back(graph_.node("Reshape", {maps.back(), box_shape}));
      flat_scores.push_back(graph_.node("Reshape", {branch("cv3", i), score_shape}));
    }
    const auto join = [&](const std::vector<std::string>& parts) {
      return graph_.node("Concat", parts, {{"axis", std::int64_t{2}}});
    };
    const auto boxes = decoded_boxes(distances(join(flat_boxes)), maps);
    graph_.node("Concat", {boxes, graph_.node("Sigmoid", {join(flat_scores)})}, {{"axis", std::int64_t{1}}}, "output0");
  }

  /// [N, 4 * bins, A] -> [N, 4, A]: the mean of each side's distribution, in strides.
  std::string distances(const std::string& logits) {
    const auto split = graph_.node("Reshape", {logits, graph_.constant("by_side", Integers{0, 4, network_.bins, -1})});
    const auto bins_first = graph_.node("Transpose", {split}, {{"perm", Integers{0, 2, 1, 3}}});
    const auto chances = graph_.node("Softmax", {bins_first}, {{"axis", std::int64_t{1}}});
    std::vector<float> steps(static_cast<std::size_t>(network_.bins));
    std::iota(steps.begin(), steps.end(), 0.0F);
    const Integers shape{1, network_.bins, 1, 1};
    const auto mean =
        graph_.node("Conv", {chances, graph_.constant("bin_distances", shape, steps)}, {{"kernel_shape", Integers{1, 1}}});
    return graph_.node("Reshape", {mean, graph_.constant("sides", Integers{0, 4, -1})});
  }

  struct Grid {
    std::string centers;  // [1, 2, A] x and y in strides
    std::string strides;  // [1, 1, A]
  };

  /// Left, top, right, bottom in strides -> cx, cy, w, h in pixels.
  std::string decoded_boxes(const std::string& sides, const std::vector<std::string>& maps) {
    const Grid grid = options_.dynamic_size ? computed_grid(maps) : constant_grid();
    const auto corners =
        graph_.node_of_many("Split", {sides, graph_.constant("pairs", Integers{2, 2})}, 2, {{"axis", std::int64_t{1}}});
    const auto low = graph_.node("Sub", {grid.centers, corners[0]});
    const auto high = graph_.node("Add", {grid.centers, corners[1]});
    const Integers one{1};
    const std::vector<float> half{0.5F};
    const auto center = graph_.node("Mul", {graph_.node("Add", {low, high}), graph_.constant("half", one, half)});
    const auto size = graph_.node("Sub", {high, low});
    return graph_.node("Mul", {concat({center, size}), grid.strides});
  }

  Grid constant_grid() {
    std::vector<float> x, y, strides;
    for (const int stride : network_.strides) {
      for (int row = 0; row < options_.height / stride; ++row) {
        for (int column = 0; column < options_.width / stride; ++column) {
          x.push_back(static_cast<float>(column) + 0.5F);
          y.push_back(static_cast<float>(row) + 0.5F);
          strides.push_back(static_cast<float>(stride));
        }
      }
    }
    const auto count = static_cast<std::int64_t>(x.size());
    x.insert(x.end(), y.begin(), y.end());
    return {graph_.constant("centers", Integers{1, 2, count}, x),
            graph_.constant("strides", Integers{1, 1, count}, strides)};
  }

  /// The same from the shapes of the maps.
  Grid computed_grid(const std::vector<std::string>& maps) {
    const Integers scalar;
    const auto number = [&](const std::string& name, float value) {
      const std::vector<float> values{value};
      return graph_.constant(name, scalar, values);
    };
    const auto zero = number("zero", 0.0F), one = number("one", 1.0F), half = number("half_cell", 0.5F);
    const auto float_type = std::int64_t{1};
    std::vector<std::string> centers, strides;
    for (std::size_t i = 0; i < maps.size(); ++i) {
      const auto suffix = std::to_string(i);
      const auto shape = graph_.node("Shape", {maps[i]});
      const auto length = [&](std::int64_t axis) {
        const auto index = graph_.constant(fmt::format("axis{}_{}", axis, i), Integers{axis});
        const auto one_long = graph_.node("Gather", {shape, index});
        return graph_.node("Cast", {graph_.node("Squeeze", {one_long})}, {{"to", float_type}});
      };
      const auto places = [&](std::int64_t axis) {
        return graph_.node("Add", {graph_.node("Range", {zero, length(axis), one}), half});
      };
      const auto rows = graph_.node("Unsqueeze", {places(2), graph_.constant("rows_axis" + suffix, Integers{1})});  // [H, 1]
      const auto columns =
          graph_.node("Unsqueeze", {places(3), graph_.constant("columns_axis" + suffix, Integers{0})});  // [1, W]
      const auto plane = [&](const std::string& given, const std::string& other, const std::string& name) {
        const auto spread = graph_.node("Add", {given, graph_.node("Mul", {other, zero})});  // [H, W]
        return graph_.node("Reshape", {spread, graph_.constant(name + suffix, Integers{1, 1, -1})});
      };
      const auto x = plane(columns, rows, "x_shape"), y = plane(rows, columns, "y_shape");
      centers.push_back(concat({x, y}));
      strides.push_back(graph_.node(
          "Add", {graph_.node("Mul", {x, zero}), number("stride" + suffix, static_cast<float>(network_.strides[i]))}));
    }
    const auto join = [&](const std::vector<std::string>& parts) {
      return graph_.node("Concat", parts, {{"axis", std::int64_t{2}}});
    };
    return {join(centers), join(strides)};
  }

  const Network& network_;
  const WeightSource& weights_;
  const ExportOptions& options_;
  GraphBuilder graph_;
  std::string scales_;
};

}  // namespace

std::string export_onnx(const Network& network, const WeightSource& weights, const ExportOptions& options) {
  const int stride = size_multiple(network);
  if (options.width < stride || options.height < stride || options.width % stride != 0 || options.height % stride != 0) {
    throw Error(ErrorCode::kBadConfig,
                fmt::format("the input size {} x {} is no multiple of {}", options.width, options.height, stride),
                "--imgsz");
  }
  return Exporter(network, weights, options).run();
}

}  // namespace goshawk::train
