// From a labelled data set to what a training takes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "goshawk/dataset/dataset.h"
#include "goshawk/train/image_store.h"

namespace goshawk::train {

/// The two parts of a data set that training sees, and the classes by number.
struct TrainingSet {
  std::vector<std::string> classes;
  std::vector<TrainingImage> train, val;
  dataset::Dataset truth;               // of `val`, in its order: what detections are held against. Crowds stand for ignored
                                        // regions, and for whole images where a class is not labelled
  std::string fingerprint;              // SHA-256 over names, sizes and labels of both parts
  std::vector<std::string> notes;       // what the user should know, a sentence each
  std::vector<std::string> unreadable;  // pictures left out because their size cannot be read: "path: reason"
};

/// Splits `data`: images of split train learn, those of val (else test) judge. Where there is no such split the images that
/// learn judge too, with a note; in a set without splits that is all of them. Crowds become ignored regions, and so do lines
/// of MOT that are not considered, and difficult objects (VOC) of the images that judge. Beside YOLO labels two files are
/// read where they exist (docs/training.md): `ignore/.../NAME.txt` for `labels/.../NAME.txt`, with regions that count
/// neither way (cx cy w h in fractions, a line each), and `partial.txt` in the root: the classes that are labelled in full,
/// by image. Throws Error{kBadData} where nothing is labelled, where the sizes of too many (too_many_unreadable) pictures
/// of a part cannot be read, and for a bad line of these two files.
TrainingSet make_training_set(const dataset::Dataset& data);

}  // namespace goshawk::train
