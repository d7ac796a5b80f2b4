#include "goshawk/media/source_kind.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <string_view>

#include "goshawk/core/error.h"
#include "goshawk/core/text.h"

namespace goshawk::media {
namespace {

namespace fs = std::filesystem;
using namespace std::string_view_literals;

constexpr std::string_view kCameraPrefix = "camera:";

/// What may stand for one of this machine's cameras.
bool is_camera_number(std::string_view text) { return text.size() <= 4 && all_digits(text); }

/// A BMP file starts with "BM", as many texts may; its header's size is one of a few numbers.
bool is_bmp(std::string_view bytes) {
  if (bytes.size() < 18 || !bytes.starts_with("BM")) return false;
  const auto size = static_cast<unsigned char>(bytes[14]);
  return (size == 12 || (size >= 40 && size <= 124)) && bytes.substr(15, 3) == "\0\0\0"sv;
}

}  // namespace

SourceKind kind_of_source(const std::string& spec) {
  if (spec.empty()) throw Error(ErrorCode::kUsage, "the source is empty", {}, "give a file, a folder, camera:0 or a URL");
  if (spec.starts_with(kCameraPrefix)) return camera_device(spec), SourceKind::kCamera;
  if (spec.starts_with("/dev/video")) return SourceKind::kCamera;
  const auto colon = spec.find("://");
  if (colon == std::string::npos || spec.find('/') < colon) return SourceKind::kDisk;
  const std::string scheme = to_lower(std::string_view(spec).substr(0, colon));
  if (scheme == "http" || scheme == "https") return SourceKind::kHttp;
  if (scheme == "rtsp" || scheme == "rtsps") return SourceKind::kRtsp;
  throw Error(ErrorCode::kUsage, "sources cannot come through " + scheme + "://", without_secrets(spec),
              "rtsp://, rtsps://, http:// and https:// can be read; give a file on disk by its path");
}

std::string camera_device(const std::string& spec) {
  if (!spec.starts_with(kCameraPrefix)) return spec;
  const std::string number = spec.substr(kCameraPrefix.size());
  if (!is_camera_number(number))
    throw Error(ErrorCode::kUsage, "a camera is named camera:N with a number", spec, "for instance camera:0");
  return "/dev/video" + number;
}

std::string allowed_protocols(SourceKind kind) {
  switch (kind) {
    case SourceKind::kDisk:
      return "file";
    case SourceKind::kCamera:
      return "file";
    case SourceKind::kHttp:
      return "http,https,httpproxy,tcp,tls,crypto";
    case SourceKind::kRtsp:
      return "rtsp,rtsps,rtp,srtp,udp,tcp,tls";
  }
  return "file";
}

std::string allowed_formats(SourceKind kind) {
  // Absent on purpose: concat, hls, dash, imf, sdp, image2, webm_dash_manifest and others that name further files, and the
  // formats that draw text.
  const std::string containers =
      "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,mpegvideo,flv,live_flv,asf,ogg,h264,hevc,av1,obu,ivf,m4v,mjpeg,"
      "mpjpeg,mxf,nut,gif,dv,yuv4mpegpipe,wtv,rm,vc1,apng";
  switch (kind) {
    case SourceKind::kDisk:
      return containers;
    case SourceKind::kCamera:
      return "video4linux2,v4l2";
    case SourceKind::kHttp:
      return containers + ",hls,aac,mp3,ac3,eac3,webvtt";  // a playlist's renditions that are sound or text
    case SourceKind::kRtsp:
      return "rtsp,mpegts";
  }
  return containers;
}

ImageFormat sniff_image(std::string_view bytes) {
  if (bytes.starts_with("\xFF\xD8\xFF"sv)) return ImageFormat::kJpeg;
  if (bytes.starts_with("\x89PNG\r\n\x1A\n"sv)) return ImageFormat::kPng;
  if (bytes.size() >= 12 && bytes.starts_with("RIFF") && bytes.substr(8, 4) == "WEBP") return ImageFormat::kWebp;
  if (bytes.starts_with("II*\0"sv) || bytes.starts_with("MM\0*"sv)) return ImageFormat::kTiff;
  return is_bmp(bytes) ? ImageFormat::kBmp : ImageFormat::kNone;
}

std::string first_bytes(const fs::path& path) {
  std::error_code problem;
  const auto status = fs::status(path, problem);
  if (!fs::exists(status)) {
    const std::string name = path.string();
    throw Error(ErrorCode::kNotFound, "there is no such file", name,
                is_camera_number(name) ? "the camera of that number is camera:" + name : "");
  }
  if (!fs::is_regular_file(status)) throw Error(ErrorCode::kNotFound, "this is no regular file", path.string());
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  if (!file)
    throw Error(ErrorCode::kNotFound, std::string("the file cannot be opened: ") + std::strerror(errno), path.string());
  std::array<char, 64> bytes{};
  file.read(bytes.data(), bytes.size());
  if (file.gcount() == 0) throw Error(ErrorCode::kBadData, "the file is empty", path.string());
  return {bytes.data(), static_cast<std::size_t>(file.gcount())};
}

}  // namespace goshawk::media
