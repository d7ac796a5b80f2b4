#include "goshawk/dataset/label_gaps.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <functional>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <unordered_set>

#include "goshawk/core/error.h"
#include "goshawk/core/files.h"
#include "goshawk/core/text.h"

namespace goshawk::dataset {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMostPartialBytes = 256ULL << 20;

std::vector<std::string> words_of(const std::string& line) {
  std::istringstream stream(line);
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

/// As partial.txt names it: without "./" and images/.
std::string_view short_name(std::string_view file) {
  for (const std::string_view head : {"./", "images/"}) {
    if (file.starts_with(head)) file.remove_prefix(head.size());
  }
  return file;
}

/// partial.txt: image -> classes that are not labelled in full.
class PartialLabels {
 public:
  PartialLabels(const Dataset& data, std::vector<std::string>* notes) : root_(data.root) {
    const fs::path path = data.root / "partial.txt";
    std::error_code error;
    if (!fs::is_regular_file(path, error)) return;
    for (const auto& category : data.categories) names_.push_back(category.name);
    for (const auto& image : data.images) images_.insert(short_name(image.file));
    std::istringstream lines(read_file(path, kMostPartialBytes));
    std::int64_t number = 0;
    for (std::string line; std::getline(lines, line);) {
      if (++number == 1 && line.starts_with("\xEF\xBB\xBF")) line.erase(0, 3);
      if (line.ends_with('\r')) line.pop_back();
      if (!line.empty() && !line.starts_with('#')) add(line, number, fmt::format("{}:{}", path.string(), number));
    }
    images_.clear();
    if (absent_ > 0 && notes != nullptr)
      notes->push_back(fmt::format("{}: {} line{} of images that are not there, the first of '{}' in line {}", path.string(),
                                   absent_, absent_ == 1 ? "" : "s", first_absent_, first_absent_line_));
  }

  std::vector<std::uint32_t> of(const ImageEntry& image) const {
    const auto found = missing_.find(short_name(image.file));
    return found == missing_.end() ? std::vector<std::uint32_t>() : found->second;
  }

 private:
  void add(const std::string& line, std::int64_t number, const std::string& where) {
    const auto tab = line.find('\t');
    if (tab == std::string::npos) throw Error(ErrorCode::kBadData, "a line is: image, tab, classes", where);
    const std::string image(short_name(std::string_view(line).substr(0, tab)));
    const auto labelled = classes_in(line.substr(tab + 1), where);
    if (!is_there(image)) {
      if (absent_++ == 0) first_absent_ = image, first_absent_line_ = number;
      return;
    }
    auto& missing = missing_[image];
    for (std::size_t i = 0; i < names_.size(); ++i) {
      if (!labelled.contains(names_[i])) missing.push_back(static_cast<std::uint32_t>(i));
    }
  }

  /// The data set may be a part of what partial.txt speaks of.
  bool is_there(const std::string& image) const {
    std::error_code error;
    return images_.contains(image) || fs::exists(root_ / "images" / image, error) || fs::exists(root_ / image, error);
  }

  /// Between tabs stand names, which may have blanks, or several without.
  std::set<std::string> classes_in(const std::string& text, const std::string& where) const {
    const auto is_class = [&](const std::string& word) { return std::ranges::find(names_, word) != names_.end(); };
    std::set<std::string> classes;
    std::istringstream fields(text);
    for (std::string field; std::getline(fields, field, '\t');) {
      field.erase(0, std::min(field.find_first_not_of(' '), field.size()));
      field.erase(field.find_last_not_of(' ') + 1);
      if (is_class(field)) {
        classes.insert(field);
        continue;
      }
      for (const auto& word : words_of(field)) {
        if (word == "-") continue;
        if (!is_class(word)) {
          throw Error(ErrorCode::kBadData, "there is no class '" + word + "'" + did_you_mean(word, names_), where,
                      "Classes with blanks in their names stand between tabs.");
        }
        classes.insert(word);
      }
    }
    return classes;
  }

  fs::path root_;
  std::vector<std::string> names_;
  std::unordered_set<std::string_view> images_;  // of the data set, while lines are read
  std::size_t absent_ = 0;                       // lines of images that are not there
  std::string first_absent_;
  std::int64_t first_absent_line_ = 0;
  std::map<std::string, std::vector<std::uint32_t>, std::less<>> missing_;
};

/// Regions of `ignore/` that stand beside the label file; none where there is no such file.
std::vector<Rectangle> ignored_regions(const Dataset& data, const ImageEntry& image) {
  const std::string folder = "/labels/";
  std::string name = "/" + image.labels;
  const auto at = name.rfind(folder);
  if (at == std::string::npos) return {};
  const fs::path path = data.root / name.replace(at, folder.size(), "/ignore/").substr(1);
  std::error_code error;
  if (!fs::is_regular_file(path, error)) return {};
  const double across = image.width > 0 ? image.width : 1, down = image.height > 0 ? image.height : 1;
  std::vector<Rectangle> regions;
  std::istringstream lines(read_file(path));
  std::int64_t number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    if (words_of(line).empty()) continue;
    std::istringstream values(line);
    double cx = 0, cy = 0, w = 0, h = 0;
    std::string rest;
    const auto fine = [](double v) { return std::isfinite(v) && v >= -1 && v <= 2; };
    if (!(values >> cx >> cy >> w >> h) || (values >> rest) || !fine(cx) || !fine(cy) || !fine(w) || !fine(h))
      throw Error(ErrorCode::kBadData, "a region is four fractions: cx cy w h", fmt::format("{}:{}", path.string(), number));
    regions.push_back({(cx - w / 2) * across, (cy - h / 2) * down, w * across, h * down});
  }
  return regions;
}

}  // namespace

