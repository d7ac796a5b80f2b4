#include "goshawk/train/trained_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>
#include <opencv2/core.hpp>

#include "goshawk/core/document.h"
#include "goshawk/core/error.h"
#include "goshawk/detect/recipe_io.h"
#include "goshawk/onnx/model.h"

namespace goshawk::train {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

class Reader {
 public:
  explicit Reader(const fs::path& path) : where_(path.string()), model_(onnx::read_model(path)) {}

  TrainedModel read() {
    result_.network = described();
    for (std::size_t i = 0; i < result_.network.layers.size(); ++i) take_layer(i);
    // Once more through the parser: it checks what the weights have changed.
    const std::string name = fs::path(where_).stem().string();
    auto& network = result_.network;
    network = parse_network(description_of(network), "", network.classes, where_);
    network.name = name;
    return std::move(result_);
  }

 private:
  [[noreturn]] void fail(const std::string& message) const {
    throw Error(ErrorCode::kBadData, message, where_,
                "A model from `goshawk train`, or what `goshawk prune` made of one, is needed.");
  }

  /// The network as it was described when it was first trained.
  Network described() const {
    const int classes = static_cast<int>(class_names().size());
    if (const auto found = model_.metadata.find(kNetworkKey); found != model_.metadata.end())
      return parse_network(parse_json(found->second, where_), "", classes, where_);
    // Files from before the description was part of them name one of the built-in networks.
    if (const auto found = model_.metadata.find("goshawk.training"); found != model_.metadata.end()) {
      const json training = parse_json(found->second, where_);
      const json name = training.is_object() ? training.value("network", json()) : json();
      for (const auto& builtin : builtin_networks()) {
        if (name == builtin) return load_network(builtin, classes);
      }
    }
    fail("the model does not say how its network is built");
  }

  std::vector<std::string> class_names() const {
    const auto found = model_.metadata.find(detect::kRecipeKey);
    if (found == model_.metadata.end()) fail("the model has no recipe");
    return detect::parse_recipe(found->second, where_).class_names;
  }

  const onnx::Tensor& stored(const std::string& name) const {
    if (const auto* tensor = model_.constant(name)) return *tensor;
    for (const auto& node : model_.nodes) {  // kept in half precision: behind a cast
      if (!node.is("Cast") || node.inputs.size() != 1 || node.outputs != std::vector{name}) continue;
      if (const auto* tensor = model_.constant(node.inputs.front())) return *tensor;
    }
    fail("the model has no weights called " + name);
  }

  std::vector<float> values_of(const onnx::Tensor& tensor) const {
    if (tensor.type == onnx::ElementType::kFloat) return tensor.floats();
    std::vector<float> values(tensor.count());
    if (tensor.type == onnx::ElementType::kBfloat16) {  // the upper half of a float
      for (std::size_t i = 0; i < values.size(); ++i)
        std::memcpy(reinterpret_cast<char*>(&values[i]) + 2, tensor.bytes.data() + 2 * i, 2);
      return values;
    }
    if (tensor.type != onnx::ElementType::kFloat16) fail("weights of an integer model: " + tensor.name);
    const cv::Mat half(1, static_cast<int>(values.size()), CV_16F, const_cast<char*>(tensor.bytes.data()));
    cv::Mat whole(half.size(), CV_32F, values.data());
    half.convertTo(whole, CV_32F);
    return values;
  }

  /// Takes a convolution over `inputs` channels; returns how many it makes.
  int take(const std::string& name, int inputs) {
    for (const char* part : {".weight", ".bias"}) {
      const auto& tensor = stored(name + part);
      result_.weights[name + part] = {tensor.shape, values_of(tensor)};
    }
    const auto& shape = result_.weights[name + ".weight"].shape;
    const auto& bias = result_.weights[name + ".bias"].shape;
    if (shape.size() != 4 || shape[0] < 1 || shape[0] > kMostChannels || shape[1] != inputs || bias != onnx::Shape{shape[0]})
      fail("the weights of " + name + " do not fit the network");
    return static_cast<int>(shape[0]);
  }

  int inputs_of(const std::string& name) const {
    const auto& shape = stored(name + ".weight").shape;
    return shape.size() == 4 ? static_cast<int>(std::clamp<std::int64_t>(shape[1], 0, kMostChannels)) : 0;
  }

  void take_layer(std::size_t index) {
    Layer& layer = result_.network.layers[index];
    const std::string name = fmt::format("model.{}", index);
    for (std::size_t i = 0; i < layer.from.size(); ++i) {
      if (layer.from[i] >= 0)
        layer.input_channels[i] = result_.network.layers[static_cast<std::size_t>(layer.from[i])].channels;
    }
    switch (layer.op) {
      case Op::kConv:
        layer.channels = take(name, layer.input_channels[0]);
        break;
      case Op::kCsp:
        take_csp(layer, name);
        break;
      case Op::kSppf:
        layer.inner[0] = take(name + ".cv1", layer.input_channels[0]);
        layer.channels = take(name + ".cv2", 4 * layer.inner[0]);
        break;
      case Op::kUpsample:
        layer.channels = layer.input_channels[0];
        break;
      case Op::kConcat:
        layer.channels = 0;
        for (const int channels : layer.input_channels) layer.channels += channels;
        break;
      case Op::kDetect:
        take_head(layer, name);
        break;
    }
  }

  void take_csp(Layer& layer, const std::string& name) {
    const int both = take(name + ".cv1", layer.input_channels[0]);
    layer.inner[1] = inputs_of(name + ".m.0.cv1");
    layer.inner[0] = both - layer.inner[1];
    int sum = both;
    for (std::size_t i = 2; i < layer.inner.size(); i += 2) {
      const std::string block = fmt::format("{}.m.{}", name, i / 2 - 1);
      layer.inner[i] = take(block + ".cv1", layer.inner[i - 1]);
      layer.inner[i + 1] = take(block + ".cv2", layer.inner[i]);
      sum += layer.inner[i + 1];
    }
    layer.channels = take(name + ".cv2", sum);
  }

  void take_head(Layer& layer, const std::string& name) {
    for (std::size_t i = 0; i < layer.input_channels.size(); ++i) {
      take_branch(fmt::format("{}.cv2.{}", name, i), layer.input_channels[i], &layer.inner[4 * i], 4 * result_.network.bins);
      take_branch(fmt::format("{}.cv3.{}", name, i), layer.input_channels[i], &layer.inner[4 * i + 2],
                  result_.network.classes);
    }
  }

  void take_branch(const std::string& name, int inputs, int* inner, int outputs) {
    inner[0] = take(name + ".0", inputs);
    inner[1] = take(name + ".1", inner[0]);
    if (take(name + ".2", inner[1]) != outputs) fail("the head's " + name + " does not fit the network");
  }

  std::string where_;
  onnx::Model model_;
  TrainedModel result_;
};

}  // namespace

TrainedModel read_trained_model(const fs::path& path) { return Reader(path).read(); }

}  // namespace goshawk::train
