#include "goshawk/dataset/label_gaps.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <set>
#include <sstream>
#include <string>

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

/// partial.txt: image -> classes that are not labelled in full.
class PartialLabels {
 public:
  explicit PartialLabels(const Dataset& data) {
    const fs::path path = data.root / "partial.txt";
    std::error_code error;
    if (!fs::is_regular_file(path, error)) return;
    for (const auto& category : data.categories) names_.push_back(category.name);
    std::istringstream lines(read_file(path, kMostPartialBytes));
    std::int64_t number = 0;
    for (std::string line; std::getline(lines, line);) {
      ++number;
      if (!line.empty() && !line.starts_with('#')) add(line, fmt::format("{}:{}", path.string(), number));
    }
  }

  std::vector<std::uint32_t> of(const ImageEntry& image) const {
    const auto found = missing_.find(image.file.starts_with("images/") ? image.file.substr(7) : image.file);
    return found == missing_.end() ? std::vector<std::uint32_t>() : found->second;
  }

 private:
  void add(const std::string& line, const std::string& where) {
    const auto tab = line.find('\t');
    if (tab == std::string::npos) throw Error(ErrorCode::kBadData, "a line is: image, tab, classes", where);
    std::set<std::string> labelled;
    for (auto& word : words_of(line.substr(tab + 1))) {
      if (word == "-") continue;
      if (std::find(names_.begin(), names_.end(), word) == names_.end())
        throw Error(ErrorCode::kBadData, "there is no class '" + word + "'" + did_you_mean(word, names_), where);
      labelled.insert(word);
    }
    auto& missing = missing_[line.substr(0, tab)];
    for (std::size_t i = 0; i < names_.size(); ++i) {
      if (!labelled.contains(names_[i])) missing.push_back(static_cast<std::uint32_t>(i));
    }
  }

  std::vector<std::string> names_;
  std::map<std::string, std::vector<std::uint32_t>> missing_;
};

/// Regions of `ignore/` that stand beside the label file; none where there is no such file.
std::vector<Rectangle> ignored_regions(const Dataset& data, const ImageEntry& image) {
  const std::string folder = "labels/";
  const auto at = image.labels.rfind(folder);
  if (at == std::string::npos) return {};
  std::string name = image.labels;
  const fs::path path = data.root / name.replace(at, folder.size(), "ignore/");
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

std::vector<LabelGaps> read_label_gaps(const Dataset& dataset) {
  const PartialLabels partial(dataset);
  std::error_code error;
  const bool has_regions = fs::is_directory(dataset.root / "ignore", error);
  std::vector<LabelGaps> gaps(dataset.images.size());
  for (std::size_t i = 0; i < gaps.size(); ++i) {
    gaps[i].classes = partial.of(dataset.images[i]);
    if (has_regions) gaps[i].regions = ignored_regions(dataset, dataset.images[i]);
  }
  return gaps;
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

}  // namespace goshawk::dataset
