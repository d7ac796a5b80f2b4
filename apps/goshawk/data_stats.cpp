// goshawk data stats

#include <fmt/format.h>

#include <algorithm>

#include "apps/goshawk/commands.h"
#include "apps/goshawk/data_set.h"
#include "apps/goshawk/drawing.h"
#include "apps/goshawk/run_folder.h"
#include "apps/goshawk/terminal.h"
#include "goshawk/core/files.h"
#include "goshawk/core/json_text.h"
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

/// Of all images, then of each split that has some.
struct Parts {
  dataset::Statistics all;
  std::vector<std::pair<std::string, dataset::Statistics>> splits;
};

Parts count(const dataset::Dataset& set) {
  Parts parts{dataset::statistics(set), {}};
  for (std::size_t i = 0; i < parts.all.splits.size(); ++i) {
    if (parts.all.splits[i].images == 0) continue;
    parts.splits.emplace_back(split_name(i), dataset::statistics(set, static_cast<Split>(i)));
  }
  return parts;
}

void print_tables(const dataset::Dataset& set, const Parts& parts) {
  const auto& stats = parts.all;
  std::vector<std::string> head{"class", "objects", "images", "small", "medium", "large"};
  const bool several = parts.splits.size() > 1;
  for (const auto& [name, part] : parts.splits) {
    if (several) head.push_back("in " + name);
  }
  Table table(head);
  const auto add = [&](const std::string& name, const ObjectCounts& counts, const auto& objects_in) {
    auto cells = row(name, counts);
    for (const auto& [split, part] : parts.splits) {
      if (several) cells.push_back(std::to_string(objects_in(part)));
    }
    table.add_row(cells);
  };
  for (std::size_t i = 0; i < stats.classes.size(); ++i) {
    add(set.categories[i].name, stats.classes[i], [&](const auto& part) { return part.classes[i].objects; });
  }
  add("all", stats.all, [](const auto& part) { return part.all.objects; });
  fmt::print("{}\n", shown(table));
  Table splits({"split", "objects", "images", "small", "medium", "large"});
  for (const auto& [name, part] : parts.splits) splits.add_row(row(name, part.all));
  fmt::print("{}\n{} images without objects, {} without labels\n", splits.str(), stats.background, stats.unlabelled);
}

ordered_json json(const ObjectCounts& counts) {
  return {{"objects", counts.objects},
          {"images", counts.images},
          {"small", counts.sizes[0]},
          {"medium", counts.sizes[1]},
          {"large", counts.sizes[2]}};
}

ordered_json classes_json(const dataset::Dataset& set, const dataset::Statistics& stats) {
  ordered_json classes = ordered_json::array();
  for (std::size_t i = 0; i < stats.classes.size(); ++i) {
    ordered_json one{{"name", set.categories[i].name}};
    one.update(json(stats.classes[i]));
    classes.push_back(std::move(one));
  }
  return classes;
}

/// Centres of boxes in a grid over the image, row by row from the top.
ordered_json places_json(const dataset::Statistics& stats) {
  ordered_json rows = ordered_json::array();
  for (std::size_t y = 0; y < dataset::kPlaces; ++y) {
    ordered_json one = ordered_json::array();
    for (std::size_t x = 0; x < dataset::kPlaces; ++x) {
      one.push_back(static_cast<std::size_t>(stats.places[y * dataset::kPlaces + x]));
    }
    rows.push_back(std::move(one));
  }
  return rows;
}

std::string statistics_json(const dataset::Dataset& set, const Parts& parts) {
  const auto& stats = parts.all;
  ordered_json splits = ordered_json::object(), sizes = ordered_json::array();
  for (const auto& [name, part] : parts.splits) {
    ordered_json one = json(part.all);
    one["classes"] = classes_json(set, part);
    one["places"] = places_json(part);
    splits[name == split_name(0) ? "none" : name] = std::move(one);
  }
  for (const auto& [size, images] : stats.image_sizes) {
    sizes.push_back({{"width", size.first}, {"height", size.second}, {"images", images}});
  }
  const ordered_json document{
      {"all", json(stats.all)},      {"classes", classes_json(set, stats)}, {"splits", splits},
      {"image_sizes", sizes},        {"background", stats.background},      {"unlabelled", stats.unlabelled},
      {"places", places_json(stats)}};
  return json_text(document) + "\n";
}

/// `part`: ", train", or nothing.
void write_plots(const dataset::Dataset& set, const dataset::Statistics& stats, const std::string& part,
                 const fs::path& folder) {
  make_folder(folder);
  std::vector<std::pair<std::string, double>> bars;
  for (std::size_t i = 0; i < stats.classes.size(); ++i) {
    bars.emplace_back(set.categories[i].name, static_cast<double>(stats.classes[i].objects));
  }
  std::stable_sort(bars.begin(), bars.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
  const std::vector<double> per_image(stats.objects_per_image.begin(), stats.objects_per_image.end());
  const auto save = [&](const char* name, const std::string& png) { write_file_atomically(folder / name, png); };
  save("classes.png", report::bar_chart({"Objects by class" + part, {}, {"objects", 0, {}}}, bars));
  save("box_sizes.png",
       report::histogram({"Sizes of boxes" + part, {"square root of area, pixels", 0, {}}, {"boxes", 0, {}}}, stats.side));
  save("box_shapes.png",
       report::scatter_chart(
           {"Widths and heights of boxes" + part, {"width, part of the image", 0, 1}, {"height", 0, 1}, 640, 620},
           {{"", stats.widths, stats.heights, {}, {}}}));
  save("objects_per_image.png", report::histogram({"Objects per image" + part, {"objects", 0, {}}, {"images", 0, {}}},
                                                  per_image, report::Bins::kWhole));
  save("places.png", report::heat_map({"Centres of boxes" + part, {}, {}, 680, 600},
                                      {dataset::kPlaces, dataset::kPlaces, stats.places, {}, {}, false}));
}

void write_files(const dataset::Dataset& set, const Parts& parts, const fs::path& folder) {
  make_folder(folder);
  write_file_atomically(folder / "stats.json", statistics_json(set, parts));
  draw_or_warn([&] {
    write_plots(set, parts.all, "", folder);
    if (parts.splits.size() <= 1) return;
    for (const auto& [name, part] : parts.splits) {
      write_plots(set, part, ", " + name, folder / (name == split_name(0) ? "none" : name));
    }
  });
}

int run_stats(const Invocation& call) {
  const auto read = read_set(call, call.argument(0), format_option(call, "from"));
  const Parts parts = count(read.dataset);
  if (call.has("out")) write_files(read.dataset, parts, call.options.at("out"));
  if (call.json) fmt::print("{}", statistics_json(read.dataset, parts));
  else print_tables(read.dataset, parts);
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
  command.options = {from_flag(), {"out", "FOLDER", "Write plots (PNG), by split too, and stats.json there"}};
  command.json = true;
  command.examples = {"goshawk data stats data.yaml", "goshawk data stats instances.json --out stats/"};
  command.run = run_stats;
  return command;
}

}  // namespace goshawk::cli
