#include "goshawk/dataset/image_size.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <vector>

#include "goshawk/core/descriptor.h"
#include "goshawk/core/error.h"
#include "goshawk/core/image_header.h"
#include "goshawk/core/parallel.h"

namespace goshawk::dataset {
namespace {

/// Keeps one window of the file, so that a header costs one read.
class FileBytes : public ByteSource {
 public:
  explicit FileBytes(int fd) : fd_(fd) {}
  bool read(std::uint64_t offset, void* out, std::size_t size) override {
    if (offset < start_ || offset - start_ > length_ || size > length_ - (offset - start_)) {
      if (offset > kFurthest) return false;
      const ssize_t n = ::pread(fd_, window_.data(), window_.size(), static_cast<off_t>(offset));
      start_ = offset;
      length_ = n > 0 ? static_cast<std::uint64_t>(n) : 0;
      if (size > length_) return false;
    }
    std::memcpy(out, window_.data() + (offset - start_), size);
    return true;
  }

 private:
  static constexpr std::uint64_t kFurthest = 1ULL << 40;
  int fd_;
  std::array<char, 4096> window_;
  std::uint64_t start_ = 0, length_ = 0;
};

std::optional<ImageSize> checked(std::optional<std::uint32_t> width, std::optional<std::uint32_t> height) {
  if (!width || !height || *width == 0 || *height == 0) return std::nullopt;
  return ImageSize{*width, *height, false};
}

bool is_sideways(int orientation) { return orientation >= 5 && orientation <= 8; }

std::optional<ImageSize> jpeg_size(ByteSource& bytes) {
  const JpegHeader header = read_jpeg_header(bytes);
  auto size = checked(header.width, header.height);
  if (size) size->sideways = is_sideways(header.orientation);
  return size;
}

std::optional<ImageSize> tiff_size(ByteSource& bytes) {
  constexpr std::uint32_t kWidth = 256, kHeight = 257;
  const auto directory = read_tiff_directory(bytes);
  if (!directory) return std::nullopt;
  auto size = checked(directory->value(kWidth), directory->value(kHeight));
  if (size) size->sideways = is_sideways(directory->orientation());
  return size;
}

std::optional<ImageSize> bmp_size(ByteSource& bytes) {
  const auto header = bytes.number(14, 4, false);
  if (!header) return std::nullopt;
  if (*header == 12) return checked(bytes.number(18, 2, false), bytes.number(20, 2, false));
  auto height = bytes.number(22, 4, false);
  if (height && *height > 0x7FFFFFFFU) height = 0U - *height;  // rows from the top
  return checked(bytes.number(18, 4, false), height);
}

std::optional<ImageSize> webp_size(ByteSource& bytes) {
  if (bytes.starts_with(12, "VP8 ")) {
    const auto width = bytes.number(26, 2, false), height = bytes.number(28, 2, false);
    if (!width || !height) return std::nullopt;
    return checked(*width & 0x3FFFU, *height & 0x3FFFU);
  }
  if (bytes.starts_with(12, "VP8L")) {
    const auto bits = bytes.number(21, 4, false);
    if (!bits) return std::nullopt;
    return checked((*bits & 0x3FFFU) + 1, (*bits >> 14 & 0x3FFFU) + 1);
  }
  if (!bytes.starts_with(12, "VP8X")) return std::nullopt;
  const auto width = bytes.number(24, 3, false), height = bytes.number(27, 3, false);
  if (!width || !height) return std::nullopt;
  return checked(*width + 1, *height + 1);
}

std::optional<ImageSize> size_of(ByteSource& bytes) {
  if (bytes.starts_with(0, "\xFF\xD8")) return jpeg_size(bytes);
  if (bytes.starts_with(0, "\x89PNG\r\n\x1A\n")) return checked(bytes.number(16, 4, true), bytes.number(20, 4, true));
  if (bytes.starts_with(0, "GIF8")) return checked(bytes.number(6, 2, false), bytes.number(8, 2, false));
  if (bytes.starts_with(0, "BM")) return bmp_size(bytes);
  if (bytes.starts_with(0, "RIFF") && bytes.starts_with(8, "WEBP")) return webp_size(bytes);
  if (bytes.starts_with(0, std::string_view("II*\0", 4)) || bytes.starts_with(0, std::string_view("MM\0*", 4))) {
    return tiff_size(bytes);
  }
  return std::nullopt;
}

void to_pixels(Annotation& annotation, Dataset& dataset, const ImageEntry& image) {
  const double width = image.width, height = image.height;
  Rectangle& r = annotation.rectangle;
  r = {r.x * width, r.y * height, r.width * width, r.height * height};
  annotation.area *= width * height;
  if (annotation.mask < 0) return;
  auto* polygons = std::get_if<Polygons>(&dataset.masks[static_cast<std::size_t>(annotation.mask)]);
  if (polygons == nullptr) return;
  for (auto& polygon : *polygons) {
    for (std::size_t i = 0; i < polygon.size(); ++i) polygon[i] *= i % 2 == 0 ? width : height;
  }
}

}  // namespace

std::optional<ImageSize> image_size(std::string_view file) {
  MemoryBytes bytes(file);
  return size_of(bytes);
}

std::optional<ImageSize> read_image_size(const std::filesystem::path& path, int* error) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  if (error != nullptr) *error = file.is_open() ? 0 : errno;
  if (file.get() < 0) return std::nullopt;
  struct stat status {};
  if (::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode)) return std::nullopt;
  FileBytes bytes(file.get());
  return size_of(bytes);
}

void fill_image_sizes(Dataset& dataset, ProblemList& problems, const std::stop_token& stop, bool in_pixels) {
  std::vector<std::uint32_t> unknown;
  for (std::uint32_t i = 0; i < dataset.images.size(); ++i) {
    if (dataset.images[i].width == 0 || dataset.images[i].height == 0) unknown.push_back(i);
  }
  if (unknown.empty()) return;
  std::vector<int> errors(unknown.size(), 0);
  parallel_blocks(unknown.size(), 64, [&](std::size_t begin, std::size_t end) {
    if (stop.stop_requested()) throw Error(ErrorCode::kInterrupted, "stopped while the images' sizes were read");
    for (std::size_t i = begin; i < end; ++i) {
      ImageEntry& image = dataset.images[unknown[i]];
      const auto size = read_image_size(dataset.path_of(image), &errors[i]);
      image.width = size ? size->shown_width() : 0;
      image.height = size ? size->shown_height() : 0;
    }
  });
  std::vector<char> filled(dataset.images.size(), 0);
  for (std::size_t i = 0; i < unknown.size(); ++i) {
    const ImageEntry& image = dataset.images[unknown[i]];
    if (image.width != 0) filled[unknown[i]] = 1;
    else if (errors[i] == ENOENT || errors[i] == ENOTDIR)
      problems.add(ProblemKind::kMissingImage, Severity::kError, image.file, 0, "there is no such image");
    else problems.add(ProblemKind::kUnreadableImage, Severity::kError, image.file, 0, "the image's size cannot be read");
  }
  if (in_pixels) return;
  for (auto& annotation : dataset.annotations) {
    if (filled[annotation.image] != 0) to_pixels(annotation, dataset, dataset.images[annotation.image]);
  }
}

}  // namespace goshawk::dataset
