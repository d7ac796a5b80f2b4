// A model over the images of a data set, as `eval` and `data label` run it.
#pragma once

#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "apps/goshawk/command.h"
#include "goshawk/dataset/dataset.h"
#include "goshawk/detect/detector.h"
#include "goshawk/pipeline/detect_run.h"

namespace goshawk::cli {

/// The flag --map.
Option map_flag();
/// --split for commands that measure accuracy.
Option split_flag();
/// --map for a model's classes, "truck=van,dog=": what they are called in the data set; an empty name drops one.
std::map<std::string, std::string> renamed_classes(const Invocation& call);

/// Detects on the images of `set` whose places are in `images`, in that order, with a progress bar called `title`.
/// `on_image` gets each image's place in Dataset::images. Throws what opening and running throw.
pipeline::DetectRun detect_on_set(const Invocation& call, const dataset::Dataset& set, std::span<const std::size_t> images,
                                  detect::Detector& detector, const std::string& title,
                                  const std::function<void(std::size_t image, pipeline::DetectedFrame found)>& on_image);

}  // namespace goshawk::cli
