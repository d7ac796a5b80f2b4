#include "goshawk/train/training_set.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "goshawk/core/error.h"
#include "goshawk/core/files.h"
#include "goshawk/dataset/label_gaps.h"
#include "goshawk/dataset/statistics.h"

namespace goshawk::train {
namespace {

namespace fs = std::filesystem;
using dataset::Dataset;
using dataset::ImageEntry;
using dataset::Split;

class Builder {
 public:
  explicit Builder(const Dataset& data)
      : data_(data), gaps_(dataset::read_label_gaps(data, &set_.notes)), ranges_(dataset::annotations_by_image(data)) {}

  TrainingSet build() {
    for (const auto& category : data_.categories) set_.classes.push_back(category.name);
    if (set_.classes.empty()) throw Error(ErrorCode::kBadData, "the data set has no classes", place());
    choose_parts();
    if (train_.empty()) throw Error(ErrorCode::kBadData, "the data set has no images to learn from", place());
    for (const auto index : train_) add(index, set_.train, [&](const auto& a) { return is_not_considered(data_, a); });
    for (const auto index : val_) add(index, set_.val, [&](const auto& a) { return is_not_to_be_scored(data_, a); });
    check_sizes_known("train", train_.size(), set_.train.size());
    check_sizes_known("val", val_.size(), set_.val.size());
    std::ranges::sort(set_.unreadable);  // twice, where one part is the other
    set_.unreadable.erase(std::unique(set_.unreadable.begin(), set_.unreadable.end()), set_.unreadable.end());
    const bool any =
        std::any_of(set_.train.begin(), set_.train.end(), [](const auto& i) { return !i.targets.objects.empty(); });
    if (!any) {
      throw Error(ErrorCode::kBadData, "no image of the train split has a label", place(),
                  scored_ > 0 ? dataset::scored_note(scored_) : "`goshawk data check` tells what is wrong with a data set");
    }
    make_truth();
    set_.fingerprint = fingerprint();
    if (scored_ > 0) set_.notes.push_back(dataset::scored_note(scored_));
    if (unscored_ > 0) set_.notes.push_back("judging: " + dataset::unscored_note(unscored_));
    return std::move(set_);
  }

 private:
  std::string place() const { return data_.source.empty() ? data_.root.string() : data_.source; }

  void choose_parts() {
    std::map<Split, std::vector<std::uint32_t>> parts;
    for (std::uint32_t i = 0; i < data_.images.size(); ++i) parts[data_.images[i].split].push_back(i);
    train_ = parts[Split::kTrain];
    val_ = !parts[Split::kVal].empty() ? parts[Split::kVal] : parts[Split::kTest];
    if (parts[Split::kVal].empty() && !val_.empty())
      set_.notes.push_back(
          "there is no val split: the test split chooses the best epoch, and tells less of the network then");
    if (train_.empty()) train_ = parts[Split::kNone];
    if (val_.empty()) {
      val_ = train_;
      set_.notes.push_back(
          "there is no val split of its own: the images that are learned from judge too, which flatters the network");
    }
  }

  /// As it is with pictures whose pixels cannot be read (ImageStore).
  void check_sizes_known(const char* part, std::size_t all, std::size_t known) const {
    const std::size_t unknown = all - known;
    if (!too_many_unreadable(unknown, all)) return;
    throw Error(ErrorCode::kBadData,
                fmt::format("{} of {} pictures of the {} split cannot be read{}", unknown, all, part,
                            set_.unreadable.empty() ? "" : ", the last of them " + set_.unreadable.back()),
                place(), "`goshawk data check` lists them all.");
  }

  /// `ignored(annotation)`: of a label that counts neither way, as a crowd does.
  void add(std::uint32_t index, std::vector<TrainingImage>& part, const auto& ignored) {
    const auto& entry = data_.images[index];
    if (entry.width == 0 || entry.height == 0) {
      set_.unreadable.push_back(data_.path_of(entry).string() + ": its size cannot be read");
      return;
    }
    TrainingImage image;
    image.path = data_.path_of(entry);
    image.width = static_cast<int>(entry.width);
    image.height = static_cast<int>(entry.height);
    for (std::size_t i = ranges_[index]; i < ranges_[index + 1]; ++i) {
      const auto& annotation = data_.annotations[i];
      const Box box = clip(annotation.rectangle.box(), static_cast<float>(image.width), static_cast<float>(image.height));
      if (annotation.score >= 0) ++scored_;
      if (box.area() <= 0 || annotation.score >= 0) continue;
      const bool passed_over = !annotation.crowd && ignored(annotation);
      if (passed_over && &part == &set_.val) ++unscored_;
      if (annotation.crowd || passed_over) image.targets.ignored.push_back(box);
      else image.targets.objects.push_back({box, static_cast<int>(annotation.category)});
    }
    for (const auto& region : gaps_[index].regions) image.targets.ignored.push_back(region.box());
    image.targets.unlabelled.assign(gaps_[index].classes.begin(), gaps_[index].classes.end());
    part.push_back(std::move(image));
  }

  void make_truth() {
    auto& truth = set_.truth;
    truth.categories = data_.categories;
    std::vector<dataset::LabelGaps> all_gaps;
    for (std::uint32_t i = 0; i < set_.val.size(); ++i) {
      const auto& image = set_.val[i];
      ImageEntry entry;
      entry.id = i + 1;
      entry.file = image.path.string();
      entry.width = static_cast<std::uint32_t>(image.width);
      entry.height = static_cast<std::uint32_t>(image.height);
      truth.images.push_back(std::move(entry));
      for (const auto& [b, category] : image.targets.objects) {
        dataset::Annotation annotation;
        annotation.id = static_cast<std::int64_t>(truth.annotations.size()) + 1;
        annotation.image = i;
        annotation.category = static_cast<std::uint32_t>(category);
        annotation.rectangle = {b.x1, b.y1, b.width(), b.height()};
        annotation.area = annotation.rectangle.area();
        truth.annotations.push_back(annotation);
      }
      dataset::LabelGaps gaps;
      for (const auto& b : image.targets.ignored) gaps.regions.push_back({b.x1, b.y1, b.width(), b.height()});
      gaps.classes.assign(image.targets.unlabelled.begin(), image.targets.unlabelled.end());
      all_gaps.push_back(std::move(gaps));
    }
    dataset::add_gaps_as_crowds(truth, all_gaps);
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
  TrainingSet set_;
  std::vector<dataset::LabelGaps> gaps_;
  std::vector<std::size_t> ranges_;
  std::vector<std::uint32_t> train_, val_;
  std::size_t scored_ = 0;    // a model's answers, no labels
  std::size_t unscored_ = 0;  // of val, that count neither way
};

}  // namespace

TrainingSet make_training_set(const Dataset& data) { return Builder(data).build(); }

}  // namespace goshawk::train
