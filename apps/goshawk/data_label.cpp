// goshawk data label: labels proposed by a model, for people to correct.

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <optional>
#include <set>

#include "apps/goshawk/commands.h"
#include "apps/goshawk/data_set.h"
#include "apps/goshawk/detect_on_set.h"
#include "apps/goshawk/interrupt.h"
#include "apps/goshawk/model_path.h"
#include "apps/goshawk/option_values.h"
#include "apps/goshawk/options.h"
#include "apps/goshawk/terminal.h"
#include "goshawk/core/error.h"
#include "goshawk/core/text.h"
#include "goshawk/dataset/class_map.h"
#include "goshawk/dataset/image_files.h"
#include "goshawk/dataset/image_size.h"
#include "goshawk/dataset/prelabel.h"
#include "goshawk/dataset/recognise.h"
#include "goshawk/dataset/zip_archive.h"
#include "goshawk/evaluate/class_match.h"
#include "goshawk/media/image.h"
#include "goshawk/media/image_source.h"

namespace goshawk::cli {
namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

/// What is to be labelled, and as what it is written unless --to says otherwise.
struct Input {
  dataset::Dataset set;
  std::optional<dataset::Format> format;  // nullopt: images without any labels
  std::uint64_t problems = 0;
};

/// --class-conf, not yet compared with any list of classes.
using ClassThresholds = std::vector<std::pair<std::string, float>>;

ClassThresholds class_thresholds(const Invocation& call) {
  ClassThresholds thresholds;
  const auto given = call.options.find("class-conf");
  if (given == call.options.end()) return thresholds;
  for (const auto& [name, text] : dataset::parse_class_mapping(given->second)) {
    const auto number = number_in<float>(text);
    if (!number || !(*number >= 0 && *number <= 1)) {
      throw Error(ErrorCode::kUsage, fmt::format("a threshold is a number from 0 to 1, not '{}'", text), "--class-conf",
                  "For instance: --class-conf person=0.5,car=0.4");
    }
    thresholds.emplace_back(name, *number);
  }
  return thresholds;
}

/// An image, or a glob of them; a folder of images is a data set without labels.
dataset::Dataset set_of_images(const Invocation& call, const std::string& source, bool glob) {
  dataset::ReadLimits limits;
  limits.stop = call.stop;
  dataset::Dataset set;
  std::vector<fs::path> files;
  if (glob) files = media::images_of_glob(source);
  else if (media::has_image_extension(source)) files.emplace_back(source);
  std::erase_if(files, [](const fs::path& file) { return !media::has_image_extension(file); });
  if (files.empty()) {
    throw Error(ErrorCode::kBadData, "there is neither a labelled data set nor an image", source,
                "Give a folder of images, or a data set: data.yaml, instances.json, a folder or an archive.");
  }
  set.root = fs::absolute(files.front().parent_path());
  for (const auto& file : files) {
    dataset::ImageEntry image;
    image.id = static_cast<std::int64_t>(set.images.size()) + 1;
    const fs::path relative = fs::absolute(file).lexically_relative(set.root);
    image.file = relative.begin() != relative.end() && *relative.begin() == ".." ? fs::absolute(file).string()
                                                                                 : relative.generic_string();
    image.labelled = false;
    set.images.push_back(std::move(image));
  }
  dataset::ProblemList problems(limits.problems);
  dataset::fill_image_sizes(set, problems, call.stop);
  return set;
}

Input read_input(const Invocation& call) {
  const std::string source = call.argument(0);
  std::error_code error;
  const bool glob = !fs::exists(source, error) && source.find_first_of("*?[") != std::string::npos;
  const auto given = format_option(call, "from");
  const auto holds_images = [&] {
    dataset::ReadLimits limits;
    limits.stop = call.stop;
    return fs::is_directory(source, error) && !dataset::images_below(source, limits).empty();
  };
  const bool is_set =
      given || (!glob && (dataset::is_zip_file(source) || dataset::recognise_format(source) || holds_images()));
  Input input;
  if (!is_set) {  // some images, or none: then that is the error
    input.set = set_of_images(call, source, glob);
    return input;
  }
  auto read = read_set(call, source, given);
  input.format = read.dataset.format;
  input.set = std::move(read.dataset);
  input.problems = read.problems.size() + read.problems_left_out;
  if (input.format == dataset::Format::kCvatYolo) {  // CVAT writes an empty file for what nobody has labelled, too
    for (auto& image : input.set.images) image.labelled = false;
  }
  return input;
}

/// Adds the classes of the model that the data set does not have: all of them to a set without classes, else those alone
/// that the user named in --classes or --map.
void add_missing_classes(dataset::Dataset& set, const std::vector<std::string>& model,
                         const std::map<std::string, std::string>& renamed, const std::vector<bool>& kept) {
  const bool all = set.categories.empty();
  auto names = class_names(set);
  std::set<std::int64_t> ids{-1};
  for (const auto& category : set.categories) ids.insert(category.id);
  const auto room = std::numeric_limits<std::int64_t>::max() - static_cast<std::int64_t>(model.size());
  std::int64_t next_id = *ids.rbegin() < room ? *ids.rbegin() + 1 : 0;
  std::map<int, std::string> targets;
  for (const auto& [from, to] : renamed) targets[evaluate::find_class(from, model)] = to;
  for (std::size_t c = 0; c < model.size(); ++c) {
    const auto other = targets.find(static_cast<int>(c));
    const bool named = other != targets.end() || !kept.empty();
    const std::string& name = other == targets.end() ? model[c] : other->second;
    if (!(all || named) || (!kept.empty() && !kept[c]) || name.empty() || evaluate::find_class(name, names) >= 0) continue;
    while (!ids.insert(next_id).second) ++next_id;
    set.categories.push_back({.id = next_id, .name = name});
    names.push_back(name);
  }
}

/// Thresholds by class of the model; `to_category` tells what its classes are called in the data set.
std::vector<float> least_scores(const ClassThresholds& thresholds, float others, const std::vector<std::string>& model,
                                const std::vector<std::string>& names, const std::vector<int>& to_category) {
  std::vector<float> least(model.size(), others);
  for (const auto& [name, score] : thresholds) {
    const int category = evaluate::find_class(name, names), own = evaluate::find_class(name, model);
    if (category < 0 && own < 0) {
      throw Error(ErrorCode::kUsage,
                  fmt::format("neither data set nor model has a class '{}'{}", name, did_you_mean(name, names)),
                  "--class-conf");
    }
    for (std::size_t c = 0; c < model.size(); ++c) {
      if (category >= 0 ? to_category[c] == category : static_cast<int>(c) == own) least[c] = score;
    }
  }
  return least;
}

/// What came of the model's work.
struct Labelling {
  std::vector<std::uint64_t> before;  // [categories] objects
  std::vector<char> labelled_before;  // [images]
  std::uint64_t redone = 0;           // images whose labels of an earlier model were taken out
  std::vector<std::string> unreadable;
  std::vector<std::string> unused;  // classes of the model that the data set does not have
  dataset::Prelabelled result;
  std::string model;
  bool interrupted = false;
};

/// Detects on the images `asked` (indices) of the set.
std::vector<dataset::ImagePredictions> predict(const Invocation& call, const dataset::Dataset& set,
                                               detect::Detector& detector, const std::vector<std::size_t>& asked,
                                               Labelling& labelling) {
  std::vector<dataset::ImagePredictions> predictions;
  auto run = detect_on_set(call, set, asked, detector, "labelling", [&](std::size_t image, pipeline::DetectedFrame found) {
    const auto& picture = found.frame.image;
    predictions.push_back(
        {image, static_cast<double>(picture.cols), static_cast<double>(picture.rows), std::move(found.detections)});
  });
  labelling.unreadable = std::move(run.unreadable);
  labelling.interrupted = run.interrupted;
  return predictions;
}

Labelling label(const Invocation& call, dataset::Dataset& set, const ClassThresholds& thresholds) {
  Labelling labelling;
  if (call.has("redo")) labelling.redone = dataset::take_out_predictions(set);
  labelling.labelled_before = dataset::labelled_images(set);
  std::vector<std::size_t> asked;
  for (std::size_t i = 0; i < set.images.size(); ++i) {
    if (labelling.labelled_before[i] == 0 || call.has("add")) asked.push_back(i);
  }

  std::optional<LeaveOnStop> loading(call.stop);  // nothing is written yet
  const fs::path path = resolve_model(call.config.text("model")).path;
  labelling.model = path.filename().string();
  auto options = detector_options(call.config);
  for (const auto& [name, score] : thresholds) options.confidence = std::min(*options.confidence, score);
  options.session.parallel_runs = parallel_runs(call.config, {});
  options.session.warm_up_cached = false;
  const auto detector = detect::Detector::load(path, options);
  loading.reset();

  const auto& model = detector->recipe().class_names;
  const auto renamed = renamed_classes(call);
  const auto kept = detect::kept_classes(call.config.list("detect.classes"), model);
  add_missing_classes(set, model, renamed, kept);
  auto classes = evaluate::match_classes(model, class_names(set), renamed);
  for (std::size_t c = 0; c < model.size(); ++c) {
    if (!kept.empty() && !kept[c]) classes.to_dataset[c] = -1;
  }
  labelling.unused = std::move(classes.unused);
  const auto others = static_cast<float>(call.config.number("detect.conf"));
  const auto least = least_scores(thresholds, others, model, class_names(set), classes.to_dataset);

  labelling.before.resize(set.categories.size());
  for (const auto& annotation : set.annotations) ++labelling.before[annotation.category];
  labelling.result.added.resize(set.categories.size());
  if (asked.empty()) {
    spdlog::warn("every image has labels already: nothing was added; --add puts what is not labelled beside them");
    return labelling;
  }
  const auto predictions = predict(call, set, *detector, asked, labelling);
  if (labelling.interrupted) return labelling;
  labelling.result = dataset::add_predictions(set, predictions, {.to_category = classes.to_dataset, .least_score = least});
  return labelling;
}

struct ImageCounts {
  std::size_t all = 0, before = 0, now = 0, without = 0;
};

ImageCounts image_counts(const dataset::Dataset& set, const Labelling& labelling) {
  const auto now = dataset::labelled_images(set);
  ImageCounts counts;
  counts.all = set.images.size();
  for (std::size_t i = 0; i < counts.all; ++i) {
    if (labelling.labelled_before[i] != 0) ++counts.before;
    else if (now[i] != 0) ++counts.now;
    else ++counts.without;
  }
  return counts;
}

std::string table_of(const dataset::Dataset& set, const Labelling& labelling, bool adding) {
  Table table({"class", "before", "added", "now"});
  std::uint64_t before = 0, added = 0;
  const auto add = [&](const std::string& name, std::uint64_t was, std::uint64_t more) {
    table.add_row({name, std::to_string(was), std::to_string(more), std::to_string(was + more)});
  };
  for (std::size_t i = 0; i < set.categories.size(); ++i) {
    const auto was = labelling.before[i], more = labelling.result.added[i];
    before += was;
    added += more;
    if (was + more > 0) add(set.categories[i].name, was, more);
  }
  add("all objects", before, added);
  const auto images = image_counts(set, labelling);
  std::string text = shown(table);
  text += fmt::format("\n{} image{}: {} labelled before, {} by {} now, {} without labels\n", images.all,
                      images.all == 1 ? "" : "s", images.before, images.now, labelling.model, images.without);
  if (labelling.redone > 0)
    text += fmt::format("{} had been labelled by a model alone, and were done again\n", labelling.redone);
  if (adding) text += fmt::format("{} detections were of objects that are labelled already\n", labelling.result.known);
  return text;
}

ordered_json json_of(const dataset::Dataset& set, const Labelling& labelling) {
  const auto images = image_counts(set, labelling);
  ordered_json before = ordered_json::object(), added = ordered_json::object();
  for (std::size_t i = 0; i < set.categories.size(); ++i) {
    if (labelling.before[i] > 0) before[set.categories[i].name] = labelling.before[i];
    if (labelling.result.added[i] > 0) added[set.categories[i].name] = labelling.result.added[i];
  }
  return {{"label",
           {{"model", labelling.model},
            {"images", images.all},
            {"labelled_before", images.before},
            {"labelled_now", images.now},
            {"redone", labelling.redone},
            {"without_labels", images.without},
            {"images_with_new_objects", labelling.result.images_with_new},
            {"objects_before", before},
            {"objects_added", added},
            {"known_objects", labelling.result.known},
            {"unused_classes", labelling.unused},
            {"unreadable", labelling.unreadable}}}};
}

int run_label(const Invocation& call) {
  check_target(call);
  const auto thresholds = class_thresholds(call);
  auto input = read_input(call);
  if (input.set.images.empty()) throw Error(ErrorCode::kBadData, "there is no image to label", call.argument(0));
  const bool had_classes = !input.set.categories.empty();
  const auto labelling = label(call, input.set, thresholds);
  if (labelling.interrupted) return exit_code(ErrorCode::kInterrupted);
  for (const auto& line : labelling.unreadable) spdlog::warn("not labelled: {}", line);
  if (had_classes && !labelling.unused.empty()) {
    spdlog::info(
        "{} of the model's classes are not in the data set and were left out; --classes or --map NAME=NAME adds some",
        labelling.unused.size());
  }
  const Told told{table_of(input.set, labelling, call.has("add")), json_of(input.set, labelling)};
  const int code = write_set(call, input.set, input.format.value_or(dataset::Format::kYolo), input.problems, told);
  return code == 0 && !labelling.unreadable.empty() ? exit_code(ErrorCode::kBadData) : code;
}

}  // namespace

