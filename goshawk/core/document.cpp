#include "goshawk/core/document.h"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <iterator>
#include <map>
#include <optional>
#include <regex>
#include <set>
#include <sstream>
#include <utility>
#include <vector>

#include "goshawk/core/error.h"
#include "goshawk/core/files.h"

namespace goshawk {
namespace {

using nlohmann::json;

[[noreturn]] void reject(const std::string& message, const std::string& where, int line = 0) {
  throw Error(ErrorCode::kBadConfig, message, line > 0 ? where + ":" + std::to_string(line) : where);
}

/// A whole number as the narrowest of int64, uint64 and double that holds it.
std::optional<json> whole_number(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  const char* end = text.data() + text.size();
  std::int64_t number = 0;
  if (const auto parsed = std::from_chars(text.data(), end, number); parsed.ptr == end && parsed.ec == std::errc{})
    return number;
  std::uint64_t large = 0;
  if (const auto parsed = std::from_chars(text.data(), end, large); parsed.ptr == end && parsed.ec == std::errc{})
    return large;
  return std::nullopt;
}

json scalar(const std::string& text) {
  static const std::regex kInteger("[-+]?[0-9]+");
  static const std::regex kNumber(R"([-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?)");
  if (text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL") return nullptr;
  if (text == "true" || text == "True" || text == "TRUE") return true;
  if (text == "false" || text == "False" || text == "FALSE") return false;
  if (text.size() > 40) return text;
  if (std::regex_match(text, kInteger)) {
    if (auto number = whole_number(text)) return *number;
  }
  if (std::regex_match(text, kNumber)) {
    const double value = std::strtod(text.c_str(), nullptr);
    if (std::isfinite(value)) return value;
  }
  return text;
}

/// What has been read of a document, against its limits.
class Budget {
 public:
  struct Use {
    std::size_t nodes = 0;
    std::uint64_t bytes = 0;  // of keys and texts
  };

  Budget(const std::string& where, const DocumentLimits& limits) : where_(where), limits_(limits) {}

  void check_depth(std::size_t open_containers, int line) const {
    if (open_containers < limits_.depth) return;
    reject("nested more than " + std::to_string(limits_.depth) + " levels deep", where_, line);
  }
  void spend(const Use& use, int line) {
    used_.nodes += use.nodes;
    used_.bytes += use.bytes;
    if (used_.nodes > limits_.nodes) reject("more than " + std::to_string(limits_.nodes) + " values", where_, line);
    if (used_.bytes > limits_.bytes) reject("more than " + std::to_string(limits_.bytes) + " bytes of text", where_, line);
  }
  const Use& used() const { return used_; }

 private:
  const std::string& where_;
  const DocumentLimits& limits_;
  Use used_;
};

[[noreturn]] void reject_duplicate(const std::string& key, const std::string& where, int line) {
  throw Error(ErrorCode::kBadConfig, "the key '" + key + "' stands twice", where + ":" + std::to_string(line));
}

/// Builds the tree while yaml-cpp parses, so that limits hold before anything grows.
class YamlBuilder final : public YAML::EventHandler {
 public:
  YamlBuilder(const std::string& where, const DocumentLimits& limits) : where_(where), budget_(where, limits) {}

  json take() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override { add_leaf(nullptr, 0, mark, anchor); }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, const std::string& text) override {
    if (key_is_next()) {
      set_key(text, mark);
      remember(anchor, text, {1, text.size()});
      return;
    }
    add_leaf(tag == "!" ? json(text) : scalar(text), text.size(), mark, anchor);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) reject("an alias stands inside of what it names", where_, line_of(mark));
    const auto& [value, use] = found->second;
    budget_.spend(use, line_of(mark));
    if (!key_is_next()) return add(value);
    if (!value.is_string()) reject_key(mark);
    set_key(value.get<std::string>(), mark);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(json::array(), mark, anchor);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor, YAML::EmitterStyle::value) override {
    open(json::object(), mark, anchor);
  }
  void OnMapEnd() override { close(); }

 private:
  struct Container {
    json value;
    YAML::anchor_t anchor;
    Budget::Use before;
    std::optional<std::string> key = {};  // of a map: read, its value is still to come
  };

  static int line_of(const YAML::Mark& mark) { return mark.line + 1; }

  [[noreturn]] void reject_key(const YAML::Mark& mark) const { reject("a key must be plain text", where_, line_of(mark)); }

  bool key_is_next() const { return !open_.empty() && open_.back().value.is_object() && !open_.back().key; }

  void set_key(const std::string& key, const YAML::Mark& mark) {
    if (open_.back().value.contains(key)) reject_duplicate(key, where_, line_of(mark));
    budget_.spend({0, key.size()}, line_of(mark));
    open_.back().key = key;
  }

  void add(json value) {
    if (open_.empty()) {
      root_ = std::move(value);
      return;
    }
    Container& parent = open_.back();
    if (parent.value.is_array()) {
      parent.value.push_back(std::move(value));
    } else {
      parent.value[*parent.key] = std::move(value);
      parent.key.reset();
    }
  }

