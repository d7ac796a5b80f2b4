// What lets the OpenVINO plug-in run under AddressSanitizer, in this program only (see provider_openvino.cpp; CMakeLists.txt
// makes the plug-in's own oneTBB come before Debian's).
#if defined(__SANITIZE_ADDRESS__)

#include <cstdlib>

namespace {
const int kAllowOpenVino = ::setenv("TBB_ENABLE_SANITIZERS", "1", 1);
}  // namespace

/// Threads of OpenVINO that are still there when the process ends.
extern "C" __attribute__((visibility("default"))) const char* __lsan_default_suppressions() {
  static_cast<void>(kAllowOpenVino);
  return "leak:libtbb\nleak:libopenvino\nleak:libhwloc\n";
}

/// Without the line that says what was suppressed.
extern "C" __attribute__((visibility("default"))) const char* __lsan_default_options() { return "print_suppressions=0"; }

#endif