std::vector<LabelGaps> read_label_gaps(const Dataset& dataset, std::vector<std::string>* notes) {
  const PartialLabels partial(dataset, notes);
  std::error_code error;
  const bool has_regions = fs::is_directory(dataset.root / "ignore", error);
  std::vector<LabelGaps> gaps(dataset.images.size());
  for (std::size_t i = 0; i < gaps.size(); ++i) {
    gaps[i].classes = partial.of(dataset.images[i]);
    if (has_regions) gaps[i].regions = ignored_regions(dataset, dataset.images[i]);
  }
  return gaps;
}

void load_label_gaps(Dataset& dataset, std::vector<std::string>* notes) {
  auto gaps = read_label_gaps(dataset, notes);
  for (std::size_t i = 0; i < gaps.size(); ++i) {
    if (gaps[i] == LabelGaps{}) continue;
    dataset.images[i].gaps = static_cast<std::int32_t>(dataset.gaps.size());
    dataset.gaps.push_back(std::move(gaps[i]));
  }
}

void move_gap_classes(Dataset& dataset, const std::function<std::int64_t(std::uint32_t)>& place_of) {
  for (auto& gap : dataset.gaps) {
    std::set<std::uint32_t> moved;
    for (const auto c : gap.classes) {
      if (const auto place = place_of(c); place >= 0) moved.insert(static_cast<std::uint32_t>(place));
    }
    gap.classes.assign(moved.begin(), moved.end());
  }
}

void add_gaps_as_crowds(Dataset& dataset, std::span<const LabelGaps> gaps) {
  require(gaps.size() == dataset.images.size(), "add_gaps_as_crowds: one for each image");
  const auto add = [&](std::size_t image, std::size_t category, const Rectangle& rectangle) {
    Annotation annotation;
    annotation.image = static_cast<std::uint32_t>(image);
    annotation.category = static_cast<std::uint32_t>(category);
    annotation.rectangle = rectangle;
    annotation.area = rectangle.area();
    annotation.crowd = true;
    dataset.annotations.push_back(annotation);
  };
  for (std::size_t i = 0; i < gaps.size(); ++i) {
    const auto& image = dataset.images[i];
    for (const auto& region : gaps[i].regions) {
      for (std::size_t c = 0; c < dataset.categories.size(); ++c) add(i, c, region);
    }
    const Rectangle all{0, 0, image.width > 0 ? image.width : 1.0, image.height > 0 ? image.height : 1.0};
    for (const auto c : gaps[i].classes) add(i, c, all);
  }
  sort_by_image(dataset);
}

bool is_not_considered(const Dataset& dataset, const Annotation& object) {
  if (object.attributes < 0) return false;
  const auto& attributes = dataset.attributes[static_cast<std::size_t>(object.attributes)];
  return std::ranges::find(attributes, Attributes::value_type{"considered", "0"}) != attributes.end();
}

bool is_not_to_be_scored(const Dataset& dataset, const Annotation& object) {
  return object.difficult || is_not_considered(dataset, object);
}

std::size_t make_unscored_crowds(Dataset& dataset) {
  std::size_t count = 0;
  for (auto& object : dataset.annotations) {
    if (object.crowd || object.score >= 0 || !is_not_to_be_scored(dataset, object)) continue;
    object.crowd = true;
    ++count;
  }
  return count;
}

std::string unscored_note(std::size_t count) {
  return fmt::format("{} difficult (VOC) or not considered (MOT), and count neither way",
                     count == 1 ? "1 object is" : fmt::format("{} objects are", count));
}

}  // namespace goshawk::dataset
