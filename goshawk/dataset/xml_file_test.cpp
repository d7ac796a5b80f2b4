#include "goshawk/dataset/xml_file.h"

#include <gtest/gtest.h>

#include <cmath>

namespace goshawk::dataset {
namespace {

/// "line: message" of what the parser says to it; empty when it takes it.
std::string refusal(const std::string& text, const XmlLimits& limits = {}) {
  try {
    XmlFile::parse(text, "a.xml", limits);
  } catch (const XmlError& error) {
    EXPECT_EQ(error.code(), ErrorCode::kBadData);
    EXPECT_EQ(error.where(), "a.xml:" + std::to_string(error.line()));
    return std::to_string(error.line()) + ": " + error.what();
  }
  return {};
}

std::string utf16(const std::u16string& text, bool big_endian) {
  std::string bytes = big_endian ? "\xFE\xFF" : "\xFF\xFE";
  for (const char16_t c : text) {
    const char high = static_cast<char>(c >> 8), low = static_cast<char>(c & 0xFF);
    bytes += big_endian ? high : low;
    bytes += big_endian ? low : high;
  }
  return bytes;
}

std::string name_in(const std::string& text) { return XmlFile::parse(text, "a.xml").root().child("name").text().get(); }

TEST(XmlFile, KnowsTheLinesOfElements) {
  const auto xml = XmlFile::parse("<?xml version=\"1.0\"?>\r\n<a>\r\n  <b/>\n\n<c x='1'\n y='2'/><d/></a>", "a.xml");
  const auto root = xml.root();
  EXPECT_EQ(xml.line_of(root), 2);
  EXPECT_EQ(xml.line_of(root.child("b")), 3);
  EXPECT_EQ(xml.line_of(root.child("c")), 5);
  EXPECT_EQ(xml.line_of(root.child("d")), 6);
  EXPECT_EQ(xml.line_of(root.child("e")), 0);
}

TEST(XmlFile, CanBeMoved) {
  auto xml = XmlFile::parse("<a><b/></a>", "a.xml");  // short enough to lie within a std::string
  const XmlFile moved = std::move(xml);
  EXPECT_STREQ(moved.root().first_child().name(), "b");
  EXPECT_EQ(moved.line_of(moved.root().first_child()), 1);
}

TEST(XmlFile, ReadsEncodingsByMarkOrDeclaration) {
  EXPECT_EQ(name_in("<a><name>Z\xC3\xBCrich \xF0\x9F\x9A\x97</name></a>"), "Zürich 🚗");
  EXPECT_EQ(name_in("\xEF\xBB\xBF<a><name>Z\xC3\xBCrich</name></a>"), "Zürich");
  EXPECT_EQ(name_in("<?xml version=\"1.0\" encoding='ISO-8859-1'?><a><name>Z\xFCrich</name></a>"), "Zürich");
  const std::u16string text = u"<?xml version='1.0' encoding='utf-16'?><a><name>Zürich 🚗</name></a>";
  EXPECT_EQ(name_in(utf16(text, false)), "Zürich 🚗");
  EXPECT_EQ(name_in(utf16(text, true)), "Zürich 🚗");
  EXPECT_EQ(name_in(utf16(text, true).substr(2)), "Zürich 🚗");  // no mark, as appendix F tells it
}

TEST(XmlFile, RefusesTextThatIsNotWhatItSaysItIs) {
  EXPECT_EQ(refusal("<a>\n\xFC</a>"), "2: the text is not UTF-8");
  EXPECT_EQ(refusal("<?xml version='1.0' encoding='gb2312'?>\n\n<a>\xB3\xB5</a>"), "3: the encoding 'gb2312' is not read");
  EXPECT_EQ(refusal(utf16(u"<a></a>", false) + "x"), "1: the file is cut off or not UTF-16");
  EXPECT_EQ(refusal(utf16(std::u16string(u"<a>\n") + char16_t{0xDC00} + u"</a>", true)),
            "2: the file is cut off or not UTF-16");
  EXPECT_EQ(refusal(std::string("<a>\n\n\0</a>", 11)), "3: the text holds a NUL byte");
}

TEST(XmlFile, SaysWhereTheSyntaxIsWrong) {
  EXPECT_EQ(refusal("<a>\n<b>\n</a>").substr(0, 17), "3: no valid XML: ");
  EXPECT_EQ(refusal("<a>\n<b x=1/></a>").substr(0, 17), "2: no valid XML: ");
  EXPECT_EQ(refusal("").substr(0, 17), "1: no valid XML: ");
  EXPECT_EQ(refusal("no xml at all").substr(0, 17), "1: no valid XML: ");
  EXPECT_EQ(refusal("<!-- nothing -->").substr(0, 17), "1: no valid XML: ");
}

TEST(XmlFile, RefusesEntities) {
  const std::string laughs =
      "<?xml version='1.0'?><!DOCTYPE lolz [<!ENTITY lol 'lol'><!ENTITY lol2 '&lol;&lol;'>]><a>&lol2;</a>";
  EXPECT_EQ(refusal(laughs), "1: the file declares entities of its own, which are not read");
  EXPECT_NE(refusal("<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><a>&x;</a>"), "");
  EXPECT_NE(refusal("<!DOCTYPE a [<!ENTITY % x SYSTEM 'http://localhost/x.dtd'> %x;]><a/>"), "");
  EXPECT_EQ(refusal("<!DOCTYPE annotation SYSTEM 'voc.dtd'><a/>"), "");  // named, never fetched
  EXPECT_EQ(name_in("<a><name>&lol;&amp;&#65;</name></a>"), "&lol;&A");  // unknown ones stay text
}

TEST(XmlFile, HoldsItsLimits) {
  const auto nested = [](std::size_t depth) {
    std::string text;
    for (std::size_t i = 0; i < depth; ++i) text += "<a>\n";
    for (std::size_t i = 0; i < depth; ++i) text += "</a>";
    return text;
  };
  EXPECT_EQ(refusal(nested(32)), "");
  EXPECT_EQ(refusal(nested(33)), "33: elements lie more than 32 deep in each other");
  EXPECT_EQ(refusal(nested(1'000'000)), "33: elements lie more than 32 deep in each other");
  std::string flat = "<a>\n";
  for (int i = 0; i < 100; ++i) flat += "<b c='1'/>\n";
  EXPECT_EQ(refusal(flat + "</a>", {.nodes = 1000}), "");
  EXPECT_EQ(refusal(flat + "</a>", {.nodes = 299}), "101: the file has more than 299 elements, texts and attributes");
  EXPECT_EQ(refusal(flat + "</a>", {.bytes = 1000}), "1: the file is larger than 1000 bytes");
}

TEST(XmlNumber, TakesNumbersAndNothingElse) {
  EXPECT_EQ(xml_number(" 12.5\n"), 12.5);
  EXPECT_EQ(xml_number("+1e3"), 1000);
  EXPECT_EQ(xml_number("-0.25"), -0.25);
  EXPECT_TRUE(std::isnan(*xml_number("nan")));
  EXPECT_TRUE(std::isinf(*xml_number("-inf")));
  EXPECT_TRUE(std::isinf(*xml_number("1e999")));
  for (const char* text : {"", " ", "12,5", "0x10", "1 2", "12px", "++1", "one"})
    EXPECT_EQ(xml_number(text), std::nullopt) << text;
}

TEST(XmlEscaped, ReadsBackAsItself) {
  const std::string text = "a<b>&\"c\"'d' \n\t Zürich";
  const auto xml = XmlFile::parse("<a x=\"" + xml_escaped(text) + "\">" + xml_escaped(text) + "</a>", "a.xml");
  EXPECT_EQ(xml.root().text().get(), text);
  EXPECT_EQ(xml.root().attribute("x").value(), text);
  EXPECT_EQ(xml_escaped("a\x01"
                        "b\xFF"
                        "c"),
            "a?b?c");
}

}  // namespace
}  // namespace goshawk::dataset
