// The commands, one file each.
#pragma once

#include "apps/goshawk/command.h"

namespace goshawk::cli {

Command models_list_command();
Command models_pull_command();
Command models_info_command();
Command doctor_command();
Command data_convert_command();
Command data_label_command();
Command data_preview_command();
Command data_merge_command();
Command data_filter_command();
Command config_show_command();
Command config_check_command();
Command config_save_command();
Command config_docs_command();
Command completion_command();
Command predict_command();
Command eval_tracks_command();
Command bench_command();
Command engine_build_command();
Command engine_list_command();
Command engine_clear_command();
Command engine_wrap_command();
Command track_command();
Command frames_command();
Command data_split_command();
Command data_check_command();
Command data_stats_command();
Command eval_command();
Command eval_boxes_command();
Command verify_command();
Command train_command();
Command version_command();

}  // namespace goshawk::cli
