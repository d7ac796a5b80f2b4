#include <array>
#include <charconv>
#include <map>
#include <unordered_set>

#include "goshawk/core/error.h"
#include "goshawk/core/json_text.h"
#include "goshawk/dataset/coco.h"
#include "goshawk/dataset/coco_origin.h"
#include "goshawk/dataset/dropped.h"
#include "goshawk/dataset/folder_writer.h"
#include "goshawk/dataset/rle.h"
#include "goshawk/dataset/safe_path.h"

namespace goshawk::dataset {
namespace {

constexpr std::string_view kImages = "images/";

/// JSON text that grows. Commas are put by `next`.
class Text {
 public:
  Text& raw(std::string_view text) {
    text_ += text;
    return *this;
  }
  template <typename Number>
  Text& number(Number value) {
    std::array<char, 64> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
    return raw({digits.data(), end});
  }
  Text& string(const std::string& text) { return raw(json_quoted(text)); }
  template <typename Items, typename Put>
  Text& list(const Items& items, Put put, std::string_view between = ",") {
    raw("[");
    bool first = true;
    for (const auto& item : items) {
      if (!first) raw(between);
      first = false;
      put(item);
    }
    return raw("]");
  }
  std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

/// The given numbers, and the smallest ones not in use for those that are 0 (where that is no number) or there twice.
std::vector<std::int64_t> distinct(std::vector<std::int64_t> ids, bool zero_is_none) {
  std::unordered_set<std::int64_t> taken;
  std::vector<std::size_t> open;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if ((zero_is_none && ids[i] == 0) || !taken.insert(ids[i]).second) open.push_back(i);
  }
  std::int64_t next = 1;
  for (const std::size_t i : open) {
    while (taken.contains(next)) ++next;
    ids[i] = next++;
  }
  return ids;
}

class CocoWriter {
 public:
  CocoWriter(const Dataset& dataset, const std::filesystem::path& folder, const WriteOptions& options)
      : dataset_(dataset), options_(options), files_(folder), begin_(annotations_by_image(dataset)) {}

  std::vector<Problem> write() {
    number_all();
    collect_licenses();
    name_images();
    for (const Split split : {Split::kNone, Split::kTrain, Split::kVal, Split::kTest}) write_split(split);
    Holds holds;
    holds.scores = holds.polygons = holds.run_lengths = holds.crowds = holds.difficult = holds.truncated = holds.occluded =
        true;
    holds.attributes = holds.tracks = holds.class_numbers = holds.supercategories = holds.image_numbers = holds.splits =
        true;
    holds.image_attributes = holds.about = true;
    auto problems = dropped_fields(dataset_, holds, "coco");
    if (unsized_ > 0) {
      problems.push_back({ProblemKind::kDropped, Severity::kWarning, "", 0,
                          "objects of " + std::to_string(unsized_) + " images whose size is not known: COCO holds pixels"});
    }
    auto missing = place_images(files_, dataset_, targets_, options_);
    problems.insert(problems.end(), missing.begin(), missing.end());
    return problems;
  }

 private:
  /// Numbers stay where they are in use and unique; an image or category may have the number 0, an annotation not.
  void number_all() {
    for (const auto& image : dataset_.images) image_ids_.push_back(image.id);
    for (const auto& category : dataset_.categories) category_ids_.push_back(category.id);
    for (const auto& annotation : dataset_.annotations) annotation_ids_.push_back(annotation.id);
    image_ids_ = distinct(std::move(image_ids_), false);
    category_ids_ = distinct(std::move(category_ids_), false);
    annotation_ids_ = distinct(std::move(annotation_ids_), true);
  }

  using License = std::pair<std::string, std::string>;  // name and url

  static License license_of(const Attributes& attributes) {
    License license;
    for (const auto& [name, value] : attributes) {
      if (name == kLicense) license.first = value;
      if (name == kLicenseUrl) license.second = value;
    }
    return license;
  }

  void collect_licenses() {
    for (const auto& image : dataset_.images) {
      if (image.attributes < 0) continue;
      const auto license = license_of(dataset_.attributes[static_cast<std::size_t>(image.attributes)]);
      if (license != License{}) license_numbers_.emplace(license, license_numbers_.size() + 1);
    }
  }

