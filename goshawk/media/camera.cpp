#include "goshawk/media/camera.h"

extern "C" {
#include <libavdevice/version_major.h>
#include <libavformat/avformat.h>
}

#include <dlfcn.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <mutex>

#include "goshawk/core/error.h"

namespace goshawk::media {
namespace {

namespace fs = std::filesystem;

/// Registers libavdevice's readers with libavformat, once for the process (libav keeps that list).
void register_devices() {
  static std::once_flag registered;
  std::call_once(registered, [] {
    const std::string name = "libavdevice.so." + std::to_string(LIBAVDEVICE_VERSION_MAJOR);
    void* library = ::dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL);  // stays loaded: libavformat points into it
    if (library == nullptr) return;
    if (void* symbol = ::dlsym(library, "avdevice_register_all")) reinterpret_cast<void (*)()>(symbol)();
  });
}

}  // namespace

const AVInputFormat* camera_input_format() {
  register_devices();
  const AVInputFormat* format = av_find_input_format("v4l2");
  if (format == nullptr) {
    throw Error(ErrorCode::kUnavailable, "cameras cannot be read: libavdevice with Video4Linux is missing", {},
                "install libavdevice59");
  }
  return format;
}

std::vector<std::string> camera_devices() {
  std::vector<std::string> found;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator("/dev", ignored)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with("video") && name.size() > 5 && name.find_first_not_of("0123456789", 5) == std::string::npos) {
      found.push_back(entry.path().string());
    }
  }
  const auto by_number = [](const std::string& a, const std::string& b) {
    return a.size() != b.size() ? a.size() < b.size() : a < b;
  };
  std::sort(found.begin(), found.end(), by_number);
  return found;
}

void require_camera(const std::string& device) {
  struct stat status {};
  if (::stat(device.c_str(), &status) == 0 && S_ISCHR(status.st_mode)) {
    if (::access(device.c_str(), R_OK) == 0) return;
    throw Error(ErrorCode::kUnavailable, std::string("the camera cannot be opened: ") + std::strerror(errno), device,
                "is your user in the group `video`?");
  }
  std::string hint = "no camera is connected";
  const auto devices = camera_devices();
  if (!devices.empty()) {
    hint = "connected:";
    for (const auto& other : devices) hint += " " + other;
  }
  throw Error(ErrorCode::kUnavailable, "there is no such camera", device, hint);
}

}  // namespace goshawk::media
