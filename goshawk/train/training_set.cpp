#include "goshawk/train/training_set.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <set>
#include <sstream>

#include "goshawk/core/error.h"
#include "goshawk/core/files.h"
#include "goshawk/core/text.h"

namespace goshawk::train {
namespace {

namespace fs = std::filesystem;
using dataset::Dataset;
using dataset::ImageEntry;
using dataset::Split;

constexpr std::uint64_t kMostPartialBytes = 256ULL << 20;

std::vector<std::string> words_of(const std::string& line) {
  std::istringstream stream(line);
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

/// Image ("train/a.jpg", as under images/) -> classes that are not labelled in full.
class PartialLabels {
 public:
  explicit PartialLabels(const Dataset& data) {
    const fs::path path = data.root / "partial.txt";
    std::error_code error;
    if (!fs::is_regular_file(path, error)) return;
    std::vector<std::string> names;
    for (const auto& category : data.categories) names.push_back(category.name);
    std::istringstream lines(read_file(path, kMostPartialBytes));
    std::int64_t number = 0;
    for (std::string line; std::getline(lines, line);) {
      ++number;
      if (line.empty() || line.starts_with('#')) continue;
      const auto tab = line.find('\t');
      const std::string where = fmt::format("{}:{}", path.string(), number);
      if (tab == std::string::npos) throw Error(ErrorCode::kBadData, "a line is: image, tab, classes", where);
      std::set<std::string> labelled;
      for (auto& word : words_of(line.substr(tab + 1))) {
        if (word == "-") continue;
        if (std::find(names.begin(), names.end(), word) == names.end())
          throw Error(ErrorCode::kBadData, "there is no class '" + word + "'" + did_you_mean(word, names), where);
        labelled.insert(word);
      }
      auto& missing = missing_[line.substr(0, tab)];
      for (std::size_t i = 0; i < names.size(); ++i) {
        if (!labelled.contains(names[i])) missing.push_back(static_cast<int>(i));
      }
    }
  }

  std::vector<int> of(const ImageEntry& image) const {
    const std::string file = image.file.starts_with("images/") ? image.file.substr(7) : image.file;
    const auto found = missing_.find(file);
    return found == missing_.end() ? std::vector<int>() : found->second;
  }
  bool empty() const { return missing_.empty(); }

 private:
  std::map<std::string, std::vector<int>> missing_;
};

/// Regions of `ignore/` that stand beside the label file; none where there is no such file.
std::vector<Box> ignored_regions(const Dataset& data, const ImageEntry& image) {
  const std::string folder = "labels/";
  const auto at = image.labels.rfind(folder);
  if (at == std::string::npos) return {};
  std::string name = image.labels;
  const fs::path path = data.root / name.replace(at, folder.size(), "ignore/");
  std::error_code error;
  if (!fs::is_regular_file(path, error)) return {};
  std::vector<Box> regions;
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
    const dataset::Rectangle r{(cx - w / 2) * image.width, (cy - h / 2) * image.height, w * image.width, h * image.height};
    regions.push_back(r.box());
  }
  return regions;
}

class Builder {
 public:
  explicit Builder(const Dataset& data) : data_(data), partial_(data), ranges_(dataset::annotations_by_image(data)) {}

  TrainingSet build() {
    for (const auto& category : data_.categories) set_.classes.push_back(category.name);
    if (set_.classes.empty()) throw Error(ErrorCode::kBadData, "the data set has no classes", place());
    choose_parts();
    for (const auto index : train_) add(index, set_.train);
    for (const auto index : val_) add(index, set_.val);
    if (set_.train.empty()) throw Error(ErrorCode::kBadData, "no image of the data set can be learned from", place());
    const bool any =
        std::any_of(set_.train.begin(), set_.train.end(), [](const auto& i) { return !i.targets.objects.empty(); });
    if (!any) {
      throw Error(ErrorCode::kBadData, "no image of the train split has a label", place(),
                  "`goshawk data check` tells what is wrong with a data set");
    }
    make_truth();
    set_.fingerprint = fingerprint();
    if (skipped_ > 0) set_.notes.push_back(fmt::format("{} images of unknown size were left out", skipped_));
    return std::move(set_);
  }

 private:
  std::string place() const { return data_.source.empty() ? data_.root.string() : data_.source; }

