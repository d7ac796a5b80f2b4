// What a data set holds that a format does not.
#pragma once

#include <string>
#include <vector>

#include "goshawk/dataset/dataset.h"

namespace goshawk::dataset {

/// What a format can hold of an object or image, apart from file, class and box.
struct Holds {
  bool scores = false;
  bool polygons = false;  // one or more for an object
  bool run_lengths = false;
  bool crowds = false;  // a writer without a mark for them leaves such regions out: they are no single objects
  bool difficult = false, truncated = false, occluded = false;
  bool attributes = false;
  bool tracks = false;
  bool class_numbers = false;  // any Category::id
  bool supercategories = false;
  bool image_numbers = false;  // ImageEntry::id
  bool splits = false;
  bool unlabelled = false;  // tells an image without labels from one on which there is nothing
  bool class_mapping = false;
  bool gaps = false;              // LabelGaps
  bool image_attributes = false;  // licence and origin of an image among them
  bool about = false;             // Dataset::about
  bool class_colors = false;
  bool attribute_rules = false;  // what attributes a class may have
};

/// One note (ProblemKind::kDropped) for each kind of field that `dataset` uses and the format cannot hold, with its count.
/// `format`: its name, for the messages.
std::vector<Problem> dropped_fields(const Dataset& dataset, const Holds& holds, const std::string& format);

}  // namespace goshawk::dataset
