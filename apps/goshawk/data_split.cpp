// goshawk data split: training, validation and test images that do not give each other away.

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>

#include "apps/goshawk/commands.h"
#include "apps/goshawk/data_set.h"
#include "apps/goshawk/option_values.h"
#include "apps/goshawk/progress_bar.h"
#include "apps/goshawk/terminal.h"
#include "goshawk/core/json_text.h"
#include "goshawk/core/text.h"
#include "goshawk/dataset/combine.h"
#include "goshawk/dataset/formats.h"
#include "goshawk/dataset/near_duplicates.h"
#include "goshawk/dataset/split.h"
#include "goshawk/dataset/split_write.h"
#include "goshawk/media/image.h"

namespace goshawk::cli {
namespace {

namespace fs = std::filesystem;
using dataset::Split;
using nlohmann::json;

constexpr std::size_t kShown = 20;

/// "70", "0.7" or "12.5" in millionths.
std::optional<std::int64_t> parse_share(std::string_view text) {
  double share = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), share);
  const bool number = error == std::errc{} && end == text.data() + text.size() && share <= 1e6;
  if (!number || text.find_first_not_of("0123456789.") != std::string_view::npos) return std::nullopt;
  return std::llround(share * 1e6);
}

std::array<std::int64_t, 3> parse_ratio(const std::string& text) {
  std::array<std::int64_t, 3> ratio{};
  std::string_view rest = text;
  std::size_t parts = 0;
  for (bool more = true; more; ++parts) {
    const auto end = rest.find('/');
    more = end != std::string_view::npos;
    const auto part = parse_share(rest.substr(0, end));
    if (!part || parts == 3) parts = 10;
    else ratio[parts] = *part;
    if (parts >= 3) break;
    if (more) rest.remove_prefix(end + 1);
  }
  const std::int64_t common = std::gcd(std::gcd(ratio[0], ratio[1]), ratio[2]);  // 0.7/0.2/0.1 splits as 70/20/10 does
  if (parts >= 2 && parts <= 3 && common > 0 && *std::max_element(ratio.begin(), ratio.end()) / common <= 1'000'000) {
    for (auto& part : ratio) part /= common;
    return ratio;
  }
  throw Error(ErrorCode::kUsage, "--ratio must be train/val/test such as 70/20/10 or 0.8/0.2, not '" + text + "'");
}

dataset::SplitOptions options_of(const Invocation& call) {
  dataset::SplitOptions options;
  const auto text = [&](const char* option) { return call.options.at(option); };
  if (call.has("ratio")) options.ratio = parse_ratio(text("ratio"));
  options.seed = count_option(call, "seed").value_or(options.seed);
  if (call.has("by")) {
    const auto by = dataset::split_by_of(text("by"));
    if (!by) throw Error(ErrorCode::kUsage, "--by must be source, block or image, not '" + text("by") + "'");
    options.by = *by;
  }
  options.block = time_option(call, "block", std::chrono::milliseconds(1)).value_or(options.block);
  if (const auto distance = integer_option(call, "distance", -1, dataset::kMostHashDistance))
    options.distance = static_cast<int>(*distance);
  return options;
}

/// What is known of each image besides its labels.
struct Known {
  std::vector<dataset::Origin> origins;
  dataset::Hashes hashes;
};

Known look_at(const dataset::Dataset& set, const dataset::SplitOptions& options, const Invocation& call) {
  Known known;
  std::vector<std::string> notes;
  known.origins = dataset::origins_of(set, &notes);
  for (const auto& note : notes) spdlog::warn("{}", note);
  known.hashes.resize(set.images.size());
  if (options.distance < 0) return known;
  std::vector<fs::path> paths;
  for (const auto& image : set.images) paths.push_back(set.path_of(image));
  ProgressBar progress(call, "looking at images", paths.size(), "images");
  auto hashed = dataset::hash_images(
      paths, [](const fs::path& path) { return media::read_image(path); }, call.stop,
      [&](std::int64_t done) { progress.update(done); });
  progress.finish();
  known.hashes = std::move(hashed.hashes);
  for (std::size_t i = 0; i < std::min<std::size_t>(hashed.unreadable.size(), 5); ++i) {
    const auto& [image, why] = hashed.unreadable[i];
    spdlog::warn("{} cannot be read, so nothing is near it: {}", set.images[image].file, why);
  }
  if (hashed.unreadable.size() > 5) spdlog::warn("and {} images more", hashed.unreadable.size() - 5);
  return known;
}

