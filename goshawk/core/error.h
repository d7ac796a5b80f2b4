// The one exception type that crosses goshawk's interfaces.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

namespace goshawk {

/// Closed table of error codes; each has a one-line meaning and a process exit code (sysexits(3) numbers).
enum class ErrorCode {
  kUsage,        // the command line does not make sense                       64
  kBadData,      // a file's content is damaged, hostile or not what it claims 65
  kNotFound,     // an input does not exist or cannot be opened                66
  kUnavailable,  // a device, codec or service is not there or does not answer 69
  kInternal,     // a defect of goshawk or of a library under it               70
  kIo,           // reading or writing failed (disk full, no permission)       74
  kBadConfig,    // a setting, recipe or zone file is wrong                    78
  kInterrupted,  // the user asked to stop before there was a result          130
};

/// Name as it appears in logs and JSON, for instance "bad_data".
std::string_view name(ErrorCode code);
/// Exit code of a process that ends with this error.
int exit_code(ErrorCode code);

/// A failure that the outside world caused. `what()` is the message alone; `describe` joins all parts.
/// Thread rule: immutable after construction.
class Error : public std::runtime_error {
 public:
  /// `where`: file and line, field path, or URL without secrets. `hint`: what the user can do. Both may be empty.
  Error(ErrorCode code, const std::string& message, std::string where = {}, std::string hint = {});

  ErrorCode code() const { return code_; }
  const std::string& where() const { return where_; }
  const std::string& hint() const { return hint_; }
  /// "message (where)\n  hint", as the command line prints it.
  std::string describe() const;

 private:
  ErrorCode code_;
  std::string where_;
  std::string hint_;
};

/// Aborts with a message when a programmer's assumption does not hold; for defects, never for input.
void require(bool condition, std::string_view message);

/// `url` with user, password and query values replaced by `***`, for messages and logs. Other text is returned as it is.
std::string without_secrets(std::string_view url);

}  // namespace goshawk
