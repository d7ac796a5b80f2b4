#include "apps/goshawk/detect_on_set.h"

#include <filesystem>
#include <optional>
#include <utility>

#include "apps/goshawk/options.h"
#include "apps/goshawk/progress_bar.h"
#include "goshawk/dataset/class_map.h"
#include "goshawk/media/image_source.h"

namespace goshawk::cli {

Option split_flag() {
  return {"split", "SPLIT", "train, val or test of the data; else val, else test, else all", {"train", "val", "test"}};
}

Option map_flag() { return {"map", "A=B,...", "names of the model's classes in the data set; A= leaves a class out"}; }

std::map<std::string, std::string> renamed_classes(const Invocation& call) {
  std::map<std::string, std::string> renamed;
  const auto map = call.options.find("map");
  if (map == call.options.end()) return renamed;
  for (const auto& [from, to] : dataset::parse_class_mapping(map->second)) renamed[from] = to;
  return renamed;
}

pipeline::DetectRun detect_on_set(const Invocation& call, const dataset::Dataset& set, std::span<const std::size_t> images,
                                  detect::Detector& detector, const std::string& title,
                                  const std::function<void(std::size_t image, pipeline::DetectedFrame found)>& on_image) {
  std::vector<std::filesystem::path> files;
  for (const std::size_t image : images) files.push_back(set.path_of(set.images[image]));
  const auto source = media::open_images(set.root.string(), std::move(files), {});
  ProgressBar progress(call, title, images.size(), "images");
  auto run = pipeline::detect_images(*source, detector, batch_size(call.config, detector), call.stop,
                                     [&](pipeline::DetectedFrame found) {
                                       const std::int64_t number = found.frame.index;
                                       on_image(images[static_cast<std::size_t>(number)], std::move(found));
                                       progress.update(number + 1);
                                       return true;
                                     });
  progress.finish();
  return run;
}

}  // namespace goshawk::cli
