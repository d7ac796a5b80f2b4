// Parses, dispatches, and turns errors into messages and exit codes.

#include <fcntl.h>
#include <fmt/format.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <clocale>
#include <cstdio>
#include <cstdlib>
#include <system_error>

#include "apps/goshawk/arguments.h"
#include "apps/goshawk/command.h"
#include "apps/goshawk/help.h"
#include "apps/goshawk/interrupt.h"
#include "apps/goshawk/terminal.h"
#include "goshawk/core/error.h"

namespace goshawk::cli {
namespace {

void set_up_log(const Config& config) {
  auto logger = style_of(stderr).color ? spdlog::stderr_color_mt("goshawk") : spdlog::stderr_logger_mt("goshawk");
  const auto level = spdlog::level::from_str(config.text("log.level"));
  logger->set_level(config.boolean("log.quiet") ? std::max(level, spdlog::level::warn) : level);
  logger->set_pattern(config.text("log.level") == "debug" ? "%H:%M:%S.%e %^%l%$ %v" : "%^%l%$: %v");
  spdlog::set_default_logger(std::move(logger));
}

int show_help(std::vector<std::string> words) {
  std::erase_if(words, [](const std::string& word) { return word.starts_with('-'); });
  if (words.empty()) fmt::print("{}", overview(style_of(stdout)));
  else if (words.size() == 1 && is_family(words[0])) fmt::print("{}", help_of_family(words[0], style_of(stdout)));
  else fmt::print("{}", help_of(*find_command(words).first, style_of(stdout)));
  return 0;
}

Config settings_of(const Command& command, const Arguments& arguments) {
  ConfigInputs inputs;
  if (command.configured) inputs = inputs_of_process();
  else inputs.file = "none";
  if (!arguments.config_file.empty()) inputs.file = arguments.config_file;
  inputs.flags = arguments.settings;
  inputs.defaults = command.defaults;
  return load_config(inputs);
}

int run(std::vector<std::string> words, std::stop_token stop) {
  if (words.empty() || words[0] == "--help" || words[0] == "-h") return show_help({});
  if (words[0] == "help") return show_help({words.begin() + 1, words.end()});
  if (words[0] == "--version" || words[0] == "-V") words[0] = "version";
  if (words.size() > 1 && is_family(words[0]) && (words[1] == "--help" || words[1] == "-h")) return show_help({words[0]});

  const auto [command, rest] = find_command(words);
  const Arguments arguments = parse_arguments(*command, rest);
  if (arguments.help) return show_help({words[0], command->name.find(' ') == std::string::npos ? "-" : words[1]});

  Invocation call{*command,       settings_of(*command, arguments), arguments.positionals, arguments.options, arguments.json,
                  std::move(stop)};
  set_up_log(call.config);
  return command->run(call);
}

/// Never throws, as it runs inside catch handlers: what stderr does not take is lost.
int report(const Error& error) noexcept {
  try {
    const std::string text = style_of(stderr).bold_red("goshawk: error:") + " " + error.describe() + "\n";
    std::fwrite(text.data(), 1, text.size(), stderr);
  } catch (const std::exception&) {  // out of memory
    std::fputs("goshawk: error\n", stderr);
  }
  return exit_code(error.code());
}

/// The result has reached its reader, or there is none any more (`goshawk ... | head`), which is fine.
int flushed(int code) {
  if (std::fflush(stdout) == 0 || errno == EPIPE) return code;
  return report(
      Error(ErrorCode::kIo, std::string("cannot write the result: ") + std::generic_category().message(errno), "stdout"));
}

int guarded(std::vector<std::string> words, std::stop_token stop) {
  try {
    return flushed(run(std::move(words), std::move(stop)));
  } catch (const Error& error) {
    std::fflush(stdout);
    return report(error);
  } catch (const std::system_error& error) {
    if (error.code() == std::errc::broken_pipe) return 0;  // as in flushed(): the result was longer than the buffer
    return report(Error(ErrorCode::kIo, error.what()));
  } catch (const std::bad_alloc&) {
    return report(Error(ErrorCode::kInternal, "out of memory"));
  } catch (const std::exception& error) {
    return report(Error(ErrorCode::kInternal, std::string("defect in goshawk: ") + error.what(), "",
                        "please report it, with the command line"));
  }
}

/// A standard stream that was closed at the start would be the next file opened, and text for people would go into it.
/// Standard output is opened for reading, so that a result that goes nowhere shows as a failed write.
void open_standard_streams() {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(fd, F_GETFD) >= 0) continue;
    if (::open("/dev/null", fd == STDERR_FILENO ? O_WRONLY : O_RDONLY) != fd) std::_Exit(exit_code(ErrorCode::kIo));
  }
}

}  // namespace
}  // namespace goshawk::cli

int main(int argc, char** argv) {
  goshawk::cli::open_standard_streams();
  // Whole pages are written at once, most by the last flush.
  static std::array<char, 1 << 16> page;  // stdout keeps it until the process ends
  if (::isatty(STDOUT_FILENO) == 0) std::setvbuf(stdout, page.data(), _IOFBF, page.size());
  std::setlocale(LC_CTYPE, "C.UTF-8");
  int code = 0;
  {
    const goshawk::cli::Interrupt interrupt;
    code = goshawk::cli::guarded({argv + 1, argv + argc}, interrupt.token());
  }
  std::fflush(nullptr);
  ::_exit(code);  // without the end of static objects, which models that are kept may use (keep.h)
}
