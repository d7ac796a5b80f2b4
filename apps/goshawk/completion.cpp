// Shell completion, made from the registry and the schema.

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "apps/goshawk/commands.h"
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

std::vector<Flag> flags_of(const Command& command) {
  std::vector<Flag> flags{{"--help", "Show the flags", ValueKind::kNone, {}}};
  if (command.configured) flags.push_back({"--config", "Settings from a YAML or JSON file", ValueKind::kFiles, {}});
  if (command.json) flags.push_back({"--json", "Print the result as JSON", ValueKind::kNone, {}});
  for (const auto& option : command.options) {
    flags.push_back(
        {"--" + option.flag, option.help, option.placeholder.empty() ? ValueKind::kNone : ValueKind::kFiles, {}});
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

/// First words of all commands, once each, with a line of help.
std::vector<std::pair<std::string, std::string>> first_words() {
  std::vector<std::pair<std::string, std::string>> words;
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

/// First words that need a second one, with the second ones and their help.
std::vector<std::pair<std::string, std::vector<std::pair<std::string, std::string>>>> families() {
  std::vector<std::pair<std::string, std::vector<std::pair<std::string, std::string>>>> result;
  for (const auto& command : commands()) {
    const auto space = command.name.find(' ');
    if (space == std::string::npos) continue;
    const std::string first = command.name.substr(0, space);
    if (result.empty() || result.back().first != first) result.push_back({first, {}});
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

std::string names_of(const std::vector<std::pair<std::string, std::string>>& words) {
  std::vector<std::string> names;
  for (const auto& [name, help] : words) names.push_back(name);
  return fmt::format("{}", fmt::join(names, " "));
}

std::string bash_script() {
  std::string script = R"SH(# goshawk completion for bash: eval "$(goshawk completion bash)"
_goshawk() {
  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} command=${COMP_WORDS[1]} flags= words= files=
  COMPREPLY=()
)SH";
  script += fmt::format("  if (( COMP_CWORD == 1 )); then COMPREPLY=($(compgen -W '{}' -- \"$cur\")); return; fi\n",
                        names_of(first_words()));
  script += "  case $command in\n";
  for (const auto& [first, second] : families()) {
    script += fmt::format(
        "    {0})\n      if (( COMP_CWORD == 2 )); then COMPREPLY=($(compgen -W '{1}' -- \"$cur\")); return; fi\n"
        "      command+=\" ${{COMP_WORDS[2]}}\" ;;\n",
        first, names_of(second));
  }
  script += fmt::format("    help) COMPREPLY=($(compgen -W '{}' -- \"$cur\")); return ;;\n  esac\n  case $prev in\n",
                        names_of(first_words()));
  std::set<std::string> done;
  for (const auto& command : commands()) {
    for (const auto& flag : flags_of(command)) {
      if (flag.kind == ValueKind::kNone || !done.insert(flag.name).second) continue;
      std::string reply = "return";
      if (flag.kind == ValueKind::kWords)
        reply = fmt::format("COMPREPLY=($(compgen -W '{}' -- \"$cur\")); return", fmt::join(flag.words, " "));
      if (flag.kind == ValueKind::kFiles) reply = "COMPREPLY=($(compgen -f -- \"$cur\")); return";
      script += fmt::format("    {}) {} ;;\n", flag.name, reply);
    }
  }
  script += "  esac\n  case $command in\n";
  for (const auto& command : commands()) {
    std::vector<std::string> names;
    for (const auto& flag : flags_of(command)) names.push_back(flag.name);
    script += fmt::format("    '{}') flags='{}' words='{}' files={} ;;\n", command.name, fmt::join(names, " "),
                          fmt::join(positional_words(command), " "), takes_files(command) ? "1" : "");
  }
  return script + R"SH(  esac
  if [[ $cur == -* ]]; then COMPREPLY=($(compgen -W "$flags" -- "$cur"))
  else
    COMPREPLY=($(compgen -W "$words" -- "$cur"))
    if [[ -n $files ]]; then COMPREPLY+=($(compgen -f -- "$cur")); fi
  fi
}
complete -o filenames -F _goshawk goshawk
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

std::string zsh_list(const std::vector<std::pair<std::string, std::string>>& words) {
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
  for (const auto& [first, second] : families()) {
    script += fmt::format(
        "    {}) if (( CURRENT == 3 )); then names=({}); _describe command names; return; fi\n"
        "      command+=\" $words[3]\"; shift words; (( CURRENT-- )) ;;\n",
        first, zsh_list(second));
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
  for (const auto& [first, second] : families()) {
    for (const auto& [name, help] : second) {
      script += fmt::format(
          "complete -c goshawk -n '__fish_seen_subcommand_from {}; and test (count (commandline -opc)) -eq 2' -a {} -d "
          "{}\n",
          first, name, fish_text(help));
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
