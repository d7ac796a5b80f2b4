// Reading COCO's JSON with simdjson, element by element, with places for messages. For the files coco_*.cpp only: simdjson's
// header is large.
#pragma once

#include <simdjson.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "goshawk/core/error.h"
#include "goshawk/dataset/coco.h"
#include "goshawk/dataset/problems.h"

namespace goshawk::dataset {

namespace ondemand = simdjson::ondemand;

/// A JSON file in memory with the parser over it. Not thread-safe.
class CocoJson {
 public:
  /// Throws Error{kNotFound, kBadData, kIo}.
  CocoJson(const std::filesystem::path& path, const ReadLimits& limits);

  ondemand::document& document() { return document_; }
  const std::string& where() const { return where_; }
  /// Throws Error{kBadData} unless `error` is SUCCESS; names the line.
  void check(simdjson::error_code error);
  [[noreturn]] void fail(const std::string& message, const char* place = nullptr);
  /// 1-based line of a place in the text; quick for places that follow each other.
  std::uint32_t line_of(const char* place);
  /// Nothing but white space may be left.
  void expect_end();

  /// Calls take(key, value) for each field. The value may be left alone.
  template <typename Take>
  void for_each_field(ondemand::object object, Take take) {
    for (auto field : object) {
      std::string_view key;
      ondemand::value value;
      check(field.error());
      const char* const text = field.key().value_unsafe().raw();
      std::size_t length = 0;
      while (text[length] != '"' && text[length] != '\\') ++length;
      if (text[length] == '"') key = {text, length};  // spares a copy of every key
      else check(field.unescaped_key().get(key));
      check(field.value().get(value));
      take(key, value);
    }
  }
  /// Calls take(value) for each element.
  template <typename Take>
  void for_each_element(ondemand::array array, Take take) {
    for (auto element : array) {
      ondemand::value value;
      check(element.get(value));
      take(value);
    }
  }

 private:
  std::string where_;
  simdjson::padded_string text_;
  simdjson::ondemand::parser parser_;
  ondemand::document document_;
  bool iterating_ = false;  // the document is there
  const char* counted_to_ = nullptr;
  std::uint32_t lines_ = 1;
};

/// How reading a number went.
enum class Got : std::uint8_t { kNumber, kNotFinite, kOther };

Got get_number(ondemand::value value, double& out);
/// Whole numbers, 5.0 too.
bool get_integer(ondemand::value value, std::int64_t& out);
/// 0 and 1 too.
bool get_boolean(ondemand::value value, bool& out);
/// Null and 0 say nothing: `out` stays as it is, or is 0.
bool get_size(ondemand::value value, std::uint32_t& out);

/// What is wrong with a field, for a message.
struct FieldProblem {
  ProblemKind kind;
  std::string text;  // goes on from the element's name: "has no bbox"; or a sentence of its own: "its bbox is no list"
};

/// "detection 3 has no bbox", "detection 3: its bbox is no list".
std::string sentence(const std::string& element, const std::string& text);

/// [x, y, width, height].
std::optional<FieldProblem> get_rectangle(CocoJson& json, ondemand::value value, Rectangle& out);
/// Polygons or run lengths; `out` is nullopt for an empty list and null. Where a polygon is bad, `out` holds the others.
std::optional<FieldProblem> get_mask(CocoJson& json, ondemand::value value, std::optional<Mask>& out);

/// The smallest rectangle around the points of a mask.
Rectangle bounds_of(const Mask& mask);

/// Fields that have no place in a Dataset: counted by name, for a note.
class UnknownFields {
 public:
  void count(const char* section, std::string_view key);
  void list(const std::string& file, ProblemList& problems) const;

 private:
  struct Entry {
    std::string section, key;
    std::uint64_t count = 0;
  };
  std::vector<Entry> entries_;
};

/// Place of a number in a list of numbers.
class IdIndex {
 public:
  void reserve(std::size_t count) { places_.reserve(count); }
  /// False when it is there already.
  bool add(std::int64_t id, std::uint32_t place) { return places_.emplace(id, place).second; }
  std::optional<std::uint32_t> find(std::int64_t id) const {
    const auto found = places_.find(id);
    return found == places_.end() ? std::nullopt : std::optional(found->second);
  }

 private:
  std::unordered_map<std::int64_t, std::uint32_t> places_;
};

}  // namespace goshawk::dataset
