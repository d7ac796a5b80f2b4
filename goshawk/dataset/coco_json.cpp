#include "goshawk/dataset/coco_json.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>

#include "goshawk/core/descriptor.h"
#include "goshawk/core/files.h"
#include "goshawk/dataset/rle.h"

namespace goshawk::dataset {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kLargest = std::int64_t{std::numeric_limits<std::uint32_t>::max()} - 64;  // simdjson's limit
constexpr std::size_t kUnknownNames = 100;

simdjson::padded_string copy_of(std::string_view text) { return simdjson::padded_string(text.data(), text.size()); }

/// Straight into memory that has simdjson's padding, so that a large file is there once only.
simdjson::padded_string read_padded(const fs::path& path, std::uint64_t most) {
  struct stat status {};
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file.is_open() || ::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode))
    return copy_of(read_file(path, most));  // a pipe that the caller opened, or the right error
  const auto size = static_cast<std::uint64_t>(status.st_size);
  if (size > most)
    throw Error(ErrorCode::kBadData, "the file is larger than " + std::to_string(most) + " bytes", path.string());
  simdjson::padded_string text(size);
  if (text.data() == nullptr) throw Error(ErrorCode::kIo, "not enough memory to read the file", path.string());
  std::size_t done = 0;
  while (done < size) {
    const ssize_t count = ::read(file.get(), text.data() + done, size - done);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw Error(ErrorCode::kIo, std::string("cannot read: ") + std::strerror(errno), path.string());
    if (count == 0) throw Error(ErrorCode::kIo, "the file became shorter while it was read", path.string());
    done += static_cast<std::size_t>(count);
  }
  return text;
}

bool starts_with(const simdjson::padded_string& text, std::string_view head) {
  return text.size() >= head.size() && std::string_view(text.data(), head.size()) == head;
}

std::string_view trimmed(std::string_view token) {
  const auto end = token.find_last_not_of(" \t\r\n");
  return end == std::string_view::npos ? std::string_view() : token.substr(0, end + 1);
}

std::optional<FieldProblem> get_polygon(CocoJson& json, ondemand::value value, std::vector<double>& out) {
  ondemand::array numbers;
  if (value.get_array().get(numbers) != simdjson::SUCCESS)
    return FieldProblem{ProblemKind::kBadLine, "a polygon is no list of numbers"};
  Got worst = Got::kNumber;
  json.for_each_element(numbers, [&](ondemand::value element) {
    double number = 0;
    worst = std::max(worst, get_number(element, number));
    out.push_back(number);
  });
  if (worst == Got::kNotFinite) return FieldProblem{ProblemKind::kNotFinite, "a polygon has numbers that are not finite"};
  if (worst == Got::kOther) return FieldProblem{ProblemKind::kBadLine, "a polygon is no list of numbers"};
  out.shrink_to_fit();
  return std::nullopt;
}

std::optional<FieldProblem> get_polygons(CocoJson& json, ondemand::array array, std::optional<Mask>& out) {
  Polygons polygons;
  std::optional<FieldProblem> problem;
  json.for_each_element(array, [&](ondemand::value element) {
    Polygons one(1);
    auto wrong = get_polygon(json, element, one[0]);
    if (!wrong && !is_drawable(one)) {
      wrong = FieldProblem{ProblemKind::kBadLine,
                           "a polygon needs three points or more, as x and y in turn, within 10,000,000 of the origin"};
    }
    if (!wrong) polygons.push_back(std::move(one[0]));
    else if (!problem) problem = std::move(wrong);
  });
  if (!polygons.empty()) out = std::move(polygons);
  return problem;
}

struct RawRuns {
  std::vector<std::int64_t> size;
  std::vector<std::uint32_t> counts;
  std::optional<std::string> text;
  bool whole = true;  // only whole numbers of the right range were there
};

bool get_list(CocoJson& json, ondemand::value value, const std::function<bool(std::int64_t)>& take) {
  ondemand::array numbers;
  if (value.get_array().get(numbers) != simdjson::SUCCESS) return false;
  bool good = true;
  json.for_each_element(numbers, [&](ondemand::value element) {
    std::int64_t number = 0;
    good = good && get_integer(element, number) && take(number);
  });
  return good;
}

