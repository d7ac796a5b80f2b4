#include "goshawk/media/image_source.h"

#include <glob.h>

#include <algorithm>
#include <utility>

#include "goshawk/core/error.h"
#include "goshawk/media/image.h"

namespace goshawk::media {
namespace {

namespace fs = std::filesystem;

class ImageSource final : public Source {
 public:
  ImageSource(std::string name, std::vector<fs::path> paths, const SourceOptions& options, const std::stop_token& stop)
      : paths_(std::move(paths)), options_(options) {
    const auto all = static_cast<std::int64_t>(paths_.size());
    info_.name = std::move(name);
    info_.images = true;
    info_.frames = std::min(all, options.max_frames.value_or(all));
    info_.codec = "images";
    info_.pixel_format = "bgr24";
    read_first(stop);
  }

  const SourceInfo& info() const override { return info_; }

  std::optional<Frame> read(std::stop_token stop) override {
    if (stop.stop_requested() || given_ >= *info_.frames) return std::nullopt;
    const auto index = static_cast<std::size_t>(given_++);
    if (index < damaged_.size()) throw Error(damaged_[index]);
    Frame frame;
    frame.index = static_cast<std::int64_t>(index);
    frame.name = paths_[index].filename().string();
    frame.path = paths_[index].string();
    frame.image = !first_.empty() ? std::exchange(first_, {}) : load(paths_[index]);
    return frame;
  }

 private:
  cv::Mat load(const fs::path& path) const { return read_image(path, options_.limits.max_pixels); }

  void read_first(const std::stop_token& stop) {
    const auto wanted = static_cast<std::size_t>(std::max<std::int64_t>(1, *info_.frames));
    while (first_.empty() && damaged_.size() < wanted && !stop.stop_requested()) {
      try {
        first_ = load(paths_[damaged_.size()]);
        info_.width = first_.cols;
        info_.height = first_.rows;
      } catch (const Error& error) {
        if (paths_.size() == 1) throw;
        damaged_.push_back(error);
      }
    }
  }

  std::vector<fs::path> paths_;
  SourceOptions options_;
  SourceInfo info_;
  std::vector<Error> damaged_;  // of the images before the first that can be read
  cv::Mat first_;               // that one, until it is given
  std::int64_t given_ = 0;
};

void sort_by_name(std::vector<fs::path>& paths) {
  std::sort(paths.begin(), paths.end(), [](const fs::path& a, const fs::path& b) {
    return a.filename() != b.filename() ? a.filename() < b.filename() : a < b;
  });
}

}  // namespace

std::unique_ptr<Source> open_images(std::string name, std::vector<fs::path> paths, const SourceOptions& options,
                                    const std::stop_token& stop) {
  if (options.start || options.end) {
    throw Error(ErrorCode::kUsage, "images have no times: start and end are for video", name, "use --max-frames or --every");
  }
  return std::make_unique<ImageSource>(std::move(name), std::move(paths), options, stop);
}

std::vector<fs::path> images_in_folder(const fs::path& folder) {
  std::vector<fs::path> found;
  std::error_code problem;
  for (fs::directory_iterator entry(folder, problem), end; !problem && entry != end; entry.increment(problem)) {
    std::error_code ignored;
    if (has_image_extension(entry->path()) && entry->is_regular_file(ignored)) found.push_back(entry->path());
  }
  if (problem) throw Error(ErrorCode::kNotFound, "the folder cannot be read: " + problem.message(), folder.string());
  if (found.empty()) {
    throw Error(ErrorCode::kNotFound, "there is no image in the folder", folder.string(),
                "images end in .jpg, .jpeg, .png, .webp, .bmp, .tif or .tiff; give a video by its own name");
  }
  sort_by_name(found);
  return found;
}

std::vector<fs::path> images_of_glob(const std::string& pattern) {
  glob_t matches{};
  std::vector<fs::path> found;
  if (::glob(pattern.c_str(), GLOB_NOSORT, nullptr, &matches) == 0) {
    for (std::size_t i = 0; i < matches.gl_pathc; ++i) {
      if (has_image_extension(matches.gl_pathv[i])) found.emplace_back(matches.gl_pathv[i]);
    }
  }
  ::globfree(&matches);
  if (found.empty()) throw Error(ErrorCode::kNotFound, "the pattern matches no image", pattern);
  sort_by_name(found);
  return found;
}

}  // namespace goshawk::media
