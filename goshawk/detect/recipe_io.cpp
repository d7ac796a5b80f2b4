#include "goshawk/detect/recipe_io.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>

#include "goshawk/core/document.h"
#include "goshawk/core/error.h"
#include "goshawk/core/files.h"
#include "goshawk/core/json_text.h"
#include "goshawk/core/text.h"
#include "goshawk/core/text_file.h"
#include "goshawk/core/utf8.h"

namespace goshawk::detect {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxClasses = 100'000;
constexpr std::size_t kMaxNameBytes = 200;
constexpr std::uint64_t kMaxNamesFile = 4ULL << 20;

template <class T>
using Words = std::vector<std::pair<std::string, T>>;

const Words<Family>& family_words() {
  static const Words<Family> words = {
      {"yolov5", Family::kYoloV5},         {"yolov8", Family::kYoloV8},   {"yolo-end2end", Family::kYoloEnd2End},
      {"yolox", Family::kYolox},           {"nanodet", Family::kNanoDet}, {"detr", Family::kDetr},
      {"detections", Family::kDetections}, {"yunet", Family::kYuNet}};
  return words;
}
const Words<Layout> kLayouts = {{"nchw", Layout::kNchw}, {"nhwc", Layout::kNhwc}};
const Words<Resize> kResizes = {{"letterbox-center", Resize::kLetterboxCenter},
                                {"letterbox-top-left", Resize::kLetterboxTopLeft},
                                {"stretch", Resize::kStretch},
                                {"pad-only", Resize::kPadOnly}};
const Words<ColorOrder> kColors = {{"rgb", ColorOrder::kRgb}, {"bgr", ColorOrder::kBgr}};
const Words<BoxFormat> kBoxFormats = {
    {"xyxy", BoxFormat::kXyxy}, {"yxyx", BoxFormat::kYxyx}, {"cxcywh", BoxFormat::kCxcywh}};
const Words<Activation> kActivations = {
    {"none", Activation::kNone}, {"sigmoid", Activation::kSigmoid}, {"softmax", Activation::kSoftmax}};

template <class T>
std::string word_of(const Words<T>& words, T value) {
  const auto found = std::find_if(words.begin(), words.end(), [&](const auto& pair) { return pair.second == value; });
  return found == words.end() ? "unknown" : found->first;
}

[[noreturn]] void reject(const std::string& message, const std::string& path, const std::string& hint = {}) {
  throw Error(ErrorCode::kBadConfig, message, path, hint);
}

/// One field of the document: its value and where it is.
struct Field {
  const json& value;
  std::string path;

  double number(double low, double high) const {
    if (!value.is_number()) reject("must be a number", path);
    const auto result = value.get<double>();
    if (!(result >= low && result <= high)) reject(range_text(low, high), path);
    return result;
  }
  int integer(int low, int high) const {
    if (!value.is_number_integer()) reject("must be a whole number", path);
    return static_cast<int>(number(low, high));
  }
  bool boolean() const {
    if (!value.is_boolean()) reject("must be true or false", path);
    return value.get<bool>();
  }
  std::string text() const {
    if (!value.is_string()) reject("must be text", path);
    return value.get<std::string>();
  }
  template <class T>
  T word(const Words<T>& words) const {
    const std::string given = text();
    std::vector<std::string> known;
    std::string listed;
    for (const auto& [name, choice] : words) {
      if (name == given) return choice;
      known.push_back(name);
      listed += (listed.empty() ? "" : ", ") + name;
    }
    reject("'" + given + "' is not one of " + listed + did_you_mean(given, known), path);
  }
  /// One number for all channels, or three.
  std::array<float, 3> channels(double low, double high) const {
    std::array<float, 3> result{};
    if (value.is_number()) {
      result.fill(static_cast<float>(number(low, high)));
      return result;
    }
    if (!value.is_array() || value.size() != 3) reject("must be a number or a list of three", path);
    for (std::size_t i = 0; i < 3; ++i) {
      result[i] = static_cast<float>(Field{value[i], path + "[" + std::to_string(i) + "]"}.number(low, high));
    }
    return result;
  }

  std::array<float, 3> divisors() const {
    const std::array<float, 3> result = channels(-1e6, 1e6);
    if (std::any_of(result.begin(), result.end(), [](float divisor) { return std::abs(divisor) < 1e-6F; }))
      reject("must not be 0", path);
    return result;
  }

