// Shell completion, made from the registry and the schema.

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "apps/goshawk/commands.h"
#include "apps/goshawk/help.h"
#include "goshawk/core/text.h"

namespace goshawk::cli {
namespace {

/// What can stand behind a flag.
enum class ValueKind { kNone, kWords, kFiles, kFree };

struct Flag {
  std::string name;  // with dashes
  std::string help;
  ValueKind kind = ValueKind::kNone;
  std::vector<std::string> words;
};

Flag flag_of(const Setting& setting) {
  Flag flag{"--" + setting.flag, setting.help, ValueKind::kFree, setting.words};
  if (setting.type == SettingType::kBoolean) flag.kind = ValueKind::kNone;
  else if (setting.type == SettingType::kPath || setting.key == "model") flag.kind = ValueKind::kFiles;
  else if (!setting.words.empty()) flag.kind = ValueKind::kWords;
  return flag;
}

ValueKind kind_of(const Option& option) {
  if (option.placeholder.empty()) return ValueKind::kNone;
  if (!option.words.empty()) return ValueKind::kWords;
  constexpr std::array kFiles{"FILE", "FOLDER", "DIR", "PATH", "RUN", "DATASET", "SOURCE"};
  return std::find(kFiles.begin(), kFiles.end(), option.placeholder) != kFiles.end() ? ValueKind::kFiles : ValueKind::kFree;
}

std::vector<Flag> flags_of(const Command& command) {
  std::vector<Flag> flags{{"--help", "Show the flags", ValueKind::kNone, {}}};
  if (command.configured) flags.push_back({"--config", "Settings from a YAML or JSON file", ValueKind::kFiles, {}});
  if (command.json) flags.push_back({"--json", "Print the result as JSON", ValueKind::kNone, {}});
  for (const auto& option : command.options) {
    flags.push_back({"--" + option.flag, option.help, kind_of(option), option.words});
  }
  for (const auto& positional : command.positionals) {
    if (!positional.flag.empty()) flags.push_back({"--" + positional.flag, positional.help, ValueKind::kFiles, {}});
  }
  for (const auto& setting : schema()) {
    if (setting.flag.empty() || !takes(command, setting)) continue;
    flags.push_back(flag_of(setting));
    if (setting.type == SettingType::kBoolean)
      flags.push_back({"--no-" + setting.flag, "Not: " + setting.help, ValueKind::kNone, {}});
  }
  return flags;
}

using Words = std::vector<std::pair<std::string, std::string>>;  // with their help

/// First words of all commands, once each, with a line of help.
Words first_words() {
  Words words;
  std::set<std::string> seen;
  for (const auto& command : commands()) {
    const auto space = command.name.find(' ');
    const std::string first = command.name.substr(0, space);
    if (!seen.insert(first).second) continue;
    std::vector<std::string> second;
    for (const auto& other : commands()) {
      if (other.name.starts_with(first + " ")) second.push_back(other.name.substr(first.size() + 1));
    }
    words.emplace_back(first, second.empty() ? command.summary : fmt::format("{}", fmt::join(second, ", ")));
  }
  words.emplace_back("help", "Show the help of a command");
  return words;
}

/// A first word that can have a second one.
struct Family {
  std::string first;
  Words second;
  bool optional = false;  // the first word is a command by itself
};

std::vector<Family> families() {
  std::vector<Family> result;
  for (const auto& command : commands()) {
    const auto space = command.name.find(' ');
    if (space == std::string::npos) continue;
    const std::string first = command.name.substr(0, space);
    if (result.empty() || result.back().first != first) result.push_back({first, {}, !is_family(first)});
    result.back().second.emplace_back(command.name.substr(space + 1), command.summary);
  }
  return result;
}

/// Words that may stand as the first positional, besides files.
std::vector<std::string> positional_words(const Command& command) {
  return command.positionals.empty() ? std::vector<std::string>() : command.positionals[0].words;
}

bool takes_files(const Command& command) {
  return std::any_of(command.positionals.begin(), command.positionals.end(),
                     [](const Positional& one) { return one.files; });
}

std::string names_of(const Words& words, const char* between = " ") {
  std::vector<std::string> names;
  for (const auto& [name, help] : words) names.push_back(name);
  return fmt::format("{}", fmt::join(names, between));
}

/// What bash offers as the value of a flag.
std::string bash_values(const Flag& flag) {
  if (flag.kind == ValueKind::kWords)
    return fmt::format("COMPREPLY=($(compgen -W '{}' -- \"$cur\")); ", fmt::join(flag.words, " "));
  return flag.kind == ValueKind::kFiles ? "_goshawk_files; " : "";
}

/// The values of all flags, by command where a flag's differ between them.
std::string bash_cases_of_flags() {
  std::map<std::string, std::map<std::string, std::vector<std::string>>> commands_of;  // by flag and values
  for (const auto& command : commands()) {
    for (const auto& flag : flags_of(command)) {
      if (flag.kind != ValueKind::kNone) commands_of[flag.name][bash_values(flag)].push_back(command.name);
    }
  }
  std::string cases;
  for (const auto& [flag, of_values] : commands_of) {
    for (const auto& [values, names] : of_values) {
      std::string pattern = "*' " + flag + "'";
      if (of_values.size() > 1) pattern = fmt::format("'{} {}'", fmt::join(names, " " + flag + "'|'"), flag);
      cases += fmt::format("    {}) {}return ;;\n", pattern, values);
    }
  }
  return cases;
}

std::string bash_script() {
  std::string script = R"SH(# goshawk completion for bash: eval "$(goshawk completion bash)"
_goshawk_files() {
  compopt -o filenames 2>/dev/null
  mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "$cur")
}
_goshawk() {
  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} command=${COMP_WORDS[1]} flags= words= files= second=
  COMPREPLY=()
)SH";
  script += fmt::format("  if (( COMP_CWORD == 1 )); then COMPREPLY=($(compgen -W '{}' -- \"$cur\")); return; fi\n",
                        names_of(first_words()));
  script += "  case $command in\n";
  for (const auto& family : families()) {
    script += fmt::format("    {})\n      if (( COMP_CWORD == 2 )); then ", family.first);
    if (family.optional) {
      script += fmt::format(
          "second='{}'\n      else case ${{COMP_WORDS[2]}} in {}) command+=\" ${{COMP_WORDS[2]}}\" ;; esac; fi ;;\n",
          names_of(family.second), names_of(family.second, "|"));
    } else {
      script +=
          fmt::format("COMPREPLY=($(compgen -W '{}' -- \"$cur\")); return; fi\n      command+=\" ${{COMP_WORDS[2]}}\" ;;\n",
                      names_of(family.second));
    }
  }
  script +=
      fmt::format("    help) COMPREPLY=($(compgen -W '{}' -- \"$cur\")); return ;;\n  esac\n", names_of(first_words()));
  script += "  case \"$command $prev\" in\n" + bash_cases_of_flags() + "  esac\n  case $command in\n";
  for (const auto& command : commands()) {
    std::vector<std::string> names;
    for (const auto& flag : flags_of(command)) names.push_back(flag.name);
    script += fmt::format("    '{}') flags='{}' words='{}' files={} ;;\n", command.name, fmt::join(names, " "),
                          fmt::join(positional_words(command), " "), takes_files(command) ? "1" : "");
  }
  return script + R"SH(  esac
  if [[ $cur == -* ]]; then COMPREPLY=($(compgen -W "$flags" -- "$cur"))
  else
    COMPREPLY=($(compgen -W "$words $second" -- "$cur"))
    if [[ -n $files ]]; then _goshawk_files; fi
  fi
}
complete -F _goshawk goshawk
)SH";
}

