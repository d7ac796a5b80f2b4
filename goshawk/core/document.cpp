#include "goshawk/core/document.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cmath>
#include <regex>
#include <vector>

#include "goshawk/core/error.h"
#include "goshawk/core/files.h"

namespace goshawk {
namespace {

using nlohmann::json;

[[noreturn]] void reject(const std::string& message, const std::string& where, int line = 0) {
  throw Error(ErrorCode::kBadConfig, message, line > 0 ? where + ":" + std::to_string(line) : where);
}

json scalar(const std::string& text) {
  static const std::regex kInteger("[-+]?[0-9]{1,18}");
  static const std::regex kNumber(R"([-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?)");
  if (text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL") return nullptr;
  if (text == "true" || text == "True" || text == "TRUE") return true;
  if (text == "false" || text == "False" || text == "FALSE") return false;
  if (text.size() > 40) return text;
  if (std::regex_match(text, kInteger)) return std::stoll(text);
  if (std::regex_match(text, kNumber)) {
    const double value = std::strtod(text.c_str(), nullptr);
    if (std::isfinite(value)) return value;
  }
  return text;
}

class YamlReader {
 public:
  YamlReader(const std::string& where, const DocumentLimits& limits) : where_(where), limits_(limits) {}

  json convert(const YAML::Node& node, std::size_t depth = 0) {
    const int line = node.Mark().line + 1;
    if (depth > limits_.depth) reject("nested more than " + std::to_string(limits_.depth) + " levels deep", where_, line);
    if (++nodes_ > limits_.nodes) reject("more than " + std::to_string(limits_.nodes) + " values", where_, line);
    if (node.IsScalar()) return node.Tag() == "!" ? json(node.Scalar()) : scalar(node.Scalar());
    if (node.IsSequence()) {
      json list = json::array();
      for (const auto& item : node) list.push_back(convert(item, depth + 1));
      return list;
    }
    if (node.IsMap()) {
      json map = json::object();
      for (const auto& entry : node) {
        if (!entry.first.IsScalar()) reject("a key must be plain text", where_, line);
        const std::string& key = entry.first.Scalar();
        if (map.contains(key)) reject("the key '" + key + "' stands twice", where_, entry.first.Mark().line + 1);
        map[key] = convert(entry.second, depth + 1);
      }
      return map;
    }
    return nullptr;
  }

 private:
  const std::string& where_;
  const DocumentLimits& limits_;
  std::size_t nodes_ = 0;
};

/// Depth of brackets outside of quotes, so that deep nesting is refused before a recursive parser sees it.
void check_depth(std::string_view text, const std::string& where, const DocumentLimits& limits) {
  std::size_t depth = 0;
  char quote = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quote != 0) {
      if (c == '\\' && quote == '"') ++i;
      else if (c == quote) quote = 0;
    } else if (c == '"') {
      quote = c;
    } else if (c == '[' || c == '{') {
      if (++depth > limits.depth) reject("nested more than " + std::to_string(limits.depth) + " levels deep", where);
    } else if ((c == ']' || c == '}') && depth > 0) {
      --depth;
    }
  }
}

/// Block nesting of YAML needs no brackets ("- - - -"): bound it by the longest run of indicators and indentation.
void check_yaml_indentation(std::string_view text, const std::string& where, const DocumentLimits& limits) {
  int line = 1;
  std::size_t dashes = 0;
  bool at_start = true;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\n') {
      ++line;
      dashes = 0;
      at_start = true;
    } else if (at_start && (c == '-' || c == '?' || c == ':') && (i + 1 == text.size() || text[i + 1] == ' ')) {
      if (++dashes > limits.depth) reject("nested more than " + std::to_string(limits.depth) + " levels deep", where, line);
    } else if (c != ' ') {
      at_start = false;
    }
  }
}

void check_size(std::string_view text, const std::string& where, const DocumentLimits& limits) {
  if (text.size() > limits.bytes) reject("larger than " + std::to_string(limits.bytes) + " bytes", where);
}

void emit(YAML::Emitter& out, const json& value) {
  switch (value.type()) {
    case json::value_t::object:
      out << (value.empty() ? YAML::Flow : YAML::Block) << YAML::BeginMap;
      for (const auto& [key, item] : value.items()) {
        out << YAML::Key << key << YAML::Value;
        emit(out, item);
      }
      out << YAML::EndMap;
      break;
    case json::value_t::array: {
      const bool flat = std::none_of(value.begin(), value.end(), [](const json& item) { return item.is_structured(); });
      out << (flat ? YAML::Flow : YAML::Block) << YAML::BeginSeq;
      for (const auto& item : value) emit(out, item);
      out << YAML::EndSeq;
      break;
    }
    case json::value_t::string: {
      const auto& text = value.get_ref<const std::string&>();
      if (scalar(text).is_string()) out << text;
      else out << YAML::DoubleQuoted << text;
      break;
    }
    case json::value_t::null:
      out << YAML::Null;
      break;
    case json::value_t::boolean:
      out << value.get<bool>();
      break;
    case json::value_t::number_integer:
    case json::value_t::number_unsigned:
      out << value.get<std::int64_t>();
      break;
    default:
      out << value.get<double>();
  }
}

}  // namespace

nlohmann::json parse_yaml(std::string_view text, const std::string& where, const DocumentLimits& limits) {
  check_size(text, where, limits);
  check_depth(text, where, limits);
  check_yaml_indentation(text, where, limits);
  try {
    return YamlReader(where, limits).convert(YAML::Load(std::string(text)));
  } catch (const YAML::Exception& error) {
    reject("not valid YAML: " + error.msg, where, error.mark.line + 1);
  }
}

nlohmann::json parse_json(std::string_view text, const std::string& where, const DocumentLimits& limits) {
  check_size(text, where, limits);
  check_depth(text, where, limits);
  std::size_t nodes = 0;
  const auto watch = [&](int, json::parse_event_t, json&) {
    if (++nodes > 2 * limits.nodes) reject("more than " + std::to_string(limits.nodes) + " values", where);
    return true;
  };
  try {
    return json::parse(text, watch);
  } catch (const json::parse_error& error) {
    const auto line =
        1 + std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(std::min(error.byte, text.size())), '\n');
    reject("not valid JSON", where, static_cast<int>(line));
  } catch (const json::exception&) {  // a number that no double can hold
    reject("not valid JSON: a number is too large", where);
  }
}

nlohmann::json read_document(const std::filesystem::path& path, const DocumentLimits& limits) {
  return parse_document(read_file(path, limits.bytes), path, limits);
}

nlohmann::json parse_document(std::string_view text, const std::filesystem::path& path, const DocumentLimits& limits) {
  return path.extension() == ".json" ? parse_json(text, path.string(), limits) : parse_yaml(text, path.string(), limits);
}

std::string to_yaml(const nlohmann::json& document) {
  YAML::Emitter out;
  emit(out, document);
  return std::string(out.c_str()) + "\n";
}

}  // namespace goshawk
