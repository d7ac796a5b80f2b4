#include "goshawk/dataset/mot_text.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>

#include "goshawk/core/error.h"
#include "goshawk/core/files.h"
#include "goshawk/dataset/problems.h"

namespace goshawk::dataset {
namespace {

constexpr int kColumns = 9;
constexpr double kGreatestCoordinate = 1e9;
constexpr double kGreatestInteger = 9007199254740992.0;  // 2^53
constexpr std::array<const char*, kColumns> kColumnNames = {"frame",  "id",         "left",  "top",       "width",
                                                            "height", "confidence", "class", "visibility"};

/// Up to 15 digits with a point: then digits / power of ten, both exact, is the nearest double. Null: not so simple.
const char* read_short_number(const char* at, const char* end, double& value) {
  static constexpr std::array<double, 16> kPowers = {1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                                     1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
  const bool negative = at < end && *at == '-';
  if (negative) ++at;
  std::uint64_t digits = 0;
  int count = 0, decimals = 0;
  for (; at < end && static_cast<unsigned>(*at - '0') < 10; ++at, ++count) digits = digits * 10 + (*at - '0');
  if (count == 0) return nullptr;
  if (at < end && *at == '.') {
    for (++at; at < end && static_cast<unsigned>(*at - '0') < 10; ++at, ++count, ++decimals) {
      digits = digits * 10 + (*at - '0');
    }
  }
  if (count > 15 || (at < end && (*at == 'e' || *at == 'E'))) return nullptr;
  value = static_cast<double>(digits) / kPowers[decimals];
  if (negative) value = -value;
  return at;
}

const char* read_number(const char* at, const char* end, double& value) {
  if (const char* const after = read_short_number(at, end, value)) return after;
  if (at < end && *at == '+') ++at;
  const auto [after, code] = std::from_chars(at, end, value);
  return code == std::errc() ? after : nullptr;
}

bool is_blank(char c) { return c == ' ' || c == '\t'; }

struct Fault {
  ProblemKind kind = ProblemKind::kBadLine;
  std::string message;
};

class LineReader {
 public:
  explicit LineReader(char separator) : separator_(separator) {}

  /// Nothing when `row` was read.
  std::optional<Fault> read(std::string_view line, MotRow& row) {
    std::array<double, kColumns> values{};
    const char* at = line.data();
    const char* const end = at + line.size();
    int count = 0;
    while (count < kColumns) {
      while (at < end && is_blank(*at)) ++at;
      if (at == end) break;
      const char* const after = read_number(at, end, values[count]);
      if (after == nullptr || !is_end_of_field(after, end)) return not_a_number(at, end, count);
      if (!std::isfinite(values[count])) {
        return Fault{ProblemKind::kNotFinite, fmt::format("{} is not a finite number", kColumnNames[count])};
      }
      ++count;
      at = after;
      while (at < end && is_blank(*at)) ++at;
      if (separator_ != ' ' && at < end) ++at;  // the separator itself
    }
    if (count < 6) {
      return Fault{ProblemKind::kBadLine,
                   fmt::format("{} columns, at least 6 are needed: frame, id, left, top, width, height", count)};
    }
    return fill(values, count, row);
  }

 private:
  bool is_end_of_field(const char* at, const char* end) const {
    if (separator_ == ' ') return at == end || is_blank(*at);
    while (at < end && is_blank(*at)) ++at;
    return at == end || *at == separator_;
  }

  Fault not_a_number(const char* at, const char* end, int column) const {
    const char* stop = at;
    while (stop < end && *stop != separator_ && !(separator_ == ' ' && is_blank(*stop))) ++stop;
    return {ProblemKind::kBadLine,
            fmt::format("{} is not a number: {}", kColumnNames[column], quoted({at, static_cast<std::size_t>(stop - at)}))};
  }

  static std::optional<Fault> fill(const std::array<double, kColumns>& values, int count, MotRow& row) {
    for (const int column : {0, 1}) {
      if (values[column] != std::trunc(values[column]) || std::abs(values[column]) > kGreatestInteger) {
        return Fault{ProblemKind::kBadLine,
                     fmt::format("{} is not a whole number: {}", kColumnNames[column], values[column])};
      }
    }
    if (values[0] < 1) {
      return Fault{ProblemKind::kBadLine, fmt::format("frame {} does not exist, they are counted from 1", values[0])};
    }
    for (int column = 2; column < 6; ++column) {
      if (std::abs(values[column]) > kGreatestCoordinate) {
        return Fault{ProblemKind::kBadLine, fmt::format("{} is beyond any image: {}", kColumnNames[column], values[column])};
      }
    }
    row.frame = static_cast<std::int64_t>(values[0]);
    row.id = static_cast<std::int64_t>(values[1]);
    row.box = {values[2], values[3], values[4], values[5]};
    row.confidence = count > 6 ? values[6] : 1;
    row.kind = count > 7 ? values[7] : -1;
    row.visibility = count > 8 ? static_cast<float>(values[8]) : -1;
    row.columns = static_cast<std::uint8_t>(count);
    return {};
  }

  char separator_;
};

char separator_of(std::string_view text) {
  const std::size_t begin = std::min(text.find_first_not_of("\r\n"), text.size());
  const std::string_view line = text.substr(begin, text.find('\n', begin) - begin);
  for (const char c : {',', ';'}) {
    if (line.find(c) != std::string_view::npos) return c;
  }
  return ' ';
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (is_blank(text.back()) || text.back() == '\r')) text.remove_suffix(1);
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  return text;
}

template <typename Number>
Number number_of(std::string_view text, const std::string& where, double least, double greatest) {
  double value = 0;
  const char* const end = text.data() + text.size();
  if (read_number(text.data(), end, value) != end || !(value >= least && value <= greatest)) {
    throw Error(ErrorCode::kBadData, "not a number in its range: " + quoted(text), where);
  }
  return static_cast<Number>(value);
}

}  // namespace

MotText parse_mot(std::string_view text, const std::string& name, const ReadLimits& limits) {
  MotText result;
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  LineReader reader(separator_of(text));
  result.rows.reserve(text.size() / 40);
  std::uint32_t number = 0;
  while (!text.empty()) {
    const std::size_t length = std::min(text.find('\n'), text.size());
    const std::string_view line = trimmed(text.substr(0, length));
    text.remove_prefix(std::min(length + 1, text.size()));
    ++number;
    if (line.empty()) continue;
    MotRow row;
    row.line = number;
    if (auto fault = reader.read(line, row)) {
      if (result.problems.size() < limits.problems) {
        result.problems.push_back({fault->kind, Severity::kError, name, number, std::move(fault->message)});
      } else {
        ++result.problems_left_out;
      }
    } else {
      result.rows.push_back(row);
    }
  }
  return result;
}

MotText read_mot_text(const std::filesystem::path& path, const ReadLimits& limits) {
  return parse_mot(read_file(path, limits.file_bytes), path.string(), limits);
}

std::optional<SequenceInfo> read_sequence_info(const std::filesystem::path& path) {
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) return {};
  const std::string content = read_file(path, 64 << 10);
  std::string_view text = content;
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  SequenceInfo info;
  bool in_section = false;
  for (int number = 1; !text.empty(); ++number) {
    const std::size_t length = std::min(text.find('\n'), text.size());
    const std::string_view line = trimmed(text.substr(0, length));
    text.remove_prefix(std::min(length + 1, text.size()));
    if (line.empty() || line.front() == ';' || line.front() == '#') continue;
    const std::string where = fmt::format("{}:{}", path.string(), number);
    if (line.front() == '[') {
      in_section = line == "[Sequence]";
      continue;
    }
    const std::size_t equals = line.find('=');
    if (equals == std::string_view::npos)
      throw Error(ErrorCode::kBadData, "not a line of an ini file: " + quoted(line), where);
    if (!in_section) continue;
    const std::string_view key = trimmed(line.substr(0, equals)), value = trimmed(line.substr(equals + 1));
    if (key == "name") info.name = value;
    if (key == "imDir") info.image_folder = value;
    if (key == "imExt") info.image_extension = value;
    if (key == "frameRate") info.frame_rate = number_of<double>(value, where, 0, kGreatestFrameRate);
    if (key == "seqLength") info.frames = number_of<std::int64_t>(value, where, 0, kGreatestInteger);
    if (key == "imWidth") info.width = number_of<std::uint32_t>(value, where, 0, 1e6);
    if (key == "imHeight") info.height = number_of<std::uint32_t>(value, where, 0, 1e6);
  }
  return info;
}

std::string_view mot_class_name(std::int64_t id) {
  static constexpr std::array<std::string_view, 13> kNames = {
      "pedestrian",      "person_on_vehicle", "car",        "bicycle",  "motorbike",
      "non_mot_vehicle", "static_person",     "distractor", "occluder", "occluder_on_ground",
      "occluder_full",   "reflection",        "crowd"};
  return id >= 1 && id <= static_cast<std::int64_t>(kNames.size()) ? kNames[id - 1] : std::string_view();
}

}  // namespace goshawk::dataset
