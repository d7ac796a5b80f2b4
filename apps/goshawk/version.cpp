#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "apps/goshawk/commands.h"
#include "apps/goshawk/version.h"

namespace goshawk::cli {
namespace {

int run_version(const Invocation& call) {
  const auto parts = library_versions();
  if (call.json) {
    nlohmann::ordered_json document{
        {"version", kVersion}, {"revision", kRevision}, {"compiler", kCompiler}, {"build", kBuildType}};
    for (const auto& [name, version] : parts) document["libraries"][name] = version;
    fmt::print("{}\n", document.dump(2));
    return 0;
  }
  fmt::print("goshawk {} ({})\n", kVersion, *kRevision == '\0' ? "no git revision" : kRevision);
  fmt::print("{:<13} {}, {}\n", "compiler", kCompiler, kBuildType);
  for (const auto& [name, version] : parts) fmt::print("{:<13} {}\n", name, version);
  return 0;
}

}  // namespace

Command version_command() {
  Command command;
  command.name = "version";
  command.group = Group::kSetup;
  command.summary = "Show the versions of goshawk and its libraries";
  command.json = true;
  command.configured = false;
  command.run = run_version;
  return command;
}

}  // namespace goshawk::cli
