// What a training leaves in its folder for looking at, by the file names that users of Ultralytics know.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "goshawk/train/loader.h"
#include "goshawk/train/validation.h"

namespace goshawk::train {

/// The pictures of a batch in a grid with their boxes. At most 16 of them.
void write_batch_picture(const std::filesystem::path& path, const Batch& batch, const std::vector<std::string>& classes);

/// val_batch0_labels.jpg and val_batch0_pred.jpg and so on, of the first three batches: what is there, and what was found
/// with a score of 0.25 or more. `found`: an entry an image of the val split.
void write_validation_pictures(const std::filesystem::path& folder, ValidationImages& images,
                               std::span<const Detections> found, const std::vector<std::string>& classes);

/// labels.jpg: objects a class, where their centres lie, how large they are, and their boxes laid over one another.
void write_label_picture(const std::filesystem::path& path, const std::vector<TrainingImage>& images,
                         const std::vector<std::string>& classes);

/// The plots of `goshawk eval`: BoxPR_curve.png, BoxF1_curve.png, BoxP_curve.png, BoxR_curve.png, confusion_matrix.png,
/// confusion_matrix_normalized.png. `found`: an entry an image of `truth`.
void write_judgement(const std::filesystem::path& folder, const dataset::Dataset& truth, std::span<const Detections> found);

/// PNG pictures of one size side by side, `columns` in a row, as one PNG or JPEG file.
void write_tiles(const std::filesystem::path& path, const std::vector<std::string>& pngs, int columns);

}  // namespace goshawk::train
