#include "goshawk/dataset/coco_read.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <unordered_map>
#include <unordered_set>

#include "goshawk/dataset/coco_json.h"
#include "goshawk/dataset/coco_origin.h"
#include "goshawk/dataset/safe_path.h"

namespace goshawk::dataset {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kStopEvery = 1U << 14U;  // elements between looks at ReadLimits::stop
constexpr std::int64_t kLargestTrack = std::numeric_limits<std::int32_t>::max();

/// Of pairs with one name the last, in the place of the first: as Python reads an object that has a key twice.
void keep_last(Attributes& attributes) {
  constexpr std::size_t kFew = 8;  // most have few and none twice: that is seen sooner than a table is made
  const auto is_new = [&](std::size_t i) {
    return std::none_of(attributes.begin(), attributes.begin() + static_cast<std::ptrdiff_t>(i),
                        [&](const auto& earlier) { return earlier.first == attributes[i].first; });
  };
  bool distinct = attributes.size() <= kFew;
  for (std::size_t i = 1; distinct && i < attributes.size(); ++i) distinct = is_new(i);
  if (distinct) return;
  std::unordered_map<std::string, std::size_t> places;
  std::size_t kept = 0;
  for (std::size_t i = 0; i < attributes.size(); ++i) {
    const auto [place, added] = places.emplace(attributes[i].first, kept);
    if (place->second != i) attributes[place->second] = std::move(attributes[i]);
    kept += added ? 1 : 0;
  }
  attributes.resize(kept);
}

/// One pass over the file; numbers of images and categories are looked up at its end, as they may stand behind the
/// annotations.
class CocoFile {
 public:
  CocoFile(const fs::path& file, std::string name, const CocoFileOptions& options, const ReadLimits& limits,
           Dataset& dataset, ProblemList& problems)
      : json_(file, limits),
        name_(std::move(name)),
        options_(options),
        limits_(limits),
        dataset_(dataset),
        problems_(problems) {}

  void read() {
    ondemand::object top;
    const auto opened = json_.document().get_object().get(top);
    if (opened != simdjson::SUCCESS && opened != simdjson::INCORRECT_TYPE) json_.check(opened);
    if (opened != simdjson::SUCCESS)
      json_.fail("COCO's labels are an object with images, categories and annotations; this is another kind of JSON");
    bool images = false, annotations = false;
    json_.for_each_field(top, [&](std::string_view key, ondemand::value value) {
      if (key == "images") images = true, read_list(value, "images", [&](auto element) { read_image(element); });
      else if (key == "categories") read_list(value, "categories", [&](auto element) { read_category(element); });
      else if (key == "annotations")
        annotations = true, read_list(value, "annotations", [&](auto element) { read_annotation(element); });
      else if (!options_.names) return;
      else if (key == "info") read_info(value);
      else if (key == "licenses") read_licenses(value);
      else unknown_.count("", key);
    });
    json_.expect_end();
    if (!images) json_.fail("there is no list of images");
    if (!annotations) json_.fail("there is no list of annotations");
    look_up();
    describe_images();
    unknown_.list(name_, problems_);
  }

 private:
  /// What a file says of an image beside its name and size.
  struct Description {
    std::size_t image = 0;
    bool has_license = false;
    std::int64_t license = 0;
    Attributes attributes;
  };

  template <typename Read>
  void read_list(ondemand::value value, const char* section, Read read) {
    ondemand::array array;
    if (value.get_array().get(array) != simdjson::SUCCESS) json_.fail(std::string(section) + " is no list");
    read_elements(array, section, ProblemKind::kBadLine, Severity::kError, read);
  }

  /// `kind` and `severity`: of an element that is no object.
  template <typename Read>
  void read_elements(ondemand::array array, const char* section, ProblemKind kind, Severity severity, Read read) {
    section_ = section;
    element_ = 0;
    json_.for_each_element(array, [&](ondemand::value element) {
      if (element_ % kStopEvery == 0 && limits_.stop.stop_requested()) throw Error(ErrorCode::kInterrupted, "stopped");
      line_ = json_.line_of(element.raw_json_token().data());
      ondemand::object object;
      if (element.get_object().get(object) == simdjson::SUCCESS) read(object);
      else report(kind, "is no object", severity);
      ++element_;
    });
  }

