// Data sets in the MOT Challenge's layout.
#pragma once

#include <filesystem>
#include <vector>

#include "goshawk/dataset/dataset.h"
#include "goshawk/dataset/formats.h"

namespace goshawk::dataset {

/// Reads a sequence (seqinfo.ini, gt/gt.txt or det/det.txt, gt/labels.txt as CVAT writes it), a folder of sequences, or one
/// text file. Coordinates, which begin at 1 there, begin at 0 in the data set. Attributes: "visibility", "considered" (0: a
/// line of the ground truth that does not count), "confidence" (of detections, beyond [0, 1]; -1: not stated).
/// Throws Error{kNotFound} where nothing is found, {kBadData} for a wrong seqinfo.ini, {kInterrupted}.
ReadResult read_mot(const std::filesystem::path& path, const ReadLimits& limits = {});

/// Writes SEQ/seqinfo.ini, SEQ/gt/gt.txt (det/det.txt where nothing has an identity, but all a score or the
/// attribute "confidence") and SEQ/img1/NNNNNN.jpg. Images of no sequence become the frames of one sequence in their order;
/// objects without identity get one of their own. Classes keep their numbers where they are the Challenge's own, else they
/// are numbered from 1, by name in gt/labels.txt.
std::vector<Problem> write_mot(const Dataset& dataset, const std::filesystem::path& folder,
                               const WriteOptions& options = {});

}  // namespace goshawk::dataset