json to_json(const dataset::Leaks& leaks, const dataset::Dataset& set) {
  json pairs = json::array();
  for (const auto& leak : leaks.pairs) {
    const auto& a = set.images[leak.a];
    const auto& b = set.images[leak.b];
    pairs.push_back({{"a", a.file},
                     {"a_split", dataset::name(a.split)},
                     {"b", b.file},
                     {"b_split", dataset::name(b.split)},
                     {"distance", leak.distance >= 0 ? json(leak.distance) : json()},
                     {"kind", leak.near ? "near_duplicate" : "same_block"}});
  }
  return {{"near_duplicates", leaks.near}, {"blocks", leaks.blocks}, {"pairs", pairs}};
}

void print_leaks(const dataset::Leaks& leaks, const dataset::Dataset& set, dataset::SplitBy by) {
  Table table({"image", "in", "image", "in", "distance", "why"});
  for (const auto& leak : leaks.pairs) {
    const auto& a = set.images[leak.a];
    const auto& b = set.images[leak.b];
    const std::string why = leak.near                         ? "near duplicates"
                            : by == dataset::SplitBy::kSource ? "same source"
                                                              : "same block of time";
    table.add_row({a.file, dataset::name(a.split), b.file, dataset::name(b.split),
                   leak.distance >= 0 ? std::to_string(leak.distance) : "", why});
  }
  fmt::print("{}\n", shown(table));
}

[[noreturn]] void refuse(const dataset::Leaks& leaks, const std::string& source) {
  throw Error(ErrorCode::kBadData,
              fmt::format("the split leaks: {} image{} near one of another split, {} block{} of time in several splits",
                          leaks.near, leaks.near == 1 ? "" : "s", leaks.blocks, leaks.blocks == 1 ? "" : "s"),
              source,
              "`goshawk data split " + source + " --out DIR` makes one that does not." +
                  (leaks.blocks > 0 ? " Where the names are of photos, not of frames: --by image." : ""));
}

/// "no near duplicates and no block of time": of what was looked at; empty: nothing was.
std::string nothing_leaks(const dataset::SplitOptions& options) {
  std::string text;
  if (options.distance >= 0) text = "no near duplicates";
  if (options.by == dataset::SplitBy::kImage) return text;
  return text + (text.empty() ? "" : " and ") + (options.by == dataset::SplitBy::kSource ? "no source" : "no block of time");
}

int check(const Invocation& call, const dataset::Dataset& set, const dataset::SplitOptions& options) {
  const std::string sound = nothing_leaks(options);
  if (sound.empty()) throw Error(ErrorCode::kUsage, "--by image with --distance -1 leaves nothing to check");
  const bool divided =
      std::any_of(set.images.begin(), set.images.end(), [](const auto& image) { return image.split != Split::kNone; });
  if (!divided) throw Error(ErrorCode::kBadData, "the data set is not split: there is nothing to check", call.argument(0));
  const Known known = look_at(set, options, call);
  const auto leaks = dataset::find_leaks(set, known.origins, known.hashes, options, kShown, call.stop);
  if (call.json) fmt::print("{}\n", json_text(to_json(leaks, set)));
  if (leaks.near + leaks.blocks > 0) {
    if (!call.json) print_leaks(leaks, set, options.by);
    refuse(leaks, call.argument(0));
  }
  if (!call.json) fmt::print("{} images: {} in several splits\n", set.images.size(), sound);
  return 0;
}

/// Images, objects and the objects of each class, by split.
struct Balance {
  std::array<std::int64_t, 3> images{};
  std::vector<std::array<std::int64_t, 3>> classes;

