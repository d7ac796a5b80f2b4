// What the labels of an image leave open: regions that nobody judged, classes that were not labelled, and objects that are
// not to be scored.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "goshawk/dataset/dataset.h"

namespace goshawk::dataset {

/// Reads two files that may stand beside YOLO labels (docs/training.md): `ignore/.../NAME.txt` for `labels/.../NAME.txt`, a
/// region a line, "cx cy w h" in fractions of the image; and `partial.txt` in the root: image ("train/a.jpg", as under
/// images/), a tab, and the classes that are labelled in full ("-": none), between blanks, or between tabs where a name has
/// blanks. SHAPE: one for each image, empty where neither file names it. Throws Error{kBadData} with file and line. Lines of
/// images that are neither in the data set nor below its folder, as a trimmed set has them, are passed over: `notes`, where
/// given, gets a sentence about them.
std::vector<LabelGaps> read_label_gaps(const Dataset& dataset, std::vector<std::string>* notes = nullptr);

/// Reads the same into Dataset::gaps, which go with their images into a set that is written. Throws as `read_label_gaps`.
void load_label_gaps(Dataset& dataset, std::vector<std::string>* notes = nullptr);

/// Gives the classes of Dataset::gaps their places in another list; -1: the class is gone.
void move_gap_classes(Dataset& dataset, const std::function<std::int64_t(std::uint32_t)>& place_of);

/// Writes the gaps down as crowds, so that an evaluation counts a detection there neither way: a region for every class, and
/// the whole image for each class that is not labelled.
void add_gaps_as_crowds(Dataset& dataset, std::span<const LabelGaps> gaps);

/// Whether `object` is a line of MOT's ground truth that is not considered (its 7th column is 0).
bool is_not_considered(const Dataset& dataset, const Annotation& object);
/// Whether an evaluation passes over `object`: it is not considered, or difficult, which the development kit of VOC excuses.
bool is_not_to_be_scored(const Dataset& dataset, const Annotation& object);

/// Writes the labels that are not to be scored down as crowds, as above; returns how many.
std::size_t make_unscored_crowds(Dataset& dataset);
/// What to tell of `count` of them.
std::string unscored_note(std::size_t count);

}  // namespace goshawk::dataset
