#include "goshawk/dataset/voc_xml.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <optional>
#include <string_view>
#include <utility>

#include "goshawk/core/text.h"
#include "goshawk/dataset/decimal.h"

namespace goshawk::dataset {
namespace {

constexpr std::array kObjectFields{"name", "pose", "truncated", "difficult", "occluded", "bndbox", "part", "attributes"};

/// The element's text without the white space around it.
std::string text_of(const pugi::xml_node& node) {
  constexpr const char* kSpace = " \t\r\n";
  const std::string_view text = node.text().get();
  const std::size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return std::string(text.substr(begin, text.find_last_not_of(kSpace) + 1 - begin));
}

bool is_true(const pugi::xml_node& node) {
  const std::string text = to_lower(text_of(node));
  if (text == "true" || text == "yes") return true;
  const auto number = xml_number(text);
  return number && *number != 0;
}

std::uint32_t size_of(const pugi::xml_node& node) {
  const auto number = xml_number(node.text().get());
  if (!number || !(*number >= 1) || *number > 1e9) return 0;
  return static_cast<std::uint32_t>(*number);
}

void add_unique(Attributes& attributes, const std::string& name, const std::string& value) {
  const bool known = std::any_of(attributes.begin(), attributes.end(), [&](const auto& a) { return a.first == name; });
  if (!known) attributes.emplace_back(name, value);
}

const std::string* find(const Attributes& attributes, std::string_view name) {
  const auto it = std::find_if(attributes.begin(), attributes.end(), [&](const auto& a) { return a.first == name; });
  return it == attributes.end() ? nullptr : &it->second;
}

/// xmin, ymin, xmax, ymax as written.
struct Corners {
  std::array<double, 4> values{};
  std::string missing;  // the first of them that is no number, empty: none
};

constexpr std::array kCornerNames{"xmin", "ymin", "xmax", "ymax"};

Corners corners_of(const pugi::xml_node& box) {
  Corners corners;
  for (std::size_t i = 0; i < kCornerNames.size(); ++i) {
    const auto number = xml_number(box.child(kCornerNames[i]).text().get());
    if (!number && corners.missing.empty()) corners.missing = kCornerNames[i];
    corners.values[i] = number.value_or(0);
  }
  return corners;
}

/// "head 1 2 3 4; hand 5 6 7 8"
void add_parts(const pugi::xml_node& object, VocObject& out, NotKept& not_kept) {
  std::string text;
  for (const auto& part : object.children("part")) {
    const Corners corners = corners_of(part.child("bndbox"));
    const std::string name = text_of(part.child("name"));
    const bool finite = std::all_of(corners.values.begin(), corners.values.end(), [](double v) { return std::isfinite(v); });
    if (name.empty() || name.find(';') != std::string::npos || !corners.missing.empty() || !finite) {
      not_kept.add("parts of objects without name or box");
      continue;
    }
    text += (text.empty() ? "" : "; ") + name;
    for (const double value : corners.values) text += " " + decimal_text(value);
  }
  if (!text.empty()) out.attributes.emplace_back("parts", text);
}

/// Reads the objects of one file.
class ObjectReader {
 public:
  ObjectReader(const XmlFile& xml, const std::string& file, ProblemList& problems, NotKept& not_kept)
      : xml_(xml), file_(file), problems_(problems), not_kept_(not_kept) {}

  std::optional<VocObject> read(const pugi::xml_node& object) {
    VocObject out;
    out.line = static_cast<std::uint32_t>(xml_.line_of(object));
    out.name = text_of(object.child("name"));
    if (out.name.empty()) return refuse(object, ProblemKind::kUnknownClass, "the object has no <name>");
    if (!read_box(object, out)) return std::nullopt;
    out.difficult = is_true(object.child("difficult"));
    out.truncated = is_true(object.child("truncated"));
    out.occluded = is_true(object.child("occluded"));
    const std::string pose = text_of(object.child("pose"));
    if (!pose.empty() && pose != "Unspecified") out.attributes.emplace_back("pose", pose);
    add_parts(object, out, not_kept_);
    for (const auto& attribute : object.child("attributes").children("attribute")) {
      const std::string name = text_of(attribute.child("name"));
      if (!name.empty()) add_unique(out.attributes, name, attribute.child("value").text().get());
    }
    count_others(object);
    return out;
  }

 private:
  std::nullopt_t refuse(const pugi::xml_node& node, ProblemKind kind, const std::string& message) {
    problems_.add(kind, Severity::kError, file_, xml_.line_of(node), message);
    return std::nullopt;
  }

