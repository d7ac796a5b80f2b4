#include "goshawk/train/checkpoint.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <utility>

#include "goshawk/core/config_schema.h"
#include "goshawk/core/document.h"
#include "goshawk/core/error.h"

namespace goshawk::train {
namespace {

using nlohmann::json;

constexpr int kVersion = 1;
constexpr const char* kState = "goshawk.state";  // JSON as a tensor of bytes: so the checksum of the values covers it
constexpr const char* kFormat = "goshawk.checkpoint";

json state_of(const Checkpoint& c) {
  return {{"version", kVersion},
          {"options", json::parse(to_json(c.options).dump())},
          {"classes", c.classes},
          {"network", c.network},
          {"fingerprint", c.fingerprint},
          {"epochs_done", c.standing.epochs_done},
          {"optimizer_steps", c.optimizer_steps},
          {"average_updates", c.average_updates},
          {"loss_scale", c.loss_scale},
          {"good_steps", c.good_steps},
          {"best_fitness", c.standing.best_fitness},
          {"best_epoch", c.standing.best_epoch}};
}

/// As if the options had been given on the command line; an empty text is one that was not.
void check_ranges(const json& options, const std::string& where) {
  for (const auto& [name, value] : options.items()) {
    const auto* const setting = find_setting("train." + name);
    if (setting != nullptr && value != "") check_setting(*setting, value, ErrorCode::kBadData, where);
  }
}

Checkpoint from_state(const json& state, const std::string& where) {
  Checkpoint c;
  try {
    const int version = state.at("version").get<int>();
    if (version != kVersion) {
      throw Error(ErrorCode::kBadData,
                  fmt::format("the checkpoint has version {}, this goshawk reads {}", version, kVersion), where,
                  "Resume with the goshawk that began the training.");
    }
    c.options = options_from_json(state.at("options"), where);
    check_ranges(state.at("options"), where);
    state.at("classes").get_to(c.classes);
    state.at("network").get_to(c.network);
    state.at("fingerprint").get_to(c.fingerprint);
    state.at("epochs_done").get_to(c.standing.epochs_done);
    state.at("optimizer_steps").get_to(c.optimizer_steps);
    state.at("average_updates").get_to(c.average_updates);
    c.loss_scale = state.value("loss_scale", c.loss_scale);  // added later
    c.good_steps = state.value("good_steps", c.good_steps);
    state.at("best_fitness").get_to(c.standing.best_fitness);
    state.at("best_epoch").get_to(c.standing.best_epoch);
  } catch (const json::exception& error) {
    throw Error(ErrorCode::kBadData, std::string("the checkpoint's state is malformed: ") + error.what(), where);
  }
  return c;
}

}  // namespace

std::string description_text(const Network& network) {
  std::string text = fmt::format("{} classes {} bins {}\n", network.name, network.classes, network.bins);
  for (const auto& layer : network.layers) {
    text += fmt::format("{} {} {} {} {} {} from", static_cast<int>(layer.op), layer.channels, layer.kernel, layer.stride,
                        layer.repeats, layer.shortcut ? 1 : 0);
    for (const int source : layer.from) text += fmt::format(" {}", source);
    if (layer.inner != usual_inner(layer, network)) text += fmt::format(" inner {}", fmt::join(layer.inner, " "));
    text += "\n";
  }
  return text;
}

void write_checkpoint(const std::filesystem::path& path, Checkpoint checkpoint) {
  StoredTensor state{StoredType::kUint8, {}, state_of(checkpoint).dump()};
  StoredTensors content{std::move(checkpoint.tensors), {{kFormat, std::to_string(kVersion)}}};
  state.shape = {static_cast<std::int64_t>(state.bytes.size())};
  content.tensors[kState] = std::move(state);
  write_safetensors(path, content);
}

Checkpoint read_checkpoint(const std::filesystem::path& path) {
  StoredTensors content = read_safetensors(path);
  const auto state = content.tensors.find(kState);
  if (state == content.tensors.end() || !content.metadata.contains("sha256"))
    throw Error(ErrorCode::kBadData, "the file holds tensors, but is no checkpoint of goshawk", path.string());
  Checkpoint checkpoint = from_state(parse_json(state->second.bytes, path.string()), path.string());
  content.tensors.erase(state);
  checkpoint.tensors = std::move(content.tensors);
  return checkpoint;
}

}  // namespace goshawk::train
