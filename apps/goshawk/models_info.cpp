// goshawk models info

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <nlohmann/json.hpp>

#include "apps/goshawk/commands.h"
#include "apps/goshawk/interrupt.h"
#include "apps/goshawk/model_path.h"
#include "goshawk/core/error.h"
#include "goshawk/core/json_text.h"
#include "goshawk/detect/recipe_io.h"
#include "goshawk/detect/recognize.h"
#include "goshawk/runtime/model_file.h"
#include "goshawk/runtime/session.h"

namespace goshawk::cli {
namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

ordered_json to_json(const std::vector<runtime::TensorInfo>& tensors) {
  ordered_json list = ordered_json::array();
  for (const auto& tensor : tensors)
    list.push_back({{"name", tensor.name}, {"type", runtime::name_of(tensor.type)}, {"shape", tensor.shape}});
  return list;
}

/// A text out of a file, fit for a terminal: one line, no control characters, not longer than `limit` bytes.
std::string printable(std::string text, std::size_t limit) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = ' ';
  }
  if (text.size() <= limit) return text;
  std::size_t end = limit;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;  // not within a code point
  return text.substr(0, end) + "...";
}

/// A recipe's value as a person reads it: 0.45, "0, 0, 0", "80: person, bicycle, ...".
std::string value_text(const ordered_json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number_float()) return fmt::format("{:g}", value.get<double>());
  if (!value.is_array()) return json_text(value, -1);
  std::vector<std::string> items;
  for (const auto& item : value) items.push_back(value_text(item));
  return fmt::format("{}{}", value.size() > 6 ? fmt::format("{}: ", value.size()) : "", fmt::join(items, ", "));
}

struct ModelReport {
  ModelFile file;
  std::uint64_t bytes = 0;
  std::string sha256;
  detect::ModelDescription description;
  std::optional<Recipe> recipe;
  std::string problem;  // why there is no recipe
};

ModelReport inspect(const Invocation& call) {
  ModelReport report;
  refuse_second_model(call);
  report.file = resolve_model(call.argument(0).empty() ? call.config.text("model") : call.argument(0));
  runtime::SessionOptions options;
  options.device = runtime::parse_device("cpu");
  options.threads = 1;
  options.warm_up = false;
  const LeaveOnStop loading(call.stop);
  const auto session = runtime::Session::load(report.file.path, options);
  report.bytes = runtime::model_bytes(report.file.path);
  report.sha256 = session->model_hash();
  report.description = detect::describe(*session, report.file.path);
  try {
    report.recipe = detect::settle_recipe(
        report.description, {call.config.path_if_set("detect.recipe"), call.config.path_if_set("detect.names")});
  } catch (const Error& failure) {
    report.problem = failure.describe();
  }
  return report;
}

void print_json(const ModelReport& report) {
  ordered_json document{{"path", report.file.path.string()},
                        {"origin", report.file.origin},
                        {"bytes", report.bytes},
                        {"sha256", report.sha256},
                        {"inputs", to_json(report.description.inputs)},
                        {"outputs", to_json(report.description.outputs)},
                        {"metadata", report.description.metadata},
                        {"recipe", nullptr}};
  if (report.recipe) document["recipe"] = detect::to_json(*report.recipe);
  else document["problem"] = report.problem;
  fmt::print("{}\n", json_text(document));
}

void print_tensors(const char* title, const std::vector<runtime::TensorInfo>& tensors) {
  for (const auto& tensor : tensors) {
    std::vector<std::string> sides;
    for (const auto side : tensor.shape) sides.push_back(side < 0 ? "?" : std::to_string(side));
    fmt::print("{:<9} {}  {} {}\n", title, printable(tensor.name, 60), runtime::name_of(tensor.type), fmt::join(sides, "x"));
    title = "";
  }
}

void print_text(const ModelReport& report) {
  fmt::print("{:<9} {} ({})\n", "file", report.file.path.string(), report.file.origin);
  fmt::print("{:<9} {:.1f} MB\n", "size", static_cast<double>(report.bytes) / 1e6);
  fmt::print("{:<9} {}\n", "SHA-256", report.sha256);
  print_tensors("inputs", report.description.inputs);
  print_tensors("outputs", report.description.outputs);
  const char* title = "metadata";
  for (const auto& [key, value] : report.description.metadata) {
    fmt::print("{:<9} {}: {}\n", title, printable(key, 60), printable(value, 100));
    title = "";
  }
  if (!report.recipe) {
    fmt::print("\nno recipe: {}\n", report.problem);
    return;
  }
  fmt::print("\nrecipe\n");
  const ordered_json recipe = detect::to_json(*report.recipe);
  for (const auto& [key, value] : recipe.items()) {
    fmt::print("  {:<16} {}\n", key, printable(value_text(value), 100));
  }
}

int run_info(const Invocation& call) {
  const ModelReport report = inspect(call);
  if (call.json) print_json(report);
  else print_text(report);
  return 0;
}

}  // namespace

Command models_info_command() {
  Command command;
  command.name = "models info";
  command.group = Group::kModels;
  command.summary = "Show a model's inputs, outputs and recipe";
  command.details = "The recipe is what goshawk makes of the model: its family, classes, input and thresholds.";
  command.settings = {"model", "detect.recipe", "detect.names"};
  command.positionals = {
      {.name = "MODEL", .help = "file or name; left out: the default model", .required = false, .words = model_names()}};
  command.json = true;
  command.examples = {"goshawk models info yolox_nano", "goshawk models info mine.onnx --recipe mine.yaml --json"};
  command.run = run_info;
  return command;
}

}  // namespace goshawk::cli
