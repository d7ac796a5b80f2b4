// Writes CVAT for images 1.1: annotations.xml and images/, as CVAT exports a task, or a project where images are of splits.
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <set>
#include <unordered_set>
#include <utility>

#include "goshawk/core/error.h"
#include "goshawk/dataset/cvat_mask.h"
#include "goshawk/dataset/cvat_xml.h"
#include "goshawk/dataset/decimal.h"
#include "goshawk/dataset/dropped.h"
#include "goshawk/dataset/folder_writer.h"
#include "goshawk/dataset/readers.h"

namespace goshawk::dataset {
namespace {

namespace fs = std::filesystem;

const char* subset_name(Split split) {
  switch (split) {
    case Split::kTrain:
      return "Train";
    case Split::kVal:
      return "Validation";
    case Split::kTest:
      return "Test";
    case Split::kNone:
      break;
  }
  return "default";
}

std::string xml_attribute(const char* name, const std::string& value) {
  return std::string(" ") + name + "=\"" + xml_escaped(value) + "\"";
}

std::string element(const std::string& indent, const char* name, const std::string& value) {
  return indent + "<" + name + ">" + xml_escaped(value) + "</" + name + ">\n";
}

std::string points_text(const std::vector<double>& points) {
  std::string text;
  for (std::size_t i = 0; i + 1 < points.size(); i += 2) {
    text +=
        (i == 0 ? "" : ";") + decimal_text(nearest_decimal(points[i])) + "," + decimal_text(nearest_decimal(points[i + 1]));
  }
  return text;
}

std::string score_text(float score) {
  std::array<char, 32> buffer{};
  const auto result = std::to_chars(buffer.data(), buffer.data() + buffer.size(), score, std::chars_format::fixed);
  return {buffer.data(), result.ptr};
}

const std::string* find(const Attributes& attributes, std::string_view name) {
  const auto it = std::find_if(attributes.begin(), attributes.end(), [&](const auto& a) { return a.first == name; });
  return it == attributes.end() ? nullptr : &it->second;
}

/// Writes a data set as annotations.xml with its images.
class CvatWriter {
 public:
  CvatWriter(const Dataset& dataset, const fs::path& folder, const WriteOptions& options)
      : dataset_(dataset), writer_(folder), options_(options), begin_(annotations_by_image(dataset)) {
    is_project_ = std::any_of(dataset.images.begin(), dataset.images.end(),
                              [](const ImageEntry& i) { return i.split != Split::kNone; });
  }

  std::vector<Problem> write() {
    name_images();
    auto problems = place_images(writer_, dataset_, paths_, options_);
    std::string text = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<annotations>\n  <version>1.1</version>\n";
    find_rules();
    text += meta();
    const auto ids = image_ids();
    for (std::size_t i = 0; i < dataset_.images.size(); ++i) {
      if (options_.stop.stop_requested()) throw Error(ErrorCode::kInterrupted, "stopped; nothing was written");
      if (dataset_.images[i].width != 0) add_image(text, i, ids[i]);
      else problems.push_back(without_size(dataset_.images[i]));
    }
    writer_.write("annotations.xml", text + "</annotations>\n");
    const auto dropped = lost();
    problems.insert(problems.end(), dropped.begin(), dropped.end());
    return problems;
  }

 private:
  static Problem without_size(const ImageEntry& image) {
    return {ProblemKind::kMissingImage, Severity::kError, image.file, 0, "the image's size is not known; it was left out"};
  }

  void name_images() {
    DistinctNames distinct;
    for (const auto& image : dataset_.images) {
      const std::string folder = is_project_ ? std::string(subset_name(image.split)) + "/" : "";
      const std::string name = distinct.take(folder + written_name(image));
      paths_.push_back("images/" + name);
      names_.push_back(name.substr(folder.size()));
    }
  }

  /// CVAT's numbers count from 0 within a task; the set's own are kept where they are unique.
  std::vector<std::int64_t> image_ids() const {
    std::vector<std::int64_t> ids;
    std::unordered_set<std::int64_t> seen;
    for (const auto& image : dataset_.images) {
      ids.push_back(image.id);
      seen.insert(image.id);
    }
    if (seen.size() == ids.size()) return ids;
    for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<std::int64_t>(i);
    return ids;
  }

  /// Which attributes each class's objects use: CVAT takes only attributes that a label declares.
  void find_rules() {
    used_.resize(dataset_.categories.size());
    for (const auto& annotation : dataset_.annotations) {
      auto& used = used_[annotation.category];
      if (annotation.difficult) used.insert({kCvatDifficult, "checkbox"});
      if (annotation.truncated) used.insert({kCvatTruncated, "checkbox"});
      if (annotation.crowd) used.insert({kCvatCrowd, "checkbox"});
      if (annotation.score >= 0) used.insert({kCvatScore, "text"});
      if (annotation.track >= 0) used.insert({kCvatTrack, "text"});
      if (polygons_of(annotation) != nullptr && polygons_of(annotation)->size() > 1) used.insert({kCvatPartOf, "text"});
      if (annotation.attributes < 0) continue;
      for (const auto& [name, value] : dataset_.attributes[static_cast<std::size_t>(annotation.attributes)]) {
        if (!name.starts_with("cvat.")) used.insert({name, "text"});
      }
    }
  }

