#include "goshawk/train/network.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <numeric>

#include "goshawk/core/document.h"
#include "goshawk/core/error.h"
#include "goshawk/core/text.h"
#include "goshawk/train/builtin_networks.h"
#include "goshawk/train/trained_model.h"

namespace goshawk::train {
namespace {

using nlohmann::json;

struct OpRow {
  Op op;
  const char* name;
  std::vector<std::string> keys;  // allowed besides op, name and from
};

const std::vector<OpRow>& op_rows() {
  static const std::vector<OpRow> kRows{{Op::kConv, "conv", {"channels", "kernel", "stride"}},
                                        {Op::kCsp, "csp", {"channels", "repeats", "shortcut", "inner"}},
                                        {Op::kSppf, "sppf", {"channels", "kernel", "inner"}},
                                        {Op::kUpsample, "upsample", {}},
                                        {Op::kConcat, "concat", {}},
                                        {Op::kDetect, "detect", {"bins", "inner"}}};
  return kRows;
}

constexpr int kMostDownsampling = 1024;
constexpr double kMostWeights = 1e9;  // what training takes for them: 16 bytes each

struct Scale {
  double depth = 1, width = 1;
  int max_channels = kMostChannels;
};

class Parser {
 public:
  Parser(const json& document, int classes, std::string where) : document_(document), where_(std::move(where)) {
    network_.classes = classes;
  }

  Network parse(std::string_view scale) {
    if (!document_.is_object()) fail("", "a network is a map with `layers`");
    check_keys(document_, {"scales", "layers"}, "");
    scale_ = read_scale(scale);
    if (!document_.contains("layers") || !document_["layers"].is_array() || document_["layers"].empty()) {
      fail("layers", "a list of layers is needed");
    }
    const auto& layers = document_["layers"];
    if (layers.size() > static_cast<std::size_t>(kMostLayers))
      fail("layers", fmt::format("more than {} layers", kMostLayers));
    for (const auto& entry : layers) add_layer(entry);
    if (network_.layers.back().op != Op::kDetect) fail("layers", "the last layer must be `detect`");
    check_all_used();
    return std::move(network_);
  }

 private:
  [[noreturn]] void fail(const std::string& path, const std::string& message) const {
    throw Error(ErrorCode::kBadConfig, message, path.empty() ? where_ : where_ + ": " + path);
  }

  std::string place() const { return fmt::format("layers[{}]", network_.layers.size()); }

  void check_keys(const json& object, const std::vector<std::string>& allowed, const std::string& path) const {
    for (const auto& [key, value] : object.items()) {
      if (std::find(allowed.begin(), allowed.end(), key) == allowed.end()) {
        fail(path, fmt::format("unknown key '{}'{}", key, did_you_mean(key, allowed)));
      }
    }
  }

  double number(const json& object, const char* key, double fallback, double least, double most,
                const std::string& path) const {
    if (!object.contains(key)) return fallback;
    const auto& value = object[key];
    if (!value.is_number() || value.get<double>() < least || value.get<double>() > most) {
      fail(path + "." + key, fmt::format("a number from {} to {} is needed", least, most));
    }
    return value.get<double>();
  }

  int integer(const json& object, const char* key, int fallback, int least, int most) const {
    if (object.contains(key) && !object[key].is_number_integer()) fail(place() + "." + key, "an integer is needed");
    return static_cast<int>(number(object, key, fallback, least, most, place()));
  }

  Scale read_scale(std::string_view wanted) const {
    if (!document_.contains("scales")) {
      if (!wanted.empty()) fail("", fmt::format("the network has no scales, so none is called '{}'", wanted));
      return {};
    }
    const auto& scales = document_["scales"];
    if (!scales.is_object() || scales.empty()) fail("scales", "a map of scales is needed");
    std::vector<std::string> names;
    for (const auto& [name, value] : scales.items()) names.push_back(name);
    if (wanted.empty() && names.size() > 1)
      fail("scales", fmt::format("there are the scales {}: name one behind the file, NET.yaml:{}", fmt::join(names, ", "),
                                 names.front()));
    const std::string name = wanted.empty() ? names.front() : std::string(wanted);
    if (!scales.contains(name)) fail("scales", fmt::format("there is no scale '{}'{}", name, did_you_mean(name, names)));
    const auto& entry = scales[name];
    const std::string path = "scales." + name;
    if (!entry.is_object()) fail(path, "a map is needed");
    check_keys(entry, {"depth", "width", "max_channels"}, path);
    return {number(entry, "depth", 1, 0.01, 10, path), number(entry, "width", 1, 0.01, 10, path),
            static_cast<int>(number(entry, "max_channels", kMostChannels, 8, kMostChannels, path))};
  }