  void choose_parts() {
    std::map<Split, std::vector<std::uint32_t>> parts;
    for (std::uint32_t i = 0; i < data_.images.size(); ++i) parts[data_.images[i].split].push_back(i);
    train_ = parts[Split::kTrain];
    val_ = !parts[Split::kVal].empty() ? parts[Split::kVal] : parts[Split::kTest];
    if (train_.empty()) train_ = parts[Split::kNone];
    if (val_.empty()) {
      val_ = train_;
      set_.notes.push_back(
          "there is no val split of its own: the images that are learned from judge too, which flatters the network");
    }
  }

  void add(std::uint32_t index, std::vector<TrainingImage>& part) {
    const auto& entry = data_.images[index];
    if (entry.width == 0 || entry.height == 0) {
      ++skipped_;
      return;
    }
    TrainingImage image;
    image.path = data_.path_of(entry);
    image.width = static_cast<int>(entry.width);
    image.height = static_cast<int>(entry.height);
    for (std::size_t i = ranges_[index]; i < ranges_[index + 1]; ++i) {
      const auto& annotation = data_.annotations[i];
      const Box box = clip(annotation.rectangle.box(), static_cast<float>(image.width), static_cast<float>(image.height));
      if (box.area() <= 0 || annotation.score >= 0) continue;
      if (annotation.crowd) image.targets.ignored.push_back(box);
      else image.targets.objects.push_back({box, static_cast<int>(annotation.category)});
    }
    const auto regions = ignored_regions(data_, entry);
    image.targets.ignored.insert(image.targets.ignored.end(), regions.begin(), regions.end());
    if (!partial_.empty()) image.targets.unlabelled = partial_.of(entry);
    part.push_back(std::move(image));
  }

  void make_truth() {
    auto& truth = set_.truth;
    truth.categories = data_.categories;
    for (std::uint32_t i = 0; i < set_.val.size(); ++i) {
      const auto& image = set_.val[i];
      ImageEntry entry;
      entry.id = i + 1;
      entry.file = image.path.string();
      entry.width = static_cast<std::uint32_t>(image.width);
      entry.height = static_cast<std::uint32_t>(image.height);
      truth.images.push_back(std::move(entry));
      const auto put = [&](const Box& b, int category, bool crowd) {
        dataset::Annotation annotation;
        annotation.id = static_cast<std::int64_t>(truth.annotations.size()) + 1;
        annotation.image = i;
        annotation.category = static_cast<std::uint32_t>(category);
        annotation.rectangle = {b.x1, b.y1, b.width(), b.height()};
        annotation.area = annotation.rectangle.area();
        annotation.crowd = crowd;
        truth.annotations.push_back(annotation);
      };
      for (const auto& object : image.targets.objects) put(object.box, object.class_id, false);
      const auto classes = static_cast<int>(set_.classes.size());
      for (const auto& region : image.targets.ignored) {
        for (int c = 0; c < classes; ++c) put(region, c, true);
      }
      const Box all{0, 0, static_cast<float>(image.width), static_cast<float>(image.height)};
      for (const int c : image.targets.unlabelled) put(all, c, true);
    }
  }

  std::string fingerprint() const {
    std::string text;
    for (const auto& name : set_.classes) text += name + "\n";
    for (const auto* part : {&set_.train, &set_.val}) {
      text += "part\n";
      for (const auto& image : *part) {
        text += fmt::format("{} {} {}\n", image.path.filename().string(), image.width, image.height);
        for (const auto& o : image.targets.objects)
          text += fmt::format("{} {} {} {} {}\n", o.class_id, o.box.x1, o.box.y1, o.box.x2, o.box.y2);
        for (const auto& b : image.targets.ignored) text += fmt::format("- {} {} {} {}\n", b.x1, b.y1, b.x2, b.y2);
        for (const int c : image.targets.unlabelled) text += fmt::format("? {}\n", c);
      }
    }
    return sha256_of_bytes(text);
  }

  const Dataset& data_;
  PartialLabels partial_;
  std::vector<std::size_t> ranges_;
  std::vector<std::uint32_t> train_, val_;
  std::int64_t skipped_ = 0;
  TrainingSet set_;
};

}  // namespace

TrainingSet make_training_set(const Dataset& data) { return Builder(data).build(); }

}  // namespace goshawk::train
