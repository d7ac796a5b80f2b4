#include "apps/goshawk/help.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace goshawk::cli {
namespace {

struct Row {
  std::string left;
  std::string right;
};

std::string table(const std::vector<Row>& rows, const Style& style, std::size_t left_width) {
  std::string text;
  const auto width = static_cast<std::size_t>(std::clamp(style.width, 50, 110));
  const std::size_t indent = left_width + 4;
  for (const auto& row : rows) {
    text += "  " + row.left;
    if (row.left.size() > left_width) text += "\n" + std::string(indent, ' ');
    else text += std::string(indent - 2 - row.left.size(), ' ');
    text += wrap(row.right, width - indent, indent) + "\n";
  }
  return text;
}

std::size_t widest(const std::vector<Row>& rows, std::size_t at_most) {
  std::size_t width = 0;
  for (const auto& row : rows) {
    if (row.left.size() <= at_most) width = std::max(width, row.left.size());
  }
  return width;
}

Row row_of(const Setting& setting, const Command& command) {
  std::string fallback = setting.fallback;
  for (const auto& [key, value] : command.defaults) {
    if (key == setting.key) fallback = value;
  }
  const std::string shown = fallback.empty() ? "" : " [" + fallback + "]";
  if (setting.type == SettingType::kBoolean) {
    const std::string name =
        setting.flag == "quiet" ? "-q, --quiet" : (fallback == "true" ? "--[no-]" : "--") + setting.flag;
    return {name, setting.help + (fallback == "true" ? " [on]" : "")};
  }
  const std::string words = setting.type == SettingType::kChoice ? fmt::format(": {}", fmt::join(setting.words, ", ")) : "";
  std::string help = setting.help;
  if (!fallback.empty()) help.erase(std::min(help.find("; unset:"), help.size()));  // this command has a default for it
  return {"--" + setting.flag + " " + setting.placeholder(), help + words + shown};
}

struct Part {
  std::string title;
  std::vector<Row> rows;
};

std::vector<Part> parts_of(const Command& command) {
  std::vector<Part> parts;
  Part arguments{"Arguments", {}};
  for (const auto& positional : command.positionals) {
    arguments.rows.push_back(
        {positional.name, positional.help + (positional.flag.empty() ? "" : " (or --" + positional.flag + ")")});
  }
  parts.push_back(arguments);
  Part options{"Flags", {}};
  for (const auto& option : command.options) {
    options.rows.push_back({"--" + option.flag + (option.placeholder.empty() ? "" : " " + option.placeholder), option.help});
  }
  if (command.json) options.rows.push_back({"--json", "Print the result as JSON"});
  parts.push_back(options);
  for (const auto& section : sections()) {
    Part part{section.title, {}};
    for (const auto& setting : schema()) {
      if (setting.section() == section.name && !setting.flag.empty() && takes(command, setting)) {
        part.rows.push_back(row_of(setting, command));
      }
    }
    if (section.name.empty() && command.configured)
      part.rows.push_back({"--config FILE", "Settings from a YAML or JSON file [./goshawk.yaml]"});
    parts.push_back(part);
  }
  std::erase_if(parts, [](const Part& part) { return part.rows.empty(); });
  return parts;
}

std::string usage(const Command& command) {
  std::string text = "goshawk " + command.name;
  for (const auto& positional : command.positionals) {
    const std::string name = positional.name + (positional.many ? "..." : "");
    text += positional.required ? " " + name : " [" + name + "]";
  }
  return text + " [flags]";
}

/// The commands of two words that begin with `word`.
std::vector<Row> rows_of_family(const std::string& word) {
  std::vector<Row> rows;
  for (const auto& command : commands()) {
    if (command.name.starts_with(word + " ")) rows.push_back({usage(command).substr(8), command.summary});
  }
  for (auto& row : rows) row.left.erase(row.left.rfind(" [flags]"));
  return rows;
}

std::string title_of(Group group) {
  switch (group) {
    case Group::kUse:
      return "Use a model";
    case Group::kData:
      return "Data and evaluation";
    case Group::kModels:
      return "Models";
    case Group::kSetup:
      return "This machine and goshawk itself";
  }
  return {};
}

}  // namespace

std::string overview(const Style& style) {
  std::string text = "goshawk finds and tracks objects in video.\n\nUsage: goshawk COMMAND [arguments] [flags]\n";
  std::vector<Row> all;
  for (const auto& command : commands()) all.push_back({command.name, command.summary});
  for (const Group group : {Group::kUse, Group::kData, Group::kModels, Group::kSetup}) {
    std::vector<Row> rows;
    for (const auto& command : commands()) {
      if (command.group == group) rows.push_back({command.name, command.summary});
    }
    if (!rows.empty()) text += "\n" + style.bold(title_of(group)) + "\n" + table(rows, style, widest(all, 24));
  }
  return text + "\n`goshawk COMMAND --help` shows a command's flags.\n";
}

std::string help_of(const Command& command, const Style& style) {
  std::string text = command.summary + ".\n\nUsage: " + usage(command) + "\n";
  const auto width = static_cast<std::size_t>(std::clamp(style.width, 50, 110));
  if (!command.details.empty()) text += "\n" + wrap(command.details, width, 0) + "\n";
  const auto parts = parts_of(command);
  std::size_t left = 0;
  for (const auto& part : parts) left = std::max(left, widest(part.rows, 26));
  for (const auto& part : parts) text += "\n" + style.bold(part.title) + "\n" + table(part.rows, style, left);
  const auto below = rows_of_family(command.name);
  if (!below.empty()) text += "\n" + style.bold("Commands") + "\n" + table(below, style, widest(below, 30));
  if (!command.examples.empty()) {
    text += "\n" + style.bold("Examples") + "\n";
    for (const auto& example : command.examples) text += "  " + example + "\n";
  }
  return text;
}

bool is_family(const std::string& word) {
  const auto any = [](const auto& wanted) { return std::any_of(commands().begin(), commands().end(), wanted); };
  return any([&](const Command& command) { return command.name.starts_with(word + " "); }) &&
         !any([&](const Command& command) { return command.name == word; });
}

std::string help_of_family(const std::string& word, const Style& style) {
  const auto rows = rows_of_family(word);
  return "Usage: goshawk " + word + " COMMAND [arguments] [flags]\n\n" + table(rows, style, widest(rows, 30));
}

}  // namespace goshawk::cli
