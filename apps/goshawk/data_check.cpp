// goshawk data check

#include <fmt/format.h>

#include <optional>

#include "apps/goshawk/commands.h"
#include "apps/goshawk/data_check_report.h"
#include "apps/goshawk/data_set.h"
#include "apps/goshawk/option_values.h"
#include "apps/goshawk/progress_bar.h"
#include "apps/goshawk/run_folder.h"
#include "goshawk/core/error.h"
#include "goshawk/core/files.h"
#include "goshawk/core/json_text.h"
#include "goshawk/media/image.h"

namespace goshawk::cli {
namespace {

namespace fs = std::filesystem;
using dataset::Severity;

dataset::FindingList look(const Invocation& call, const dataset::ReadResult& read, int distance) {
  dataset::CheckOptions options;
  options.distance = distance;
  options.stop = call.stop;
  if (call.has("no-images")) return dataset::check_dataset(read, options);
  options.read = [](const fs::path& path) { return media::read_image(path); };
  ProgressBar progress(call, "looking at images", read.dataset.images.size(), "images");
  options.progress = [&](std::int64_t done) { progress.update(done); };
  return dataset::check_dataset(read, options);
}

void write_folder(const Invocation& call, const CheckResult& result, const std::string& json) {
  const fs::path folder = call.options.at("out");
  make_folder(folder);
  write_file_atomically(folder / "problems.json", json);
  write_check_page(result, folder / "report.html", call.stop);
}

int run_check(const Invocation& call) {
  const int distance = static_cast<int>(
      integer_option(call, "distance", -1, dataset::kMostHashDistance).value_or(dataset::kNearHashDistance));
  const auto format = format_option(call, "from");
  dataset::ReadLimits limits;
  limits.problems = 100'000;  // of all kinds together; the list below has its own limit for each
  const auto read = read_files(call, call.argument(0), format, limits);
  const auto list = look(call, read, distance);
  if (read.dataset.images.empty() && list.total(Severity::kError) == 0)
    throw Error(ErrorCode::kBadData, "the data set has no images", call.argument(0));
  const CheckResult result{call.argument(0), read.dataset, list, !call.has("no-images")};
  std::string json;
  if (call.json || call.has("out")) {
    json = json_text(check_json(result)) + "\n";
  }
  if (call.has("out")) write_folder(call, result, json);
  if (call.json) fmt::print("{}", json);
  else fmt::print("{}", check_text(result));
  if (call.has("out") && !call.json) fmt::print("{}\n", (fs::path(call.options.at("out")) / "report.html").string());
  const bool bad = list.total(Severity::kError) > 0 || (call.has("strict") && list.total(Severity::kWarning) > 0);
  return bad ? exit_code(ErrorCode::kBadData) : 0;
}

}  // namespace

Command data_check_command() {
  Command command;
  command.name = "data check";
  command.group = Group::kData;
  command.summary = "Find what is wrong with a labelled data set";
  command.details =
      "Bad labels, images that cannot be read, boxes outside of them, duplicates, and pictures that are in two splits, each "
      "with file and line. Ends with 65 where there are errors.";
  command.positionals = {{.name = "SOURCE", .help = "data.yaml, instances.json, a folder or an archive", .flag = "source"}};
  command.options = {
      from_flag(),
      {"out", "FOLDER", "Write report.html, with pictures of the worst, and problems.json there"},
      {"no-images", "", "Check the labels alone, without opening images"},
      {"strict", "", "End with 65 for warnings too"},
      {"distance", "N", "Bits by which hashes of near duplicates differ at most, up to 16; default 6; -1: not looked at"},
      follow_links_flag()};
  command.json = true;
  command.examples = {"goshawk data check data.yaml", "goshawk data check instances.json --out check/",
                      "goshawk data check set.zip --from cvat --strict --json"};
  command.run = run_check;
  return command;
}

}  // namespace goshawk::cli
