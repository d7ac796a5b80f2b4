// goshawk convert: the same model in half the bytes, with its graph tidied, or for pictures of another size.

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>

#include "apps/goshawk/data_set.h"
#include "apps/goshawk/model_path.h"
#include "apps/goshawk/optimize_commands.h"
#include "apps/goshawk/option_values.h"
#include "apps/goshawk/options.h"
#include "goshawk/core/files.h"
#include "goshawk/core/json_text.h"
#include "goshawk/core/text.h"
#include "goshawk/optimize/artefact.h"
#include "goshawk/optimize/average.h"
#include "goshawk/optimize/input_size.h"
#include "goshawk/optimize/precision.h"
#include "goshawk/optimize/simplify.h"
#include "goshawk/runtime/model_file.h"

namespace goshawk::cli {
namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

/// Flags that would do nothing.
void refuse_idle_flags(const Invocation& call, const std::string& to) {
  if (to != "fp16") {
    refuse_flags(call, {"data", "from", "images"}, "it does nothing with --to " + to,
                 "Only --to fp16 computes in numbers that overflow.");
  }
  if (to == "fp32") refuse_flags(call, {"keep"}, "it does nothing with --to fp32", "Everything is in FP32 then.");
  if (!call.has("data")) refuse_flags(call, {"from", "images"}, "it goes with --data", "There are no pictures to look at.");
}

/// Makes the mean of `prepared` and the models of --average. Returns the hashes of their files.
ordered_json take_average(const Invocation& call, optimize::Prepared& prepared, const detect::DetectorOptions& device) {
  std::vector<onnx::Model> models{prepared.model};
  std::vector<std::string> names{prepared.path.string()};
  auto hashes = ordered_json::array();
  for (const auto& name : list_option(call, "average")) {
    const fs::path path = resolve_model(name).path;
    auto other = optimize::prepare_model(path, device);
    if (other.recipe.class_names != prepared.recipe.class_names)
      throw Error(ErrorCode::kBadData, "its classes are not those of the first model", path.string());
    models.push_back(std::move(other.model));
    names.push_back(path.string());
    hashes.push_back(sha256_of_file(path));
  }
  prepared.model = optimize::average(models, names);
  return hashes;
}

int run_convert(const Invocation& call) {
  const fs::path model = resolve_model(call.argument(0)).path;
  const auto side = count_option(call, "imgsz");
  const auto iou = number_option(call, "iou", 0, 1);
  const bool is_changed = side || iou || call.has("average");
  const std::string to = call.has("to") ? call.options.at("to") : is_changed ? "fp32" : "fp16";
  const std::vector<std::string> words{"fp16", "fp16-storage", "bf16", "fp32"};
  if (std::find(words.begin(), words.end(), to) == words.end()) {
    throw Error(ErrorCode::kUsage, "'" + to + "' is no precision of a file" + did_you_mean(to, words), "--to",
                "It is fp16, fp16-storage, bf16 or fp32.");
  }
  refuse_idle_flags(call, to);
  const auto target = target_of(call, model, side ? fmt::format("{}-{}", to, *side) : to);
  const auto device = detector_options(call.config);
  StepBars bars(call);
  auto prepared = optimize::prepare_model(model, device);
  ordered_json averaged;
  if (call.has("average")) averaged = take_average(call, prepared, device);
  if (iou) prepared.recipe.iou = static_cast<float>(*iou);
  if (to == "bf16") optimize::bring_to_13(prepared, "BF16");
  if (side)
    optimize::set_input_size(prepared.model, prepared.recipe, static_cast<int>(std::min<std::uint64_t>(*side, 1U << 20)));
  optimize::HalfOptions options;
  for (const auto& word : list_option(call, "keep")) options.keep_float.insert(word);
  optimize::check_kept(prepared.model, options.keep_float);
  std::optional<optimize::Calibration> calibration;
  if (call.has("data")) {
    optimize::CalibrateOptions calibrating;
    calibrating.stop = call.stop;
    calibrating.progress = [&](std::int64_t done, std::int64_t total) { bars("looking for overflows", done, total); };
    calibration = optimize::calibrate(prepared.model, prepared.recipe, read_material(call, 16, 0).calibration,
                                      optimize::float_values(prepared.model), calibrating);
    options.calibration = &*calibration;
  }
  bars.finish();
  optimize::Halved done;
  if (to == "fp16") done = optimize::to_fp16(prepared.model, options);
  else if (to == "fp16-storage") done = optimize::store_fp16(prepared.model, options);
  else if (to == "bf16") done = optimize::to_bf16(prepared.model, options);
  else done.model = prepared.model;
  if (to != "fp32") done.model = optimize::stored_as(std::move(done.model), prepared.stored);
  optimize::ArtefactOptions artefact;
  artefact.session = device.session;
  artefact.arithmetic = to == "fp16" ? optimize::Arithmetic::kReduced : optimize::Arithmetic::kFp32;
  artefact.step = {{"step", "convert"}, {"to", to}, {"in_float", done.in_float}};
  if (!averaged.is_null()) artefact.step["averaged_with_sha256"] = averaged;
  if (iou) artefact.step["iou"] = *iou;
  if (side) artefact.step["imgsz"] = prepared.recipe.input_width;
  const std::size_t nodes = done.model.nodes.size();
  leave_if_stopped(call);
  optimize::write_artefact(std::move(done.model), prepared.recipe, model, target, artefact);
  if (call.json) {
    const int width = prepared.recipe.input_width, height = prepared.recipe.input_height;
    fmt::print("{}\n", json_text(ordered_json{{"model", model.string()},
                                              {"written", target.string()},
                                              {"to", to},
                                              {"imgsz", width == height ? ordered_json(width) : ordered_json{height, width}},
                                              {"nodes_before", prepared.nodes_before},
                                              {"nodes_after", nodes},
                                              {"in_float", done.in_float},
                                              {"bytes_before", runtime::model_bytes(model)},
                                              {"bytes_after", runtime::model_bytes(target)}}));
    return 0;
  }
  for (const auto& line : done.in_float) spdlog::info("in FP32: {}", line);
  fmt::print("{}: {} nodes -> {}, {} -> {}", to, prepared.nodes_before, nodes, megabytes(runtime::model_bytes(model)),
             megabytes(runtime::model_bytes(target)));
  if (to != "fp32") fmt::print(", {} nodes kept in FP32", done.in_float.size());
  fmt::print("\n{}\n", target.string());
  return 0;
}

}  // namespace

