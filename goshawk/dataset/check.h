// What is wrong with a data set: its labels, its images, and pictures that are there twice.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <stop_token>
#include <utility>
#include <vector>

#include "goshawk/dataset/dataset.h"
#include "goshawk/dataset/near_duplicates.h"

namespace goshawk::dataset {

struct CheckOptions {
  ImageReader read;                  // called from several threads; empty: no image is opened, the labels alone are checked
  int distance = kNearHashDistance;  // hashes within it are near duplicates, up to kMostHashDistance; -1: not looked for
  std::uint64_t listed = 10'000;     // findings of each kind; the rest is counted
  std::function<void(std::int64_t done)> progress;  // images looked at; called in the caller's thread; may be empty
  std::stop_token stop;                             // then Error{kInterrupted}
};

/// A problem, and what it is about: places in Dataset::images and Dataset::annotations, -1: none.
struct Finding {
  Problem problem;
  std::int64_t image = -1;
  std::int64_t other = -1;  // the image that it looks like
  std::int64_t annotation = -1;
};

/// Findings, at most a number of each kind and severity, and how many there are.
class FindingList {
 public:
  using Row = std::pair<ProblemKind, Severity>;

  explicit FindingList(std::uint64_t listed_of_each) : listed_(listed_of_each) {}

  /// Whether another finding of this kind would be listed; where not, its message need not be written.
  bool lists(ProblemKind kind, Severity severity) const;
  void add(Finding finding);
  /// Counts findings that are not listed.
  void count(ProblemKind kind, Severity severity, std::uint64_t number) { counts_[{kind, severity}] += number; }

  /// In the order in which they were found: labels first, then images, then duplicates.
  const std::vector<Finding>& findings() const { return findings_; }
  /// With those that are not listed.
  const std::map<Row, std::uint64_t>& counts() const { return counts_; }
  std::uint64_t total(Severity severity) const;

 private:
  std::uint64_t listed_;
  std::vector<Finding> findings_;
  std::map<Row, std::uint64_t> counts_;
};

/// Looks for all of ProblemKind but kDropped in a data set as it was read; what the reader found is part of the result.
///
/// Severities. Errors: what a reader left out, images that are missing, cannot be decoded or are of another size than the
/// labels say, boxes without width or height or wholly outside, and the same or nearly the same picture in two splits.
/// Warnings: boxes that reach out by more than a pixel (and a thousandth of the image) or are thinner than one, equal boxes
/// of one class (one finding however many), classes of one name, images without labels, equal pictures within a split, links
/// that lead out of the data set. Notes: label files without objects, and boxes of MOT that reach out, which its ground
/// truth does on purpose.
///
/// Images are decoded whole, on all cores, one a thread; of those above 16 megapixels one at a time. Equal files are told by
/// SHA-256. Near duplicates are listed an image each, with the nearest before it, of another split where there is such; an
/// image that is equal to another of its split is left out of them.
FindingList check_dataset(const ReadResult& read, const CheckOptions& options);

}  // namespace goshawk::dataset