  bool read_box(const pugi::xml_node& object, VocObject& out) {
    const auto box = object.child("bndbox");
    if (!box) return refuse(object, ProblemKind::kBadLine, "the object has no <bndbox>"), false;
    const Corners corners = corners_of(box);
    const auto& v = corners.values;
    if (!corners.missing.empty())
      return refuse(box, ProblemKind::kBadLine, "the box has no number as <" + corners.missing + ">"), false;
    if (!std::all_of(v.begin(), v.end(), [](double value) { return std::abs(value) < 1e12; })) {
      return refuse(box, ProblemKind::kNotFinite, "the box has a corner that is not finite"), false;
    }
    if (v[2] < v[0] || v[3] < v[1]) {
      return refuse(box, ProblemKind::kDegenerateBox, "the box is inside out: its maximum lies before its minimum"), false;
    }
    out.rectangle = {v[0], v[1], nearest_decimal(v[2] - v[0]), nearest_decimal(v[3] - v[1])};
    return true;
  }

  void count_others(const pugi::xml_node& object) {
    for (const auto& child : object.children()) {
      const auto known = [&](const char* name) { return std::strcmp(name, child.name()) == 0; };
      if (child.type() != pugi::node_element || std::any_of(kObjectFields.begin(), kObjectFields.end(), known)) continue;
      not_kept_.add("elements " + quoted(child.name()) + " of objects");
    }
  }

  const XmlFile& xml_;
  const std::string& file_;
  ProblemList& problems_;
  NotKept& not_kept_;
};

void read_image_attributes(const pugi::xml_node& root, VocFile& voc) {
  for (const char* group : {"source", "owner"}) {
    for (const auto& child : root.child(group).children()) {
      const std::string text = text_of(child);
      if (child.type() == pugi::node_element && !text.empty() && text != "Unknown") {
        add_unique(voc.attributes, std::string(group) + "." + child.name(), text);
      }
    }
  }
  const std::string depth = text_of(root.child("size").child("depth"));
  if (!depth.empty() && depth != "3") voc.attributes.emplace_back("depth", depth);
  if (is_true(root.child("segmented"))) voc.attributes.emplace_back("segmented", "1");
  const std::string verified = root.attribute("verified").value();
  if (!verified.empty()) voc.attributes.emplace_back("verified", verified);
}

bool is_element_name(std::string_view name) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  return !name.empty() && letter(name[0]) &&
         std::all_of(name.begin(), name.end(), [&](char c) { return letter(c) || (c >= '0' && c <= '9') || c == '-'; });
}

std::string element(const std::string& indent, const std::string& name, const std::string& value) {
  return indent + "<" + name + ">" + xml_escaped(value) + "</" + name + ">\n";
}

std::string group_text(const VocFile& voc, const std::string& group) {
  std::string text;
  for (const auto& [name, value] : voc.attributes) {
    if (name.starts_with(group + ".") && is_voc_image_attribute(name)) {
      text += element("\t\t", name.substr(group.size() + 1), value);
    }
  }
  return text;
}

std::string box_text(const std::string& indent, const std::array<std::string, 4>& corners) {
  std::string text = indent + "<bndbox>\n";
  for (std::size_t i = 0; i < corners.size(); ++i) text += element(indent + "\t", kCornerNames[i], corners[i]);
  return text + indent + "</bndbox>\n";
}

/// The parts that `text` describes; nullopt when it describes none.
std::optional<std::string> parts_text(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(';'), text.size());
    std::string part(text.substr(0, end));
    text.remove_prefix(std::min(text.size(), end + 1));
    std::array<std::string, 4> corners;
    for (std::size_t i = 4; i-- > 0;) {
      const std::size_t space = part.rfind(' ');
      if (space == std::string::npos) return std::nullopt;
      corners[i] = part.substr(space + 1);
      if (!xml_number(corners[i])) return std::nullopt;
      part.resize(space);
    }
    const std::string name = part.starts_with(' ') ? part.substr(1) : part;
    if (name.empty()) return std::nullopt;
    out += "\t\t<part>\n" + element("\t\t\t", "name", name) + box_text("\t\t\t", corners) + "\t\t</part>\n";
  }
  return out;
}