Command data_label_command() {
  Command command;
  command.name = "data label";
  command.group = Group::kData;
  command.summary = "Label images with a model, for people to correct";
  command.details =
      "Images that have labels stay as they are; an empty label file says that nothing is there. What the model adds "
      "carries its confidence where the format can hold it.";
  command.positionals = {{.name = "SOURCE", .help = "folder of images, or a data set of any format", .flag = "source"}};
  command.options = {
      {"add", "", "To labelled images too, what overlaps no labelled box (IoU of 0.5 or more is the same object)"},
      {"redo", "", "Anew where every object of an image carries a confidence: an earlier model's, and nobody added one"},
      {"class-conf", "LIST", "Least confidence by class: person=0.5,car=0.4"},
      {"map", "MAPPING", "What the model's classes are in the data set: truck=van,bus=van,dog="},
      from_flag()};
  for (auto& option : writing_flags("that of the source, else yolo")) command.options.push_back(std::move(option));
  command.settings = {"model", "runtime", "detect"};
  command.defaults = {{"detect.conf", "0.3"}};
  command.json = true;
  command.examples = {"goshawk data label frames/ --to cvat --out task/",
                      "goshawk data label frames/ --class-conf person=0.5 --to labelimg --out work/",
                      "goshawk data label data.yaml --model best.onnx --add --out more/"};
  command.run = run_label;
  return command;
}

}  // namespace goshawk::cli