/// Text within single quotes of zsh's _arguments and _describe.
std::string zsh_text(const std::string& text) {
  std::string result;
  for (const char c : text) {
    if (c == '\'') result += "'\\''";
    else if (c == '[' || c == ']' || c == ':') result += std::string("\\") + c;
    else result += c;
  }
  return result;
}

std::string zsh_list(const Words& words) {
  std::string text;
  for (const auto& [name, help] : words) text += fmt::format(" '{}:{}'", name, zsh_text(help));
  return text;
}

std::string zsh_script() {
  std::string script =
      "#compdef goshawk\n# goshawk completion for zsh: source <(goshawk completion zsh)\n_goshawk() {\n"
      "  local -a names\n  if (( CURRENT == 2 )); then\n    names=(" +
      zsh_list(first_words()) +
      ")\n    _describe command names\n    return\n  fi\n  local command=$words[2]\n  case $command in\n";
  for (const auto& family : families()) {
    script += fmt::format("    {}) if (( CURRENT == 3 )); then names=({}); _describe command names{}; fi\n", family.first,
                          zsh_list(family.second), family.optional ? "" : "; return");
    const char* next = "command+=\" $words[3]\"; shift words; (( CURRENT-- ))";
    script += family.optional
                  ? fmt::format("      case $words[3] in {}) {} ;; esac ;;\n", names_of(family.second, "|"), next)
                  : fmt::format("      {} ;;\n", next);
  }
  script += "  esac\n  shift words; (( CURRENT-- ))\n  case $command in\n";
  for (const auto& command : commands()) {
    script += fmt::format("    '{}') _arguments", command.name);
    for (const auto& flag : flags_of(command)) {
      const std::string value = flag.kind == ValueKind::kNone    ? ""
                                : flag.kind == ValueKind::kWords ? fmt::format(":value:({})", fmt::join(flag.words, " "))
                                : flag.kind == ValueKind::kFiles ? ":file:_files"
                                                                 : ":value: ";
      script += fmt::format(" \\\n      '{}[{}]{}'", flag.name + (value.empty() ? "" : "="), zsh_text(flag.help), value);
    }
    const auto words = positional_words(command);
    if (!words.empty()) script += fmt::format(" \\\n      '1:name:({})'", fmt::join(words, " "));
    if (takes_files(command)) script += " \\\n      '*:file:_files'";
    script += " ;;\n";
  }
  return script + "  esac\n}\ncompdef _goshawk goshawk\n";
}

