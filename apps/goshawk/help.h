// Help texts, made from the registry and the schema.
#pragma once

#include <string>

#include "apps/goshawk/command.h"

namespace goshawk::cli {

/// How help is drawn: columns of the terminal, and whether headings are bold.
struct HelpStyle {
  int width = 80;
  bool bold = false;
};

/// The list of commands.
std::string overview(const HelpStyle& style);
/// One command: usage, positionals, flags by section, examples.
std::string help_of(const Command& command, const HelpStyle& style);
/// The sub-commands of a first word such as "models".
std::string help_of_family(const std::string& word, const HelpStyle& style);
/// True when commands of two words begin with `word`.
bool is_family(const std::string& word);

}  // namespace goshawk::cli
