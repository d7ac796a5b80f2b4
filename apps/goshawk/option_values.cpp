#include "apps/goshawk/option_values.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string_view>

#include "goshawk/core/config_schema.h"
#include "goshawk/core/error.h"
#include "goshawk/runtime/device_check.h"

namespace goshawk::cli {
namespace {

[[noreturn]] void reject(const std::string& flag, const std::string& expected, const std::string& value) {
  throw Error(ErrorCode::kUsage, "--" + flag + " is " + expected + ", not '" + value + "'");
}

}  // namespace

std::optional<std::uint64_t> count_option(const Invocation& call, const std::string& flag) {
  const auto given = call.options.find(flag);
  if (given == call.options.end()) return std::nullopt;
  const auto number = number_in<std::uint64_t>(given->second);
  if (!number) reject(flag, "a whole number from 0", given->second);
  return number;
}

std::optional<std::int64_t> integer_option(const Invocation& call, const std::string& flag, std::int64_t least,
                                           std::int64_t most) {
  const auto given = call.options.find(flag);
  if (given == call.options.end()) return std::nullopt;
  const auto number = number_in<std::int64_t>(given->second);
  if (!number || *number < least || *number > most)
    reject(flag, fmt::format("a whole number from {} to {}", least, most), given->second);
  return number;
}

std::optional<double> number_option(const Invocation& call, const std::string& flag, double least, double most) {
  const auto given = call.options.find(flag);
  if (given == call.options.end()) return std::nullopt;
  const auto number = number_in<double>(given->second);
  if (!number || !(*number >= least && *number <= most))
    reject(flag, fmt::format("a number from {} to {}", least, most), given->second);
  return number;
}

std::optional<std::chrono::microseconds> time_option(const Invocation& call, const std::string& flag,
                                                     std::chrono::microseconds least) {
  const auto given = call.options.find(flag);
  if (given == call.options.end()) return std::nullopt;
  const double seconds = parse_seconds(given->second);
  if (!(seconds >= std::chrono::duration<double>(least).count() && seconds < 1e9))
    reject(flag, "a time such as 0.5, 90 or 1:30", given->second);
  return std::chrono::microseconds(std::llround(seconds * 1e6));
}

std::vector<std::string> list_option(const Invocation& call, const std::string& flag) {
  std::vector<std::string> words;
  const auto given = call.options.find(flag);
  if (given == call.options.end()) return words;
  std::string_view text = given->second;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(','), text.size());
    if (end > 0) words.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(text.size(), end + 1));
  }
  return words;
}

std::string required_option(const Invocation& call, const std::string& flag) {
  const auto given = call.options.find(flag);
  if (given != call.options.end() && !given->second.empty()) return given->second;
  throw Error(ErrorCode::kUsage, "`goshawk " + call.command.name + "` needs --" + flag, "",
              "`goshawk " + call.command.name + " --help` lists what it takes");
}

void refuse_flags(const Invocation& call, std::initializer_list<const char*> flags, const std::string& why,
                  const std::string& hint) {
  for (const char* flag : flags) {
    if (call.has(flag)) throw Error(ErrorCode::kUsage, why, std::string("--") + flag, hint);
  }
}

bool given_as_flag(const Invocation& call, const std::string& key) {
  return call.config.entry(key).layer == ConfigLayer::kFlag;
}

void refuse_settings(const Invocation& call, std::initializer_list<const char*> keys, const std::string& why,
                     const std::string& hint) {
  for (const char* key : keys) {
    if (given_as_flag(call, key)) throw Error(ErrorCode::kUsage, why, "--" + find_setting(key)->flag, hint);
  }
}

std::vector<runtime::Device> devices_option(const Invocation& call) {
  const auto words = list_option(call, "devices");
  if (words.empty()) return {runtime::parse_device(call.config.text("runtime.device"))};
  std::vector<runtime::Device> devices;
  const auto add = [&](const runtime::Device& device) {
    if (std::ranges::find(devices, device) == devices.end()) devices.push_back(device);
  };
  for (const auto& word : words) {
    if (word != "all") {
      add(runtime::parse_device(word));
      continue;
    }
    for (const auto& status : runtime::list_devices()) {
      if (status.available) add(status.device);
    }
  }
  return devices;
}

}  // namespace goshawk::cli
