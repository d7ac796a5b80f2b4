// What lets the OpenVINO plug-in run under AddressSanitizer, in this program only (see provider_openvino.cpp; CMakeLists.txt
// makes the plug-in's own oneTBB come before Debian's).
#if defined(__SANITIZE_ADDRESS__)

#include <cstdlib>

namespace {
[[maybe_unused]] const int kAllowOpenVino = ::setenv("TBB_ENABLE_SANITIZERS", "1", 1);
}  // namespace

#endif
