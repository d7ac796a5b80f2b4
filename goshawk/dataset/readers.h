// The functions behind `read_dataset` and `write_dataset`, one pair a format. A format has its own files; its row in the
// table of formats.cpp names them.
#pragma once

#include <filesystem>
#include <vector>

#include "goshawk/dataset/dataset.h"
#include "goshawk/dataset/formats.h"

namespace goshawk::dataset {

// ReadResult read_X(const std::filesystem::path& path, const ReadLimits& limits = {});
//   Leaves image sizes at 0 where the labels do not say them: `read_dataset` fills them in from the images.
// std::vector<Problem> write_X(const Dataset& dataset, const std::filesystem::path& folder, const WriteOptions& options =
// {});
//   Writes into `folder`, which is there, empty and of a temporary name, with a FolderWriter. Sizes of the images are known
//   unless their files are missing (then the image's rectangles are fractions).

ReadResult read_yolo(const std::filesystem::path& path, const ReadLimits& limits = {});
std::vector<Problem> write_yolo(const Dataset& dataset, const std::filesystem::path& folder,
                                const WriteOptions& options = {});

ReadResult read_voc(const std::filesystem::path& path, const ReadLimits& limits = {});
std::vector<Problem> write_voc(const Dataset& dataset, const std::filesystem::path& folder,
                               const WriteOptions& options = {});

ReadResult read_cvat(const std::filesystem::path& path, const ReadLimits& limits = {});
std::vector<Problem> write_cvat(const Dataset& dataset, const std::filesystem::path& folder,
                                const WriteOptions& options = {});

ReadResult read_cvat_yolo(const std::filesystem::path& path, const ReadLimits& limits = {});
std::vector<Problem> write_cvat_yolo(const Dataset& dataset, const std::filesystem::path& folder,
                                     const WriteOptions& options = {});

ReadResult read_labelimg(const std::filesystem::path& path, const ReadLimits& limits = {});
std::vector<Problem> write_labelimg(const Dataset& dataset, const std::filesystem::path& folder,
                                    const WriteOptions& options = {});

}  // namespace goshawk::dataset
