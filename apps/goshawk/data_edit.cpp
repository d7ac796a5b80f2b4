// goshawk data convert, merge, filter

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>

#include "apps/goshawk/commands.h"
#include "apps/goshawk/data_set.h"
#include "apps/goshawk/option_values.h"
#include "goshawk/core/error.h"
#include "goshawk/core/text.h"
#include "goshawk/dataset/class_map.h"
#include "goshawk/dataset/combine.h"

namespace goshawk::cli {
namespace {

const Positional kSource{.name = "SOURCE", .help = "data.yaml, instances.json, a folder or an archive", .flag = "source"};
const Option kMap{"map", "MAPPING", "Rename, join, number or drop classes: van=car,car=2,bg= (also coco80, coco91)"};

void apply_map(const Invocation& call, dataset::Dataset& set) {
  if (call.has("map")) dataset::map_classes(set, dataset::parse_class_mapping(call.options.at("map")));
}

/// The source's own format, for what is written; kYolo of images alone.
dataset::Format source_format(const dataset::Dataset& source) { return source.format.value_or(dataset::Format::kYolo); }

void append(std::vector<Option>& options, std::vector<Option> more) {
  options.insert(options.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

std::uint64_t number_of_problems(const dataset::ReadResult& read) { return read.problems.size() + read.problems_left_out; }

int run_convert(const Invocation& call) {
  check_target(call);
  required_option(call, "to");
  auto read = read_set(call, call.argument(0), format_option(call, "from"));
  dataset::Filter part;
  part.split = split_of(call, read.dataset);
  dataset::filter(read.dataset, part);
  apply_map(call, read.dataset);
  return write_set(call, read.dataset, dataset::Format::kYolo, number_of_problems(read));
}

int run_merge(const Invocation& call) {
  check_target(call);
  std::vector<dataset::Dataset> parts;
  std::uint64_t problems = 0;
  for (const auto& source : call.arguments) {
    auto read = read_set(call, source, format_option(call, "from"));
    problems += number_of_problems(read);
    parts.push_back(std::move(read.dataset));
  }
  const auto format = source_format(parts.front());
  const bool alike = std::ranges::all_of(parts, [&](const auto& part) { return part.about == parts.front().about; });
  if (!alike) spdlog::warn("the sets differ in what they say of themselves; what is not the same in all is not kept");
  auto set = dataset::merge(std::move(parts));
  apply_map(call, set);
  return write_set(call, set, format, problems);
}

/// --classes a,b and --drop c as a mapping that drops what is not wanted.
dataset::ClassMapping chosen_classes(const Invocation& call, const dataset::Dataset& set) {
  const auto wanted = list_option(call, "classes"), unwanted = list_option(call, "drop");
  if (!wanted.empty() && !unwanted.empty()) throw Error(ErrorCode::kUsage, "--classes and --drop do not go together");
  if (wanted.empty() && unwanted.empty()) return {};
  const auto named = named_classes(set, unwanted.empty() ? wanted : unwanted);
  const char dropped = unwanted.empty() ? 0 : 1;
  dataset::ClassMapping mapping;
  for (std::size_t c = 0; c < named.size(); ++c) {
    const auto& name = set.categories[c].name;
    const bool seen = std::any_of(mapping.begin(), mapping.end(), [&](const auto& pair) { return pair.first == name; });
    if (!seen && named[c] == dropped) mapping.emplace_back(name, "");
  }
  return mapping;
}

dataset::Filter filter_of(const Invocation& call) {
  dataset::Filter filter;
  (void)split_option(call, "split");  // refused before anything is read
  if (call.has("min-size")) filter.min_size = dataset::parse_size_limit(call.options.at("min-size"));
  if (call.has("max-size")) filter.max_size = dataset::parse_size_limit(call.options.at("max-size"));
  if (filter.min_size && filter.max_size && filter.min_size->fraction == filter.max_size->fraction &&
      filter.min_size->value > filter.max_size->value)
    throw Error(ErrorCode::kUsage, "--min-size is more than --max-size: no object would be left");
  filter.min_score = number_option(call, "min-score", 0, 1).value_or(0);
  filter.labelled_only = call.has("labelled-only");
  filter.with_objects = call.has("with-objects");
  if (const auto limit = count_option(call, "limit")) filter.limit = static_cast<std::size_t>(*limit);
  filter.seed = count_option(call, "seed").value_or(0);
  return filter;
}

int run_filter(const Invocation& call) {
  check_target(call);
  auto filter = filter_of(call);
  auto read = read_set(call, call.argument(0), format_option(call, "from"));
  filter.split = split_of(call, read.dataset);
  const std::size_t objects = read.dataset.annotations.size();
  dataset::map_classes(read.dataset, chosen_classes(call, read.dataset));
  apply_map(call, read.dataset);
  const auto removed = dataset::filter(read.dataset, filter);
  spdlog::info("left out {} images and {} objects", removed.images, objects - read.dataset.annotations.size());
  return write_set(call, read.dataset, source_format(read.dataset), number_of_problems(read));
}

Command data_command(const std::string& name, const std::string& summary) {
  Command command;
  command.name = "data " + name;
  command.group = Group::kData;
  command.summary = summary;
  command.positionals = {kSource};
  command.json = true;
  return command;
}

}  // namespace

Command data_convert_command() {
  Command command = data_command("convert", "Write a labelled data set in another format");
  command.details =
      "What the target cannot hold is listed. The target takes its name when it is complete: what is interrupted leaves "
      "nothing.";
  command.options = {from_flag(), kMap, one_split_flag()};
  append(command.options, writing_flags("none, it must be given"));
  command.examples = {"goshawk data convert data.yaml --to coco --out coco/",
                      "goshawk data convert instances.json --to yolo --out yolo/ --map van=car,crowd= --images link"};
  command.run = run_convert;
  return command;
}

Command data_merge_command() {
  Command command = data_command("merge", "Join labelled data sets into one");
  command.details = "Classes of the same name become one, images of the same name are kept apart, splits stay.";
  command.positionals = {{.name = "SOURCE", .help = "data sets, of any formats", .many = true}};
  command.options = {from_flag(), kMap};
  append(command.options, writing_flags("that of the first"));
  command.examples = {"goshawk data merge day/data.yaml night/data.yaml --out all/"};
  command.run = run_merge;
  return command;
}

Command data_filter_command() {
  Command command = data_command("filter", "Write a part of a labelled data set");
  command.details = "Objects are left out first, then images.";
  command.options = {{"classes", "NAMES", "These classes only: car,bus"},
                     {"drop", "NAMES", "All classes but these"},
                     {"min-size", "SIZE", "Leave out objects less wide or high: 16 (pixels), 0.02 or 2% (of the image)"},
                     {"max-size", "SIZE", "Leave out objects wider or higher"},
                     {"min-score", "SCORE", "Leave out predictions with a lower confidence, 0 to 1"},
                     one_split_flag(),
                     {"labelled-only", "", "Leave out images that were never labelled (those without objects stay)"},
                     {"with-objects", "", "Leave out images on which no object is left"},
                     {"limit", "N", "That many images at most, at random"},
                     {"seed", "S", "For --limit; default: 0"},
                     kMap,
                     from_flag()};
  append(command.options, writing_flags("that of the source"));
  command.examples = {"goshawk data filter data.yaml --classes car,bus --min-size 16 --out cars/",
                      "goshawk data filter data.yaml --split val --limit 200 --seed 1 --out small/"};
  command.run = run_filter;
  return command;
}

}  // namespace goshawk::cli
