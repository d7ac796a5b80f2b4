// goshawk package verify: is a package whole, and does it give its answers on this machine?

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "apps/goshawk/options.h"
#include "apps/goshawk/package_commands.h"
#include "apps/goshawk/terminal.h"
#include "goshawk/core/document.h"
#include "goshawk/core/error.h"
#include "goshawk/core/files.h"
#include "goshawk/core/json_text.h"
#include "goshawk/core/text.h"
#include "goshawk/dataset/safe_path.h"
#include "goshawk/dataset/zip_archive.h"
#include "goshawk/detect/conformance.h"

namespace goshawk::cli {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using nlohmann::ordered_json;

/// What became of one file or model.
struct Check {
  std::string what, result;
  bool passed = true;
};

/// A file of the list against the one that is there.
Check check_file(const fs::path& folder, const std::string& name, const json& expected) {
  const auto safe = dataset::safe_relative_path(name);
  if (!safe || *safe != name) return {name, "a path that leads out of the package", false};
  const fs::path path = folder / name;
  std::error_code error;
  if (fs::is_symlink(path, error) || !fs::is_regular_file(path, error)) return {name, "missing", false};
  if (fs::file_size(path) != expected.at("bytes").get<std::uint64_t>()) return {name, "another size", false};
  if (sha256_of_file(path) != expected.at("sha256").get<std::string>()) return {name, "changed", false};
  return {name, "as packed"};
}

std::vector<Check> check_files(const fs::path& folder, const json& files) {
  std::vector<Check> checks;
  for (const auto& [name, expected] : files.items()) checks.push_back(check_file(folder, name, expected));
  for (const auto& item : fs::recursive_directory_iterator(folder)) {
    const std::string name = item.path().lexically_relative(folder).generic_string();
    if (item.is_symlink()) checks.push_back({name, "a symbolic link", false});
    else if (!item.is_directory() && name != kPackageInfo && !files.contains(name))
      checks.push_back({name, "not of the package", false});
  }
  return checks;
}

/// Replays the pictures that the model carries on this machine.
Check check_model(const Invocation& call, const fs::path& folder, const std::string& file) {
  try {
    const auto report = detect::verify_conformance(folder / file, session_options(call.config));
    const std::string where = runtime::to_string(report.device) + " " + std::string(runtime::to_string(report.precision));
    for (const auto& result : report.results) {
      if (!result.passed)
        return {file, fmt::format("OTHER ANSWERS on {}: {} ({})", where, result.why(), result.name), false};
    }
    return {file, "the same answers on " + where, true};
  } catch (const Error& error) {
    if (error.code() == ErrorCode::kUnavailable || error.code() == ErrorCode::kInterrupted) throw;
    return {file, error.what(), false};
  }
}

json read_info(const fs::path& folder) {
  const fs::path path = folder / kPackageInfo;
  if (!fs::exists(path)) {
    throw Error(ErrorCode::kNotFound, "there is no package_info.json", folder.string(),
                "Give the folder that `goshawk package` made");
  }
  json info = read_document(path);
  if (!info.is_object() || info.value("format", json()) != kPackageFormat || !info.value("files", json()).is_object() ||
      !info.value("models", json()).is_array()) {
    throw Error(ErrorCode::kBadData, "this is no package of this version of goshawk", path.string());
  }
  return info;
}

std::vector<Check> check_package(const Invocation& call, const fs::path& folder) {
  const json info = read_info(folder);
  try {
    auto checks = check_files(folder, info["files"]);
    const bool whole = std::all_of(checks.begin(), checks.end(), [](const Check& check) { return check.passed; });
    if (!whole) return checks;  // models that were changed are not loaded
    for (const auto& model : info["models"]) {
      if (call.stop.stop_requested()) throw Error(ErrorCode::kInterrupted, "the check was stopped", folder.string());
      const auto file = model.at("file").get<std::string>();
      if (!info["files"].contains(file)) checks.push_back({file, "not in the list of files", false});
      else checks.push_back(check_model(call, folder, file));
    }
    return checks;
  } catch (const json::exception& error) {
    throw Error(ErrorCode::kBadData, std::string("package_info.json is damaged: ") + error.what(), folder.string());
  }
}

int run_verify_package(const Invocation& call) {
  const fs::path given = call.argument(0);
  std::error_code ignored;
  if (!fs::exists(given, ignored)) throw Error(ErrorCode::kNotFound, "there is no such package", given.string());
  std::shared_ptr<const dataset::UnpackedArchive> archive;
  if (dataset::is_zip_file(given)) {
    dataset::ProblemList problems(100);
    archive = dataset::UnpackedArchive::open(given, problems, {}, call.stop);
  }
  const auto checks = check_package(call, archive ? archive->folder() : given);
  const bool passed = std::all_of(checks.begin(), checks.end(), [](const Check& check) { return check.passed; });
  if (call.json) {
    ordered_json list = ordered_json::array();
    for (const auto& check : checks)
      list.push_back({{"what", check.what}, {"result", check.result}, {"passed", check.passed}});
    fmt::print("{}\n", json_text(ordered_json{{"passed", passed}, {"checks", list}}));
  } else {
    Table table({"what", "result"});
    for (const auto& check : checks) table.add_row({check.what, check.result});
    fmt::print("{}\n{}\n", shown(table), passed ? "passed" : "FAILED");
  }
  return passed ? 0 : exit_code(ErrorCode::kBadData);
}

}  // namespace

Command package_verify_command() {
  Command command;
  command.name = "package verify";
  command.group = Group::kModels;
  command.summary = "Check a package on the machine it is for";
  command.details =
      "Sizes and SHA-256 of every file; then each model's conformance vectors on the device and in the precision asked for. "
      "Ends with exit code 65 when something differs.";
  command.positionals = {{.name = "PACKAGE", .help = "folder or .zip archive"}};
  command.settings = session_settings();
  command.json = true;
  command.examples = {"goshawk package verify street", "goshawk package verify street.zip --device openvino"};
  command.run = run_verify_package;
  return command;
}

}  // namespace goshawk::cli
