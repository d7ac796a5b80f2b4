#include "goshawk/evaluate/mot_challenge.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <set>

#include "goshawk/core/error.h"
#include "goshawk/core/text.h"
#include "goshawk/dataset/mot_text.h"

namespace goshawk::evaluate {
namespace {

namespace fs = std::filesystem;
using dataset::MotRow;
using dataset::MotText;

constexpr std::array kNames = {"MOT15", "MOT16", "MOT17", "MOT20", "plain"};
constexpr std::int64_t kPedestrian = 1, kNonMotorVehicle = 6;
constexpr std::array<std::int64_t, 4> kDistractors = {2, 7, 8, 12};  // on a vehicle, static, distractor, reflection

bool is_file(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored) && !fs::is_directory(path, ignored);
}

bool is_folder(const fs::path& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored);
}

std::vector<fs::path> entries_of(const fs::path& folder) {
  std::error_code code;
  std::vector<fs::path> entries;
  for (fs::directory_iterator it(folder, code), end; !code && it != end; it.increment(code)) entries.push_back(it->path());
  if (code) throw Error(ErrorCode::kIo, "cannot list the folder: " + code.message(), folder.string());
  std::ranges::sort(entries);
  return entries;
}

/// SEQ of SEQ/gt/gt.txt, SEQ/gt.txt and SEQ.txt.
std::string name_of_truth(const fs::path& file) {
  const fs::path path = fs::absolute(file).lexically_normal();
  if (!path.stem().string().starts_with("gt")) return path.stem().string();
  const fs::path folder = path.parent_path();
  const fs::path owner = folder.filename() == "gt" ? folder.parent_path() : folder;
  return owner.has_filename() ? owner.filename().string() : path.stem().string();
}

std::int64_t stated_frames(const fs::path& truth, const std::string& name) {
  const fs::path folder = fs::absolute(truth).lexically_normal().parent_path();
  const fs::path owner = folder.filename() == "gt" ? folder.parent_path() : folder;
  for (const fs::path& place : {owner, owner / name}) {
    if (const auto info = dataset::read_sequence_info(place / "seqinfo.ini")) return info->frames;
  }
  return 0;
}

std::optional<fs::path> truth_in(const fs::path& folder) {
  for (const char* const place : {"gt/gt.txt", "gt.txt"}) {
    if (is_file(folder / place)) return folder / place;
  }
  return {};
}

std::vector<MotSequence> find_truth(const fs::path& truth) {
  std::vector<MotSequence> found;
  if (is_file(truth)) {
    found.push_back({name_of_truth(truth), truth, {}, 0});
  } else if (!is_folder(truth)) {
    throw Error(ErrorCode::kNotFound, "there is no ground truth here", truth.string());
  } else if (const auto file = truth_in(truth)) {
    found.push_back({name_of_truth(*file), *file, {}, 0});
  } else {
    for (const fs::path& entry : entries_of(truth)) {
      if (is_folder(entry)) {
        if (const auto inner = truth_in(entry)) found.push_back({entry.filename().string(), *inner, {}, 0});
      } else if (entry.extension() == ".txt") {
        found.push_back({entry.stem().string(), entry, {}, 0});
      }
    }
  }
  if (found.empty()) {
    throw Error(ErrorCode::kNotFound, "no ground truth found", truth.string(),
                "Looked for SEQUENCE/gt/gt.txt, SEQUENCE/gt.txt and SEQUENCE.txt.");
  }
  std::ranges::sort(found, {}, &MotSequence::name);
  return found;
}

std::vector<MotSequence> choose(std::vector<MotSequence> all, const std::vector<std::string>& wanted) {
  if (wanted.empty()) return all;
  std::vector<std::string> names;
  for (const auto& sequence : all) names.push_back(sequence.name);
  for (const auto& name : wanted) {
    if (std::ranges::find(names, name) == names.end()) {
      throw Error(ErrorCode::kNotFound,
                  fmt::format("no ground truth of the sequence '{}'{}", name, did_you_mean(name, names)));
    }
  }
  std::erase_if(all, [&](const MotSequence& sequence) { return std::ranges::find(wanted, sequence.name) == wanted.end(); });
  return all;
}

fs::path find_result(const fs::path& folder, const std::string& name) {
  const std::array places = {fs::path(name + ".txt"), fs::path("data") / (name + ".txt"), fs::path(name) / (name + ".txt"),
                             fs::path(name) / "mot.txt", fs::path(name) / "test.txt"};
  for (const fs::path& place : places) {
    if (is_file(folder / place)) return folder / place;
  }
  throw Error(ErrorCode::kNotFound, fmt::format("no result of the sequence '{}'", name), folder.string(),
              fmt::format("Looked for {0}.txt, data/{0}.txt, {0}/{0}.txt, {0}/mot.txt and {0}/test.txt.", name));
}

