// XML from outside: decoded, checked against limits and parsed by pugixml.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <pugixml.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "goshawk/core/error.h"

namespace goshawk::dataset {

/// Bounds on an XML document. `nodes`: elements, attributes and pieces of text; about 64 bytes of memory each.
struct XmlLimits {
  std::uint64_t bytes = 256ULL << 20;
  std::uint64_t nodes = 4'000'000;
  std::size_t depth = 32;
};

/// What is wrong with an XML document: Error{kBadData} whose `where` is "file:line".
class XmlError : public Error {
 public:
  XmlError(const std::string& message, const std::string& file, std::int64_t line, const std::string& hint = {})
      : Error(ErrorCode::kBadData, message, file + ":" + std::to_string(line), hint), line_(line) {}
  std::int64_t line() const { return line_; }  // 1-based

 private:
  std::int64_t line_;
};

/// A parsed document. UTF-8, UTF-16 (with byte order mark or as declared), ISO-8859-1 and US-ASCII are read, by their mark
/// or declaration. Nothing outside of the document is ever fetched, and a DOCTYPE that declares entities is refused. Owns
/// the tree; nodes are views into it. Thread rule: immutable after `parse`.
class XmlFile {
 public:
  /// `file` names it in messages. Throws XmlError for syntax, encoding and limits.
  static XmlFile parse(std::string text, const std::string& file, const XmlLimits& limits = {});
  /// Throws also as `read_file` does.
  static XmlFile read(const std::filesystem::path& path, const std::string& file, const XmlLimits& limits = {});

  /// The outermost element.
  pugi::xml_node root() const { return document_.document_element(); }
  /// 1-based line on which the element begins; 0 for a null node.
  std::int64_t line_of(const pugi::xml_node& node) const;

 private:
  XmlFile() = default;
  std::int64_t line_at(std::ptrdiff_t offset) const;
  void check_tree(const std::string& file, const XmlLimits& limits) const;

  std::string text_;  // pugixml parses in place
  std::vector<std::size_t> line_ends_;
  pugi::xml_document document_;
};

/// `text` for the inside of an element or of a quoted attribute; what XML 1.0 cannot hold becomes '?'.
std::string xml_escaped(std::string_view text);

/// A number as XML formats write them: optional sign, digits, point, exponent, with white space around. May be NaN or
/// infinite. nullopt for anything else.
std::optional<double> xml_number(std::string_view text);

}  // namespace goshawk::dataset