  int scaled_channels(int channels) const {
    if (!document_.contains("scales")) return channels;
    const double scaled = std::min(channels, scale_.max_channels) * scale_.width;
    return static_cast<int>(std::ceil(scaled / 8)) * 8;
  }

  int layer_index(const json& source) const {
    if (!source.is_string()) fail(place() + ".from", "names of layers are needed, or `previous`");
    const std::string name = source.get<std::string>();
    if (name == "previous") return static_cast<int>(network_.layers.size()) - 1;
    const auto found = names_.find(name);
    if (found != names_.end()) return found->second;
    std::vector<std::string> known{"previous"};
    for (const auto& [other, index] : names_) known.push_back(other);
    fail(place() + ".from", fmt::format("no layer before this one is called '{}'{}", name, did_you_mean(name, known)));
  }

  std::vector<int> sources(const json& entry) const {
    if (!entry.contains("from")) return {static_cast<int>(network_.layers.size()) - 1};
    const auto& from = entry["from"];
    if (!from.is_array()) return {layer_index(from)};
    if (from.empty() || from.size() > 16) fail(place() + ".from", "1 to 16 layers are needed");
    if (network_.layers.empty() && from.size() > 1) fail(place() + ".from", "the first layer reads the image, once");
    std::vector<int> indices;
    for (const auto& source : from) indices.push_back(layer_index(source));
    return indices;
  }

  void add_layer(const json& entry) {
    if (!entry.is_object() || !entry.contains("op") || !entry["op"].is_string()) fail(place(), "a layer is a map with `op`");
    const auto& rows = op_rows();
    const std::string op = entry["op"].get<std::string>();
    const auto row = std::find_if(rows.begin(), rows.end(), [&](const OpRow& r) { return r.name == op; });
    if (row == rows.end()) {
      std::vector<std::string> known;
      for (const auto& r : rows) known.emplace_back(r.name);
      fail(place(), fmt::format("unknown op '{}'{}", op, did_you_mean(op, known)));
    }
    if (!network_.layers.empty() && network_.layers.back().op == Op::kDetect) fail(place(), "nothing may follow `detect`");
    std::vector<std::string> keys{"op", "name", "from"};
    keys.insert(keys.end(), row->keys.begin(), row->keys.end());
    check_keys(entry, keys, place());

    Layer layer;
    layer.op = row->op;
    layer.from = sources(entry);
    for (const int source : layer.from) {
      layer.input_channels.push_back(source < 0 ? 3 : network_.layers[static_cast<std::size_t>(source)].channels);
    }
    const bool many = layer.op == Op::kConcat || layer.op == Op::kDetect;
    if (!many && layer.from.size() != 1) fail(place(), fmt::format("`{}` reads one layer", op));
    layer.downsampling = downsampling_of(layer.from.front());
    settle(entry, layer);
    settle_inner(entry, layer);
    if (layer.channels < 1 || (layer.channels > kMostChannels && layer.op != Op::kDetect))
      fail(place(), fmt::format("{} channels", layer.channels));
    weights_ += about_weights(layer);
    if (weights_ > kMostWeights)
      fail(place(), fmt::format("the network has more than {:.0e} weights by here", kMostWeights));
    if (entry.contains("name")) remember(entry["name"]);
    network_.layers.push_back(std::move(layer));
  }

  int downsampling_of(int source) const {
    return source < 0 ? 1 : network_.layers[static_cast<std::size_t>(source)].downsampling;
  }