std::vector<fs::path> unused_results(const fs::path& folder, const std::vector<MotSequence>& sequences) {
  std::set<std::string> names;
  for (const auto& sequence : sequences) names.insert(sequence.name);
  std::vector<fs::path> unused;
  for (const fs::path& place : {folder, folder / "data"}) {
    if (!is_folder(place)) continue;
    for (const fs::path& entry : entries_of(place)) {
      if (entry.extension() == ".txt" && is_file(entry) && !names.contains(entry.stem().string())) unused.push_back(entry);
    }
  }
  return unused;
}

MotText read_valid(const fs::path& path, const dataset::ReadLimits& limits) {
  MotText text = dataset::read_mot_text(path, limits);
  if (!text.problems.empty()) {
    const auto& first = text.problems.front();
    const std::uint64_t others = text.problems.size() - 1 + text.problems_left_out;
    throw Error(ErrorCode::kBadData, first.message, fmt::format("{}:{}", first.file, first.line),
                others > 0 ? fmt::format("{} more line{} wrong.", others, others == 1 ? " is" : "s are") : "");
  }
  return text;
}

bool is_class(double kind) { return kind == std::trunc(kind) && kind >= 1 && kind <= 13; }

MotRules recognise_rules(const std::string& name, const MotText& truth, const std::string& file) {
  for (const MotRules rules : {MotRules::kMot15, MotRules::kMot16, MotRules::kMot17, MotRules::kMot20}) {
    if (name.starts_with(evaluate::name(rules))) return rules;
  }
  const bool classes = std::ranges::all_of(truth.rows, [](const MotRow& row) { return is_class(row.kind); });
  if (!classes) return MotRules::kMot15;
  if (std::ranges::all_of(truth.rows, [](const MotRow& row) { return row.kind == kPedestrian; })) return MotRules::kPlain;
  throw Error(ErrorCode::kUsage,
              "the ground truth has several classes, and the sequence's name does not say whose rules apply", file,
              "Add --benchmark MOT16, MOT17 or MOT20, or --benchmark plain (every class counts, or the one of --class).");
}

/// Turns rows into boxes by the rules.
class Preparation {
 public:
  Preparation(MotRules rules, const MotEvaluation& options) : rules_(rules), options_(options) {
    if (rules != MotRules::kPlain && options.category.value_or(kPedestrian) != kPedestrian) {
      throw Error(ErrorCode::kUsage, fmt::format("{} evaluates pedestrians only", name(rules)), "--class",
                  "Add --benchmark plain to evaluate any class without the benchmark's own rules.");
    }
  }

  /// Adds to `cut` the lines that only their confidence between 0 and 1 leaves out.
  std::vector<TrackedBox> truth(const MotText& text, const std::string& file, std::size_t& cut) const {
    std::vector<TrackedBox> boxes;
    boxes.reserve(text.rows.size());
    for (const MotRow& row : text.rows) {
      if (has_classes() && !is_class(row.kind)) {
        throw Error(ErrorCode::kBadData, fmt::format("class {} is none of {}'s classes 1 to 13", row.kind, name(rules_)),
                    fmt::format("{}:{}", file, row.line), "Without classes: --benchmark MOT15");
      }
      boxes.push_back({row.frame, row.id, row.box, row.line, role_of(row)});
      cut += !counts_by_confidence(row) && row.confidence != 0 && role_by_class(row) == TruthRole::kCounts ? 1 : 0;
    }
    return boxes;
  }

  std::vector<TrackedBox> result(const MotText& text, const std::string& file) const {
    std::vector<TrackedBox> boxes;
    boxes.reserve(text.rows.size());
    for (const MotRow& row : text.rows) {
      if (has_classes() && row.kind > 1) {
        throw Error(ErrorCode::kBadData,
                    fmt::format("class {} in a result: by {}'s rules results hold pedestrians only (1, or -1: not stated)",
                                row.kind, name(rules_)),
                    fmt::format("{}:{}", file, row.line), "--benchmark plain evaluates any classes.");
      }
      // A result that does not state classes is one of the class that is evaluated.
      if (rules_ == MotRules::kPlain && options_.category && row.kind >= 0 &&
          row.kind != static_cast<double>(*options_.category)) {
        continue;
      }
      boxes.push_back({row.frame, row.id, row.box, row.line, TruthRole::kCounts});
    }
    return boxes;
  }

 private:
  bool has_classes() const { return rules_ != MotRules::kMot15 && rules_ != MotRules::kPlain; }

  static bool counts_by_confidence(const MotRow& row) { return std::trunc(row.confidence) != 0; }

  TruthRole role_of(const MotRow& row) const {
    const TruthRole role = role_by_class(row);
    return role == TruthRole::kCounts && !counts_by_confidence(row) ? TruthRole::kIgnored : role;
  }

