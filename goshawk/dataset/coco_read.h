// One instances.json into a Dataset; what `read_coco` and `read_coco_truth` share.
#pragma once

#include <filesystem>
#include <string>

#include "goshawk/dataset/coco.h"
#include "goshawk/dataset/problems.h"

namespace goshawk::dataset {

struct CocoFileOptions {
  bool names = true;  // file names are read, and checked; else ImageEntry::file stays empty
  bool masks = true;
  bool whole_masks = false;  // an object with a bad part in its mask is left out; else the part, or the mask, alone
};

/// Reads `file` into an empty `dataset`; `name` is what problems call it. Images keep the order of the file, and so do
/// annotations.
void read_coco_file(const std::filesystem::path& file, const std::string& name, const CocoFileOptions& options,
                    const ReadLimits& limits, Dataset& dataset, ProblemList& problems);

}  // namespace goshawk::dataset