  std::string meta() const {
    const std::string of = is_project_ ? "project" : "task";
    std::string text = "  <meta>\n    <" + of + ">\n" + element("      ", "name", "goshawk");
    if (!is_project_) {
      text += element("      ", "size", std::to_string(dataset_.images.size())) + element("      ", "mode", "annotation");
    }
    text += "      <labels>\n";
    for (std::size_t i = 0; i < dataset_.categories.size(); ++i) text += label(i);
    text += "      </labels>\n";
    if (is_project_) text += subsets();
    return text + "    </" + of + ">\n  </meta>\n";
  }

  std::string subsets() const {
    std::set<Split> splits;
    for (const auto& image : dataset_.images) splits.insert(image.split);
    std::string text;
    for (const Split split : splits) text += (text.empty() ? "" : "\n") + std::string(subset_name(split));
    return element("      ", "subsets", text);
  }

  std::string label(std::size_t place) const {
    const Category& category = dataset_.categories[place];
    std::string text = "        <label>\n" + element("          ", "name", category.name);
    if (!category.color.empty()) text += element("          ", "color", category.color);
    text += element("          ", "type", "any") + "          <attributes>\n";
    for (const auto& rule : category.attribute_rules) text += rule_text(rule);
    for (const auto& [name, type] : used_[place]) {
      const auto& rules = category.attribute_rules;
      const bool declared = std::any_of(rules.begin(), rules.end(), [&](const AttributeRule& r) { return r.name == name; });
      if (!declared)
        text += rule_text({name, type, type == "checkbox" ? "false" : "", type == "checkbox" ? "false" : "", false});
    }
    return text + "          </attributes>\n        </label>\n";
  }

  static std::string rule_text(const AttributeRule& rule) {
    const std::string indent = "              ";
    return "            <attribute>\n" + element(indent, "name", rule.name) +
           element(indent, "mutable", rule.is_mutable ? "True" : "False") + element(indent, "input_type", rule.input_type) +
           element(indent, "default_value", rule.default_value) + element(indent, "values", rule.values) +
           "            </attribute>\n";
  }

  void add_image(std::string& text, std::size_t i, std::int64_t id) {
    const ImageEntry& image = dataset_.images[i];
    text += "  <image" + xml_attribute("id", std::to_string(id)) + xml_attribute("name", names_[i]);
    if (is_project_)
      text += xml_attribute("subset", subset_name(image.split)) +
              xml_attribute("task_id", std::to_string(static_cast<int>(image.split)));
    text +=
        xml_attribute("width", std::to_string(image.width)) + xml_attribute("height", std::to_string(image.height)) + ">\n";
    for (std::size_t a = begin_[i]; a < begin_[i + 1]; ++a) add_object(text, dataset_.annotations[a]);
    if (image.attributes >= 0) add_tags(text, dataset_.attributes[static_cast<std::size_t>(image.attributes)]);
    text += "  </image>\n";
  }

  const Polygons* polygons_of(const Annotation& annotation) const {
    return annotation.mask < 0 ? nullptr : std::get_if<Polygons>(&dataset_.masks[static_cast<std::size_t>(annotation.mask)]);
  }

  void add_object(std::string& text, const Annotation& annotation) {
    const Polygons* polygons = polygons_of(annotation);
    if (polygons != nullptr && !polygons->empty()) {
      note_box(annotation.rectangle, extent(*polygons));
      if (polygons->size() > 1) ++part_of_;
      for (const auto& polygon : *polygons) {
        add_shape(text, "polygon", annotation, xml_attribute("points", points_text(polygon)), polygons->size() > 1);
      }
      return;
    }
    if (annotation.mask >= 0 && polygons == nullptr) {
      const auto mask = to_cvat(std::get<RunLengths>(dataset_.masks[static_cast<std::size_t>(annotation.mask)]));
      if (mask) {
        note_box(annotation.rectangle, Rectangle{static_cast<double>(mask->left), static_cast<double>(mask->top),
                                                 static_cast<double>(mask->width), static_cast<double>(mask->height)});
        return add_shape(text, "mask", annotation, mask_text(*mask), false);
      }
      ++lost_masks_;
    }
    const Rectangle& r = annotation.rectangle;
    const auto number = [](const char* name, double value) {
      return xml_attribute(name, decimal_text(nearest_decimal(value)));
    };
    add_shape(text, "box", annotation,
              number("xtl", r.x) + number("ytl", r.y) + number("xbr", r.x + r.width) + number("ybr", r.y + r.height), false);
  }

