// What a YOLO data set's data.yaml (or its folders) says: class names and where the images lie.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "goshawk/dataset/dataset.h"
#include "goshawk/dataset/problems.h"

namespace goshawk::dataset {

struct YoloConfig {
  std::filesystem::path root;        // absolute; "path" of the file
  std::filesystem::path file;        // data.yaml; empty: folders without one
  std::vector<Category> categories;  // by class number
  bool named = false;                // false: nothing says the names; numbers in the labels make the classes
  ClassMapping class_mapping;
  std::size_t keypoint_columns = 0;  // numbers behind each box: those of "kpt_shape: [17, 3]" are 51; 0: no set of poses
  struct Part {
    Split split = Split::kNone;
    std::vector<std::filesystem::path> places;  // absolute: folders, lists (.txt), images
  };
  std::vector<Part> parts;
};

/// `path`: data.yaml, or a folder with data.yaml, dataset.yaml or one other .yaml in it, or with images/ and labels/.
/// Rules for paths, as Ultralytics 8.4 has them: "path" is absolute or relative to the file (where that is no folder, to the
/// current one); train, val (or validation) and test are text or lists of text below "path"; "../x" that is not there is
/// tried as "x". A place that is not there is listed. Names are a list, or a map from number to name; without names, nc
/// counts them. Throws Error{kNotFound, kBadConfig, kBadData}.
YoloConfig read_yolo_config(const std::filesystem::path& path, ProblemList& problems);

}  // namespace goshawk::dataset