  /// Names below images/, as they are without that folder; others of the same name get a number.
  void name_images() {
    std::unordered_set<std::string> taken;
    for (const auto& image : dataset_.images) {
      const std::string fitting = fitting_name(image.file);
      const auto safe = safe_relative_path(fitting);
      std::string name = safe ? *safe : std::string(file_name_of(fitting));
      if (name.starts_with(kImages)) name = name.substr(kImages.size());
      if (name.empty()) name = "image";
      const std::string stem(without_extension(name)), extension = name.substr(stem.size());
      for (int number = 2; !taken.insert(name).second; ++number) name = stem + "-" + std::to_string(number) + extension;
      names_.push_back(name);
      targets_.push_back(std::string(kImages) + name);
    }
  }

  void write_split(Split split) {
    std::vector<std::size_t> images;
    for (std::size_t i = 0; i < dataset_.images.size(); ++i) {
      if (dataset_.images[i].split == split) images.push_back(i);
    }
    const bool only = dataset_.images.empty() && split == Split::kNone;
    if (images.empty() && !only) return;
    Text text;
    text.raw("{");
    put_about(text);
    text.raw("\"images\": ")
        .list(
            images, [&](std::size_t i) { put_image(text, i); }, ",\n");
    text.raw(",\n\"categories\": ");
    std::size_t place = 0;
    text.list(
        dataset_.categories, [&](const Category& category) { put_category(text, category, place++); }, ",\n");
    text.raw(",\n\"annotations\": [");
    bool first = true;
    for (const std::size_t i : images) {
      if (dataset_.images[i].width == 0 && begin_[i] != begin_[i + 1]) {
        ++unsized_;
        continue;
      }
      for (std::size_t a = begin_[i]; a < begin_[i + 1]; ++a) {
        if (!first) text.raw(",\n");
        first = false;
        put_annotation(text, a);
      }
      if (options_.stop.stop_requested()) throw Error(ErrorCode::kInterrupted, "stopped");
    }
    text.raw("]}\n");
    const std::string suffix = split == Split::kNone ? "" : std::string("_") + name(split);
    files_.write("annotations/instances" + suffix + ".json", text.take());
  }

  void put_image(Text& text, std::size_t i) const {
    const ImageEntry& image = dataset_.images[i];
    text.raw("{\"id\": ").number(image_ids_[i]).raw(", \"file_name\": ").string(names_[i]);
    if (image.width != 0) text.raw(", \"width\": ").number(image.width).raw(", \"height\": ").number(image.height);
    if (!image.sequence.empty()) text.raw(", \"sequence\": ").string(image.sequence);
    if (image.frame != 0) text.raw(", \"frame\": ").number(image.frame);
    if (image.attributes >= 0) put_image_attributes(text, dataset_.attributes[static_cast<std::size_t>(image.attributes)]);
    text.raw("}");
  }

  /// Licence and origin where COCO has them, all else as it is done for objects.
  void put_image_attributes(Text& text, const Attributes& attributes) const {
    if (const auto license = license_of(attributes); license != License{})
      text.raw(", \"license\": ").number(license_numbers_.at(license));
    bool first = true;
    for (const auto& [name, value] : attributes) {
      if (name == kLicense || name == kLicenseUrl) continue;
      if (is_origin(name)) text.raw(", ").string(name).raw(": ").string(value);
    }
    for (const auto& [name, value] : attributes) {
      if (name == kLicense || name == kLicenseUrl || is_origin(name)) continue;
      text.raw(first ? ", \"attributes\": {" : ", ").string(name).raw(": ").string(value);
      first = false;
    }
    if (!first) text.raw("}");
  }