  TruthRole role_by_class(const MotRow& row) const {
    const auto kind = static_cast<std::int64_t>(std::clamp(row.kind, -1e9, 1e9));
    if (has_classes()) {
      if (std::ranges::find(kDistractors, kind) != kDistractors.end()) return TruthRole::kDistractor;
      if (rules_ == MotRules::kMot20 && kind == kNonMotorVehicle) return TruthRole::kDistractor;
      if (kind != kPedestrian) return TruthRole::kIgnored;
    }
    if (rules_ == MotRules::kPlain && options_.category && row.kind != static_cast<double>(*options_.category)) {
      return TruthRole::kIgnored;
    }
    return TruthRole::kCounts;
  }

  MotRules rules_;
  const MotEvaluation& options_;
};

/// A tracker's output taken for ground truth would give scores of nothing.
void require_truth(const TrackSequence& sequence, const MotText& truth, std::size_t cut) {
  const auto counts = [](const TrackedBox& box) { return box.role == TruthRole::kCounts; };
  if (cut == 0 || std::ranges::any_of(sequence.truth, counts)) return;
  const auto first = std::ranges::find_if(
      truth.rows, [](const MotRow& row) { return row.confidence != 0 && std::trunc(row.confidence) == 0; });
  throw Error(ErrorCode::kBadData,
              fmt::format("no line of the ground truth counts: {} {} a confidence between 0 and 1, such as {}, and the MOT "
                          "Challenge cuts it to 0, which means not to be scored",
                          cut, cut == 1 ? "line has" : "lines have", first->confidence),
              fmt::format("{}:{}", sequence.truth_file, first->line),
              "In ground truth the seventh column says whether a line counts: write 1, or 0.");
}

/// The greatest frame of both, or an error for one beyond the stated length.
std::int64_t length_of(const MotSequence& files, const MotText& truth, const MotText& result) {
  std::int64_t last = 0;
  for (const auto& [text, file] : {std::pair(&truth, &files.truth), std::pair(&result, &files.result)}) {
    for (const MotRow& row : text->rows) {
      last = std::max(last, row.frame);
      if (files.frames > 0 && row.frame > files.frames) {
        throw Error(ErrorCode::kBadData, fmt::format("frame {} of a sequence of {} frames", row.frame, files.frames),
                    fmt::format("{}:{}", file->string(), row.line));
      }
    }
  }
  return files.frames > 0 ? files.frames : last;
}

}  // namespace

const char* name(MotRules rules) { return kNames[static_cast<std::size_t>(rules)]; }

std::optional<MotRules> mot_rules_of(std::string_view name) {
  for (std::size_t k = 0; k < kNames.size(); ++k) {
    if (kNames[k] == name) return static_cast<MotRules>(k);
  }
  return {};
}

MotSequences find_mot_sequences(const fs::path& truth, const fs::path& result, const MotEvaluation& options) {
  MotSequences sequences;
  const auto all = find_truth(truth);
  sequences.found = choose(all, options.sequences);
  const bool one_file = is_file(result);
  if (!one_file && !is_folder(result)) throw Error(ErrorCode::kNotFound, "there is no result here", result.string());
  if (one_file && sequences.found.size() != 1) {
    throw Error(ErrorCode::kUsage, fmt::format("one result, but {} sequences of ground truth", sequences.found.size()),
                result.string(), "Give a folder of results, or choose a sequence with --sequences.");
  }
  for (auto& sequence : sequences.found) {
    if (one_file) {
      sequence.result = result;
    } else if (sequences.found.size() == 1 && is_file(result / "mot.txt")) {
      sequence.result = result / "mot.txt";  // the folder of one run of `goshawk track`
    } else {
      sequence.result = find_result(result, sequence.name);
    }
    sequence.frames = stated_frames(sequence.truth, sequence.name);
  }
  if (!one_file && options.sequences.empty() && !is_file(result / "mot.txt")) sequences.unused = unused_results(result, all);
  return sequences;
}

PreparedSequence prepare_mot_sequence(const MotSequence& files, const MotEvaluation& options) {
  PreparedSequence prepared;
  TrackSequence& sequence = prepared.sequence;
  sequence.name = files.name;
  sequence.truth_file = files.truth.string();
  sequence.result_file = files.result.string();
  const MotText truth = read_valid(files.truth, options.limits), result = read_valid(files.result, options.limits);
  prepared.rules = options.rules ? *options.rules : recognise_rules(files.name, truth, sequence.truth_file);
  const Preparation preparation(prepared.rules, options);
  sequence.frames = length_of(files, truth, result);
  sequence.truth = preparation.truth(truth, sequence.truth_file, prepared.cut_confidences);
  require_truth(sequence, truth, prepared.cut_confidences);
  sequence.result = preparation.result(result, sequence.result_file);
  return prepared;
}

}  // namespace goshawk::evaluate