  void settle(const json& entry, Layer& layer) {
    switch (layer.op) {
      case Op::kConv:
      case Op::kCsp:
      case Op::kSppf:
        if (!entry.contains("channels")) fail(place(), "`channels` is missing");
        layer.channels = scaled_channels(integer(entry, "channels", 0, 1, kMostChannels));
        layer.kernel = integer(entry, "kernel", layer.op == Op::kSppf ? 5 : 3, 1, 31);
        if (layer.kernel % 2 == 0) fail(place() + ".kernel", "an odd number is needed");
        layer.stride = integer(entry, "stride", 1, 1, 2);
        layer.downsampling *= layer.stride;
        if (layer.downsampling > kMostDownsampling)
          fail(place() + ".stride", fmt::format("the map would be {} times smaller than the image", layer.downsampling));
        layer.repeats = integer(entry, "repeats", 1, 1, 100);
        if (layer.repeats > 1) layer.repeats = std::max(1, static_cast<int>(std::lround(layer.repeats * scale_.depth)));
        if (entry.contains("shortcut")) {
          if (!entry["shortcut"].is_boolean()) fail(place() + ".shortcut", "true or false is needed");
          layer.shortcut = entry["shortcut"].get<bool>();
        }
        break;
      case Op::kUpsample:
        if (layer.downsampling % 2 != 0) fail(place(), "`upsample` would make the map larger than the image");
        layer.channels = layer.input_channels.front();
        layer.downsampling /= 2;
        break;
      case Op::kConcat:
        for (std::size_t i = 0; i < layer.from.size(); ++i) {
          layer.channels += layer.input_channels[i];
          if (downsampling_of(layer.from[i]) != layer.downsampling) {
            fail(place(), fmt::format("`concat` of maps of different strides ({} and {})", layer.downsampling,
                                      downsampling_of(layer.from[i])));
          }
        }
        break;
      case Op::kDetect:
        network_.bins = integer(entry, "bins", 16, 2, 64);
        layer.channels = 4 * network_.bins + network_.classes;
        for (const int source : layer.from) network_.strides.push_back(downsampling_of(source));
        if (!std::is_sorted(network_.strides.begin(), network_.strides.end(), std::less_equal<>())) {
          fail(place(), "`detect` wants maps of rising stride");
        }
        break;
    }
  }

  void settle_inner(const json& entry, Layer& layer) const {
    layer.inner = usual_inner(layer, network_);
    if (std::ranges::any_of(layer.inner, [](int count) { return count < 1; }))
      fail(place(), "there are too few channels to halve");
    if (!entry.contains("inner")) return;
    const auto& given = entry["inner"];
    const bool fits = given.is_array() && given.size() == layer.inner.size() &&
                      std::all_of(given.begin(), given.end(), [](const json& count) {
                        return count.is_number_integer() && count >= 1 && count <= kMostChannels;
                      });
    if (!fits) fail(place() + ".inner", fmt::format("a list of {} numbers of channels is needed", layer.inner.size()));
    layer.inner = given.get<std::vector<int>>();
    if (!layer.shortcut) return;
    for (std::size_t result = 3; result < layer.inner.size(); result += 2) {
      if (layer.inner[result] != layer.inner[1]) fail(place() + ".inner", "with a shortcut, bottlenecks keep the channels");
    }
  }

  /// Of the convolutions, as if each within the layer read the one before it, with 3 x 3 windows.
  static double about_weights(const Layer& layer) {
    const double input = std::accumulate(layer.input_channels.begin(), layer.input_channels.end(), 0.0);
    if (layer.op == Op::kConv) return input * layer.channels * layer.kernel * layer.kernel;
    double weights = 0, before = input;
    for (const int count : layer.inner) {
      weights += before * count * 9;
      before = count;
    }
    return weights;
  }

  void remember(const json& name) {
    if (!name.is_string() || name == "previous") fail(place() + ".name", "a name is a text other than `previous`");
    if (!names_.emplace(name.get<std::string>(), static_cast<int>(network_.layers.size())).second) {
      fail(place() + ".name", fmt::format("two layers are called '{}'", name.get<std::string>()));
    }
  }

  /// A layer whose result nobody reads is a slip of the pen.
  void check_all_used() const {
    std::vector<bool> used(network_.layers.size());
    used.back() = true;
    for (const auto& layer : network_.layers) {
      for (const int source : layer.from) {
        if (source >= 0) used[static_cast<std::size_t>(source)] = true;
      }
    }
    const auto unused = std::find(used.begin(), used.end(), false);
    if (unused != used.end()) fail(fmt::format("layers[{}]", unused - used.begin()), "no layer reads this one");
  }