  /// "info" and "licenses", where there is something to say.
  void put_about(Text& text) const {
    const auto is_number = [](const std::string& value) {
      return !value.empty() && value.size() < 10 && value.find_first_not_of("0123456789") == std::string::npos;
    };
    bool first = true;
    for (const auto& [name, value] : dataset_.about) {
      text.raw(first ? "\"info\": {" : ", ").string(name).raw(": ");
      if (name == "year" && is_number(value)) text.raw(value);
      else text.string(value);
      first = false;
    }
    if (!first) text.raw("},\n");
    if (license_numbers_.empty()) return;
    std::vector<const License*> by_number(license_numbers_.size());
    for (const auto& [license, number] : license_numbers_) by_number[number - 1] = &license;
    text.raw("\"licenses\": ")
        .list(
            by_number,
            [&](const License* license) {
              text.raw("{\"id\": ").number(license_numbers_.at(*license)).raw(", \"name\": ").string(license->first);
              if (!license->second.empty()) text.raw(", \"url\": ").string(license->second);
              text.raw("}");
            },
            ",\n");
    text.raw(",\n");
  }

  void put_category(Text& text, const Category& category, std::size_t i) const {
    text.raw("{\"id\": ").number(category_ids_[i]).raw(", \"name\": ").string(category.name);
    if (!category.supercategory.empty()) text.raw(", \"supercategory\": ").string(category.supercategory);
    text.raw("}");
  }

  void put_annotation(Text& text, std::size_t a) const {
    const Annotation& annotation = dataset_.annotations[a];
    const Rectangle& r = annotation.rectangle;
    text.raw("{\"id\": ").number(annotation_ids_[a]);
    text.raw(", \"image_id\": ").number(image_ids_[annotation.image]);
    text.raw(", \"category_id\": ").number(category_ids_[annotation.category]);
    text.raw(", \"bbox\": ").list(std::array{r.x, r.y, r.width, r.height}, [&](double value) { text.number(value); });
    text.raw(", \"area\": ").number(annotation.area);
    text.raw(", \"iscrowd\": ").raw(annotation.crowd ? "1" : "0");
    if (annotation.mask >= 0)
      put_mask(text.raw(", \"segmentation\": "), dataset_.masks[static_cast<std::size_t>(annotation.mask)]);
    if (annotation.score >= 0) text.raw(", \"score\": ").number(annotation.score);
    if (annotation.track >= 0) text.raw(", \"track_id\": ").number(annotation.track);
    put_attributes(text, annotation);
    text.raw("}");
  }

  static void put_mask(Text& text, const Mask& mask) {
    if (const auto* polygons = std::get_if<Polygons>(&mask)) {
      text.list(*polygons, [&](const auto& polygon) { text.list(polygon, [&](double value) { text.number(value); }); });
      return;
    }
    const auto& runs = std::get<RunLengths>(mask);
    text.raw("{\"size\": [").number(runs.height).raw(",").number(runs.width).raw("], \"counts\": ");
    if (runs.compressed) text.string(encode_runs(runs.counts));
    else text.list(runs.counts, [&](std::uint32_t count) { text.number(count); });
    text.raw("}");
  }

  /// CVAT's way: "attributes" with marks as true, all else as text.
  void put_attributes(Text& text, const Annotation& annotation) const {
    if (annotation.attributes < 0 && !annotation.occluded && !annotation.truncated && !annotation.difficult) return;
    bool first = true;
    const auto put_name = [&](const std::string& name) {
      text.raw(first ? ", \"attributes\": {" : ", ").string(name).raw(": ");
      first = false;
    };
    const std::pair<const char*, bool> marks[] = {
        {"occluded", annotation.occluded}, {"truncated", annotation.truncated}, {"difficult", annotation.difficult}};
    for (const auto& [name, set] : marks) {
      if (set) put_name(name), text.raw("true");
    }
    if (annotation.attributes >= 0) {
      for (const auto& [name, value] : dataset_.attributes[static_cast<std::size_t>(annotation.attributes)])
        put_name(name), text.string(value);
    }
    text.raw(first ? ", \"attributes\": {}" : "}");
  }

  const Dataset& dataset_;
  const WriteOptions& options_;
  FolderWriter files_;
  std::vector<std::size_t> begin_;
  std::vector<std::int64_t> image_ids_, category_ids_, annotation_ids_;
  std::vector<std::string> names_, targets_;
  std::map<License, std::size_t> license_numbers_;  // from 1, in the order of the images
  std::size_t unsized_ = 0;
};

}  // namespace

std::vector<Problem> write_coco(const Dataset& dataset, const std::filesystem::path& folder, const WriteOptions& options) {
  return CocoWriter(dataset, folder, options).write();
}

}  // namespace goshawk::dataset
