#include "goshawk/dataset/check.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <tuple>
#include <unordered_set>
#include <utility>

#include "goshawk/core/error.h"
#include "goshawk/dataset/check_images.h"
#include "goshawk/dataset/problems.h"
#include "goshawk/dataset/safe_path.h"

namespace goshawk::dataset {
namespace {

bool is_finite(const Rectangle& r) {
  return std::isfinite(r.x) && std::isfinite(r.y) && std::isfinite(r.width) && std::isfinite(r.height);
}

/// How far a box may reach out before it is worth a word: what rounding does.
double slack(double side) { return std::max(1.0, side * 0.001); }

/// Sides of an image whose size is known.
struct Extent {
  double width = 0, height = 0;

  explicit Extent(const ImageEntry& image) : width(image.width), height(image.height) {}

  bool known() const { return width > 0 && height > 0; }
  bool beyond(const Rectangle& r) const {
    return known() && (r.x >= width || r.y >= height || r.x + r.width <= 0 || r.y + r.height <= 0);
  }
  bool cuts(const Rectangle& r) const {
    return known() &&
           (std::max(-r.x, r.x + r.width - width) > slack(width) || std::max(-r.y, r.y + r.height - height) > slack(height));
  }
};

/// Whether the image has a label file of its own: one of its name.
bool has_own_labels(const ImageEntry& image) {
  return without_extension(file_name_of(image.labels)) == without_extension(file_name_of(image.file));
}

/// What the labels alone show.
class LabelCheck {
 public:
  LabelCheck(const Dataset& dataset, const std::stop_token& stop, FindingList& list)
      : dataset_(dataset), stop_(stop), list_(list) {}

  /// `faulty`: label files that the reader said something about.
  void run(const std::unordered_set<std::string>& faulty) {
    const auto begin = annotations_by_image(dataset_);
    for (std::size_t i = 0; i < dataset_.images.size(); ++i) {
      if (stop_.stop_requested()) throw Error(ErrorCode::kInterrupted, "stopped while the labels were checked");
      const ImageEntry& image = dataset_.images[i];
      if (begin[i] == begin[i + 1]) check_empty(i, faulty);
      const Extent extent(image);
      for (std::size_t k = begin[i]; k < begin[i + 1]; ++k) check_box(k, extent);
      check_duplicates(begin[i], begin[i + 1]);
    }
  }

 private:
  void check_empty(std::size_t index, const std::unordered_set<std::string>& faulty) {
    const ImageEntry& image = dataset_.images[index];
    Finding finding;
    finding.image = static_cast<std::int64_t>(index);
    if (!image.labelled) {
      finding.problem = make_problem(ProblemKind::kMissingLabels, Severity::kWarning, image.file, 0,
                                     "nobody labelled this image; it would be trained as one where nothing is");
    } else {
      const bool own = has_own_labels(image);
      if (own && faulty.contains(image.labels)) return;  // its labels were left out, and listed
      finding.problem = make_problem(ProblemKind::kEmptyLabels, Severity::kNote, own ? image.labels : image.file, 0,
                                     "the labels say that nothing is in the image");
    }
    list_.add(std::move(finding));
  }

  void check_box(std::size_t index, const Extent& extent) {
    const Annotation& annotation = dataset_.annotations[index];
    const Rectangle& r = annotation.rectangle;
    if (!is_finite(r)) return add(index, ProblemKind::kNotFinite, Severity::kError, "has a number that is NaN or infinite");
    if (r.width <= 0 || r.height <= 0) {
      return add(index, ProblemKind::kDegenerateBox, Severity::kError, r.width <= 0 ? "has no width" : "has no height");
    }
    if (extent.beyond(r)) {
      return add(index, ProblemKind::kOutsideImage, Severity::kError, "lies wholly outside the image" + text(extent));
    }
    if (extent.cuts(r)) {
      const bool on_purpose = !dataset_.images[annotation.image].sequence.empty();
      return add(index, ProblemKind::kOutsideImage, on_purpose ? Severity::kNote : Severity::kWarning,
                 "reaches out of the image" + text(extent));
    }
    if (extent.known() && (r.width < 1 || r.height < 1)) {
      add(index, ProblemKind::kDegenerateBox, Severity::kWarning, "is thinner than a pixel");
    }
  }

  static std::string text(const Extent& extent) { return fmt::format(" of {} x {}", extent.width, extent.height); }

