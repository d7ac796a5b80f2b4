// Help texts, made from the registry and the schema.
#pragma once

#include <string>

#include "apps/goshawk/command.h"
#include "apps/goshawk/terminal.h"

namespace goshawk::cli {

/// The list of commands.
std::string overview(const Style& style);
/// One command: usage, positionals, flags by section, sub-commands, examples.
std::string help_of(const Command& command, const Style& style);
/// The sub-commands of a first word such as "models".
std::string help_of_family(const std::string& word, const Style& style);
/// True when commands of two words begin with `word`, which is none itself.
bool is_family(const std::string& word);

}  // namespace goshawk::cli
