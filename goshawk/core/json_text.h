// JSON as it is written out.
#pragma once

#include <array>
#include <charconv>
#include <nlohmann/json.hpp>
#include <string>

namespace goshawk {

/// `indent` blanks a level; -1: all in one line. Names of files and of values in models are any bytes: those that are no
/// UTF-8 become U+FFFD. Never throws for what a text holds.
inline std::string json_text(const nlohmann::json& document, int indent = 2) {
  return document.dump(indent, ' ', false, nlohmann::json::error_handler_t::replace);
}
inline std::string json_text(const nlohmann::ordered_json& document, int indent = 2) {
  return document.dump(indent, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

/// `text` in double quotes, as JSON and YAML have it; bytes that are no UTF-8 as above.
inline std::string json_quoted(const std::string& text) { return json_text(nlohmann::json(text), -1); }

/// What is written as the shortest decimal that reads back as `value`: 0.7F as 0.7, not as 0.699999988079071.
inline double json_number(float value) {
  std::array<char, 32> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  double number = value;
  std::from_chars(digits.data(), end, number);
  return number;
}

}  // namespace goshawk
