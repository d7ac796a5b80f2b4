// Renaming, merging, dropping and renumbering the classes of a data set.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "goshawk/dataset/dataset.h"

namespace goshawk::dataset {

/// Parses "van=car,bg=,person=0": pairs of a class and what becomes of it. A name: renamed, or joined with the class that
/// has it; a number: that number from now on; nothing: dropped with its objects. A word alone (coco80, coco91) is an id
/// space. Throws Error{kUsage} for an empty class or one that is named twice.
ClassMapping parse_class_mapping(std::string_view text);

/// Applies it. Classes that it does not name stay. A class may be named by its number where none has that name. Numbers
/// 0, 1, 2, ... are so again when classes are gone; others stay.
/// With a number, gaps below the greatest one are filled with unused classes ("class_3"), so that a class's place is its
/// number, as YOLO needs it. {coco80}: COCO's 80 names with numbers 0 to 79 in all; {coco91}: with those of COCO's files, 1
/// to 90. Classes are found there by name (also tv, tvmonitor and the like; case does not matter); one that is not there is
/// an error until it is renamed or dropped. Dataset::class_mapping then says what was done, together with what it said
/// before.
/// Throws Error{kUsage}: a class that is not there, a number that two classes would have.
void map_classes(Dataset& dataset, const ClassMapping& mapping);

/// COCO's 80 categories, by place; `id`: their numbers in COCO's files (1 to 90).
const std::vector<Category>& coco_categories();

}  // namespace goshawk::dataset
