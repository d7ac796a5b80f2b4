// goshawk models info

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <nlohmann/json.hpp>

#include "apps/goshawk/commands.h"
#include "apps/goshawk/model_path.h"
#include "goshawk/core/error.h"
#include "goshawk/core/files.h"

namespace goshawk::cli {
namespace {

int run_info(const Invocation& call) {
  const ModelFile model = resolve_model(call.argument(0).empty() ? call.config.text("model") : call.argument(0));
  fmt::print("{}\n", model.path.string());
  return 0;
}

}  // namespace

Command models_info_command() {
  Command command;
  command.name = "models info";
  command.group = Group::kModels;
  command.summary = "Show a model's inputs, outputs and recipe";
  command.settings = {"model", "detect.recipe", "detect.names"};
  command.positionals = {
      {.name = "MODEL", .help = "file or name; left out: the default model", .required = false, .words = model_names()}};
  command.json = true;
  command.run = run_info;
  return command;
}

}  // namespace goshawk::cli