  /// Of the element that is being read.
  void report(ProblemKind kind, const std::string& what, Severity severity = Severity::kError) {
    problems_.add(kind, severity, name_, line_,
                  sentence(std::string(section_) + "[" + std::to_string(element_) + "]", what));
  }

  std::string text_of(ondemand::value value) {
    std::string_view text;
    return value.get_string().get(text) == simdjson::SUCCESS ? std::string(text) : std::string();
  }

  void read_category(ondemand::object object) {
    Category category;
    bool has_id = false;
    json_.for_each_field(object, [&](std::string_view key, ondemand::value value) {
      if (key == "id") has_id = get_integer(value, category.id);
      else if (key == "name") category.name = text_of(value);
      else if (key == "supercategory") category.supercategory = text_of(value);
      else unknown_.count("categories", key);
    });
    if (!has_id) return report(ProblemKind::kBadLine, "has no id that is a whole number");
    if (category.name.empty()) category.name = "class " + std::to_string(category.id);
    if (!category_index_.add(category.id, static_cast<std::uint32_t>(dataset_.categories.size())))
      return report(ProblemKind::kBadLine, "has the id " + std::to_string(category.id) + " of an earlier category");
    dataset_.categories.push_back(std::move(category));
  }

  void read_image(ondemand::object object) {
    ImageEntry image;
    bool has_id = false, has_name = false, bad_size = false;
    std::string file;
    Description about;
    json_.for_each_field(object, [&](std::string_view key, ondemand::value value) {
      if (key == "id") has_id = get_integer(value, image.id);
      else if (key == "width") bad_size |= !get_size(value, image.width);
      else if (key == "height") bad_size |= !get_size(value, image.height);
      else if (!options_.names) return;
      else if (key == "file_name") has_name = true, file = text_of(value);
      else if (key == "sequence") image.sequence = text_of(value);
      else if (key == "frame") get_integer(value, image.frame);
      else if (key == "license") read_license_number(value, about);
      else if (key == "attributes") read_image_attributes(value, about.attributes);
      else if (is_origin(key)) read_origin(key, value, about.attributes);
      else unknown_.count("images", key);
    });
    if (!has_id) return report(ProblemKind::kBadLine, "has no id that is a whole number");
    if (bad_size) return report(ProblemKind::kBadLine, "has a width or height that is no size");
    if (options_.names && !has_name) return report(ProblemKind::kBadLine, "has no file_name");
    if (options_.names) {
      const auto safe = safe_relative_path(file);
      if (!safe) return report(ProblemKind::kUnsafePath, "has an unsafe file_name, " + dataset::quoted(file));
      image.file = *safe;
    }
    if (dataset_.images.size() >= limits_.images)
      json_.fail("there are more than " + std::to_string(limits_.images) + " images");
    if (!image_index_.add(image.id, static_cast<std::uint32_t>(dataset_.images.size())))
      return report(ProblemKind::kBadLine, "has the id " + std::to_string(image.id) + " of an earlier image");
    if (about.has_license || !about.attributes.empty()) {
      about.image = dataset_.images.size();
      descriptions_.push_back(std::move(about));
    }
    dataset_.images.push_back(std::move(image));
  }

  static bool is_null(ondemand::value value) {
    bool null = false;
    return value.is_null().get(null) == simdjson::SUCCESS && null;
  }

  void read_license_number(ondemand::value value, Description& about) {
    if (is_null(value)) return;
    about.has_license = get_integer(value, about.license);
    if (!about.has_license) unknown_.count("images", "license");
  }

  /// Tools that know nothing write an empty text, null or 0 (CVAT).
  void read_origin(std::string_view key, ondemand::value value, Attributes& out) {
    if (is_null(value)) return;
    const auto text = scalar_of(value);
    if (!text) unknown_.count("images", key);
    else if (!text->empty() && *text != "0") out.emplace_back(key, *text);
  }