  void add_leaf(json value, std::uint64_t bytes, const YAML::Mark& mark, YAML::anchor_t anchor) {
    if (key_is_next()) reject_key(mark);
    budget_.spend({1, bytes}, line_of(mark));
    remember(anchor, value, {1, bytes});
    add(std::move(value));
  }

  void open(json value, const YAML::Mark& mark, YAML::anchor_t anchor) {
    if (key_is_next()) reject_key(mark);
    budget_.check_depth(open_.size(), line_of(mark));
    open_.push_back({std::move(value), anchor, budget_.used()});
    budget_.spend({1, 0}, line_of(mark));
  }

  void close() {
    Container container = std::move(open_.back());
    open_.pop_back();
    const auto& now = budget_.used();
    remember(container.anchor, container.value, {now.nodes - container.before.nodes, now.bytes - container.before.bytes});
    add(std::move(container.value));
  }

  void remember(YAML::anchor_t anchor, const json& value, Budget::Use use) {
    if (anchor != YAML::NullAnchor) anchors_[anchor] = {value, use};
  }

  const std::string& where_;
  Budget budget_;
  std::vector<Container> open_;
  std::map<YAML::anchor_t, std::pair<json, Budget::Use>> anchors_;
  json root_;
};

/// Walks over a text and tells how far a reader has come, which nlohmann's callbacks do not.
class WatchedText {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  WatchedText(const char* at, const char** furthest) : at_(at), furthest_(furthest) {}
  reference operator*() const { return *at_; }
  WatchedText& operator++() {
    *furthest_ = ++at_;
    return *this;
  }
  bool operator==(const WatchedText& other) const { return at_ == other.at_; }

 private:
  const char* at_;
  const char** furthest_;
};

/// Holds a JSON text to its limits while it is parsed.
class JsonWatch {
 public:
  JsonWatch(std::string_view text, const std::string& where, const DocumentLimits& limits)
      : text_(text), where_(where), budget_(where, limits), furthest_(text.data()) {}

  json parse() {
    const WatchedText begin(text_.data(), &furthest_), end(text_.data() + text_.size(), &furthest_);
    return json::parse(begin, end, [this](int, json::parse_event_t event, json& value) {
      look_at(event, value);
      return true;
    });
  }

  int line() const { return 1 + static_cast<int>(std::count(text_.data(), furthest_, '\n')); }

 private:
  void look_at(json::parse_event_t event, json& value) {
    switch (event) {
      case json::parse_event_t::object_start:
      case json::parse_event_t::array_start:
        budget_.check_depth(keys_.size(), 0);
        keys_.emplace_back();
        break;
      case json::parse_event_t::object_end:
      case json::parse_event_t::array_end:
        keys_.pop_back();
        budget_.spend({1, 0}, 0);
        break;
      case json::parse_event_t::key: {
        const auto& key = value.get_ref<const std::string&>();
        if (!keys_.back().insert(key).second) reject_duplicate(key, where_, line());
        break;
      }
      case json::parse_event_t::value:
        budget_.spend({1, 0}, 0);
        break;
    }
  }

  std::string_view text_;
  const std::string& where_;
  Budget budget_;
  const char* furthest_;
  std::vector<std::set<std::string>> keys_;  // of each open container
};

void check_size(std::string_view text, const std::string& where, const DocumentLimits& limits) {
  if (text.size() > limits.bytes) reject("larger than " + std::to_string(limits.bytes) + " bytes", where);
}

/// The shortest text that reads back as the same number of floating point.
std::string number_text(double value) {
  std::string text = fmt::format("{}", value);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
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
      out << value.dump();
      break;
    default:
      if (const auto number = value.get<double>(); std::isfinite(number)) out << number_text(number);
      else out << YAML::Null;
  }
}

}  // namespace

nlohmann::json parse_yaml(std::string_view text, const std::string& where, const DocumentLimits& limits) {
  check_size(text, where, limits);
  try {
    std::istringstream stream{std::string(text)};
    YamlBuilder builder(where, limits);
    YAML::Parser parser(stream);
    parser.HandleNextDocument(builder);
    auto document = builder.take();
    YamlBuilder next(where, limits);
    if (parser.HandleNextDocument(next)) reject("more than one document (`---`), of which only one can be read", where);
    return document;
  } catch (const YAML::Exception& error) {
    reject("not valid YAML: " + error.msg, where, error.mark.line + 1);
  }
}

nlohmann::json parse_json(std::string_view text, const std::string& where, const DocumentLimits& limits) {
  check_size(text, where, limits);
  JsonWatch watch(text, where, limits);
  try {
    return watch.parse();
  } catch (const json::parse_error&) {
    reject("not valid JSON", where, watch.line());
  } catch (const json::exception&) {  // a number that no double can hold
    reject("not valid JSON: a number is too large", where, watch.line());
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
