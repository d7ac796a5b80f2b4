// Pictures of what a model got wrong.
#pragma once

#include <filesystem>
#include <opencv2/core/mat.hpp>
#include <span>
#include <string>

#include "goshawk/core/detection.h"
#include "goshawk/dataset/dataset.h"
#include "goshawk/evaluate/errors.h"

namespace goshawk::cli {

/// One image of the data set with the mistakes of one kind: detections in red, the objects they are about or that were
/// missed in orange, all other objects thin and green; at most `width` pixels wide. `objects`: the image's, of
/// evaluate::true_objects. Empty where the image cannot be read.
cv::Mat mistake_picture(const dataset::Dataset& truth, std::size_t image, std::span<const evaluate::TrueObject> objects,
                        const Detections& detections, evaluate::ErrorKind kind, float confidence, int width);

/// What is written at a mistake: "bus 0.64", "bus 0.64, is truck" where the class is wrong, "truck" where it was missed.
std::string mistake_label(const dataset::Dataset& truth, std::span<const evaluate::TrueObject> objects,
                          const Detections& detections, const evaluate::DetectionError& error);

}  // namespace goshawk::cli