  /// Equal boxes of one class, however many, are one finding: about the second of them.
  void check_duplicates(std::size_t begin, std::size_t end) {
    order_.clear();
    for (std::size_t k = begin; k < end; ++k) {
      if (is_finite(dataset_.annotations[k].rectangle)) order_.push_back(k);
    }
    const auto key = [&](std::size_t k) {
      const Annotation& a = dataset_.annotations[k];
      return std::make_tuple(a.category, a.rectangle.x, a.rectangle.y, a.rectangle.width, a.rectangle.height, a.crowd);
    };
    std::sort(order_.begin(), order_.end(),
              [&](std::size_t a, std::size_t b) { return std::make_pair(key(a), a) < std::make_pair(key(b), b); });
    for (std::size_t first = 0, end_of_run = 0; first < order_.size(); first = end_of_run) {
      while (end_of_run < order_.size() && key(order_[end_of_run]) == key(order_[first])) ++end_of_run;
      if (end_of_run - first < 2) continue;
      const std::uint32_t line = dataset_.annotations[order_[first]].line;
      add(order_[first + 1], ProblemKind::kDuplicateBox, Severity::kWarning,
          fmt::format("is there {} times{}", end_of_run - first, line > 0 ? fmt::format(", first in line {}", line) : ""));
    }
  }

  /// `what`: how the sentence goes on after "the box of 'car' (x 1, y 2, 30 x 40)".
  void add(std::size_t index, ProblemKind kind, Severity severity, const std::string& what) {
    if (!list_.lists(kind, severity)) return list_.count(kind, severity, 1);
    const Annotation& annotation = dataset_.annotations[index];
    const ImageEntry& image = dataset_.images[annotation.image];
    const Rectangle& r = annotation.rectangle;
    const std::string& labels = image.labels.empty() ? dataset_.source : image.labels;
    const std::string& file = labels.empty() ? image.file : labels;
    std::string message =
        fmt::format("the box of {} (x {:.4g}, y {:.4g}, {:.4g} x {:.4g}) {}",
                    dataset::quoted(dataset_.categories[annotation.category].name), r.x, r.y, r.width, r.height, what);
    if (!labels.empty() && !has_own_labels(image)) message += "; image " + dataset::quoted(image.file);
    Finding finding;
    finding.problem = make_problem(kind, severity, file, labels.empty() ? 0 : annotation.line, message);
    finding.image = annotation.image;
    finding.annotation = static_cast<std::int64_t>(index);
    list_.add(std::move(finding));
  }

  const Dataset& dataset_;
  const std::stop_token& stop_;
  FindingList& list_;
  std::vector<std::size_t> order_;
};

/// What the reader found. Its word on images' files, which it gives by the way, is left out: a look at the images tells
/// more, and where none follows nobody asked.
void take_over(const ReadResult& read, bool images_follow, FindingList& list) {
  const auto is_of_images = [&](const Problem& problem) {
    return problem.kind == ProblemKind::kMissingImage || problem.kind == ProblemKind::kUnreadableImage ||
           (problem.kind == ProblemKind::kDuplicateImage && images_follow);
  };
  std::unordered_set<std::string> files;
  if (std::any_of(read.problems.begin(), read.problems.end(), is_of_images)) {
    for (const auto& image : read.dataset.images) files.insert(image.file);
  }
  for (const auto& problem : read.problems) {
    if (!is_of_images(problem) || !files.contains(problem.file)) list.add({problem, -1, -1, -1});
  }
  if (read.problems_left_out == 0) return;
  list.add({make_problem(ProblemKind::kTooMany, Severity::kError, read.dataset.source, 0,
                         fmt::format("{} more problems of the labels are not listed", read.problems_left_out)),
            -1, -1, -1});
}

/// What goes by name (--map, merging, a model's classes) takes two classes of one name for one.
void check_classes(const Dataset& dataset, FindingList& list) {
  std::map<std::string, std::int64_t> numbers;
  for (const Category& category : dataset.categories) {
    const auto [first, fresh] = numbers.emplace(category.name, category.id);
    if (fresh) continue;
    list.add({make_problem(ProblemKind::kDuplicateClass, Severity::kWarning, dataset.source, 0,
                           fmt::format("the classes {} and {} are both called {}", first->second, category.id,
                                       dataset::quoted(category.name))),
              -1, -1, -1});
  }
}

}  // namespace

bool FindingList::lists(ProblemKind kind, Severity severity) const {
  const auto row = counts_.find({kind, severity});
  return row == counts_.end() ? listed_ > 0 : row->second < listed_;
}

void FindingList::add(Finding finding) {
  const Row row{finding.problem.kind, finding.problem.severity};
  if (lists(row.first, row.second)) findings_.push_back(std::move(finding));
  ++counts_[row];
}

std::uint64_t FindingList::total(Severity severity) const {
  std::uint64_t sum = 0;
  for (const auto& [row, count] : counts_) sum += row.second == severity ? count : 0;
  return sum;
}

FindingList check_dataset(const ReadResult& read, const CheckOptions& options) {
  FindingList list(options.listed);
  const bool images = static_cast<bool>(options.read);
  take_over(read, images, list);
  std::unordered_set<std::string> faulty;
  for (const auto& problem : read.problems) faulty.insert(problem.file);
  check_classes(read.dataset, list);
  LabelCheck(read.dataset, options.stop, list).run(faulty);
  if (images) check_images(read.dataset, options, list);
  return list;
}

}  // namespace goshawk::dataset