std::string object_text(const VocObject& object) {
  const auto flag = [](bool on) { return std::string(on ? "1" : "0"); };
  const std::string* pose = find(object.attributes, "pose");
  const Rectangle& r = object.rectangle;
  std::string text = "\t<object>\n" + element("\t\t", "name", object.name) +
                     element("\t\t", "pose", pose != nullptr ? *pose : "Unspecified") +
                     element("\t\t", "truncated", flag(object.truncated)) +
                     element("\t\t", "difficult", flag(object.difficult));
  if (object.occluded) text += element("\t\t", "occluded", "1");
  text += box_text("\t\t", {decimal_text(nearest_decimal(r.x)), decimal_text(nearest_decimal(r.y)),
                            decimal_text(nearest_decimal(r.x + r.width)), decimal_text(nearest_decimal(r.y + r.height))});
  std::string others;
  for (const auto& [name, value] : object.attributes) {
    if (name == "pose") continue;
    const auto parts = name == "parts" ? parts_text(value) : std::nullopt;
    if (parts) text += *parts;
    else
      others += "\t\t\t<attribute>\n" + element("\t\t\t\t", "name", name) + element("\t\t\t\t", "value", value) +
                "\t\t\t</attribute>\n";
  }
  if (!others.empty()) text += "\t\t<attributes>\n" + others + "\t\t</attributes>\n";
  return text + "\t</object>\n";
}

}  // namespace

VocFile parse_voc(const XmlFile& xml, const std::string& file, const ReadLimits& limits, ProblemList& problems,
                  NotKept& not_kept) {
  const auto root = xml.root();
  if (std::strcmp(root.name(), "annotation") != 0) {
    throw XmlError("no VOC file: its outermost element is " + quoted(root.name()) + ", not 'annotation'", file,
                   xml.line_of(root));
  }
  VocFile voc;
  voc.filename = text_of(root.child("filename"));
  voc.width = size_of(root.child("size").child("width"));
  voc.height = size_of(root.child("size").child("height"));
  if (voc.width == 0 || voc.height == 0) voc.width = voc.height = 0;
  read_image_attributes(root, voc);
  ObjectReader reader(xml, file, problems, not_kept);
  std::uint64_t count = 0;
  for (const auto& node : root.children("object")) {
    if (++count > limits.objects_per_image) {
      problems.add(ProblemKind::kTooMany, Severity::kError, file, xml.line_of(node),
                   "more than " + std::to_string(limits.objects_per_image) + " objects; the rest is left out");
      break;
    }
    if (auto object = reader.read(node)) voc.objects.push_back(std::move(*object));
  }
  return voc;
}

bool is_voc_image_attribute(const std::string& name) {
  if (name == "verified" || name == "segmented" || name == "depth") return true;
  return (name.starts_with("source.") && is_element_name(name.substr(7))) ||
         (name.starts_with("owner.") && is_element_name(name.substr(6)));
}

std::string voc_text(const VocFile& voc, const std::string& folder) {
  const auto attribute = [&](const char* name, const char* otherwise) {
    const std::string* value = find(voc.attributes, name);
    return value != nullptr ? *value : std::string(otherwise);
  };
  const std::string verified = attribute("verified", ""), source = group_text(voc, "source"),
                    owner = group_text(voc, "owner");
  std::string text = verified.empty() ? "<annotation>\n" : "<annotation verified=\"" + xml_escaped(verified) + "\">\n";
  text += element("\t", "folder", folder) + element("\t", "filename", voc.filename);
  text += "\t<source>\n";
  if (find(voc.attributes, "source.database") == nullptr) text += element("\t\t", "database", "Unknown");
  text += source + "\t</source>\n";
  if (!owner.empty()) text += "\t<owner>\n" + owner + "\t</owner>\n";
  text += "\t<size>\n" + element("\t\t", "width", std::to_string(voc.width)) +
          element("\t\t", "height", std::to_string(voc.height)) + element("\t\t", "depth", attribute("depth", "3")) +
          "\t</size>\n" + element("\t", "segmented", attribute("segmented", "0"));
  for (const auto& object : voc.objects) text += object_text(object);
  return text + "</annotation>\n";
}

void size_from_objects(VocFile& voc) {
  double right = 1, bottom = 1;
  for (const auto& object : voc.objects) {
    right = std::max(right, object.rectangle.x + object.rectangle.width);
    bottom = std::max(bottom, object.rectangle.y + object.rectangle.height);
  }
  voc.width = static_cast<std::uint32_t>(std::min(std::ceil(right), 1e9));
  voc.height = static_cast<std::uint32_t>(std::min(std::ceil(bottom), 1e9));
}

}  // namespace goshawk::dataset
