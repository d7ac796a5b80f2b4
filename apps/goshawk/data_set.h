// What the `goshawk data` commands share: reading a set, writing one, and telling what came of it.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "apps/goshawk/command.h"
#include "goshawk/core/activity.h"
#include "goshawk/dataset/dataset.h"
#include "goshawk/dataset/formats.h"

namespace goshawk::cli {

/// "--from yolo": nullopt when the flag is not given. Throws Error{kUsage} with the names there are.
std::optional<dataset::Format> format_option(const Invocation& call, const std::string& flag);
/// --from, the format of a set that is read.
Option from_flag();
/// --split, for commands that take the images of one.
Option one_split_flag();
/// "--split val" (or train, test, none).
std::optional<dataset::Split> split_option(const Invocation& call, const std::string& flag);
/// The same, of a set that has been read. Throws Error{kUsage} when it has no such split.
std::optional<dataset::Split> split_of(const Invocation& call, const dataset::Dataset& set);
/// How --images says that images are brought along; copied without it. Throws Error{kUsage}.
dataset::Images images_option(const Invocation& call);
/// Names of a data set's classes, in its order.
std::vector<std::string> class_names(const dataset::Dataset& set);
/// Marks the classes of `set` that `words` name, all where there are no words. SHAPE: one for each class. Throws
/// Error{kUsage} for a class that is not there.
std::vector<char> named_classes(const dataset::Dataset& set, const std::vector<std::string>& words);

/// The flags --to, --out, --images, --text and --scores, for commands that write a set.
std::vector<Option> writing_flags(const std::string& default_format);

/// --follow-links, for commands that hand on what they read.
Option follow_links_flag();

/// Tells on stderr what is done ("reading x") while it lasts; nothing with --quiet.
std::optional<Activity> activity_of(const Invocation& call, const std::string& title);

/// Reads a set with a line on stderr about its problems (the first few in full). Throws Error{kUsage} where --out lies in a
/// folder of its images.
dataset::ReadResult read_set(const Invocation& call, const std::string& path, std::optional<dataset::Format> format);
/// As dataset::read_dataset, and for the `data` commands a folder of images that no format claims: they are not labelled.
/// Without what links lead out of the set to where the command has --follow-links and it is not given. Stopped with the
/// command.
dataset::ReadResult read_files(const Invocation& call, const std::string& path, std::optional<dataset::Format> format,
                               dataset::ReadLimits limits = {});

/// Throws Error{kUsage} when --out is missing or exists, or --to is no format: stops early what would fail after long work.
void check_target(const Invocation& call);

/// What a command tells of its own work.
struct Told {
  std::string table;              // in place of the table of classes and splits; empty: that one
  nlohmann::ordered_json fields;  // more fields of the JSON; null: none
};

/// Writes `set` as --to (else `format`) to --out with a progress bar, and prints the table or JSON of what is in it and what
/// was dropped. `problems`: found when it was read. Returns the exit code.
int write_set(const Invocation& call, const dataset::Dataset& set, dataset::Format format, std::uint64_t problems,
              const Told& told = {});

}  // namespace goshawk::cli
