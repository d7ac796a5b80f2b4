#include "goshawk/media/source.h"

#include <filesystem>
#include <utility>

#include "goshawk/core/error.h"
#include "goshawk/core/text.h"
#include "goshawk/media/image_source.h"
#include "goshawk/media/source_kind.h"
#include "goshawk/media/video_source.h"

namespace goshawk::media {
namespace {

namespace fs = std::filesystem;

void check_options(const SourceOptions& options) {
  if (options.max_frames && *options.max_frames < 0) throw Error(ErrorCode::kUsage, "max-frames must not be negative");
  if (options.start && options.end && *options.end <= *options.start) {
    throw Error(ErrorCode::kUsage, "the end must come after the start", "--end");
  }
  if (options.timeout.count() <= 0) throw Error(ErrorCode::kUsage, "the timeout must be longer than nothing");
}

/// A file of JPEG pictures one after another begins as one JPEG does; only its name tells.
bool named_as_motion_jpeg(const fs::path& path) {
  const std::string extension = to_lower(path.extension().string());
  return extension == ".mjpeg" || extension == ".mjpg";
}

std::unique_ptr<Source> open_disk(const std::string& spec, const SourceOptions& options, std::stop_token stop) {
  const fs::path path(spec);
  std::error_code ignored;
  if (fs::is_directory(path, ignored)) return open_images(spec, images_in_folder(path), options, stop);
  if (!fs::exists(path, ignored) && spec.find_first_of("*?[") != std::string::npos) {
    return open_images(spec, images_of_glob(spec), options, stop);
  }
  const bool image = sniff_image(first_bytes(path)) != ImageFormat::kNone && !named_as_motion_jpeg(path);
  if (image) return open_images(spec, {path}, options, stop);
  return open_video(spec, SourceKind::kDisk, options, std::move(stop));
}

}  // namespace

std::unique_ptr<Source> open_source(const std::string& spec, const SourceOptions& options, std::stop_token stop) {
  check_options(options);
  const SourceKind kind = kind_of_source(spec);
  if (kind == SourceKind::kDisk) return open_disk(spec, options, std::move(stop));
  return open_video(spec, kind, options, std::move(stop));
}

bool is_url(const std::string& spec) {
  const auto kind = kind_of_source(spec);
  return kind == SourceKind::kHttp || kind == SourceKind::kRtsp;
}

}  // namespace goshawk::media
