#include "goshawk/core/config_schema.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <optional>

#include "goshawk/core/json_text.h"
#include "goshawk/core/text.h"

namespace goshawk {
namespace {

using nlohmann::json;
using enum SettingType;

std::vector<Section> make_sections() {
  return {{"", "General"},      {"runtime", "Device"}, {"engine", "Engine"}, {"detect", "Detector"}, {"source", "Source"},
          {"track", "Tracker"}, {"train", "Training"}, {"output", "Output"}, {"log", "Messages"}};
}

// clang-format off: one row, one setting
std::vector<Setting> make_schema() {
  return {
      {"model", "model", kText, "", "Model file or name; unset: the bundled model, else the newest one pulled", {}},
      {"profile",
       "profile",
       kText,
       "auto",
       "Set of settings: auto, edge, workstation, debug, or one of your own",
       {"auto", "edge", "workstation", "debug"}},

      {"runtime.device",
       "device",
       kText,
       "auto",
       "auto, cpu, openvino, cuda[:N], tensorrt[:N] or tensorrt-rtx[:N]",
       {"auto", "cpu", "openvino", "cuda", "tensorrt", "tensorrt-rtx"}},
      {"runtime.precision", "precision", kChoice, "auto", "Arithmetic of the model", {"auto", "fp32", "bf16", "fp16"}},
      {"runtime.threads", "threads", kInteger, "0", "CPU threads for inference; 0: every core", {}, 0, 1024},
      {"runtime.batch", "batch", kInteger, "1", "Frames a call to the model; auto: from free memory", {"auto"}, 1, 256},
      {"runtime.cache", "cache", kBoolean, "true", "Keep compiled models for the next start", {}},

      {"engine.workspace",
       "workspace",
       kInteger,
       "0",
       "MiB of GPU memory for building; 0: TensorRT decides",
       {},
       0,
       1 << 20},
      {"engine.min_shapes", "min-shapes", kText, "", "Least shapes of a TensorRT profile: images:1x3x320x320", {}},
      {"engine.opt_shapes", "opt-shapes", kText, "", "Its usual shapes, for which the engine is tuned", {}},
      {"engine.max_shapes", "max-shapes", kText, "", "Its largest shapes", {}},

      {"detect.conf", "conf", kNumber, "", "Least confidence of a detection; unset: the model's own", {}, 0, 1},
      {"detect.iou", "iou", kNumber, "", "Overlap above which NMS drops a box; unset: the model's own", {}, 0, 1},
      {"detect.agnostic_nms", "agnostic-nms", kBoolean, "false", "NMS drops overlapping boxes of other classes too", {}},
      {"detect.max_det", "max-det", kInteger, "", "Detections an image at most; unset: the model's own", {}, 1, 100000},
      {"detect.imgsz", "imgsz", kInteger, "", "Side of the model's input in pixels; unset: the model's own", {}, 32, 8192},
      {"detect.classes", "classes", kList, "", "Keep these classes only: names or numbers; unset: all", {}},
      {"detect.recipe", "recipe", kPath, "", "YAML that says how to use a model that does not say so itself", {}},
      {"detect.names", "names", kPath, "", "Text file of class names, one a line", {}},

      {"source.start", "start", kTime, "", "Begin here: seconds or h:mm:ss", {}, 0, 1e9},
      {"source.end", "end", kTime, "", "End here: seconds or h:mm:ss", {}, 0, 1e9},
      {"source.every", "every", kInteger, "1", "Look at every N-th frame", {}, 1, 1000000},
      {"source.max_frames", "max-frames", kInteger, "", "Stop after this many frames", {}, 1, 1e15},
      {"source.timeout", "timeout", kTime, "10", "Longest wait for a camera or stream", {}, 0.1, 3600},
      {"source.resize", "resize", kNumber, "1", "Scale frames by this before anything else", {}, 0.1, 1},

      {"track.tracker",
       "tracker",
       kText,
       "bytetrack",
       "bytetrack, sort, ocsort, botsort, or a YAML file",
       {"bytetrack", "sort", "ocsort", "botsort"}},
      {"track.reid", "reid", kPath, "", "Appearance model (ONNX) for botsort", {}},
      {"track.class_aware", "class-aware", kBoolean, "true", "Match detections to tracks of their own class only", {}},
      {"track.lines", "line", kItems, "", "Count crossings of a line: [NAME:]X1,Y1,X2,Y2 in pixels or % (repeat)", {}},
      {"track.zones", "zone", kItems, "", "Count and time in a polygon: [NAME:]X1,Y1,X2,Y2,X3,Y3,... (repeat)", {}},
      {"track.signals", "signal", kItems, "", "Write the motion of track:ID or zone:NAME as CSV and funscript (repeat)", {}},
      {"track.zones_file", "zones-file", kPath, "", "Lines and zones from a YAML or JSON file", {}},

      {"train.model",
       "model",
       kText,
       "goshawk-n",
       "Network: goshawk-n, -s or -m, a YAML file, or a trained model",
       {"goshawk-n", "goshawk-s", "goshawk-m"}},
      {"train.weights", "weights", kPath, "", "Start from this checkpoint, or the mean of several: A,B", {}},
      {"train.teacher",
       "teacher",
       kText,
       "",
       "Detector (name or ONNX file) whose answers are learned beside the labels",
       {}},
      {"train.teacher_classes", "teacher-classes", kList, "", "Classes that it teaches; unset: all that it knows", {}},
      {"train.distill",
       "distill",
       kNumber,
       "1",
       "Weight of the teacher's loss beside the labels'; 0: no teacher",
       {},
       0,
       100},
      {"train.temperature",
       "temperature",
       kNumber,
       "1",
       "At which the teacher's scores are learned; more: its doubts count more",
       {},
       1,
       20},
      {"train.epochs", "epochs", kInteger, "100", "Times that every image is learned from", {}, 1, 1000000},
      {"train.batch", "batch", kInteger, "16", "Images a step of the network, of all processes", {"auto"}, 1, 4096},
      {"train.imgsz", "imgsz", kInteger, "640", "Side of the network's input in pixels", {}, 32, 4096},
      {"train.device", "device", kText, "auto", "auto, cpu, cuda or cuda:N", {"auto", "cpu", "cuda"}},
      {"train.workers", "workers", kInteger, "0", "Threads that make batches; 0: every core", {}, 0, 1024},
      {"train.threads", "threads", kInteger, "0", "Threads of the network; 0: every core", {}, 0, 1024},
      {"train.patience",
       "patience",
       kInteger,
       "100",
       "Epochs without a better one before it ends; 0: never",
       {},
       0,
       1000000},
      {"train.nbs", "nbs", kInteger, "64", "Images whose gradients are gathered before weights change", {}, 1, 65536},
      {"train.close_mosaic", "close-mosaic", kInteger, "10", "Last epochs without mosaic and mix-up", {}, 0, 1000000},
      {"train.freeze", "freeze", kInteger, "0", "First layers that stay as they are", {}, 0, 500},
      {"train.seed", "seed", kInteger, "0", "Seed of all chance", {}, 0, 4294967295.0},
      {"train.cache_gb", "cache-gb", kNumber, "2", "Memory for decoded pictures in GB", {}, 0, 100000},
      {"train.cache",
       "cache",
       kChoice,
       "ram",
       "Where decoded pictures are kept; disk: what memory does not hold",
       {"ram", "disk"}},
      {"train.amp", "amp", kBoolean, "true", "Half precision where the network allows it", {}},
      {"train.half",
       "half",
       kChoice,
       "auto",
       "Half precision; auto: bfloat16 on a CPU with AMX, float16 on a GPU",
       {"auto", "bfloat16", "float16"}},
      {"train.val", "val", kBoolean, "true", "Judge the network after each epoch", {}},
      {"train.dynamic", "dynamic", kBoolean, "false", "The model takes any batch and size", {}},
      {"train.sync_bn", "sync-bn", kBoolean, "false", "Batch norms see the batches of all processes", {}},
      {"train.multi_scale", "multi-scale", kNumber, "0", "Each batch's side varies by up to this fraction", {}, 0, 0.9},
      {"train.optimizer", "optimizer", kChoice, "auto", "How weights change", {"auto", "sgd", "adamw"}},
      {"train.decay", "decay", kChoice, "linear", "How the learning rate falls", {"linear", "cosine", "step"}},
      {"train.lr0", "lr0", kNumber, "0.01", "Learning rate at the start (optimizer auto has its own)", {}, 0, 10},
      {"train.lrf", "lrf", kNumber, "0.01", "Learning rate at the end, as a fraction of lr0", {}, 0, 1},
      {"train.momentum", "momentum", kNumber, "0.937", "Momentum, or AdamW's first beta", {}, 0, 0.9999},
      {"train.weight_decay", "weight-decay", kNumber, "0.0005", "Pull of weights towards 0", {}, 0, 1},
      {"train.warmup_epochs", "warmup-epochs", kNumber, "3", "Epochs over which the rate rises", {}, 0, 100000},
      {"train.warmup_momentum", "warmup-momentum", kNumber, "0.8", "Momentum at the start of the warm-up", {}, 0, 0.9999},
      {"train.warmup_bias_lr", "warmup-bias-lr", kNumber, "0.1", "Rate of biases at the start of the warm-up", {}, 0, 10},
      {"train.box", "box", kNumber, "7.5", "Weight of the boxes' loss", {}, 0, 1000},
      {"train.cls", "cls", kNumber, "0.5", "Weight of the classes' loss", {}, 0, 1000},
      {"train.dfl", "dfl", kNumber, "1.5", "Weight of the loss of the boxes' sides", {}, 0, 1000},
      {"train.mosaic", "mosaic", kNumber, "1", "Chance of a picture made of four", {}, 0, 1},
      {"train.mixup", "mixup", kNumber, "0", "Chance of a picture laid over another", {}, 0, 1},
      {"train.degrees", "degrees", kNumber, "0", "Rotation, at most to either side", {}, 0, 180},
      {"train.translate", "translate", kNumber, "0.1", "Shift, at most, as a fraction of the side", {}, 0, 1},
      {"train.scale", "scale", kNumber, "0.5", "Zoom between 1 - scale and 1 + scale", {}, 0, 0.99},
      {"train.shear", "shear", kNumber, "0", "Shear in degrees, at most to either side", {}, 0, 45},
      {"train.flipud", "flipud", kNumber, "0", "Chance of a picture upside down", {}, 0, 1},
      {"train.fliplr", "fliplr", kNumber, "0.5", "Chance of a mirrored picture", {}, 0, 1},
      {"train.hsv_h", "hsv-h", kNumber, "0.015", "Change of hue, at most, as a fraction", {}, 0, 1},
      {"train.hsv_s", "hsv-s", kNumber, "0.7", "Change of saturation, at most, as a fraction", {}, 0, 1},
      {"train.hsv_v", "hsv-v", kNumber, "0.4", "Change of brightness, at most, as a fraction", {}, 0, 1},

      {"output.project", "project", kPath, "", "Folder of the runs; unset: runs/COMMAND", {}},
      {"output.name", "name", kText, "", "Name of the run's folder; unset: that of the source", {}},
      {"output.video", "video", kBoolean, "true", "Write the annotated video", {}},
      {"output.encoder", "encoder", kText, "auto", "Video encoder by its FFmpeg name", {}},
      {"output.quality", "quality", kInteger, "23", "Quality of the video: 0 best, 51 smallest", {}, 0, 51},
      {"output.labels", "labels", kBoolean, "true", "Draw names, ids and scores", {}},
      {"output.trails", "trails", kBoolean, "true", "Draw where tracks came from", {}},
      {"output.fps", "fps", kBoolean, "true", "Draw frames per second", {}},
      {"output.images", "images", kBoolean, "true", "Write annotated images", {}},
      {"output.crops", "crops", kBoolean, "false", "Write a picture of each object", {}},
      {"output.txt", "txt", kBoolean, "false", "Write YOLO text files", {}},

      {"log.level", "log-level", kChoice, "info", "Least important message to show", {"debug", "info", "warn", "error"}},
      {"log.quiet", "quiet", kBoolean, "false", "No progress, and only warnings and errors", {}},
  };
}
// clang-format on

std::string trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return std::string(text.substr(first, text.find_last_not_of(" \t") - first + 1));
}

json split(std::string_view text, char separator) {
  json items = json::array();
  while (!text.empty()) {
    const auto end = text.find(separator);
    if (auto item = trimmed(text.substr(0, end)); !item.empty()) items.push_back(std::move(item));
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return items;
}

template <typename T>
std::optional<T> to_number(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string upper(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return result;
}

std::optional<bool> to_boolean(std::string_view text) {
  const std::string word = to_lower(text);
  if (word == "true" || word == "yes" || word == "on" || word == "1") return true;
  if (word == "false" || word == "no" || word == "off" || word == "0") return false;
  return std::nullopt;
}

[[noreturn]] void refuse(const Setting& setting, const std::string& given, ErrorCode code, const std::string& where) {
  const std::string guess = setting.words.empty() ? "" : did_you_mean(given, setting.words);
  throw Error(code, fmt::format("{} must be {}, not '{}'{}", setting.key, setting.describe_type(), given, guess), where);
}

/// A document's value for a message; texts in it may be anything, UTF-8 or not.
std::string short_text(const json& value) {
  const std::string text = json_text(value, -1);
  return text.size() <= 60 ? text : text.substr(0, 60) + "...";
}

/// Whether all texts in a document's value are UTF-8; others could not be saved again.
bool is_unicode(const json& value) {
  try {
    return !value.dump().empty();
  } catch (const json::exception&) {
    return false;
  }
}

bool within(const Setting& setting, double value) { return value >= setting.min && value <= setting.max; }

bool is_word(const Setting& setting, std::string_view text) {
  return std::find(setting.words.begin(), setting.words.end(), text) != setting.words.end();
}

std::string range_text(const Setting& setting) {
  const bool low = setting.min > std::numeric_limits<double>::lowest();
  const bool high = setting.max < std::numeric_limits<double>::max() && setting.max < 1e12;
  if (low && high) return fmt::format(" from {} to {}", setting.min, setting.max);
  if (low) return fmt::format(" of at least {}", setting.min);
  return high ? fmt::format(" of at most {}", setting.max) : std::string();
}

}  // namespace

std::string_view Setting::section() const {
  const auto dot = key.find('.');
  return dot == std::string::npos ? std::string_view() : std::string_view(key).substr(0, dot);
}

std::string Setting::environment_name() const {
  std::string name = "GOSHAWK_" + upper(key);
  std::replace(name.begin(), name.end(), '.', '_');
  return name;
}

std::string Setting::describe_type() const {
  const std::string besides = !words.empty() ? fmt::format("{} or ", fmt::join(words, ", ")) : "";
  switch (type) {
    case kBoolean:
      return "true or false";
    case kInteger:
      return besides + (besides.empty() ? "an integer" : "integer") + range_text(*this);
    case kNumber:
      return besides + (besides.empty() ? "a number" : "number") + range_text(*this);
    case kText:
      return "text";
    case kChoice:
      return fmt::format("one of {}", fmt::join(words, ", "));
    case kList:
      return "a list of texts";
    case kItems:
      return "a list of texts";
    case kTime:
      return "seconds or h:mm:ss" + range_text(*this);
    case kPath:
      return "a path";
  }
  return {};
}

std::string Setting::placeholder() const {
  switch (type) {
    case kBoolean:
      return {};
    case kInteger:
      return words.empty() ? "N" : "N|" + words.front();
    case kNumber:
      return "X";
    case kText:
      return flag == "model" ? "MODEL" : flag == "device" ? "DEVICE" : "NAME";
    case kChoice:
      return upper(std::string_view(flag).substr(flag.rfind('-') + 1));
    case kList:
      return "A,B,...";
    case kItems:
      return key == "track.signals" ? "TARGET" : "POINTS";
    case kTime:
      return "TIME";
    case kPath:
      return key == "output.project" ? "FOLDER" : "FILE";
  }
  return {};
}

std::span<const Setting> schema() {
  static const std::vector<Setting> kSchema = make_schema();
  return kSchema;
}

std::span<const Section> sections() {
  static const std::vector<Section> kSections = make_sections();
  return kSections;
}

const Setting* find_setting(std::string_view key) {
  const auto all = schema();
  const auto found = std::find_if(all.begin(), all.end(), [&](const Setting& setting) { return setting.key == key; });
  return found == all.end() ? nullptr : &*found;
}

bool selects(std::string_view selector, const Setting& setting) {
  return setting.key == selector || (!setting.section().empty() && setting.section() == selector);
}

double parse_seconds(std::string_view text) {
  double seconds = 0;
  int parts = 0;
  while (true) {
    const auto colon = text.find(':');
    const std::string_view part = text.substr(0, colon);
    const bool last = colon == std::string_view::npos;
    const auto value = to_number<double>(part);
    if (!value || *value < 0 || (!last && *value != std::floor(*value)) || (parts > 0 && *value >= 60)) return std::nan("");
    seconds = seconds * 60 + *value;
    if (last) return seconds;
    if (++parts > 2) return std::nan("");
    text.remove_prefix(colon + 1);
  }
}

json parse_setting(const Setting& setting, std::string_view raw, ErrorCode code, const std::string& where) {
  const std::string text = trimmed(raw);
  switch (setting.type) {
    case kBoolean:
      if (const auto value = to_boolean(text)) return *value;
      break;
    case kInteger:
      if (is_word(setting, text)) return text;
      if (const auto value = to_number<std::int64_t>(text); value && within(setting, static_cast<double>(*value)))
        return *value;
      break;
    case kNumber:
      if (is_word(setting, text)) return text;
      if (const auto value = to_number<double>(text); value && std::isfinite(*value) && within(setting, *value))
        return *value;
      break;
    case kTime:
      if (const double value = parse_seconds(text); std::isfinite(value) && within(setting, value)) return value;
      break;
    case kChoice:
      if (is_word(setting, to_lower(text))) return to_lower(text);
      break;
    case kText:
    case kPath:
      if (!text.empty()) return text;
      break;
    case kList:
      return split(text, ',');
    case kItems:
      return split(text, ';');
  }
  refuse(setting, text, code, where);
}

json check_setting(const Setting& setting, const json& value, ErrorCode code, const std::string& where) {
  if (value.is_null() && setting.fallback.empty()) return nullptr;
  if (value.is_null()) {
    throw Error(code, fmt::format("{} must be {}, and has nothing behind it", setting.key, setting.describe_type()), where,
                "leave it out for the default, " + setting.fallback);
  }
  if (!is_unicode(value)) throw Error(code, setting.key + " is not UTF-8 text", where);
  const bool list = setting.type == kList || setting.type == kItems;
  if (value.is_array() && list) {
    json items = json::array();
    for (const auto& item : value) {
      if (item.is_structured() || item.is_null()) refuse(setting, short_text(item), code, where);
      items.push_back(setting_text(item));
    }
    return items;
  }
  if (value.is_structured()) refuse(setting, short_text(value), code, where);
  if (setting.type == kBoolean && value.is_boolean()) return value;
  if (value.is_number_float() && setting.type == kInteger) refuse(setting, setting_text(value), code, where);
  return parse_setting(setting, setting_text(value), code, where);
}

std::string setting_text(const json& value) {
  if (value.is_null()) return "-";
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number_float()) return fmt::format("{}", value.get<double>());
  if (!value.is_array()) return value.dump();
  std::vector<std::string> items;
  for (const auto& item : value) items.push_back(setting_text(item));
  const bool commas = std::any_of(items.begin(), items.end(), [](const auto& item) { return item.find(',') != item.npos; });
  return fmt::format("{}", fmt::join(items, commas ? "; " : ","));
}

}  // namespace goshawk
