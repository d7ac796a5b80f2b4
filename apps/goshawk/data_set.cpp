#include "apps/goshawk/data_set.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

#include <array>
#include <ranges>

#include "apps/goshawk/option_values.h"
#include "apps/goshawk/progress_bar.h"
#include "apps/goshawk/terminal.h"
#include "goshawk/core/error.h"
#include "goshawk/core/json_text.h"
#include "goshawk/core/text.h"
#include "goshawk/dataset/fenced_read.h"
#include "goshawk/dataset/label_gaps.h"
#include "goshawk/dataset/recognise.h"
#include "goshawk/dataset/safe_path.h"
#include "goshawk/dataset/unlabelled.h"

namespace goshawk::cli {
namespace {

namespace fs = std::filesystem;
using dataset::Split;
using nlohmann::ordered_json;

constexpr std::array kFormats{dataset::Format::kYolo, dataset::Format::kCoco,     dataset::Format::kVoc,
                              dataset::Format::kCvat, dataset::Format::kCvatYolo, dataset::Format::kLabelImg,
                              dataset::Format::kMot};
constexpr std::array kSplits{Split::kTrain, Split::kVal, Split::kTest, Split::kNone};

std::vector<std::string> format_names() {
  std::vector<std::string> names;
  for (const auto format : kFormats) names.emplace_back(dataset::name(format));
  return names;
}

const char* title(Split split) { return split == Split::kNone ? "no split" : dataset::name(split); }

std::size_t index(Split split) { return static_cast<std::size_t>(split); }

/// Numbers of images and objects by split, and of objects by class and split.
struct Counts {
  std::array<std::size_t, 4> images{}, objects{};
  std::vector<std::array<std::size_t, 4>> classes;

