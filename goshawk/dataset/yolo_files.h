// YOLO text beside images with a plain list of class names, as Darknet, CVAT and LabelImg have it.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "goshawk/dataset/dataset.h"
#include "goshawk/dataset/problems.h"
#include "goshawk/dataset/yolo_text.h"

namespace goshawk::dataset {

/// "/x/images/train/a.jpg" -> "/x/labels/train/a.txt": the last folder called images; without one, labels lie beside.
/// Source: Ultralytics 8.4.
std::string yolo_labels_of(std::string_view image);

/// Lines of a text file of at most 256 MiB, without ends of lines, a byte order mark and empty lines at the end.
std::vector<std::string> lines_of(const std::filesystem::path& file);

/// obj.names or classes.txt: a name a line; an empty line is a class of no name ("class3").
std::vector<Category> read_class_names(const std::filesystem::path& file);

/// Reads ImageEntry::labels of the images that have one and adds their objects, in fractions, on all cores. Images whose
/// label file does not exist become unlabelled; files that cannot be read (kBadLine) or are too large (kTooMany) are listed.
/// `keypoint_columns`: as for `parse_yolo_text`; how many objects had some is listed (kDropped). Throws Error{kInterrupted}.
void read_yolo_labels(Dataset& dataset, const YoloClasses& classes, const ReadLimits& limits, ProblemList& problems,
                      std::size_t keypoint_columns = 0);

/// The label file's text for annotations [begin, end) of one image: boxes alone, as `held_box` has them, without
/// crowds.
std::string yolo_boxes(const Dataset& dataset, const ImageEntry& image, std::size_t begin, std::size_t end);

}  // namespace goshawk::dataset
