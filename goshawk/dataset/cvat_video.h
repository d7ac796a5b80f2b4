// CVAT for video 1.1: tracks over the frames of a video.
#pragma once

#include <string>

#include "goshawk/dataset/cvat_xml.h"

namespace goshawk::dataset {

/// Reads the <track> elements: each frame that a track is on becomes an object of that frame's image, with the track's
/// number. Boxes between two that are stated are interpolated, as CVAT does; a track ends with its last stated box. Images
/// are images/frame_000000.png and so on, of the sequence named as the task.
void read_cvat_tracks(const XmlFile& xml, const std::string& file, const ReadLimits& limits, Dataset& dataset,
                      ProblemList& problems, NotKept& not_kept);

}  // namespace goshawk::dataset
