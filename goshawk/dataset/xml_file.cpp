#include "goshawk/dataset/xml_file.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

#include "goshawk/core/files.h"
#include "goshawk/core/text.h"
#include "goshawk/core/utf8.h"
#include "goshawk/dataset/problems.h"

namespace goshawk::dataset {
namespace {

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

std::int64_t line_in(std::string_view text, std::size_t offset) {
  return 1 + std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(std::min(offset, text.size())), '\n');
}

/// `encoding="..."` of the declaration in lower case; empty when it has none.
std::string declared_encoding(std::string_view text) {
  if (!text.starts_with("<?xml")) return {};
  const std::string head = to_lower(text.substr(0, std::min<std::size_t>(text.find("?>"), 200)));
  const std::size_t at = head.find("encoding");
  if (at == std::string::npos) return {};
  const std::size_t begin = head.find_first_of("\"'", at);
  if (begin == std::string::npos) return {};
  const std::size_t end = head.find(head[begin], begin + 1);
  return end == std::string::npos ? std::string() : head.substr(begin + 1, end - begin - 1);
}

std::string from_utf16(std::string_view bytes, bool big_endian, const std::string& file) {
  std::string out;
  out.reserve(bytes.size() / 2);
  const auto unit = [&](std::size_t i) {
    const auto a = static_cast<unsigned char>(bytes[i]), b = static_cast<unsigned char>(bytes[i + 1]);
    return static_cast<char32_t>(big_endian ? a << 8 | b : b << 8 | a);
  };
  const auto broken = [&] { return XmlError("the file is cut off or not UTF-16", file, line_in(out, out.size())); };
  if (bytes.size() % 2 != 0) throw broken();
  for (std::size_t i = 0; i < bytes.size(); i += 2) {
    char32_t c = unit(i);
    if (c >= 0xD800 && c < 0xE000) {
      if (c >= 0xDC00 || i + 3 >= bytes.size()) throw broken();
      const char32_t low = unit(i + 2);
      if (low < 0xDC00 || low >= 0xE000) throw broken();
      c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
      i += 2;
    }
    append_utf8(c, out);
  }
  return out;
}

std::string from_latin1(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size());
  for (const char c : bytes) append_utf8(static_cast<unsigned char>(c), out);
  return out;
}

bool is_latin1(std::string_view encoding) {
  return encoding == "iso-8859-1" || encoding == "iso_8859-1" || encoding == "latin1" || encoding == "latin-1";
}

/// Source of the order of the tests: XML 1.0, appendix F.
std::string to_utf8(std::string text, const std::string& file) {
  const std::string_view view = text;
  if (view.starts_with("\xFF\xFE")) return from_utf16(view.substr(2), false, file);
  if (view.starts_with("\xFE\xFF")) return from_utf16(view.substr(2), true, file);
  if (view.starts_with(std::string_view("<\0?\0", 4))) return from_utf16(view, false, file);
  if (view.starts_with(std::string_view("\0<\0?", 4))) return from_utf16(view, true, file);
  const bool marked = view.starts_with("\xEF\xBB\xBF");
  if (marked) text.erase(0, 3);
  const std::string encoding = declared_encoding(text);
  if (!marked && is_latin1(encoding)) return from_latin1(text);
  const std::size_t broken = find_broken_utf8(text);
  const bool is_utf8 = encoding.empty() || encoding == "utf-8" || encoding == "utf8" || encoding == "us-ascii" ||
                       encoding == "ascii" || encoding.starts_with("utf-16");  // a false declaration of a UTF-8 file
  if (broken != std::string::npos) {
    throw XmlError(is_utf8 ? "the text is not UTF-8" : "the encoding " + dataset::quoted(encoding) + " is not read", file,
                   line_in(text, broken), "Save the file as UTF-8.");
  }
  return text;
}