  /// What the file says of itself has no part in the labels, nor have the licences: what is wrong there is only noted.
  void read_info(ondemand::value value) {
    ondemand::object object;
    if (value.get_object().get(object) != simdjson::SUCCESS) return unknown_.count("", "info");
    json_.for_each_field(object, [&](std::string_view key, ondemand::value field) {
      const auto text = scalar_of(field);
      if (!text) unknown_.count("", "info." + std::string(key));
      else if (!text->empty()) dataset_.about.emplace_back(key, *text);
    });
    keep_last(dataset_.about);
  }

  void read_licenses(ondemand::value value) {
    ondemand::array array;
    if (value.get_array().get(array) != simdjson::SUCCESS) return unknown_.count("", "licenses");
    read_elements(array, "licenses", ProblemKind::kDropped, Severity::kNote, [&](auto element) { read_license(element); });
  }

  void read_license(ondemand::object object) {
    std::int64_t id = 0;
    License license;
    json_.for_each_field(object, [&](std::string_view key, ondemand::value value) {
      if (key == "id") get_integer(value, id);
      else if (key == "name") license.name = text_of(value);
      else if (key == "url") license.url = text_of(value);
      else unknown_.count("licenses", key);
    });
    if (license_index_.add(id, static_cast<std::uint32_t>(licenses_.size()))) licenses_.push_back(std::move(license));
  }

  /// Licences are looked up at the end, as they may stand behind the images.
  void describe_images() {
    for (auto& about : descriptions_) {
      const auto license = about.has_license ? license_index_.find(about.license) : std::nullopt;
      if (license && !licenses_[*license].name.empty()) about.attributes.emplace_back(kLicense, licenses_[*license].name);
      if (license && !licenses_[*license].url.empty()) about.attributes.emplace_back(kLicenseUrl, licenses_[*license].url);
      if (about.license != 0 && !license) unknown_.count("images", "license");
      if (about.attributes.empty()) continue;
      keep_last(about.attributes);
      dataset_.images[about.image].attributes = static_cast<std::int32_t>(dataset_.attributes.size());
      dataset_.attributes.push_back(std::move(about.attributes));
    }
  }

  struct Draft {
    Annotation annotation;
    std::int64_t image = 0, category = 0;
    bool has_image = false, has_category = false, has_rectangle = false, has_area = false;
    std::optional<Mask> mask;
    Attributes attributes;
    std::optional<FieldProblem> problem;   // the first
    std::optional<FieldProblem> bad_mask;  // what is left out of the mask, or all of it

    void wrong(ProblemKind kind, const std::string& text) {
      if (!problem) problem = FieldProblem{kind, text};
    }
    void wrong(std::optional<FieldProblem> found) {
      if (found && !problem) problem = std::move(found);
    }
  };

  void read_annotation(ondemand::object object) {
    Draft draft;
    draft.annotation.line = line_;
    json_.for_each_field(object, [&](std::string_view key, ondemand::value value) { read_field(draft, key, value); });
    if (!draft.problem) finish(draft);
    if (draft.problem) report(draft.problem->kind, draft.problem->text);
  }

  void read_field(Draft& draft, std::string_view key, ondemand::value value) {
    if (key == "image_id") draft.has_image = get_integer(value, draft.image);
    else if (key == "category_id") draft.has_category = get_integer(value, draft.category);
    else if (key == "bbox") read_rectangle(draft, value);
    else if (key == "area") read_area(draft, value);
    else if (key == "id") read_id(draft, value);
    else if (key == "iscrowd") read_crowd(draft, value);
    else if (key == "segmentation") read_mask(draft, value);
    else if (key == "score") read_score(draft, value);
    else if (key == "track_id") read_track(draft, value);
    else if (key == "attributes" && options_.names) read_attributes(draft, value);
    else if (options_.names) unknown_.count("annotations", key);
  }

  void read_rectangle(Draft& draft, ondemand::value value) {
    draft.has_rectangle = true;
    draft.wrong(get_rectangle(json_, value, draft.annotation.rectangle));
  }

  void read_area(Draft& draft, ondemand::value value) {
    switch (get_number(value, draft.annotation.area)) {
      case Got::kNumber:
        draft.has_area = true;
        break;
      case Got::kNotFinite:
        draft.wrong(ProblemKind::kNotFinite, "its area is not finite");
        break;
      case Got::kOther:
        draft.wrong(ProblemKind::kBadLine, "its area is no number");
        break;
    }
  }