  const json& document_;
  std::string where_;
  Scale scale_;
  std::map<std::string, int> names_;
  double weights_ = 0;
  Network network_;
};

}  // namespace

int size_multiple(const Network& network) {
  int most = 1;
  for (const auto& layer : network.layers) most = std::max(most, layer.downsampling);
  return most;
}

std::vector<int> usual_inner(const Layer& layer, const Network& network) {
  switch (layer.op) {
    case Op::kCsp:
      return std::vector<int>(static_cast<std::size_t>(2 + 2 * layer.repeats), layer.channels / 2);
    case Op::kSppf:
      return {layer.input_channels.front() / 2};
    case Op::kDetect: {
      constexpr int kMostForClasses = 100;  // more classes need no wider branch
      const int finest = layer.input_channels.front();
      const int boxes = std::max({16, finest / 4, 4 * network.bins});
      const int classes = std::max(finest, std::min(network.classes, kMostForClasses));
      std::vector<int> inner;
      for (std::size_t i = 0; i < layer.input_channels.size(); ++i)
        inner.insert(inner.end(), {boxes, boxes, classes, classes});
      return inner;
    }
    case Op::kConv:
    case Op::kUpsample:
    case Op::kConcat:
      break;
  }
  return {};
}

Network parse_network(const json& document, std::string_view scale, int classes, const std::string& where) {
  if (classes < 1 || classes > kMostClasses) {
    throw Error(ErrorCode::kBadConfig, fmt::format("a detector has 1 to {} classes, not {}", kMostClasses, classes), where);
  }
  return Parser(document, classes, where).parse(scale);
}

json description_of(const Network& network) {
  json layers = json::array();
  const auto name = [](int index) { return fmt::format("l{}", index); };
  for (std::size_t i = 0; i < network.layers.size(); ++i) {
    const Layer& layer = network.layers[i];
    const auto& row = *std::find_if(op_rows().begin(), op_rows().end(), [&](const OpRow& r) { return r.op == layer.op; });
    const std::map<std::string, json> all{
        {"channels", layer.channels}, {"kernel", layer.kernel}, {"stride", layer.stride}, {"repeats", layer.repeats},
        {"shortcut", layer.shortcut}, {"bins", network.bins},   {"inner", layer.inner}};
    json entry{{"op", row.name}, {"name", name(static_cast<int>(i))}};
    for (const auto& key : row.keys) entry[key] = all.at(key);
    if (layer.from.front() >= 0) {  // else it is the first layer, which reads the image
      entry["from"] = json::array();
      for (const int source : layer.from) entry["from"].push_back(name(source));
    }
    layers.push_back(std::move(entry));
  }
  return {{"layers", std::move(layers)}};
}

std::vector<std::string> builtin_networks() { return {"goshawk-n", "goshawk-s", "goshawk-m"}; }

Network load_network(const std::string& name, int classes) {
  const auto builtin = builtin_networks();
  if (std::find(builtin.begin(), builtin.end(), name) != builtin.end()) {
    auto network = parse_network(parse_yaml(kGoshawkNetwork, name), name.substr(name.find('-') + 1), classes, name);
    network.name = name;
    return network;
  }
  if (name.ends_with(".onnx")) {
    Network network = read_trained_model(name).network;
    network.classes = classes;
    network.layers.back().channels = 4 * network.bins + classes;
    return network;
  }
  const auto colon = name.rfind(".yaml:");
  const std::string file = colon == std::string::npos ? name : name.substr(0, colon + 5);
  if (!file.ends_with(".yaml") && !file.ends_with(".yml")) {
    throw Error(
        ErrorCode::kUsage, fmt::format("there is no network '{}'{}", name, did_you_mean(name, builtin)), "--model",
        "Take goshawk-n, goshawk-s, goshawk-m, a YAML file that describes a network, or a model from goshawk train.");
  }
  const std::string scale = colon == std::string::npos ? std::string() : name.substr(colon + 6);
  auto network = parse_network(read_document(file), scale, classes, file);
  network.name = std::filesystem::path(file).stem().string() + (scale.empty() ? "" : "-" + scale);
  return network;
}

}  // namespace goshawk::train
