// frames.json beside the images of a written set.
#pragma once

#include <span>
#include <string>

#include "goshawk/dataset/dataset.h"
#include "goshawk/dataset/folder_writer.h"

namespace goshawk::dataset {

/// Gives each folder that images were placed in (images[i] of the set as `names[i]`) a frames.json with what the frames.json
/// beside the images of `dataset` says of them, under their new names, so that sources and times are not lost. Images that
/// are not there, and those that have changed since, are left out. Throws Error{kIo}, {kInterrupted}.
void carry_frame_lists(FolderWriter& writer, const Dataset& dataset, std::span<const std::string> names,
                       std::stop_token stop);

}  // namespace goshawk::dataset