  void read_id(Draft& draft, ondemand::value value) {
    if (!get_integer(value, draft.annotation.id)) draft.wrong(ProblemKind::kBadLine, "its id is no whole number");
  }

  void read_crowd(Draft& draft, ondemand::value value) {
    if (!get_boolean(value, draft.annotation.crowd)) draft.wrong(ProblemKind::kBadLine, "its iscrowd is neither 0 nor 1");
  }

  void read_mask(Draft& draft, ondemand::value value) {
    if (!options_.masks) return;
    auto bad = get_mask(json_, value, draft.mask);
    if (options_.whole_masks) draft.wrong(std::move(bad));
    else draft.bad_mask = std::move(bad);
  }

  void read_score(Draft& draft, ondemand::value value) {
    double score = 0;
    const bool good = get_number(value, score) == Got::kNumber && score >= 0 && score <= 1;
    if (good) draft.annotation.score = static_cast<float>(score);
    else draft.wrong(ProblemKind::kBadLine, "its score is no number in [0, 1]");
  }

  void read_track(Draft& draft, ondemand::value value) {
    std::int64_t track = 0;
    if (get_integer(value, track) && track >= 0 && track <= kLargestTrack)
      draft.annotation.track = static_cast<std::int32_t>(track);
    else unknown_.count("annotations", "track_id");
  }

  void read_attributes(Draft& draft, ondemand::value value) {
    ondemand::object object;
    if (value.get_object().get(object) != simdjson::SUCCESS) return unknown_.count("annotations", "attributes");
    json_.for_each_field(object, [&](std::string_view key, ondemand::value field) { read_attribute(draft, key, field); });
  }

  void read_image_attributes(ondemand::value value, Attributes& out) {
    ondemand::object object;
    if (value.get_object().get(object) != simdjson::SUCCESS) return unknown_.count("images", "attributes");
    json_.for_each_field(object, [&](std::string_view key, ondemand::value field) { read_scalar(key, field, out); });
  }

  void read_attribute(Draft& draft, std::string_view key, ondemand::value value) {
    Annotation& annotation = draft.annotation;
    bool* const flag = key == "occluded"    ? &annotation.occluded
                       : key == "truncated" ? &annotation.truncated
                       : key == "difficult" ? &annotation.difficult
                                            : nullptr;
    if (flag != nullptr && value.get_bool().get(*flag) == simdjson::SUCCESS) return;
    read_scalar(key, value, draft.attributes);
  }

  void read_scalar(std::string_view key, ondemand::value value, Attributes& out) {
    auto text = scalar_of(value);
    if (text) out.emplace_back(key, std::move(*text));
    else unknown_.count("attributes", key);
  }

  /// A text, or a number or truth value as it is written. To be called once for a value: simdjson's buffer has room for each
  /// text once.
  std::optional<std::string> scalar_of(ondemand::value value) {
    ondemand::json_type type{};
    json_.check(value.type().get(type));
    if (type == ondemand::json_type::string) return text_of(value);
    if (type != ondemand::json_type::number && type != ondemand::json_type::boolean) return std::nullopt;
    const std::string_view token = value.raw_json_token();
    return std::string(token.substr(0, token.find_last_not_of(" \t\r\n") + 1));
  }

  void finish(Draft& draft) {
    Annotation& annotation = draft.annotation;
    if (!draft.has_image) return draft.wrong(ProblemKind::kBadLine, "has no image_id that is a whole number");
    if (!draft.has_category) return draft.wrong(ProblemKind::kBadLine, "has no category_id that is a whole number");
    if (!draft.has_rectangle && !draft.mask) {
      draft.wrong(std::move(draft.bad_mask));
      return draft.wrong(ProblemKind::kBadLine, "has no bbox");
    }
    if (draft.bad_mask) {
      report(draft.bad_mask->kind,
             draft.bad_mask->text + (draft.mask ? "; it is left out of the mask" : "; the object is kept without a mask"),
             Severity::kWarning);
    }
    if (!draft.has_rectangle) annotation.rectangle = bounds_of(*draft.mask);
    if (!draft.has_area) annotation.area = annotation.rectangle.area();
    if (draft.mask) {
      annotation.mask = static_cast<std::int32_t>(dataset_.masks.size());
      dataset_.masks.push_back(std::move(*draft.mask));
    }
    if (!draft.attributes.empty()) {
      keep_last(draft.attributes);
      annotation.attributes = static_cast<std::int32_t>(dataset_.attributes.size());
      dataset_.attributes.push_back(std::move(draft.attributes));
    }
    dataset_.annotations.push_back(annotation);
    numbers_.push_back({draft.image, draft.category, static_cast<std::uint32_t>(element_)});
  }