  explicit Counts(const dataset::Dataset& set) : classes(set.categories.size()) {
    for (const auto& image : set.images) ++images[index(image.split)];
    for (const auto& a : set.annotations) {
      const std::size_t split = index(set.images[a.image].split);
      ++objects[split];
      ++classes[a.category][split];
    }
  }
};

std::size_t sum(const std::array<std::size_t, 4>& counts) { return counts[0] + counts[1] + counts[2] + counts[3]; }

/// The number that the written files use.
std::int64_t class_number(const dataset::Dataset& set, std::size_t place, dataset::Format format) {
  const bool by_place = format == dataset::Format::kYolo || format == dataset::Format::kCvatYolo;
  return by_place ? static_cast<std::int64_t>(place) : set.categories[place].id;
}

ordered_json to_json(const std::array<std::size_t, 4>& counts) {
  ordered_json object;
  for (const Split split : kSplits) {
    if (counts[index(split)] > 0) object[split == Split::kNone ? "none" : dataset::name(split)] = counts[index(split)];
  }
  object["total"] = sum(counts);
  return object;
}

struct Report {
  const dataset::Dataset& set;
  dataset::Format format;
  fs::path target;
  std::uint64_t problems;
  const std::vector<dataset::Problem>& notes;
  const Told& told;
};

void print_json(const Report& report) {
  const Counts counts(report.set);
  ordered_json classes = ordered_json::array();
  for (std::size_t i = 0; i < report.set.categories.size(); ++i) {
    const auto& category = report.set.categories[i];
    classes.push_back({{"id", class_number(report.set, i, report.format)},
                       {"name", category.name},
                       {"objects", to_json(counts.classes[i])}});
  }
  ordered_json dropped = ordered_json::array(), missing = ordered_json::array();
  for (const auto& note : report.notes) {
    if (note.kind == dataset::ProblemKind::kDropped) dropped.push_back(note.message);
    else missing.push_back(note.file);
  }
  ordered_json mapping = ordered_json::object();
  for (const auto& [from, to] : report.set.class_mapping) mapping[from] = to;
  ordered_json document{{"target", report.target.string()},
                        {"format", dataset::name(report.format)},
                        {"images", to_json(counts.images)},
                        {"objects", to_json(counts.objects)},
                        {"classes", classes},
                        {"class_mapping", mapping},
                        {"dropped", dropped},
                        {"missing_images", missing},
                        {"problems", report.problems}};
  if (report.told.fields.is_object()) document.update(report.told.fields);
  fmt::print("{}\n", json_text(document));
}

/// Classes by split, then sums; splits that nothing is in have no column.
std::string counts_table(const dataset::Dataset& set, dataset::Format format) {
  const Counts counts(set);
  std::vector<Split> splits;
  for (const Split split : kSplits) {
    if (counts.images[index(split)] > 0) splits.push_back(split);
  }
  const bool one = splits.size() <= 1;
  std::vector<std::string> header{"class", "number"};
  for (const Split split : splits) header.emplace_back(title(split));
  if (!one) header.emplace_back("all");
  Table table(std::move(header));
  const auto add = [&](std::string name, std::string number, const std::array<std::size_t, 4>& row) {
    std::vector<std::string> cells{std::move(name), std::move(number)};
    for (const Split split : splits) cells.push_back(std::to_string(row[index(split)]));
    if (!one) cells.push_back(std::to_string(sum(row)));
    table.add_row(std::move(cells));
  };
  std::size_t unused = 0;
  for (std::size_t i = 0; i < set.categories.size(); ++i) {
    if (sum(counts.classes[i]) == 0) ++unused;
    else add(set.categories[i].name, std::to_string(class_number(set, i, format)), counts.classes[i]);
  }
  add("all objects", "", counts.objects);
  add("images", "", counts.images);
  std::string text = shown(table);
  if (unused > 0) text += fmt::format("({} {} no objects)\n", unused, unused == 1 ? "class has" : "classes have");
  return text;
}

void print_dropped_classes(const std::vector<std::string>& names) {
  constexpr std::size_t kNamed = 10;
  if (names.empty()) return;
  const auto first = names | std::views::take(kNamed);
  fmt::print("{} dropped: {}", names.size() == 1 ? "class" : "classes", fmt::join(first.begin(), first.end(), ", "));
  if (names.size() > kNamed) fmt::print(" and {} more", names.size() - kNamed);
  fmt::print("\n");
}

void print_table(const Report& report) {
  fmt::print("{}\n", report.told.table.empty() ? counts_table(report.set, report.format) : report.told.table);
  std::vector<std::string> gone;
  for (const auto& [from, to] : report.set.class_mapping) {
    if (from.empty()) fmt::print("classes are those of {}\n", to);
    else if (to.empty()) gone.push_back(from);
    else fmt::print("class {} -> {}\n", from, to);
  }
  print_dropped_classes(gone);
  std::size_t missing = 0;
  for (const auto& note : report.notes) {
    if (note.kind == dataset::ProblemKind::kMissingImage) ++missing;
    else fmt::print("{}\n", note.message);
  }
  if (missing > 0) fmt::print("{} image{} not there and could not be brought\n", missing, missing == 1 ? " is" : "s are");
  fmt::print("{} ({})\n", report.target.string(), dataset::name(report.format));
}

void check_text_flag(const Invocation& call, dataset::Format format) {
  if (call.has("text") && format != dataset::Format::kLabelImg)
    throw Error(ErrorCode::kUsage, fmt::format("goes with --to labelimg, not with {}", dataset::name(format)), "--text");
}

/// Whether the command writes what it reads into a set of its own, or checks one that somebody else may have made.
bool hands_on(const Invocation& call) {
  return std::ranges::any_of(call.command.options, [](const auto& option) { return option.flag == "follow-links"; });
}

/// The images of a folder that no label format claims; nullopt for anything else.
std::optional<dataset::ReadResult> unlabelled_images(const fs::path& path, const dataset::ReadLimits& limits) {
  std::error_code error;
  if (!fs::is_directory(path, error) || dataset::recognise_format(path) || dataset::holds_labelme(path)) return std::nullopt;
  auto result = dataset::read_unlabelled(path, limits);
  if (result.dataset.images.empty()) return std::nullopt;
  return result;
}

/// Throws Error{kUsage} where --out lies in a folder whose every image is of the set: what is written there would be, too.
void check_outside(const Invocation& call, const dataset::Dataset& set) {
  if (!call.has("out") || set.unpacked) return;
  std::error_code error;
  const fs::path target = fs::weakly_canonical(fs::absolute(call.options.at("out")), error);
  for (const auto& listed : set.listed) {
    const fs::path folder = fs::canonical(listed, error);
    if (error || !dataset::is_within(target, folder)) continue;
    throw Error(ErrorCode::kUsage, "the target lies among the images of the data set, and would become part of it",
                call.options.at("out"), "Choose a folder that is not below " + listed.string() + ".");
  }
}

}  // namespace

Option one_split_flag() {
  return {"split", "SPLIT", "Images of this one only: train, val, test or none", {"train", "val", "test", "none"}};
}

Option from_flag() { return {"from", "FORMAT", "format of the data set; else recognised", format_names()}; }

std::optional<dataset::Format> format_option(const Invocation& call, const std::string& flag) {
  const auto given = call.options.find(flag);
  if (given == call.options.end()) return std::nullopt;
  if (const auto format = dataset::format_of(given->second)) return format;
  const auto names = format_names();
  const bool labelme = to_lower(given->second) == "labelme";  // LabelImg is another program
  throw Error(ErrorCode::kUsage,
              "--" + flag + ": there is no format '" + given->second + "'" +
                  (labelme ? "; LabelMe's labels are not read" : did_you_mean(given->second, names)),
              "", fmt::format("Formats: {}", fmt::join(names, ", ")));
}

std::optional<Split> split_option(const Invocation& call, const std::string& flag) {
  const auto given = call.options.find(flag);
  if (given == call.options.end()) return std::nullopt;
  for (const Split split : {Split::kTrain, Split::kVal, Split::kTest}) {
    if (given->second == dataset::name(split)) return split;
  }
  if (given->second == "none") return Split::kNone;
  throw Error(ErrorCode::kUsage, "--" + flag + " is train, val, test or none, not '" + given->second + "'");
}

std::optional<Split> split_of(const Invocation& call, const dataset::Dataset& set) {
  const auto wanted = split_option(call, "split");
  const auto holds = [&](Split split) {
    return std::any_of(set.images.begin(), set.images.end(), [&](const auto& image) { return image.split == split; });
  };
  if (!wanted || holds(*wanted)) return wanted;
  std::vector<std::string> known;
  for (const Split split : kSplits) {
    if (split != Split::kNone && holds(split)) known.emplace_back(dataset::name(split));
  }
  throw Error(ErrorCode::kUsage, fmt::format("the data set has no split '{}'", call.options.at("split")), "--split",
              known.empty() ? "It has no splits: leave --split out." : fmt::format("It has {}.", fmt::join(known, ", ")));
}

dataset::Images images_option(const Invocation& call) {
  const auto given = call.options.find("images");
  if (given == call.options.end() || given->second == "copy") return dataset::Images::kCopy;
  if (given->second == "link") return dataset::Images::kLink;
  if (given->second == "none") return dataset::Images::kNone;
  throw Error(ErrorCode::kUsage, "--images is copy, link or none, not '" + given->second + "'");
}

std::vector<std::string> class_names(const dataset::Dataset& set) {
  std::vector<std::string> names;
  for (const auto& category : set.categories) names.push_back(category.name);
  return names;
}

std::vector<char> named_classes(const dataset::Dataset& set, const std::vector<std::string>& words) {
  std::vector<char> named(set.categories.size(), words.empty() ? 1 : 0);
  for (const auto& word : words) {
    bool found = false;
    const auto mark = [&](auto&& is) {
      for (std::size_t c = 0; c < named.size(); ++c) {
        if (is(set.categories[c])) named[c] = found = true;
      }
    };
    mark([&](const dataset::Category& category) { return category.name == word; });
    if (!found) mark([&](const dataset::Category& category) { return std::to_string(category.id) == word; });
    if (!found) {
      throw Error(ErrorCode::kUsage,
                  "there is no class '" + word + "' in this data set" + did_you_mean(word, class_names(set)));
    }
  }
  return named;
}

std::vector<Option> writing_flags(const std::string& default_format) {
  return {{"out", "DIR", "Folder to write, which must not exist"},
          {"to", "FORMAT", fmt::format("{}; default: {}", fmt::join(format_names(), ", "), default_format), format_names()},
          {"images", "HOW", "copy (default), link (hard links, else symbolic ones) or none", {"copy", "link", "none"}},
          {"text", "", "LabelImg: YOLO text and classes.txt instead of VOC XML"},
          {"scores", "", "YOLO: confidences as a sixth column, which training tools may refuse"},
          follow_links_flag()};
}

Option follow_links_flag() { return {"follow-links", "", "Take images and labels that links lead to, out of the data set"}; }

std::optional<Activity> activity_of(const Invocation& call, const std::string& title) {
  if (call.config.boolean("log.quiet")) return std::nullopt;
  return std::optional<Activity>(std::in_place, title);
}

dataset::ReadResult read_files(const Invocation& call, const std::string& path, std::optional<dataset::Format> format,
                               dataset::ReadLimits limits) {
  limits.stop = call.stop;
  const auto activity = activity_of(call, "reading " + path);
  const bool fenced = hands_on(call) && !call.has("follow-links");
  if (!format && call.command.name.starts_with("data ")) {
    if (auto images = unlabelled_images(path, limits)) {
      if (fenced) dataset::take_out_links(*images, limits);
      return std::move(*images);
    }
  }
  return fenced ? dataset::read_fenced_dataset(path, format, limits) : dataset::read_dataset(path, format, limits);
}

dataset::ReadResult read_set(const Invocation& call, const std::string& path, std::optional<dataset::Format> format) {
  auto result = read_files(call, path, format);
  check_outside(call, result.dataset);
  // What the target cannot hold matters to commands that write one (they have --out).
  const bool writes = call.has("out");
  std::vector<const dataset::Problem*> told;
  for (const auto& problem : result.problems) {
    if (writes || problem.kind != dataset::ProblemKind::kDropped) told.push_back(&problem);
  }
  const std::size_t shown = std::min<std::size_t>(told.size(), 5);
  for (std::size_t i = 0; i < shown; ++i) {
    const auto& problem = *told[i];
    spdlog::warn("{}{}: {} ({})", problem.file, problem.line > 0 ? ":" + std::to_string(problem.line) : "", problem.message,
                 dataset::name(problem.kind));
  }
  const auto rest = told.size() - shown + result.problems_left_out;
  if (rest > 0) spdlog::warn("{} more problem{}; `goshawk data check` lists them", rest, rest == 1 ? "" : "s");
  if (writes && hands_on(call)) {
    std::vector<std::string> notes;
    dataset::load_label_gaps(result.dataset, &notes);
    for (const auto& note : notes) spdlog::warn("{}", note);
  }
  return result;
}

void check_target(const Invocation& call) {
  const fs::path target = required_option(call, "out");
  if (const auto format = format_option(call, "to")) check_text_flag(call, *format);
  images_option(call);
  std::error_code error;
  if (fs::exists(target, error))
    throw Error(ErrorCode::kUsage, "the target exists already", target.string(), "Remove it, or choose another name.");
}

int write_set(const Invocation& call, const dataset::Dataset& set, dataset::Format format, std::uint64_t problems,
              const Told& told) {
  const fs::path target = required_option(call, "out");
  if (set.images.empty()) throw Error(ErrorCode::kBadData, "no image is left: nothing was written", call.argument(0));
  format = format_option(call, "to").value_or(format);
  dataset::WriteOptions options;
  options.images = images_option(call);
  options.scores = call.has("scores");
  check_text_flag(call, format);
  options.text = call.has("text");
  options.stop = call.stop;
  ProgressBar progress(call, "writing", set.images.size(), "images");
  options.progress = [&](std::int64_t done, std::int64_t) { progress.update(done); };
  const auto notes = dataset::write_dataset(set, format, target, options);
  progress.finish();
  const Report report{set, format, target, problems, notes, told};
  if (call.json) print_json(report);
  else print_table(report);
  return 0;
}

}  // namespace goshawk::cli
