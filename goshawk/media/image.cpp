#include "goshawk/media/image.h"

#include <turbojpeg.h>

#include <memory>

#include "goshawk/core/error.h"
#include "goshawk/core/files.h"

namespace goshawk::media {

void write_image(const std::filesystem::path& path, const cv::Mat& image, int quality) {
  const std::unique_ptr<void, decltype(&tjDestroy)> encoder(tjInitCompress(), &tjDestroy);
  unsigned char* bytes = nullptr;
  unsigned long size = 0;
  const int status = tjCompress2(encoder.get(), image.data, image.cols, static_cast<int>(image.step), image.rows, TJPF_BGR, &bytes,
                                 &size, TJSAMP_420, quality, 0);
  const std::unique_ptr<unsigned char, decltype(&tjFree)> owner(bytes, &tjFree);
  if (status != 0) throw Error(ErrorCode::kInternal, "cannot encode the JPEG", path.string());
  write_file_atomically(path, {reinterpret_cast<const char*>(bytes), size});
}

}  // namespace goshawk::media