 private:
  static std::string range_text(double low, double high) {
    const auto text = [](double number) {
      return json(number == std::floor(number) && std::abs(number) < 1e15 ? json(static_cast<long long>(number))
                                                                          : json(number))
          .dump();
    };
    return "must lie between " + text(low) + " and " + text(high);
  }
};

std::string checked_name(const json& value, const std::string& path) {
  std::string name;
  if (value.is_string()) {
    name = value.get<std::string>();
  } else if (value.is_number_integer() || value.is_boolean()) {
    name = value.dump();  // data sets whose classes are called 0, 1, 2, or "no"
  } else {
    reject("must be text", path);
  }
  if (name.empty() || name.size() > kMaxNameBytes)
    reject("must have 1 to " + std::to_string(kMaxNameBytes) + " bytes", path);
  if (find_broken_utf8(name) != std::string::npos) reject("must be UTF-8 text", path);
  return name;
}

/// A list of names, or a map from 0..n-1 to names.
std::vector<std::string> names_of(const json& value, const std::string& path) {
  if ((!value.is_array() && !value.is_object()) || value.empty()) reject("must be a list of names", path);
  if (value.size() > kMaxClasses) reject("has more than " + std::to_string(kMaxClasses) + " names", path);
  std::vector<std::string> names;
  names.reserve(value.size());
  for (std::size_t i = 0; i < value.size(); ++i) {
    if (value.is_array()) {
      names.push_back(checked_name(value[i], path + "[" + std::to_string(i) + "]"));
      continue;
    }
    const std::string key = std::to_string(i);
    if (!value.contains(key)) reject("has " + std::to_string(value.size()) + " names but none for class " + key, path);
    names.push_back(checked_name(value[key], path + "." + key));
  }
  return names;
}

using Setter = std::function<void(const Field&, Recipe&)>;

/// The fields in the order of docs/recipe.md, without `family`, which is applied first.
const std::vector<std::pair<std::string, Setter>>& setters() {
  static const std::vector<std::pair<std::string, Setter>> table = {
      {"class_names", [](const Field& f, Recipe& r) { r.class_names = names_of(f.value, f.path); }},
      {"input_width", [](const Field& f, Recipe& r) { r.input_width = f.integer(1, 16384); }},
      {"input_height", [](const Field& f, Recipe& r) { r.input_height = f.integer(1, 16384); }},
      {"dynamic_size", [](const Field& f, Recipe& r) { r.dynamic_size = f.boolean(); }},
      {"stride", [](const Field& f, Recipe& r) { r.stride = f.integer(1, 1024); }},
      {"layout", [](const Field& f, Recipe& r) { r.layout = f.word(kLayouts); }},
      {"resize", [](const Field& f, Recipe& r) { r.resize = f.word(kResizes); }},
      {"color", [](const Field& f, Recipe& r) { r.color = f.word(kColors); }},
      {"mean", [](const Field& f, Recipe& r) { r.mean = f.channels(-1e6, 1e6); }},
      {"std", [](const Field& f, Recipe& r) { r.deviation = f.divisors(); }},
      {"pad_value", [](const Field& f, Recipe& r) { r.pad_value = f.integer(0, 255); }},
      {"confidence", [](const Field& f, Recipe& r) { r.confidence = static_cast<float>(f.number(0, 1)); }},
      {"iou", [](const Field& f, Recipe& r) { r.iou = static_cast<float>(f.number(0, 1)); }},
      {"max_detections", [](const Field& f, Recipe& r) { r.max_detections = f.integer(1, 100'000); }},
      {"box_format", [](const Field& f, Recipe& r) { r.box_format = f.word(kBoxFormats); }},
      {"normalized_boxes", [](const Field& f, Recipe& r) { r.normalized_boxes = f.boolean(); }},
      {"first_class", [](const Field& f, Recipe& r) { r.first_class = f.integer(-1000, 1000); }},
      {"activation", [](const Field& f, Recipe& r) { r.activation = f.word(kActivations); }},
  };
  return table;
}

void switch_family(Family family, Recipe& recipe) {
  if (family == recipe.family) return;
  Recipe next = family_defaults(family);
  next.class_names = std::move(recipe.class_names);
  next.input_width = recipe.input_width;
  next.input_height = recipe.input_height;
  next.dynamic_size = recipe.dynamic_size;
  next.layout = recipe.layout;
  recipe = std::move(next);
}

}  // namespace

std::string_view to_string(Family family) {
  for (const auto& [word, value] : family_words()) {
    if (value == family) return word;
  }
  return "unknown";
}

Recipe family_defaults(Family family) {
  Recipe recipe;
  recipe.family = family;
  switch (family) {
    case Family::kYolox:
      recipe.resize = Resize::kLetterboxTopLeft;
      recipe.color = ColorOrder::kBgr;
      recipe.deviation = {1, 1, 1};
      recipe.iou = 0.45F;
      break;
    case Family::kNanoDet:
      recipe.resize = Resize::kStretch;
      recipe.color = ColorOrder::kBgr;
      recipe.mean = {103.53F, 116.28F, 123.675F};
      recipe.deviation = {57.375F, 57.12F, 58.395F};
      recipe.confidence = 0.35F;
      recipe.iou = 0.6F;
      break;
    case Family::kDetr:
      recipe.resize = Resize::kStretch;
      recipe.activation = Activation::kSigmoid;
      break;
    case Family::kDetections:
      recipe.resize = Resize::kStretch;
      break;
    case Family::kYuNet:
      recipe.resize = Resize::kPadOnly;
      recipe.color = ColorOrder::kBgr;
      recipe.deviation = {1, 1, 1};
      recipe.pad_value = 0;
      recipe.confidence = 0.6F;
      recipe.iou = 0.3F;
      break;
    default:
      break;
  }
  return recipe;
}

nlohmann::ordered_json to_json(const Recipe& recipe) {
  const auto numbers = [](const std::array<float, 3>& values) {
    return std::array{json_number(values[0]), json_number(values[1]), json_number(values[2])};
  };
  return {{"family", to_string(recipe.family)},
          {"class_names", recipe.class_names},
          {"input_width", recipe.input_width},
          {"input_height", recipe.input_height},
          {"dynamic_size", recipe.dynamic_size},
          {"stride", recipe.stride},
          {"layout", word_of(kLayouts, recipe.layout)},
          {"resize", word_of(kResizes, recipe.resize)},
          {"color", word_of(kColors, recipe.color)},
          {"mean", numbers(recipe.mean)},
          {"std", numbers(recipe.deviation)},
          {"pad_value", recipe.pad_value},
          {"confidence", json_number(recipe.confidence)},
          {"iou", json_number(recipe.iou)},
          {"max_detections", recipe.max_detections},
          {"box_format", word_of(kBoxFormats, recipe.box_format)},
          {"normalized_boxes", recipe.normalized_boxes},
          {"first_class", recipe.first_class},
          {"activation", word_of(kActivations, recipe.activation)}};
}

/// Fields of older builds that say nothing any more: models that carry them stay usable.
bool is_retired(std::string_view key) { return key == "dynamic_batch"; }

void apply_recipe(const json& document, const std::string& where, Recipe& recipe) {
  if (!document.is_object()) reject("a recipe must be a map of fields", where);
  std::vector<std::string> known = {"family"};
  for (const auto& [key, setter] : setters()) known.push_back(key);
  for (const auto& [key, value] : document.items()) {
    if (!is_retired(key) && std::find(known.begin(), known.end(), key) == known.end()) {
      reject("unknown key '" + key + "'" + did_you_mean(key, known), where + ": " + key, "docs/recipe.md lists the fields");
    }
  }
  if (document.contains("family")) {
    switch_family(Field{document["family"], where + ": family"}.word(family_words()), recipe);
  }
  for (const auto& [key, setter] : setters()) {
    if (document.contains(key)) setter(Field{document[key], where + ": " + key}, recipe);
  }
}

Recipe parse_recipe(std::string_view json_text, const std::string& where) {
  const json document = parse_json(json_text, where);
  Recipe recipe;
  apply_recipe(document, where, recipe);
  if (recipe.family == Family::kUnknown) reject("the recipe names no family", where + ": family");
  if (recipe.class_names.empty()) reject("the recipe names no classes", where + ": class_names");
  return recipe;
}

std::string recipe_text(const Recipe& recipe) { return to_json(recipe).dump(); }

void check_class_names(const std::vector<std::string>& names, const std::string& where) {
  for (std::size_t i = 0; i < names.size(); ++i) checked_name(names[i], where + "[" + std::to_string(i) + "]");
}

std::vector<std::string> read_class_names(const std::filesystem::path& path) {
  const std::string extension = path.extension().string();
  if (extension == ".yaml" || extension == ".yml" || extension == ".json") {
    const json document = read_document(path);
    if (!document.is_object() || !document.contains("names")) {
      reject("has no 'names'", path.string(), "give a data.yaml with `names`, or a text file with one name a line");
    }
    return names_of(document["names"], path.string() + ": names");
  }
  const std::vector<std::string> names = lines_in(read_utf8_file(path, kMaxNamesFile));
  for (std::size_t i = 0; i < names.size(); ++i) checked_name(names[i], path.string() + ":" + std::to_string(i + 1));
  if (names.empty() || names.size() > kMaxClasses) reject("must have 1 to 100000 names, one a line", path.string());
  return names;
}

}  // namespace goshawk::detect
