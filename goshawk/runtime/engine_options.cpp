#include "goshawk/runtime/engine_options.h"

#include <charconv>
#include <vector>

#include "goshawk/core/error.h"

namespace goshawk::runtime {
namespace {

using Shapes = std::map<std::string, std::vector<std::int64_t>>;

[[noreturn]] void refuse(const std::string& why, const std::string& text) {
  throw Error(ErrorCode::kBadConfig, why + ": '" + text + "'", "engine",
              "Name each input with its shape: images:1x3x320x320, several with commas");
}

std::int64_t parse_side(std::string_view text, const std::string& whole) {
  std::int64_t side = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), side);
  if (error != std::errc() || end != text.data() + text.size() || side < 1 || side > 1'000'000) {
    refuse("not a shape", whole);
  }
  return side;
}

/// Calls `take` for each part between separators, one for an empty text.
template <typename Take>
void for_each_part(std::string_view text, char separator, const Take& take) {
  for (;;) {
    const auto end = text.find(separator);
    take(text.substr(0, end));
    if (end == std::string_view::npos) return;
    text.remove_prefix(end + 1);
  }
}

Shapes parse_shapes(const std::string& text) {
  Shapes shapes;
  for_each_part(text, ',', [&](std::string_view input) {
    const auto colon = input.rfind(':');  // names may hold colons
    if (colon == std::string_view::npos || colon == 0) refuse("not a shape", text);
    auto& shape = shapes[std::string(input.substr(0, colon))];
    if (!shape.empty()) refuse("an input is named twice", text);
    for_each_part(input.substr(colon + 1), 'x', [&](std::string_view side) { shape.push_back(parse_side(side, text)); });
  });
  return shapes;
}

/// Every side of `small` is at most that of `large`, for the same inputs.
void check_order(const Shapes& small, const Shapes& large, const std::string& text) {
  if (small.size() != large.size()) refuse("the shapes of a profile name other inputs", text);
  for (const auto& [name, shape] : small) {
    const auto other = large.find(name);
    if (other == large.end()) refuse("the shapes of a profile name other inputs", text);
    if (shape.size() != other->second.size()) refuse("the shapes of an input have other numbers of sides", text);
    for (std::size_t i = 0; i < shape.size(); ++i) {
      if (shape[i] > other->second[i]) refuse("a shape of the profile is larger than the next one", text);
    }
  }
}

/// Names of provider options differ by their beginning alone.
void add_common(const std::string& prefix, const EngineOptions& options, std::map<std::string, std::string>& all) {
  const auto add = [&](const char* name, const std::string& value) {
    if (!value.empty()) all[prefix + name] = value;
  };
  if (options.workspace_bytes > 0) add("max_workspace_size", std::to_string(options.workspace_bytes));
  add("profile_min_shapes", options.min_shapes);
  add("profile_opt_shapes", options.opt_shapes);
  add("profile_max_shapes", options.max_shapes);
}

}  // namespace

void check_engine_options(const EngineOptions& options) {
  const std::size_t given = !options.min_shapes.empty() + !options.opt_shapes.empty() + !options.max_shapes.empty();
  if (given == 0) return;
  if (given < 3) {
    throw Error(ErrorCode::kBadConfig, "an optimisation profile has a least, a usual and a largest shape", "engine",
                "Give min_shapes, opt_shapes and max_shapes together");
  }
  const auto least = parse_shapes(options.min_shapes), usual = parse_shapes(options.opt_shapes),
             largest = parse_shapes(options.max_shapes);
  check_order(least, usual, options.opt_shapes);
  check_order(usual, largest, options.max_shapes);
}

std::string to_text(const EngineOptions& options) {
  std::map<std::string, std::string> all;
  add_common("", options, all);
  std::string text;
  for (const auto& [name, value] : all) text += (text.empty() ? "" : " ") + name + "=" + value;
  return text;
}

std::map<std::string, std::string> tensorrt_options(const Device& device, Precision precision, bool eight_bits,
                                                    const EngineOptions& options, const std::filesystem::path& engines) {
  std::map<std::string, std::string> all{{"device_id", std::to_string(device.index)},
                                         {"trt_fp16_enable", precision == Precision::kFp16 ? "1" : "0"},
                                         {"trt_bf16_enable", precision == Precision::kBf16 ? "1" : "0"},
                                         {"trt_int8_enable", eight_bits ? "1" : "0"}};
  add_common("trt_", options, all);
  if (!engines.empty()) {
    all.insert({{"trt_engine_cache_enable", "1"},
                {"trt_engine_cache_path", engines.string()},
                {"trt_timing_cache_enable", "1"},
                {"trt_timing_cache_path", engines.string()}});
  }
  return all;
}

std::map<std::string, std::string> tensorrt_rtx_options(const EngineOptions& options) {
  std::map<std::string, std::string> all;
  add_common("nv_", options, all);
  return all;
}

}  // namespace goshawk::runtime
