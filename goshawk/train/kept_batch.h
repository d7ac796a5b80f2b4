// A batch that something went wrong with, for inspection.
#pragma once

#include <filesystem>

#include "goshawk/train/loader.h"

namespace goshawk::train {

/// A safetensors file: `pixels` [N, side, side, 3] uint8 RGB; `boxes` [M, 6] float32, a row of image, class, x1, y1, x2, y2
/// in pixels an object; the metadata `imageI` is the path of each image in `store`. Throws Error{kIo}.
void keep_batch(const std::filesystem::path& path, const Batch& batch, const ImageStore& store);

}  // namespace goshawk::train
