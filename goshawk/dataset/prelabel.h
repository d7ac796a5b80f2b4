// Labels that a model proposes, put beside those of people.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "goshawk/core/detection.h"
#include "goshawk/dataset/dataset.h"

namespace goshawk::dataset {

/// What a detector says of one image of a data set.
struct ImagePredictions {
  std::size_t image = 0;       // index into Dataset::images; once at most
  double width = 0;            // of the picture that was given to the detector, pixels, > 0
  double height = 0;           //
  Detections detections = {};  // class_id: of the model
};

struct PrelabelOptions {
  std::vector<int> to_category;    // [model classes] index of the data set's class, -1: left out
  std::vector<float> least_score;  // [model classes] detections below are left out; empty: none is
  double same_object = 0.5;        // IoU from which two boxes are one object, in (0, 1]
};

/// What `add_predictions` did.
struct Prelabelled {
  std::vector<std::uint64_t> added;   // [categories]
  std::uint64_t images_with_new = 0;  // on which something was added
  std::uint64_t known = 0;            // detections of objects that the data set has already
};

/// True when a person has said what is on the image: it has objects, or a label file of its own, which may be empty. (An
/// image without objects in one file for all, as COCO's, says nothing.) SHAPE: one for each image.
std::vector<char> labelled_images(const Dataset& dataset);

/// Takes out the objects of images on which all carry a confidence: a model labelled them, and nobody has added to it. Such
/// an image counts as never labelled then. Returns how many images there were.
std::uint64_t take_out_predictions(Dataset& dataset);

/// Adds detections as annotations with a score, in the pixels of their image; an image whose size is not known gets
/// fractions, as its other annotations have. Left out: what is the same object as an annotation of any class that the image
/// has already (IoU; for a crowd the part of the detection that lies within it, as COCO counts it), and the less sure one of
/// two boxes of different model classes that are one class here.
Prelabelled add_predictions(Dataset& dataset, std::span<const ImagePredictions> predictions, const PrelabelOptions& options);

}  // namespace goshawk::dataset
