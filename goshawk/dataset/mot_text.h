// The lines of MOT text: gt.txt, det.txt, and what trackers write.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "goshawk/dataset/dataset.h"

namespace goshawk::dataset {

/// One line: frame, id, left, top, width, height, confidence, class, visibility. The first six must be there; what follows
/// the ninth is left out. Source: Milan et al., "MOT16: A Benchmark for Multi-Object Tracking", 2016, section 3.3.
struct MotRow {
  std::int64_t frame = 0;  // 1-based
  std::int64_t id = 0;     // -1: none (detections)
  Rectangle box;           // pixels as in the file: the format's own coordinates begin at 1
  double confidence = 1;   // ground truth: 0 where the object does not count
  double kind = -1;        // class as the file has it; MOT15's 3D files hold a coordinate here
  float visibility = -1;   // [0, 1], -1: not stated
  std::uint32_t line = 0;  // 1-based
  std::uint8_t columns = 0;
};

struct MotText {
  std::vector<MotRow> rows;       // in the order of the file
  std::vector<Problem> problems;  // lines that were left out; at most ReadLimits::problems
  std::uint64_t problems_left_out = 0;
};

/// Coordinates beyond +-1e9, frames and ids beyond +-2^53 are refused, so that later arithmetic stays exact and finite.
/// Columns are separated by commas, semicolons, or blanks and tabs, whichever the first line has; blanks around numbers,
/// empty lines, a trailing separator, CR LF and a byte order mark are accepted. `name` stands for the file in problems.
MotText parse_mot(std::string_view text, const std::string& name, const ReadLimits& limits = {});

/// The same for a file. Throws Error as read_file does.
MotText read_mot_text(const std::filesystem::path& path, const ReadLimits& limits = {});

/// The attribute of images (ImageEntry::attributes) that holds the frame rate of their sequence.
inline constexpr std::string_view kFrameRate = "frame_rate";
inline constexpr double kGreatestFrameRate = 1e6;

/// seqinfo.ini. Zero or empty: not stated.
struct SequenceInfo {
  std::string name;
  std::string image_folder = "img1";
  std::string image_extension = ".jpg";
  double frame_rate = 0;
  std::int64_t frames = 0;
  std::uint32_t width = 0, height = 0;
};

/// Nothing where there is no such file. Throws Error{kBadData} with file and line for what is no seqinfo.ini.
std::optional<SequenceInfo> read_sequence_info(const std::filesystem::path& path);

/// The Challenge's classes: 1 "pedestrian" to 13 "crowd" (MOT16, table 3; 13 is MOT20's). Empty beyond.
std::string_view mot_class_name(std::int64_t id);

}  // namespace goshawk::dataset