RawRuns get_raw_runs(CocoJson& json, ondemand::object object) {
  RawRuns raw;
  json.for_each_field(object, [&](std::string_view key, ondemand::value value) {
    if (key == "size") {
      raw.whole = raw.whole && get_list(json, value, [&](std::int64_t number) {
                    if (number < 0 || number > kLargest || raw.size.size() == 2) return false;
                    raw.size.push_back(number);
                    return true;
                  });
    } else if (key == "counts") {
      std::string_view text;
      if (value.get_string().get(text) == simdjson::SUCCESS) {
        raw.text = std::string(text);
        return;
      }
      raw.whole = raw.whole && get_list(json, value, [&](std::int64_t number) {
                    if (number < 0 || number > kLargest) return false;
                    raw.counts.push_back(static_cast<std::uint32_t>(number));
                    return true;
                  });
    }
  });
  return raw;
}

std::optional<FieldProblem> get_runs(CocoJson& json, ondemand::object object, std::optional<Mask>& out) {
  RawRuns raw = get_raw_runs(json, object);
  if (!raw.whole || raw.size.size() != 2)
    return FieldProblem{ProblemKind::kBadLine, "the run lengths need a size [height, width] and counts"};
  RunLengths mask;
  mask.height = static_cast<std::uint32_t>(raw.size[0]);
  mask.width = static_cast<std::uint32_t>(raw.size[1]);
  mask.compressed = raw.text.has_value();
  if (raw.text) {
    auto counts = decode_runs(*raw.text, mask.height, mask.width);
    if (counts) mask.counts = std::move(*counts);
  } else {
    mask.counts = std::move(raw.counts);
  }
  if (!covers_image(mask))
    return FieldProblem{ProblemKind::kBadLine, "the run lengths do not cover the mask's size exactly"};
  mask.counts.shrink_to_fit();
  out = std::move(mask);
  return std::nullopt;
}

}  // namespace

CocoJson::CocoJson(const fs::path& path, const ReadLimits& limits)
    : where_(path.string()), text_(read_padded(path, std::min(limits.file_bytes, static_cast<std::uint64_t>(kLargest)))) {
  if (starts_with(text_, "\xEF\xBB\xBF")) text_ = copy_of(std::string_view(text_).substr(3));
  if (starts_with(text_, "\xFF\xFE") || starts_with(text_, "\xFE\xFF"))
    throw Error(ErrorCode::kBadData, "the file is UTF-16, and JSON is UTF-8", where_, "Save it again as UTF-8.");
  counted_to_ = text_.data();
  if (std::string_view(text_).find_first_not_of(" \t\r\n") == std::string_view::npos)
    throw Error(ErrorCode::kBadData, "the file is empty", where_);
  check(parser_.iterate(text_).get(document_));
  iterating_ = true;
}

void CocoJson::check(simdjson::error_code error) {
  if (error == simdjson::SUCCESS) return;
  const char* place = nullptr;
  if (!iterating_ || document_.current_location().get(place) != simdjson::SUCCESS) place = nullptr;
  if (error == simdjson::UTF8_ERROR) fail("the file is not UTF-8");
  if (error == simdjson::MEMALLOC) throw Error(ErrorCode::kIo, "not enough memory to read the file", where_);
  fail(std::string("not valid JSON, or cut off: ") + simdjson::error_message(error), place);
}

void CocoJson::fail(const std::string& message, const char* place) {
  const bool known = place != nullptr && place >= text_.data() && place <= text_.data() + text_.size();
  throw Error(ErrorCode::kBadData, message, known ? where_ + ":" + std::to_string(line_of(place)) : where_);
}

std::uint32_t CocoJson::line_of(const char* place) {
  place = std::min(place, static_cast<const char*>(text_.data() + text_.size()));
  if (place < counted_to_) {
    counted_to_ = text_.data();
    lines_ = 1;
  }
  while (counted_to_ < place) {
    const void* found = std::memchr(counted_to_, '\n', static_cast<std::size_t>(place - counted_to_));
    if (found == nullptr) break;
    counted_to_ = static_cast<const char*>(found) + 1;
    ++lines_;
  }
  counted_to_ = std::max(counted_to_, place);
  return lines_;
}

void CocoJson::expect_end() {
  const char* place = nullptr;
  if (document_.current_location().get(place) != simdjson::SUCCESS) return;
  fail("there is something behind the end of the JSON", place);
}

std::string sentence(const std::string& element, const std::string& text) {
  const bool goes_on = text.starts_with("has ") || text.starts_with("is ") || text.starts_with("names ");
  return element + (goes_on ? " " : ": ") + text;
}

