#include "goshawk/media/libav_log.h"

extern "C" {
#include <libavutil/log.h>
}

#include <array>
#include <cstdarg>
#include <cstdio>
#include <mutex>
#include <sstream>

#include "goshawk/core/error.h"

namespace goshawk::media {
namespace {

thread_local std::array<char, 512> last_message{};

void keep_error(void*, int level, const char* format, va_list arguments) {
  if (level > AV_LOG_ERROR) return;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"  // the format is libav's
  std::vsnprintf(last_message.data(), last_message.size(), format, arguments);
#pragma GCC diagnostic pop
}

}  // namespace

void silence_libav() {
  static std::once_flag installed;
  std::call_once(installed, [] { av_log_set_callback(&keep_error); });
}

std::string last_libav_message() {
  std::istringstream words(last_message.data());
  std::string line;
  for (std::string word; words >> word;) line += (line.empty() ? "" : " ") + without_secrets(word);
  return line;
}

void forget_libav_message() { last_message[0] = '\0'; }

}  // namespace goshawk::media