Command convert_command() {
  Command command;
  command.name = "convert";
  command.group = Group::kModels;
  command.summary = "Write a model in FP16 or BF16, tidied, or for another size";
  command.details =
      "fp16: weights and values between in half precision, for GPUs; inputs and outputs stay FP32. fp16-storage: "
      "weights stored in half the size, computed in FP32 as before, on every device. bf16: the same with BF16's eight "
      "bits. fp32: constants folded, batch norms folded, dead nodes gone. --imgsz: for square pictures of another size. "
      "--average: the mean of the weights of several trainings, which is often better than each; a model that is named "
      "twice counts twice. --iou: the recipe's threshold of NMS. With these, FP32 unless --to says otherwise. "
      "With --data, nodes whose values would "
      "overflow FP16 on those pictures stay in FP32. The answers are recorded and replayed before the file takes its "
      "name.";
  command.positionals = {{.name = "MODEL", .help = "model file or name"}};
  command.settings = session_settings({"detect.recipe", "detect.names"});
  command.options = {
      {"to", "PRECISION", "fp16, fp16-storage, bf16 or fp32; else fp16 or fp32", {"fp16", "fp16-storage", "bf16", "fp32"}},
      {"imgsz", "N", "side of the input in pixels; else as it is"},
      {"average", "MODEL,...", "other trainings of the network, for the mean of weights"},
      {"iou", "X", "overlap above which NMS drops a box; else as it is"},
      {"output", "FILE", "the new model; else MODEL-PRECISION[-N].onnx here"},
      {"keep", "NODE,...", "nodes or operators that stay in FP32"},
      {"data", "DATASET", "pictures on which overflows are looked for, for fp16"},
      from_flag(),
      {"images", "N", "pictures to look at; else 16"}};
  command.json = true;
  command.examples = {"goshawk convert yolov8n.onnx",
                      "goshawk convert yolov8n.onnx --to fp16 --keep Softmax --data frames/",
                      "goshawk convert yolov8n.onnx --to fp16-storage --output small.onnx",
                      "goshawk convert yolov8n.onnx --to fp32 --output tidy.onnx",
                      "goshawk convert yolox_nano.onnx --imgsz 320",
                      "goshawk convert best.onnx --average before.onnx --iou 0.6 --to fp16-storage"};
  command.run = run_convert;
  return command;
}

}  // namespace goshawk::cli
