// What a command of the command line is.
//
// To add the command `track`:
//   1. apps/goshawk/track.cpp: a function that returns the description, and one that runs:
//
//        #include "apps/goshawk/command.h"
//        #include "apps/goshawk/commands.h"
//        namespace goshawk::cli {
//        namespace {
//        int run_track(const Invocation& call) {
//          // call.arguments: the positionals; call.config: every setting; call.stop: Ctrl-C; call.json: --json
//          const std::string source = call.argument(0);
//          options.confidence = ...call.config.number_if_set("detect.conf");
//          ...                          // throw Error on failure: main prints it and picks the exit code
//          fmt::print("{}", table);     // stdout: the result. spdlog (or Progress) for everything else: stderr
//          return 0;
//        }
//        }  // namespace
//        Command track_command() {
//          Command command;
//          command.name = "track";
//          command.group = Group::kUse;
//          command.summary = "Track objects in a video, a camera or a stream";
//          command.positionals = {{.name = "SOURCE", .help = "video, folder, camera:N or URL", .flag = "source"}};
//          command.settings = {"model", "runtime", "detect", "source", "track", "output.project", "output.video"};
//          command.defaults = {{"output.project", "runs/track"}};   // this command's own defaults, where they differ
//          command.json = true;                                      // it has --json
//          command.examples = {"goshawk track street.mp4", "goshawk track camera:0 --device cuda"};
//          command.run = run_track;
//          return command;
//        }
//        }  // namespace goshawk::cli
//
//   2. apps/goshawk/commands.h: declare `Command track_command();`, and call it in `commands()` of registry.cpp.
//      Files of this folder are found by CMake without being listed.
//
// To add a setting: one row in goshawk/core/config_schema.cpp (flag, help, docs, validation and completion follow), then
// `goshawk config docs > docs/configuration.md`. A command sees the settings that `settings` selects, by section or by key.
// A model's path: apps/goshawk/model_path.h. The profile's settings by resolution: `call.config.for_resolution(w, h)`.
#pragma once

#include <functional>
#include <map>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "goshawk/core/config.h"

namespace goshawk::cli {

/// Heading under which `goshawk --help` lists a command.
enum class Group { kUse, kData, kModels, kSetup };

/// An argument that is known by its place.
struct Positional {
  std::string name;  // in capitals, for instance "SOURCE"
  std::string help;  // one line
  bool required = true;
  bool many = false;                    // the last one only: one or more
  std::string flag = {};                // may be given as --FLAG as well; empty: only by place
  std::vector<std::string> words = {};  // some that fit, for completion
  bool files = true;                    // completion offers files too
};

/// A flag of one command that is not a setting.
struct Option {
  std::string flag;                     // without dashes
  std::string placeholder;              // empty: a switch without value
  std::string help;                     // one line
  std::vector<std::string> words = {};  // the values that fit, for completion
};

struct Command;

/// One call of a command.
struct Invocation {
  const Command& command;
  Config config;
  std::vector<std::string> arguments;
  std::map<std::string, std::string> options;  // those given; a switch has the value "true"
  bool json = false;                           // --json
  std::stop_token stop;                        // asked for by Ctrl-C or SIGTERM

  /// The positional at `index`; empty when it was left out.
  std::string argument(std::size_t index) const { return index < arguments.size() ? arguments[index] : std::string(); }
  bool has(const std::string& option) const { return options.contains(option); }
  /// "runs/track": output.project, else runs/COMMAND.
  std::filesystem::path project_folder() const;
};

struct Command {
  std::string name;  // may be two words: "models pull"
  Group group = Group::kUse;
  std::string summary;                // one line, no full stop
  std::vector<std::string> settings;  // sections ("detect") and keys ("output.name") that it takes
  std::vector<std::pair<std::string, std::string>> defaults;
  std::vector<Positional> positionals;
  std::vector<Option> options;
  bool json = false;       // it has --json
  bool configured = true;  // false: it works even where settings are broken, for it reads none but the log's flags
  std::string details;     // a short paragraph below the summary; may be empty
  std::vector<std::string> examples;          // whole command lines
  std::function<int(const Invocation&)> run;  // returns the exit code; throws Error
};

/// Every command, in the order of `goshawk --help`.
const std::vector<Command>& commands();

/// Whether the command takes the setting; every command takes log.*, and `profile` when it is configured.
bool takes(const Command& command, const Setting& setting);

}  // namespace goshawk::cli