std::string fish_text(const std::string& text) {
  std::string result;
  for (const char c : text) result += (c == '\'' || c == '\\' ? "\\" : "") + std::string(1, c);
  return "'" + result + "'";
}

std::string fish_script() {
  std::string script = "# goshawk completion for fish: goshawk completion fish | source\ncomplete -c goshawk -f\n";
  for (const auto& [name, help] : first_words()) {
    script += fmt::format("complete -c goshawk -n __fish_use_subcommand -a {} -d {}\n", name, fish_text(help));
  }
  for (const auto& family : families()) {
    for (const auto& [name, help] : family.second) {
      script += fmt::format(
          "complete -c goshawk -n '__fish_seen_subcommand_from {}; and test (count (commandline -opc)) -eq 2' -a {} -d "
          "{}\n",
          family.first, name, fish_text(help));
    }
  }
  for (const auto& command : commands()) {
    const auto space = command.name.find(' ');
    std::string when = "__fish_seen_subcommand_from " + command.name.substr(0, space);
    if (space != std::string::npos) when += "; and __fish_seen_subcommand_from " + command.name.substr(space + 1);
    for (const auto& flag : flags_of(command)) {
      script += fmt::format("complete -c goshawk -n '{}' -l {} -d {}", when, flag.name.substr(2), fish_text(flag.help));
      if (flag.kind == ValueKind::kWords) script += fmt::format(" -x -a '{}'", fmt::join(flag.words, " "));
      if (flag.kind == ValueKind::kFiles) script += " -r -F";
      if (flag.kind == ValueKind::kFree) script += " -x";
      script += "\n";
    }
    const auto words = positional_words(command);
    if (!words.empty()) script += fmt::format("complete -c goshawk -n '{}' -a '{}'\n", when, fmt::join(words, " "));
    if (takes_files(command)) script += fmt::format("complete -c goshawk -n '{}' -F\n", when);
  }
  return script;
}

int run_completion(const Invocation& call) {
  const std::string shell = call.argument(0);
  if (shell == "bash") fmt::print("{}", bash_script());
  else if (shell == "zsh") fmt::print("{}", zsh_script());
  else if (shell == "fish") fmt::print("{}", fish_script());
  else {
    const std::vector<std::string> known{"bash", "zsh", "fish"};
    throw Error(ErrorCode::kUsage, fmt::format("no completion for the shell '{}'{}", shell, did_you_mean(shell, known)), "",
                "known are bash, zsh and fish");
  }
  return 0;
}

}  // namespace

Command completion_command() {
  Command command;
  command.name = "completion";
  command.group = Group::kSetup;
  command.summary = "Print a script for completion in bash, zsh or fish";
  command.positionals = {{.name = "SHELL", .help = "bash, zsh or fish", .words = {"bash", "zsh", "fish"}, .files = false}};
  command.examples = {"eval \"$(goshawk completion bash)\"     # in ~/.bashrc",
                      "source <(goshawk completion zsh)       # in ~/.zshrc, after compinit",
                      "goshawk completion fish > ~/.config/fish/completions/goshawk.fish"};
  command.configured = false;
  command.run = run_completion;
  return command;
}

}  // namespace goshawk::cli
