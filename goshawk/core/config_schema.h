// Every setting of goshawk, in one table: from it come the flags, `--help`, docs/configuration.md, validation and
// completion.
#pragma once

#include <limits>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "goshawk/core/error.h"

namespace goshawk {

enum class SettingType {
  kBoolean,  // true/false; as a flag: --name and --no-name
  kInteger,
  kNumber,
  kText,
  kChoice,  // one of `words`
  kList,    // texts; "a,b" in one text, and the flag may be repeated
  kItems,   // texts that hold commas themselves (lines, zones): the flag is repeated, in the environment ';' separates
  kTime,    // seconds, m:ss or h:mm:ss, with decimals; kept as seconds
  kPath,    // relative to the current folder
};

/// One row of the table.
struct Setting {
  std::string key;   // "section.name", or "name" for the few that have no section
  std::string flag;  // without dashes, for instance "max-det"; empty: only in files and the environment
  SettingType type = SettingType::kText;
  std::string fallback;  // built-in default as text; empty: unset (then `help` says what happens)
  std::string help;      // one line
  std::vector<std::string>
      words;  // kChoice: all allowed; numbers: words allowed besides ("auto"); texts: some, for completion
  double min = std::numeric_limits<double>::lowest();
  double max = std::numeric_limits<double>::max();

  /// Part before the dot; empty for keys without one.
  std::string_view section() const;
  /// "GOSHAWK_DETECT_MAX_DET" for "detect.max_det".
  std::string environment_name() const;
  /// What values look like, for messages and docs: "number from 0 to 1", "auto or integer from 1 to 256", "one of a, b".
  std::string describe_type() const;
  /// Word that stands for the value in `--help`: "N", "FILE", ...; empty for booleans.
  std::string placeholder() const;
};

/// A section of the table, with the title under which `--help` and the docs list it.
struct Section {
  std::string name;
  std::string title;
};

/// All settings, by section in the order of `sections()`. Immutable.
std::span<const Setting> schema();
std::span<const Section> sections();
/// nullptr when there is no such key.
const Setting* find_setting(std::string_view key);
/// Whether `selector` names the setting: a key, or a section (for instance "detect").
bool selects(std::string_view selector, const Setting& setting);

/// The typed value of a text (a flag's or a variable's). Lists come back as arrays, times as seconds, words as text.
/// Throws Error{code} with the setting's key, the text, what is allowed, and `where`.
nlohmann::json parse_setting(const Setting& setting, std::string_view text, ErrorCode code, const std::string& where);
/// The same for a value of a document. Null means unset, which only settings without a fallback may be.
nlohmann::json check_setting(const Setting& setting, const nlohmann::json& value, ErrorCode code, const std::string& where);
/// Seconds of "12.5", "1:02.5" or "1:00:00"; NaN when it is none of these.
double parse_seconds(std::string_view text);
/// A value as people write it: true, 0.25, "a,b"; "-" when unset.
std::string setting_text(const nlohmann::json& value);

}  // namespace goshawk