  /// CVAT takes the box of an outline or mask from that.
  void note_box(const Rectangle& box, const Rectangle& outline) {
    const double differs = std::max({std::abs(outline.x - box.x), std::abs(outline.y - box.y),
                                     std::abs(outline.width - box.width), std::abs(outline.height - box.height)});
    if (differs > 0.02) ++other_boxes_;  // COCO rounds them to 0.01
  }

  static std::string mask_text(const CvatMask& mask) {
    return xml_attribute("rle", mask.runs) + xml_attribute("left", std::to_string(mask.left)) +
           xml_attribute("top", std::to_string(mask.top)) + xml_attribute("width", std::to_string(mask.width)) +
           xml_attribute("height", std::to_string(mask.height));
  }

  void add_shape(std::string& text, const std::string& kind, const Annotation& annotation, const std::string& geometry,
                 bool is_part) {
    static const Attributes kNone;
    const Attributes& attributes =
        annotation.attributes < 0 ? kNone : dataset_.attributes[static_cast<std::size_t>(annotation.attributes)];
    const auto stated = [&](const char* name, const char* plain) {
      const std::string* value = find(attributes, name);
      return value != nullptr ? *value : std::string(plain);
    };
    text += "    <" + kind + xml_attribute("label", dataset_.categories[annotation.category].name) +
            xml_attribute("source", stated(kCvatSource, "manual")) +
            xml_attribute("occluded", annotation.occluded ? "1" : "0") + geometry;
    if (const std::string* group = find(attributes, kCvatGroup)) text += xml_attribute("group_id", *group);
    text += xml_attribute("z_order", stated(kCvatZOrder, "0")) + ">\n";
    add_fields(text, annotation, is_part);
    for (const auto& [name, value] : attributes) {
      if (!name.starts_with("cvat.")) add_attribute(text, name, value);
    }
    text += "    </" + kind + ">\n";
  }

  static void add_attribute(std::string& text, const std::string& name, const std::string& value) {
    text += "      <attribute" + xml_attribute("name", name) + ">" + xml_escaped(value) + "</attribute>\n";
  }

  void add_fields(std::string& text, const Annotation& annotation, bool is_part) const {
    const auto& rules = dataset_.categories[annotation.category].attribute_rules;
    const auto flag = [&](const char* name, bool on) {
      const bool declared = std::any_of(rules.begin(), rules.end(), [&](const AttributeRule& r) { return r.name == name; });
      if (on || declared) add_attribute(text, name, on ? "true" : "false");
    };
    flag(kCvatDifficult, annotation.difficult);
    flag(kCvatTruncated, annotation.truncated);
    flag(kCvatCrowd, annotation.crowd);
    if (annotation.score >= 0) add_attribute(text, kCvatScore, score_text(annotation.score));
    if (annotation.track >= 0) add_attribute(text, kCvatTrack, std::to_string(annotation.track));
    if (is_part) add_attribute(text, kCvatPartOf, std::to_string(part_of_));
  }

  void add_tags(std::string& text, const Attributes& attributes) {
    for (const auto& [name, value] : attributes) {
      if (!name.starts_with(kCvatTag)) {
        ++lost_image_attributes_;
        continue;
      }
      text += "    <tag" + xml_attribute("label", name.substr(std::string_view(kCvatTag).size())) +
              xml_attribute("source", value.empty() ? "manual" : value) + ">\n    </tag>\n";
    }
  }

  std::vector<Problem> lost() const {
    Holds holds;
    holds.scores = holds.polygons = holds.run_lengths = holds.crowds = holds.tracks = true;
    holds.difficult = holds.truncated = holds.occluded = holds.attributes = true;
    holds.image_numbers = holds.splits = holds.image_attributes = holds.class_colors = holds.attribute_rules = true;
    auto problems = dropped_fields(dataset_, holds, "CVAT");
    const auto note = [&](std::uint64_t count, const std::string& what) {
      if (count > 0)
        problems.push_back({ProblemKind::kDropped, Severity::kNote, "", 0,
                            "CVAT cannot hold " + what + ": " + std::to_string(count) + " dropped"});
    };
    note(lost_image_attributes_, "attributes of images");
    note(lost_masks_, "empty masks");
    note(other_boxes_, "boxes other than their outline's or mask's extent");
    return problems;
  }

  const Dataset& dataset_;
  FolderWriter writer_;
  const WriteOptions& options_;
  std::vector<std::size_t> begin_;
  bool is_project_ = false;
  std::vector<std::string> paths_, names_;                           // of images: in the folder, and in the XML
  std::vector<std::set<std::pair<std::string, std::string>>> used_;  // by class: attributes and their input types
  std::uint64_t part_of_ = 0, lost_image_attributes_ = 0, lost_masks_ = 0, other_boxes_ = 0;
};

}  // namespace

std::vector<Problem> write_cvat(const Dataset& dataset, const fs::path& folder, const WriteOptions& options) {
  return CvatWriter(dataset, folder, options).write();
}

}  // namespace goshawk::dataset
