#include <algorithm>

#include "apps/goshawk/command.h"
#include "apps/goshawk/commands.h"
#include "apps/goshawk/optimize_commands.h"
#include "apps/goshawk/package_commands.h"

namespace goshawk::cli {

const std::vector<Command>& commands() {
  // clang-format off: one line a family, so that changes stay small
  static const std::vector<Command> kCommands{
      track_command(),          predict_command(),     frames_command(),       data_check_command(),  data_convert_command(),
      data_merge_command(),     data_filter_command(), data_split_command(),   data_stats_command(),  data_label_command(),
      data_preview_command(),   train_command(),       eval_command(),         eval_boxes_command(),  eval_tracks_command(),
      optimize_command(),       quantize_command(),    convert_command(),      prune_command(),       bench_command(),
      engine_build_command(),   engine_list_command(), engine_clear_command(), engine_wrap_command(), package_command(),
      package_verify_command(), models_list_command(), verify_command(),       models_pull_command(), models_info_command(),
      doctor_command(),         config_show_command(), config_check_command(), config_save_command(), config_docs_command(),
      completion_command(),     version_command()};
  // clang-format on
  return kCommands;
}

bool takes(const Command& command, const Setting& setting) {
  if (setting.section() == "log") return true;
  if (setting.key == "profile") return command.configured;
  return std::any_of(command.settings.begin(), command.settings.end(),
                     [&](const std::string& selector) { return selects(selector, setting); });
}

std::filesystem::path Invocation::project_folder() const {
  const auto project = config.path_if_set("output.project");
  return project ? *project : std::filesystem::path("runs") / command.name;
}

}  // namespace goshawk::cli
