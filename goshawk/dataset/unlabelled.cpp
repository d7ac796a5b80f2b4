#include "goshawk/dataset/unlabelled.h"

#include <utility>

#include "goshawk/dataset/image_files.h"
#include "goshawk/dataset/image_size.h"
#include "goshawk/dataset/problems.h"

namespace goshawk::dataset {

ReadResult read_unlabelled(const std::filesystem::path& folder, const ReadLimits& limits) {
  ReadResult result;
  Dataset& set = result.dataset;
  set.root = std::filesystem::absolute(folder).lexically_normal();
  set.listed = {set.root};
  for (const std::filesystem::path file : images_below(set.root, limits)) {
    ImageEntry image;
    image.id = static_cast<std::int64_t>(set.images.size()) + 1;
    image.file = file.lexically_relative(set.root).generic_string();
    image.labelled = false;
    set.images.push_back(std::move(image));
  }
  ProblemList problems(limits.problems);
  fill_image_sizes(set, problems, limits.stop);
  problems.move_to(result);
  return result;
}

}  // namespace goshawk::dataset