  explicit Balance(const dataset::Dataset& set) : classes(set.categories.size()) {
    const auto place = [](Split split) { return static_cast<std::size_t>(split) - 1; };
    for (const auto& image : set.images) ++images[place(image.split)];
    for (const auto& object : set.annotations) ++classes[object.category][place(set.images[object.image].split)];
  }
};

std::vector<std::string> balance_row(const std::string& name, const std::array<std::int64_t, 3>& counts) {
  const std::int64_t total = counts[0] + counts[1] + counts[2];
  std::vector<std::string> cells{name, std::to_string(total)};
  for (const std::int64_t count : counts) {
    cells.push_back(std::to_string(count));
    cells.push_back(total > 0 ? fmt::format("{:.1f} %", 100.0 * static_cast<double>(count) / static_cast<double>(total))
                              : "");
  }
  return cells;
}

void print_balance(const dataset::Dataset& set, std::size_t groups, const dataset::SplitOptions& options,
                   const std::string& target) {
  const Balance balance(set);
  Table table({"", "all", "train", "", "val", "", "test", ""});
  table.add_row(balance_row("images", balance.images));
  for (std::size_t i = 0; i < set.categories.size(); ++i) {
    const auto& counts = balance.classes[i];
    if (counts[0] + counts[1] + counts[2] > 0) table.add_row(balance_row(set.categories[i].name, counts));
  }
  fmt::print("{}\n", shown(table));
  if (const auto sound = nothing_leaks(options); !sound.empty())
    fmt::print("{} groups were kept together; {} in several splits\n", groups, sound);
  fmt::print("{}\n", target);
}

json balance_json(const dataset::Dataset& set) {
  const Balance balance(set);
  const auto counts_json = [](const std::array<std::int64_t, 3>& counts) {
    return json{{"train", counts[0]}, {"val", counts[1]}, {"test", counts[2]}};
  };
  json classes = json::array();
  for (std::size_t i = 0; i < set.categories.size(); ++i) {
    json row = counts_json(balance.classes[i]);
    row["name"] = set.categories[i].name;
    classes.push_back(std::move(row));
  }
  return {{"images", counts_json(balance.images)}, {"classes", classes}};
}

/// The data.yaml that lists in place belong to.
fs::path config_in_place(const Invocation& call, const dataset::Dataset& set) {
  const fs::path source = call.argument(0);
  if (set.format != dataset::Format::kYolo || set.unpacked) {
    const char* what = set.unpacked ? "an archive" : set.format ? dataset::name(*set.format) : "a folder of images";
    throw Error(ErrorCode::kUsage, fmt::format("--in-place is for YOLO data sets, and this is {}", what), source.string(),
                "`goshawk data split " + source.string() + " --out DIR` writes one.");
  }
  std::error_code ignored;
  if (fs::is_regular_file(source, ignored)) return source;
  return set.root / (set.source.empty() ? "data.yaml" : set.source);
}

/// Refuses files in the place of lists before the long work, and tells what is kept of earlier ones.
void check_in_place(const Invocation& call, const dataset::Dataset& set, const dataset::SplitOptions& options) {
  constexpr std::array kSplits{Split::kTrain, Split::kVal, Split::kTest};
  std::vector<Split> splits;
  for (std::size_t s = 0; s < kSplits.size(); ++s) {
    if (options.ratio[s] > 0) splits.push_back(kSplits[s]);
  }
  for (const auto& file : dataset::replaced_lists(set, config_in_place(call, set), splits))
    spdlog::info("{} is kept as {}~", file.string(), file.filename().string());
}

std::string write(const Invocation& call, const dataset::Dataset& set) {
  if (call.has("in-place")) return dataset::write_split_lists(set, config_in_place(call, set)).string();
  const fs::path target = call.options.at("out");
  dataset::WriteOptions writing;
  writing.images = images_option(call);
  writing.stop = call.stop;
  ProgressBar progress(call, "writing", set.images.size(), "images");
  writing.progress = [&](std::int64_t done, std::int64_t) { progress.update(done); };
  for (const auto& problem : dataset::write_dataset(set, dataset::Format::kYolo, target, writing)) {
    spdlog::warn("{}{}{}", problem.file, problem.file.empty() ? "" : ": ", problem.message);
  }
  return (target / "data.yaml").string();
}