  void look_up() {
    section_ = "annotations";
    std::vector<std::uint64_t> objects(dataset_.images.size(), 0);
    std::size_t kept = 0;
    for (std::size_t i = 0; i < dataset_.annotations.size(); ++i) {
      Annotation annotation = dataset_.annotations[i];
      element_ = numbers_[i].element;
      line_ = annotation.line;
      if (!look_up(annotation, numbers_[i], objects)) continue;
      dataset_.annotations[kept++] = annotation;
    }
    dataset_.annotations.resize(kept);
    report_doubled_ids();
  }

  struct Numbers {
    std::int64_t image = 0, category = 0;
    std::uint32_t element = 0;
  };

  bool look_up(Annotation& annotation, const Numbers& numbers, std::vector<std::uint64_t>& objects) {
    const auto image = image_index_.find(numbers.image);
    if (!image) {
      report(ProblemKind::kOrphanLabels, "names image " + std::to_string(numbers.image) + ", which is not there");
      return false;
    }
    const auto category = category_index_.find(numbers.category);
    if (!category) {
      report(ProblemKind::kUnknownClass, "names category " + std::to_string(numbers.category) + ", which is not there");
      return false;
    }
    annotation.image = *image;
    annotation.category = *category;
    if (++objects[*image] <= limits_.objects_per_image) return true;
    if (objects[*image] == limits_.objects_per_image + 1) {
      report(ProblemKind::kTooMany,
             "is beyond the " + std::to_string(limits_.objects_per_image) + " objects that an image may have");
    }
    return false;
  }

  void report_doubled_ids() {
    std::vector<std::int64_t> ids;
    ids.reserve(dataset_.annotations.size());
    for (const auto& annotation : dataset_.annotations) {
      if (annotation.id != 0) ids.push_back(annotation.id);
    }
    if (std::is_sorted(ids.begin(), ids.end(), std::less_equal<>())) return;
    std::sort(ids.begin(), ids.end());
    const auto first = std::adjacent_find(ids.begin(), ids.end());
    if (first == ids.end()) return;
    problems_.add(ProblemKind::kBadLine, Severity::kWarning, name_, 0,
                  "several annotations have the id " + std::to_string(*first));
  }

  struct License {
    std::string name, url;
  };

  CocoJson json_;
  std::string name_;
  const CocoFileOptions& options_;
  const ReadLimits& limits_;
  Dataset& dataset_;
  ProblemList& problems_;
  UnknownFields unknown_;
  IdIndex image_index_, category_index_, license_index_;
  std::vector<Description> descriptions_;
  std::vector<License> licenses_;
  std::vector<Numbers> numbers_;
  const char* section_ = "";
  std::uint64_t element_ = 0;
  std::uint32_t line_ = 0;
};

}  // namespace

void read_coco_file(const fs::path& file, const std::string& name, const CocoFileOptions& options, const ReadLimits& limits,
                    Dataset& dataset, ProblemList& problems) {
  CocoFile(file, name, options, limits, dataset, problems).read();
}

ReadResult read_coco_truth(const fs::path& file, CocoParts parts, const ReadLimits& limits) {
  ReadResult result;
  ProblemList problems(limits.problems);
  result.dataset.root = file.parent_path();
  result.dataset.source = file.filename().string();
  read_coco_file(file, file.string(), {.names = false, .masks = parts == CocoParts::kBoxesAndMasks, .whole_masks = true},
                 limits, result.dataset, problems);
  problems.move_to(result);
  return result;
}

}  // namespace goshawk::dataset
