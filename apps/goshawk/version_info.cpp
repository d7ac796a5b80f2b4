#include "apps/goshawk/version.h"

namespace goshawk::cli {

const char* const kVersion = GOSHAWK_VERSION;
const char* const kRevision = GOSHAWK_REVISION;
const char* const kCompiler = GOSHAWK_COMPILER;
const char* const kBuildType = GOSHAWK_BUILD_TYPE;

std::vector<std::pair<std::string, std::string>> library_versions() {
  return {{"onnxruntime", GOSHAWK_ORT_VERSION}, {"libavcodec", GOSHAWK_LIBAV_VERSION}, {"opencv", GOSHAWK_OPENCV_VERSION}};
}

}  // namespace goshawk::cli