/// An upper bound of the nodes that pugixml will make, before it makes any.
void check_size(std::string_view text, const std::string& file, const XmlLimits& limits) {
  std::uint64_t nodes = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\0') throw XmlError("the text holds a NUL byte", file, line_in(text, i));
    if (text[i] == '<') nodes += 2;  // the element and the text before it
    if (text[i] == '=') ++nodes;
    if (nodes > limits.nodes) {
      throw XmlError("the file has more than " + std::to_string(limits.nodes) + " elements, texts and attributes", file,
                     line_in(text, i));
    }
  }
}

}  // namespace

XmlFile XmlFile::parse(std::string text, const std::string& file, const XmlLimits& limits) {
  if (text.size() > limits.bytes) {
    throw XmlError("the file is larger than " + std::to_string(limits.bytes) + " bytes", file, 1);
  }
  XmlFile xml;
  xml.text_ = to_utf8(std::move(text), file);
  xml.text_.reserve(64);  // on the heap, so that the views of the tree outlive a move
  check_size(xml.text_, file, limits);
  for (std::size_t i = 0; i < xml.text_.size(); ++i) {
    if (xml.text_[i] == '\n') xml.line_ends_.push_back(i);
  }
  const auto options = pugi::parse_default | pugi::parse_doctype;
  const auto result = xml.document_.load_buffer_inplace(xml.text_.data(), xml.text_.size(), options, pugi::encoding_utf8);
  if (!result) throw XmlError(std::string("no valid XML: ") + result.description(), file, xml.line_at(result.offset));
  xml.check_tree(file, limits);
  if (!xml.root()) throw XmlError("no valid XML: no element", file, 1);
  return xml;
}

XmlFile XmlFile::read(const std::filesystem::path& path, const std::string& file, const XmlLimits& limits) {
  return parse(read_file(path, limits.bytes), file, limits);
}

void XmlFile::check_tree(const std::string& file, const XmlLimits& limits) const {
  for (const auto& node : document_.children()) {
    if (node.type() == pugi::node_doctype && std::string_view(node.value()).find("<!ENTITY") != std::string_view::npos) {
      throw XmlError("the file declares entities of its own, which are not read", file, 1,
                     "Label files need none. Remove its <!DOCTYPE ...>, if you trust it.");
    }
  }
  std::size_t depth = 1;
  for (pugi::xml_node node = document_.first_child(); node;) {
    if (depth > limits.depth) {
      throw XmlError("elements lie more than " + std::to_string(limits.depth) + " deep in each other", file, line_of(node));
    }
    if (node.first_child()) {
      node = node.first_child();
      ++depth;
      continue;
    }
    while (node && !node.next_sibling()) {
      node = node.parent();
      --depth;
    }
    if (node) node = node.next_sibling();
  }
}

std::int64_t XmlFile::line_at(std::ptrdiff_t offset) const {
  const auto before =
      std::lower_bound(line_ends_.begin(), line_ends_.end(), static_cast<std::size_t>(std::max<std::ptrdiff_t>(offset, 0)));
  return 1 + (before - line_ends_.begin());
}

std::int64_t XmlFile::line_of(const pugi::xml_node& node) const {
  const char* name = node.name();
  if (!node || *name == '\0') return 0;
  return line_at(name - text_.data());
}

std::string xml_escaped(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const std::size_t broken = std::min(find_broken_utf8(text), text.size());
    for (const char c : text.substr(0, broken)) {
      if (c == '&') out += "&amp;";
      else if (c == '<') out += "&lt;";
      else if (c == '>') out += "&gt;";
      else if (c == '"') out += "&quot;";
      else if (c == '\n') out += "&#10;";
      else if (c == '\r') out += "&#13;";
      else if (c == '\t') out += "&#9;";
      else if (static_cast<unsigned char>(c) < 0x20) out += '?';
      else out += c;
    }
    text.remove_prefix(broken);
    if (text.empty()) break;
    out += '?';
    text.remove_prefix(1);
  }
  return out;
}

std::optional<double> xml_number(std::string_view text) {
  text = trimmed(text);
  if (text.starts_with('+')) text.remove_prefix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (end != text.data() + text.size() || text.empty()) return std::nullopt;
  if (error == std::errc::result_out_of_range) return HUGE_VAL;
  if (error != std::errc()) return std::nullopt;
  return value;
}

}  // namespace goshawk::dataset