int run_data_split(const Invocation& call) {
  const int ways = int{call.has("out")} + int{call.has("in-place")} + int{call.has("check")};
  if (ways != 1) {
    throw Error(ErrorCode::kUsage, "`goshawk data split` needs one of --out DIR, --in-place and --check");
  }
  if (call.has("check")) refuse_flags(call, {"ratio", "seed"}, "it does nothing with --check", "Nothing is divided anew.");
  if (!call.has("out")) refuse_flags(call, {"images"}, "it goes with --out", "The images stay where they are.");
  const auto options = options_of(call);
  images_option(call);  // throws, before the long work
  std::error_code ignored;
  if (call.has("out") && fs::exists(call.options.at("out"), ignored)) {
    throw Error(ErrorCode::kUsage, "the target exists already", call.options.at("out"), "Choose another --out.");
  }
  auto read = read_set(call, call.argument(0), format_option(call, "from"));
  auto& set = read.dataset;
  if (set.images.empty()) throw Error(ErrorCode::kBadData, "the data set has no images", call.argument(0));
  if (call.has("check")) return check(call, set, options);
  if (call.has("in-place")) check_in_place(call, set, options);

  if (const auto copies = dataset::join_entries(set); copies > 0)
    spdlog::warn("{} image{} listed more than once, and dealt once", copies, copies == 1 ? " is" : "s are");
  const Known known = look_at(set, options, call);
  const auto groups = dataset::split_groups(set, known.origins, known.hashes, options, call.stop);
  const auto splits = dataset::assign_splits(set, groups, options);
  for (std::size_t i = 0; i < splits.size(); ++i) set.images[i].split = splits[i];
  const auto leaks = dataset::find_leaks(set, known.origins, known.hashes, options, kShown, call.stop);
  if (leaks.near + leaks.blocks > 0) {  // cannot be; no split that leaks is ever written
    print_leaks(leaks, set, options.by);
    refuse(leaks, call.argument(0));
  }
  auto sorted = groups;
  std::sort(sorted.begin(), sorted.end());
  const auto count = static_cast<std::size_t>(std::unique(sorted.begin(), sorted.end()) - sorted.begin());
  const std::string target = write(call, set);
  if (call.json) {
    json result = balance_json(set);
    result["groups"] = count;
    result["target"] = target;
    fmt::print("{}\n", json_text(result));
  } else {
    print_balance(set, count, options, target);
  }
  return 0;
}

}  // namespace

Command data_split_command() {
  Command command;
  command.name = "data split";
  command.group = Group::kData;
  command.summary = "Divide a data set into train, val and test without leaks";
  command.details =
      "Frames of one video and block of time, and near duplicates, stay together; the classes are balanced. The same seed "
      "gives the same split on any machine. --check says whether an existing split leaks.";
  command.positionals = {{.name = "SOURCE", .help = "data set of any format, or a folder of images", .flag = "source"}};
  command.options = {
      from_flag(),
      {"out", "DIR", "Write a YOLO data set there"},
      {"in-place", "", "Write train.txt, val.txt, test.txt and data.yaml beside the images of a YOLO data set"},
      {"check", "", "Write nothing; tell whether the present split leaks"},
      {"ratio", "R", "train/val/test; default 70/20/10"},
      {"seed", "S", "Which of many good splits; default 0"},
      {"by", "WHAT", "Keep together what is of one source, block or image; default block"},
      {"block", "T", "Length of a block of time; default 30 seconds"},
      {"distance", "D", "Bits by which hashes of near duplicates differ at most, up to 16; default 6; -1: not looked at"},
      {"images", "HOW", "copy (default), link (hard links, else symbolic ones) or none"},
      follow_links_flag()};
  command.json = true;
  command.examples = {"goshawk data split frames/ --out dataset --ratio 80/20",
                      "goshawk data split data.yaml --in-place --seed 3",
                      "goshawk data split data.yaml --check --by source"};
  command.run = run_data_split;
  return command;
}

}  // namespace goshawk::cli
