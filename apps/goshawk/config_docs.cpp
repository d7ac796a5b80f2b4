#include "apps/goshawk/config_docs.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "apps/goshawk/command.h"
#include "goshawk/core/config.h"

namespace goshawk::cli {
namespace {

constexpr const char* kIntroduction = R"(# Configuration

<!-- Made by `goshawk config docs`; do not edit. -->

A setting has one name (`detect.conf`), one flag (`--conf`) and one environment variable (`GOSHAWK_DETECT_CONF`).
Where it is set more than once, the later of these wins; `goshawk config show --origin` says which did:

1. the built-in default,
2. the profile (`--profile`), then what the profile says for the resolution of the source,
3. the file: `--config FILE`, else `GOSHAWK_CONFIG`, else `goshawk.yaml` in the current folder where there is one
   (`--config none`: no file),
4. the environment,
5. the flags.

A file is YAML or JSON (by the name's ending), with a section a block:

```yaml
profile: edge
detect:
  conf: 0.4
  classes: [person, car]
track:
  lines: ["door:100,400,500,400"]
```

A name with nothing behind it, or `null`, unsets a setting whatever profile or command set it; only those without a default below
can be unset. Lists on the command line are `--classes person,car` or the flag twice; lines and zones hold commas themselves, so
repeat the flag (in the environment, put `;` between them). Booleans have two flags: `--video` and `--no-video`.
Paths are relative to the current folder. Unknown names and bad values end the command with exit code 78 (file, environment) or
64 (flags).
)";

constexpr const char* kProfilesText = R"(
## Profiles

A profile is a named set of settings, and settings by resolution: those of the smallest name among 720p, 1080p, 1440p, 4k and 8k
that has at least the pixels of the source, else those of the largest. `goshawk config save NAME` writes your own to
`~/.config/goshawk/profiles/NAME.yaml` (or below `$XDG_CONFIG_HOME`); it looks like this:

```yaml
description: the camera at the gate
settings:
  detect: {conf: 0.3}
resolutions:
  1080p: {runtime: {batch: 8}}
  4k: {runtime: {batch: 4}, source: {resize: 0.5}}
```

By resolution there can be every setting that acts after the source was opened: not `model`, `log`, `output.project`, `output.name`,
nor of `source` others than `every` and `resize`.

Built in:

)";

constexpr const char* kReservedText = R"(
## Other variables

| variable | meaning |
|---|---|
| `GOSHAWK_CONFIG` | the settings file, where `--config` is not given |
| `GOSHAWK_CACHE` | folder of pulled models and compiled blobs; else `$XDG_CACHE_HOME/goshawk`, else `~/.cache/goshawk` |
| `GOSHAWK_PROVIDER_PATH` | folders of ONNX Runtime's plug-ins, separated by colons ([devices.md](devices.md)) |
| `GOSHAWK_FONT` | font file for the labels in pictures and videos; else DejaVu Sans, where the system has it |
| `NO_COLOR` | no colours |
| `https_proxy`, `no_proxy` | proxy of `goshawk models pull` |
)";

std::string escaped(std::string text) {
  for (std::size_t at = 0; (at = text.find('|', at)) != std::string::npos; at += 2) text.insert(at, "\\");
  return text;
}

std::string flags_of(const Setting& setting) {
  if (setting.flag.empty()) return "";
  if (setting.type == SettingType::kBoolean) return fmt::format("`--{0}`, `--no-{0}`", setting.flag);
  return "`--" + setting.flag + "`";
}

std::string taken_by(const Section& section) {
  if (section.name == "log") return "Every command.\n\n";
  std::vector<const Setting*> settings;
  for (const auto& setting : schema()) {
    if (setting.section() == section.name && setting.key != "profile") settings.push_back(&setting);
  }
  std::vector<std::string> whole, partly;
  for (const auto& command : commands()) {
    if (command.name.starts_with("config ")) continue;  // they show all
    const auto taken = static_cast<std::size_t>(
        std::count_if(settings.begin(), settings.end(), [&](const Setting* setting) { return takes(command, *setting); }));
    if (taken > 0) (taken == settings.size() ? whole : partly).push_back("`" + command.name + "`");
  }
  std::string text;
  if (!whole.empty()) text += fmt::format("Commands: {}. ", fmt::join(whole, ", "));
  if (!partly.empty()) text += fmt::format("Some of these: {}.", fmt::join(partly, ", "));
  if (text.ends_with(' ')) text.pop_back();
  return text.empty() ? text : text + "\n\n";
}

std::string section_table(const Section& section) {
  std::string text = fmt::format("\n## {}\n\n{}", section.title, taken_by(section));
  text += "| setting | flag | value | default | meaning |\n|---|---|---|---|---|\n";
  for (const auto& setting : schema()) {
    if (setting.section() != section.name) continue;
    text += fmt::format("| `{}` | {} | {} | {} | {} |\n", setting.key, flags_of(setting), escaped(setting.describe_type()),
                        setting.fallback.empty() ? "" : "`" + setting.fallback + "`", escaped(setting.help));
  }
  return text;
}

std::string leaves(const nlohmann::json& settings) {
  std::vector<std::string> texts;
  for (const auto& [section, values] : settings.items()) {
    for (const auto& [name, value] : values.items())
      texts.push_back(fmt::format("`{}.{}: {}`", section, name, setting_text(value)));
  }
  return texts.empty() ? "-" : fmt::format("{}", fmt::join(texts, ", "));
}

std::string profiles_table() {
  std::string text = "| profile | for | settings | by resolution |\n|---|---|---|---|\n";
  for (const auto& profile : builtin_profiles()) {
    std::vector<std::string> sizes;
    for (const auto& [name, settings] : profile.resolutions.items()) {
      if (!settings.empty()) sizes.push_back(fmt::format("{}: {}", name, leaves(settings)));
    }
    text += fmt::format("| `{}` | {} | {} | {} |\n", profile.name, profile.description, leaves(profile.settings),
                        fmt::join(sizes, "; "));
  }
  return text;
}

}  // namespace

std::string configuration_page() {
  std::string text = kIntroduction;
  for (const auto& section : sections()) text += section_table(section);
  return text + kProfilesText + profiles_table() + kReservedText;
}

}  // namespace goshawk::cli
