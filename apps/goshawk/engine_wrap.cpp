// goshawk engine wrap: an engine that TensorRT built elsewhere, for the model that it was built from.

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "apps/goshawk/commands.h"
#include "apps/goshawk/engine_commands.h"
#include "apps/goshawk/model_path.h"
#include "apps/goshawk/optimize_commands.h"
#include "apps/goshawk/options.h"
#include "goshawk/core/error.h"
#include "goshawk/core/files.h"
#include "goshawk/core/json_text.h"
#include "goshawk/core/text.h"
#include "goshawk/onnx/engine_context.h"
#include "goshawk/runtime/engine_adoption.h"
#include "goshawk/runtime/engine_cache.h"

namespace goshawk::cli {
namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;
using runtime::DeviceKind;

constexpr const char* kEngineKey = "goshawk.engine";  // metadata: what the engine belongs to

struct Wrapping {
  fs::path engine, model;
  runtime::Device device;
};

Wrapping wrapping_of(const Invocation& call) {
  if (!call.config.is_set("model")) {
    throw Error(ErrorCode::kUsage, "an engine is wrapped for the model that it was built from", "--model",
                "goshawk engine wrap FILE.engine --model FILE.onnx");
  }
  Wrapping wrapping{call.argument(0), resolve_model(call.config.text("model")).path,
                    runtime::parse_device(call.config.text("runtime.device"))};
  if (wrapping.device.kind == DeviceKind::kAuto) wrapping.device = {DeviceKind::kTensorRt, 0};
  if (wrapping.device.kind != DeviceKind::kTensorRt && wrapping.device.kind != DeviceKind::kTensorRtRtx) {
    throw Error(ErrorCode::kUsage, runtime::to_string(wrapping.device) + " has no engine files", "--device",
                "It is tensorrt or tensorrt-rtx");
  }
  std::error_code ignored;
  if (!fs::is_regular_file(wrapping.engine, ignored)) {
    throw Error(ErrorCode::kNotFound, "there is no such file", wrapping.engine.string());
  }
  if (fs::file_size(wrapping.engine, ignored) == 0) {
    throw Error(ErrorCode::kBadData, "the engine is empty", wrapping.engine.string());
  }
  return wrapping;
}

void copy_engine(const fs::path& engine, const fs::path& copy) {
  std::error_code error;
  if (fs::exists(copy, error)) {
    if (sha256_of_file(copy) == sha256_of_file(engine)) return;
    throw Error(ErrorCode::kUsage, "another engine is there already", copy.string(),
                "Remove it, or name another file with --output.");
  }
  AtomicFile file(copy);
  file.stream() << std::ifstream(engine, std::ios::binary).rdbuf();
  file.commit();
}

/// Writes the ONNX model around the engine, and the engine beside it unless it is in it.
void write_wrapped(const Wrapping& wrapping, const fs::path& target, bool embed) {
  constexpr std::uint64_t kMost = (2ULL << 30) - 1;  // protobuf's
  const fs::path beside = target.stem().string() + ".engine";
  onnx::EngineContext engine;
  engine.provider = runtime::execution_provider(wrapping.device.kind);
  engine.embedded = embed;
  engine.content = embed ? read_file(wrapping.engine, kMost) : beside.string();
  engine.model_file = wrapping.model.filename().string();
  engine.metadata[kEngineKey] = ordered_json{
      {"model_sha256", sha256_of_file(wrapping.model)},
      {"engine_sha256", sha256_of_file(wrapping.engine)},
      {"provider", engine.provider}}.dump();
  const auto bytes = onnx::serialize(onnx::engine_model(onnx::read_model(wrapping.model), engine));
  if (!embed) copy_engine(wrapping.engine, target.parent_path() / beside);
  write_file_atomically(target, bytes);
}

int print(const Invocation& call, const ordered_json& result, const std::string& text) {
  if (call.json) fmt::print("{}\n", json_text(result));
  else fmt::print("{}\n", text);
  return 0;
}

/// For other programs over ONNX Runtime: needs no GPU.
int write_for_others(const Invocation& call, const Wrapping& wrapping) {
  const fs::path target = target_of(call, wrapping.model, "engine");
  write_wrapped(wrapping, target, call.has("embed"));
  return print(call, {{"written", target.string()}}, target.string());
}

int keep(const Invocation& call, const Wrapping& wrapping) {
  auto options = session_options(call.config);
  options.device = wrapping.device;
  options.cache_folder = engine_folder();
  const auto key = runtime::adopt_engine(
      wrapping.model, options, [&](const fs::path& folder) { write_wrapped(wrapping, folder / "model.onnx", false); });
  const auto check = check_engine(wrapping.model, options);
  if (check == "FAILED") {
    runtime::EngineCache(engine_folder()).remove(key);
    throw Error(ErrorCode::kBadData, "the engine gives other answers than the model's conformance vectors",
                wrapping.engine.string(), "It was built from another model, or with too little precision. It is not kept.");
  }
  const std::string device = runtime::to_string(wrapping.device);
  return print(call, {{"key", key}, {"device", device}, {"check", check}},
               fmt::format("kept for {} on {} (vectors: {})\nuse it with --model {} --device {}", wrapping.model.string(),
                           device, check, shell_word(wrapping.model.string()), device));
}

int run_wrap(const Invocation& call) {
  if (call.has("embed") && !call.has("output")) throw Error(ErrorCode::kUsage, "goes with --output", "--embed");
  const auto wrapping = wrapping_of(call);
  return call.has("output") ? write_for_others(call, wrapping) : keep(call, wrapping);
}

}  // namespace

Command engine_wrap_command() {
  Command command;
  command.name = "engine wrap";
  command.group = Group::kModels;
  command.summary = "Take an engine file that TensorRT built for a model";
  command.details =
      "From then on the model runs with this engine on the device, under the same key as what `engine build` makes: another "
      "model, driver, GPU or setting does not get it. It is loaded, run and held against the model's conformance vectors "
      "before it is kept. Its inputs and outputs must have the model's names. With --output an ONNX file with an EPContext "
      "node around the engine is written for other programs instead, which needs no GPU. An engine is code for the GPU: "
      "take it from those whom you trust only.";
  command.positionals = {{.name = "ENGINE", .help = "engine file of TensorRT or TensorRT-RTX"}};
  command.settings = {"model", "runtime.device", "runtime.precision", "runtime.threads", "engine"};
  command.options = {{"output", "FILE", "write this ONNX file, and the engine beside it, instead of keeping it"},
                     {"embed", "", "put the engine into the file of --output"}};
  command.json = true;
  command.examples = {"goshawk engine wrap yolov8n.engine --model yolov8n.onnx --device tensorrt",
                      "goshawk engine wrap yolov8n.engine --model yolov8n.onnx --output wrapped.onnx --embed"};
  command.run = run_wrap;
  return command;
}

}  // namespace goshawk::cli
