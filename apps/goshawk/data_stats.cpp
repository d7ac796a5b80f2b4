// goshawk data stats

#include <fmt/format.h>

#include <algorithm>

#include "apps/goshawk/commands.h"
#include "apps/goshawk/data_set.h"
#include "goshawk/core/error.h"
#include "goshawk/core/files.h"
#include "goshawk/core/text.h"
#include "goshawk/dataset/statistics.h"
#include "goshawk/report/plot.h"

namespace goshawk::cli {
namespace {

namespace fs = std::filesystem;
using dataset::ObjectCounts;
using dataset::Split;
using nlohmann::ordered_json;

std::vector<std::string> row(const std::string& name, const ObjectCounts& counts) {
  std::vector<std::string> cells{name, std::to_string(counts.objects), std::to_string(counts.images)};
  for (const auto size : counts.sizes) cells.push_back(std::to_string(size));
  return cells;
}

std::string split_name(std::size_t index) { return index == 0 ? "no split" : dataset::name(static_cast<Split>(index)); }

void print_tables(const dataset::Dataset& set, const dataset::Statistics& stats) {
  Table table({"class", "objects", "images", "small", "medium", "large"});
  for (std::size_t i = 0; i < stats.classes.size(); ++i) table.add_row(row(set.categories[i].name, stats.classes[i]));
  table.add_row(row("all", stats.all));
  fmt::print("{}\n", table.str());
  Table splits({"split", "objects", "images", "small", "medium", "large"});
  for (std::size_t i = 0; i < stats.splits.size(); ++i) {
    if (stats.splits[i].images > 0) splits.add_row(row(split_name(i), stats.splits[i]));
  }
  fmt::print("{}\n{} images without objects, {} without labels\n", splits.str(), stats.background, stats.unlabelled);
}

ordered_json json(const ObjectCounts& counts) {
  return {{"objects", counts.objects},
          {"images", counts.images},
          {"small", counts.sizes[0]},
          {"medium", counts.sizes[1]},
          {"large", counts.sizes[2]}};
}

std::string json_text(const dataset::Dataset& set, const dataset::Statistics& stats) {
  ordered_json classes = ordered_json::array(), splits = ordered_json::object(), sizes = ordered_json::array();
  for (std::size_t i = 0; i < stats.classes.size(); ++i) {
    ordered_json one{{"name", set.categories[i].name}};
    one.update(json(stats.classes[i]));
    classes.push_back(std::move(one));
  }
  for (std::size_t i = 0; i < stats.splits.size(); ++i) {
    if (stats.splits[i].images > 0) splits[i == 0 ? "none" : split_name(i)] = json(stats.splits[i]);
  }
  for (const auto& [size, images] : stats.image_sizes) {
    sizes.push_back({{"width", size.first}, {"height", size.second}, {"images", images}});
  }
  const ordered_json document{{"all", json(stats.all)},
                              {"classes", classes},
                              {"splits", splits},
                              {"image_sizes", sizes},
                              {"background", stats.background},
                              {"unlabelled", stats.unlabelled}};
  return document.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

void write_plots(const dataset::Dataset& set, const dataset::Statistics& stats, const fs::path& folder) {
  std::vector<std::pair<std::string, double>> bars;
  for (std::size_t i = 0; i < stats.classes.size(); ++i) {
    bars.emplace_back(set.categories[i].name, static_cast<double>(stats.classes[i].objects));
  }
  std::stable_sort(bars.begin(), bars.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
  const std::vector<double> per_image(stats.objects_per_image.begin(), stats.objects_per_image.end());
  const auto save = [&](const char* name, const std::string& png) { write_file_atomically(folder / name, png); };
  save("classes.png", report::bar_chart({"Objects by class", {}, {"objects", 0, {}}}, bars));
  save("box_sizes.png",
       report::histogram({"Sizes of boxes", {"square root of area, pixels", 0, {}}, {"boxes", 0, {}}}, stats.side));
  save("box_shapes.png",
       report::scatter_chart({"Widths and heights of boxes", {"width, part of the image", 0, 1}, {"height", 0, 1}, 640, 620},
                             {{"", stats.widths, stats.heights, {}, {}}}));
  save("objects_per_image.png", report::histogram({"Objects per image", {"objects", 0, {}}, {"images", 0, {}}}, per_image));
  save("places.png", report::heat_map({"Centres of boxes", {}, {}, 680, 600},
                                      {dataset::kPlaces, dataset::kPlaces, stats.places, {}, {}, false}));
  save("stats.json", json_text(set, stats));
}

int run_stats(const Invocation& call) {
  const auto read = read_set(call, call.argument(0), format_option(call, "from"));
  const auto stats = dataset::statistics(read.dataset);
  if (call.has("out")) {
    const fs::path folder = call.options.at("out");
    std::error_code error;
    fs::create_directories(folder, error);
    if (error) throw Error(ErrorCode::kIo, "the folder cannot be made: " + error.message(), folder.string());
    write_plots(read.dataset, stats, folder);
  }
  if (call.json) fmt::print("{}", json_text(read.dataset, stats));
  else print_tables(read.dataset, stats);
  return 0;
}

}  // namespace

Command data_stats_command() {
  Command command;
  command.name = "data stats";
  command.group = Group::kData;
  command.summary = "Count what is in a labelled data set";
  command.details = "Small, medium and large are COCO's: below 32 x 32 pixels, below 96 x 96, and above.";
  command.positionals = {{.name = "SOURCE", .help = "data.yaml, instances.json, a folder or an archive", .flag = "source"}};
  command.options = {{"from", "FORMAT", "Format of the source, where it is not recognised"},
                     {"out", "FOLDER", "Write plots (PNG) and stats.json there"}};
  command.json = true;
  command.examples = {"goshawk data stats data.yaml", "goshawk data stats instances.json --out stats/"};
  command.run = run_stats;
  return command;
}

}  // namespace goshawk::cli
