#include "goshawk/track/fields.h"

#include <fmt/format.h>
#include <algorithm>

#include "goshawk/core/error.h"
#include "goshawk/core/text.h"

namespace goshawk::track {

namespace {

[[noreturn]] void fail(const std::string& message, const std::string& where) {
  throw Error(ErrorCode::kBadConfig, message, where);
}

}  // namespace

std::string describe(const nlohmann::json& node) {
  switch (node.type()) {
    case nlohmann::json::value_t::null:
      return "nothing";
    case nlohmann::json::value_t::object:
      return "a map";
    case nlohmann::json::value_t::array:
      return "a list";
    case nlohmann::json::value_t::string:
      return "the text '" + node.get<std::string>().substr(0, 40) + "'";
    case nlohmann::json::value_t::boolean:
      return node.get<bool>() ? "true" : "false";
    default:
      return node.is_number() ? "the number " + node.dump() : "something else";
  }
}

Fields::Fields(const nlohmann::json& map, std::string where) : map_(map), where_(std::move(where)) {
  if (!map.is_object()) fail("a map of settings is expected, not " + describe(map), where_);
}

std::string Fields::path(std::string_view key) const {
  return where_ + (where_.ends_with(' ') ? "" : ".") + std::string(key);
}

bool Fields::has(std::string_view key) { return !get(key).is_null(); }

const nlohmann::json& Fields::get(std::string_view key) {
  static const nlohmann::json kNothing;
  known_.emplace_back(key);
  const auto found = map_.find(std::string(key));
  return found == map_.end() ? kNothing : *found;
}

void Fields::read(std::string_view key, double& value, double least, double most) {
  const nlohmann::json& node = get(key);
  if (node.is_null()) return;
  if (!node.is_number() || !(node.get<double>() >= least && node.get<double>() <= most)) {
    fail(fmt::format("a number from {} to {} is expected, not {}", least, most, describe(node)), path(key));
  }
  value = node.get<double>();
}

void Fields::read(std::string_view key, float& value, double least, double most) {
  double wide = value;
  read(key, wide, least, most);
  value = static_cast<float>(wide);
}

void Fields::read(std::string_view key, int& value, int least, int most) {
  const nlohmann::json& node = get(key);
  if (node.is_null()) return;
  const bool fits = node.is_number_integer() && node.get<double>() >= least && node.get<double>() <= most;
  if (!fits) fail(fmt::format("an integer from {} to {} is expected, not {}", least, most, describe(node)), path(key));
  value = node.get<int>();
}

void Fields::read(std::string_view key, bool& value) {
  const nlohmann::json& node = get(key);
  if (node.is_null()) return;
  if (!node.is_boolean()) fail("true or false is expected, not " + describe(node), path(key));
  value = node.get<bool>();
}

void Fields::read(std::string_view key, std::string& value) {
  const nlohmann::json& node = get(key);
  if (node.is_null()) return;
  if (!node.is_string()) fail("a text is expected, not " + describe(node), path(key));
  value = node.get<std::string>();
}

void Fields::read(std::string_view key, std::vector<std::string>& value) {
  const nlohmann::json& node = get(key);
  if (node.is_null()) return;
  const bool texts = node.is_array() && std::ranges::all_of(node, [](const auto& item) { return item.is_string(); });
  if (!texts) fail("a list of texts is expected, not " + describe(node), path(key));
  value = node.get<std::vector<std::string>>();
}

void Fields::expect_no_others() const {
  for (const auto& [key, _] : map_.items()) {
    if (std::ranges::find(known_, key) != known_.end()) continue;
    throw Error(ErrorCode::kBadConfig, "there is no setting '" + key + "'" + did_you_mean(key, known_), path(key));
  }
}

}  // namespace goshawk::track
