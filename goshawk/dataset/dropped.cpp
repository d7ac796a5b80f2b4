#include "goshawk/dataset/dropped.h"

#include <algorithm>
#include <cstdint>

namespace goshawk::dataset {
namespace {

struct Counts {
  std::uint64_t scores = 0, polygons = 0, run_lengths = 0, crowds = 0, difficult = 0, truncated = 0, occluded = 0,
                attributes = 0, tracks = 0;
};

Counts count(const Dataset& dataset) {
  Counts n;
  for (const auto& a : dataset.annotations) {
    n.scores += a.score >= 0 ? 1 : 0;
    n.crowds += a.crowd ? 1 : 0;
    n.difficult += a.difficult ? 1 : 0;
    n.truncated += a.truncated ? 1 : 0;
    n.occluded += a.occluded ? 1 : 0;
    n.attributes += a.attributes >= 0 ? 1 : 0;
    n.tracks += a.track >= 0 ? 1 : 0;
    if (a.mask < 0) continue;
    const bool outlines = std::holds_alternative<Polygons>(dataset.masks[static_cast<std::size_t>(a.mask)]);
    ++(outlines ? n.polygons : n.run_lengths);
  }
  return n;
}

template <typename Items, typename Test>
std::uint64_t count_if(const Items& items, Test test) {
  return static_cast<std::uint64_t>(std::count_if(items.begin(), items.end(), test));
}

}  // namespace

std::vector<Problem> dropped_fields(const Dataset& dataset, const Holds& holds, const std::string& format) {
  std::vector<Problem> dropped;
  const auto note = [&](bool held, std::uint64_t number, const char* what) {
    if (held || number == 0) return;
    dropped.push_back({ProblemKind::kDropped, Severity::kNote, "", 0,
                       format + " cannot hold " + what + ": " + std::to_string(number) + " dropped"});
  };
  const Counts n = count(dataset);
  note(holds.scores, n.scores, "confidences");
  note(holds.polygons, n.polygons, "outlines");
  note(holds.run_lengths, n.run_lengths, "masks");
  if (!holds.crowds && n.crowds > 0) {
    dropped.push_back(
        {ProblemKind::kDropped, Severity::kNote, "", 0,
         format + " cannot hold crowds, and they are no single objects: " + std::to_string(n.crowds) + " left out"});
  }
  note(holds.difficult, n.difficult, "marks of difficult objects");
  note(holds.truncated, n.truncated, "marks of truncated objects");
  note(holds.occluded, n.occluded, "marks of occluded objects");
  note(holds.attributes, n.attributes, "attributes of objects");
  note(holds.tracks, n.tracks, "identities of tracks");
  const auto& categories = dataset.categories;
  std::uint64_t renumbered = 0;
  for (std::size_t i = 0; i < categories.size(); ++i) renumbered += categories[i].id != static_cast<std::int64_t>(i) ? 1 : 0;
  if (!holds.class_numbers && renumbered > 0) {
    dropped.push_back({ProblemKind::kDropped, Severity::kNote, "", 0,
                       format + " has class numbers of its own: " + std::to_string(renumbered) +
                           (renumbered == 1 ? " class" : " classes") + " got another number"});
  }
  note(holds.supercategories, count_if(categories, [](const Category& c) { return !c.supercategory.empty(); }),
       "supercategories");
  std::uint64_t numbered = 0;
  for (std::size_t i = 0; i < dataset.images.size(); ++i)
    numbered += dataset.images[i].id != static_cast<std::int64_t>(i) + 1 ? 1 : 0;
  note(holds.image_numbers, numbered, "numbers of images");
  note(holds.splits, count_if(dataset.images, [](const ImageEntry& i) { return i.split != Split::kNone; }), "splits");
  note(holds.unlabelled, count_if(dataset.images, [](const ImageEntry& i) { return !i.labelled; }),
       "that an image was never labelled");
  note(holds.gaps, count_if(dataset.images, [](const ImageEntry& i) { return i.gaps >= 0; }),
       "what labels leave open (ignore/, partial.txt), so that it would be learned as background");
  note(holds.class_mapping, dataset.class_mapping.size(), "the mapping of classes");
  note(holds.image_attributes, count_if(dataset.images, [](const ImageEntry& i) { return i.attributes >= 0; }),
       "attributes of images");
  note(holds.about, dataset.about.size(), "what the set says of itself");
  note(holds.class_colors, count_if(categories, [](const Category& c) { return !c.color.empty(); }), "colours of classes");
  note(holds.attribute_rules, count_if(categories, [](const Category& c) { return !c.attribute_rules.empty(); }),
       "which attributes a class may have");
  return dropped;
}

}  // namespace goshawk::dataset
