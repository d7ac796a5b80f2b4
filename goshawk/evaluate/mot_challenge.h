// The MOT Challenge's folders and its rules about what counts.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "goshawk/dataset/dataset.h"
#include "goshawk/evaluate/tracks.h"

namespace goshawk::evaluate {

/// Rules by which ground truth and results are prepared. In all of them a line of the ground truth whose confidence is 0
/// does not count. Source: Milan et al. 2016 (MOT16), Dendorfer et al. 2020 (MOT20), TrackEval 1.3 (MotChallenge2DBox).
enum class MotRules : std::uint8_t {
  kMot15,  // no classes: column 8 is not looked at
  kMot16,  // pedestrians count; results on people on vehicles, static people, distractors and reflections are left out
  kMot17,  // as MOT16
  kMot20,  // and on non-motorised vehicles
  kPlain,  // classes as they are in the files: all of them as one, or just the one that is asked for
};
/// "MOT15", "MOT16", "MOT17", "MOT20", "plain".
const char* name(MotRules rules);
std::optional<MotRules> mot_rules_of(std::string_view name);

struct MotEvaluation {
  std::optional<MotRules> rules;         // nothing: told from the sequence's name and classes
  std::optional<std::int64_t> category;  // class that counts; rules other than kPlain have pedestrians (1) only
  std::vector<std::string> sequences;    // empty: all
  dataset::ReadLimits limits;
};

struct MotSequence {
  std::string name;
  std::filesystem::path truth, result;
  std::int64_t frames = 0;  // of seqinfo.ini; 0: not stated, then the last frame of either file
};

struct MotSequences {
  std::vector<MotSequence> found;             // by name
  std::vector<std::filesystem::path> unused;  // results of no known sequence; empty where `sequences` chose some
};

/// Looks for the ground truth at `truth`: a file, or a folder with SEQ/gt/gt.txt, SEQ/gt.txt or SEQ.txt; and for each
/// sequence's result at `result`: a file, or a folder with SEQ.txt, data/SEQ.txt, SEQ/SEQ.txt, SEQ/mot.txt (of `goshawk
/// track`) or SEQ/test.txt. Throws Error{kNotFound} for what is missing, {kUsage} for a file where several are needed.
MotSequences find_mot_sequences(const std::filesystem::path& truth, const std::filesystem::path& result,
                                const MotEvaluation& options);

struct PreparedSequence {
  TrackSequence sequence;
  MotRules rules = MotRules::kPlain;
  /// Lines of the ground truth that only their confidence between 0 and 1 leaves out: the Challenge cuts it to a whole
  /// number.
  std::size_t cut_confidences = 0;
};

/// Reads both files and applies the rules. Throws Error{kBadData} with file and line for the first thing that is wrong,
/// and where cut confidences leave no line that counts; {kUsage} when the rules cannot be told, and what read_file throws.
PreparedSequence prepare_mot_sequence(const MotSequence& files, const MotEvaluation& options);

}  // namespace goshawk::evaluate
