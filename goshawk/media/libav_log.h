// libav's own log, kept off stderr.
#pragma once

#include <string>

namespace goshawk::media {

/// libav has one log callback for the whole process. This installs ours once: nothing is printed, and the last message of
/// level error is kept for the thread on which libav said it (so what decoder threads say is dropped).
void silence_libav();

/// The last error line that libav said on this thread since `forget_libav_message`, one line, without what looks like a
/// URL's secrets; empty when there was none.
std::string last_libav_message();
void forget_libav_message();

}  // namespace goshawk::media
