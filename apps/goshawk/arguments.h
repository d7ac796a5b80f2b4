// From a command's words on the command line to texts by flag; nothing is interpreted here but the flags' names.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "apps/goshawk/command.h"

namespace goshawk::cli {

struct Arguments {
  std::map<std::string, std::vector<std::string>> settings;  // setting key -> texts in order
  std::map<std::string, std::string> options;                // of Command::options; switches are "true"
  std::vector<std::string> positionals;
  std::string config_file;  // --config; empty: not given
  bool help = false;
  bool json = false;
};

/// Splits `words` (without program and command). '-' and '_' in flags' names are the same.
/// Throws Error{kUsage}: unknown flags (with a suggestion), values that are missing, too many or too few positionals.
Arguments parse_arguments(const Command& command, const std::vector<std::string>& words);

/// The command that `words` begin with, and the rest. Throws Error{kUsage} for an unknown one, with a suggestion.
std::pair<const Command*, std::vector<std::string>> find_command(const std::vector<std::string>& words);

}  // namespace goshawk::cli