Got get_number(ondemand::value value, double& out) {
  if (value.get_double().get(out) == simdjson::SUCCESS) return std::isfinite(out) ? Got::kNumber : Got::kNotFinite;
  const std::string_view token = trimmed(value.raw_json_token());
  if (token == "NaN" || token == "Infinity" || token == "-Infinity") return Got::kNotFinite;  // what Python writes
  const bool digits = !token.empty() && token.find_first_not_of("0123456789+-.eE") == std::string_view::npos;
  return digits ? Got::kNotFinite : Got::kOther;  // 1e999
}

bool get_integer(ondemand::value value, std::int64_t& out) {
  if (value.get_int64().get(out) == simdjson::SUCCESS) return true;
  double number = 0;
  if (get_number(value, number) != Got::kNumber || std::trunc(number) != number || std::abs(number) > 9e15) return false;
  out = static_cast<std::int64_t>(number);
  return true;
}

bool get_boolean(ondemand::value value, bool& out) {
  if (value.get_bool().get(out) == simdjson::SUCCESS) return true;
  std::int64_t number = 0;
  if (!get_integer(value, number) || number < 0 || number > 1) return false;
  out = number == 1;
  return true;
}

bool get_size(ondemand::value value, std::uint32_t& out) {
  bool null = false;
  if (value.is_null().get(null) == simdjson::SUCCESS && null) return true;
  std::int64_t number = 0;
  if (!get_integer(value, number) || number < 0 || number > std::numeric_limits<std::int32_t>::max()) return false;
  out = static_cast<std::uint32_t>(number);
  return true;
}

std::optional<FieldProblem> get_rectangle(CocoJson& json, ondemand::value value, Rectangle& out) {
  ondemand::array array;
  if (value.get_array().get(array) != simdjson::SUCCESS) return FieldProblem{ProblemKind::kBadLine, "its bbox is no list"};
  double numbers[4] = {};
  std::size_t count = 0;
  Got worst = Got::kNumber;
  json.for_each_element(array, [&](ondemand::value element) {
    double number = 0;
    worst = std::max(worst, get_number(element, number));
    if (count < 4) numbers[count] = number;
    ++count;
  });
  if (count != 4 || worst == Got::kOther)
    return FieldProblem{ProblemKind::kBadLine, "its bbox is not [x, y, width, height]"};
  if (worst == Got::kNotFinite) return FieldProblem{ProblemKind::kNotFinite, "its bbox has numbers that are not finite"};
  out = {numbers[0], numbers[1], numbers[2], numbers[3]};
  return std::nullopt;
}

std::optional<FieldProblem> get_mask(CocoJson& json, ondemand::value value, std::optional<Mask>& out) {
  ondemand::json_type type{};
  json.check(value.type().get(type));
  if (type == ondemand::json_type::array) return get_polygons(json, value.get_array(), out);
  if (type == ondemand::json_type::object) return get_runs(json, value.get_object(), out);
  if (type == ondemand::json_type::null) return std::nullopt;
  return FieldProblem{ProblemKind::kBadLine, "its segmentation is neither polygons nor run lengths"};
}

Rectangle bounds_of(const Mask& mask) {
  if (const auto* runs = std::get_if<RunLengths>(&mask)) return mask_bounds(*runs);
  double left = std::numeric_limits<double>::max(), top = left, right = -left, bottom = -left;
  for (const auto& polygon : std::get<Polygons>(mask)) {
    for (std::size_t i = 0; i + 1 < polygon.size(); i += 2) {
      left = std::min(left, polygon[i]);
      right = std::max(right, polygon[i]);
      top = std::min(top, polygon[i + 1]);
      bottom = std::max(bottom, polygon[i + 1]);
    }
  }
  return {left, top, right - left, bottom - top};
}

void UnknownFields::count(const char* section, std::string_view key) {
  key = key.substr(0, 60);
  for (auto& entry : entries_) {
    if (entry.key == key && entry.section == section) {
      ++entry.count;
      return;
    }
  }
  if (entries_.size() < kUnknownNames) entries_.push_back({section, std::string(key), 1});
}

void UnknownFields::list(const std::string& file, ProblemList& problems) const {
  for (const auto& entry : entries_) {
    const std::string of = entry.section.empty() ? "" : " of " + std::to_string(entry.count) + " " + entry.section;
    problems.add(ProblemKind::kDropped, Severity::kNote, file, 0, dataset::quoted(entry.key) + of + " is not kept");
  }
}

}  // namespace goshawk::dataset
