#include "goshawk/dataset/yolo_text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <span>
#include <utility>
#include <variant>

namespace goshawk::dataset {
namespace {

constexpr double kTolerance = 0.01;  // beyond [0, 1], as Ultralytics allows
constexpr std::size_t kMostPoints = 1'000'000;

bool is_blank(char c) { return c == ' ' || c == '\t'; }
bool ends_line(char c) { return c == '\n' || c == '\r' || c == '\f' || c == '\v'; }

/// Splits a text into lines; "\r\n" is one end.
class Lines {
 public:
  explicit Lines(std::string_view text) : rest_(text) {}
  bool next(std::string_view& line) {
    if (rest_.empty()) return false;
    std::size_t end = 0;
    while (end < rest_.size() && !ends_line(rest_[end])) ++end;
    line = rest_.substr(0, end);
    const bool two = rest_.substr(end, 2) == "\r\n";
    rest_.remove_prefix(std::min(rest_.size(), end + (two ? 2 : 1)));
    ++number_;
    return true;
  }
  std::uint32_t number() const { return number_; }  // of the last line, 1-based

 private:
  std::string_view rest_;
  std::uint32_t number_ = 0;
};

enum class NumbersState { kGood, kNoNumber, kTooMany };

/// The numbers of a line, in a buffer that is used again.
NumbersState read_numbers(std::string_view line, std::vector<double>& numbers) {
  numbers.clear();
  const char* at = line.data();
  const char* const end = at + line.size();
  for (;;) {
    while (at != end && is_blank(*at)) ++at;
    if (at == end) return NumbersState::kGood;
    if (*at == '+' && at + 1 != end && at[1] != '-') ++at;
    double value = 0;
    const auto [next, error] = std::from_chars(at, end, value);
    if (error != std::errc() && error != std::errc::result_out_of_range) return NumbersState::kNoNumber;
    if (next != end && !is_blank(*next)) return NumbersState::kNoNumber;
    // Too small for a double is 0, too large is infinite; from_chars leaves the value as it was.
    if (error == std::errc::result_out_of_range)
      value = std::string_view(at, next).find("e-") == std::string_view::npos &&
                      std::string_view(at, next).find("E-") == std::string_view::npos
                  ? HUGE_VAL
                  : 0.0;
    if (numbers.size() >= 2 * kMostPoints) return NumbersState::kTooMany;
    numbers.push_back(value);
    at = next;
  }
}

bool all_finite(std::span<const double> numbers) {
  return std::all_of(numbers.begin(), numbers.end(), [](double v) { return std::isfinite(v); });
}

bool all_fractions(std::span<const double> numbers) {
  return std::all_of(numbers.begin(), numbers.end(), [](double v) { return v >= -kTolerance && v <= 1 + kTolerance; });
}

/// What fractions of the image are counted in: its size, where that is known.
std::pair<double, double> unit_of(const ImageEntry& image) {
  const bool known = image.width > 0 && image.height > 0;
  return known ? std::pair<double, double>(image.width, image.height) : std::pair(1.0, 1.0);
}

/// As `all_fractions`, with room for what arithmetic costs.
bool are_held(std::span<const double> numbers) {
  constexpr double kLeast = -kTolerance - 1e-9, kMost = 1 + kTolerance + 1e-9;
  return std::all_of(numbers.begin(), numbers.end(), [](double v) { return v >= kLeast && v <= kMost; });
}

/// The part of a polygon on one side of a line: where x (axis 0) or y (axis 1) is at least `limit`, with `sign` -1 at most.
/// Source: Sutherland and Hodgman, "Reentrant Polygon Clipping", 1974.
std::vector<double> cut_off(const std::vector<double>& points, std::size_t axis, double limit, double sign) {
  std::vector<double> kept;
  const std::size_t size = points.size() / 2 * 2;
  const auto inside = [&](std::size_t i) { return (points[i + axis] - limit) * sign; };
  for (std::size_t i = 0; i < size; i += 2) {
    const std::size_t before = i == 0 ? size - 2 : i - 2;
    const double to = inside(i), from = inside(before);
    if ((to < 0) != (from < 0)) {
      const double part = from / (from - to), other = points[before + 1 - axis];
      std::array<double, 2> crossing{};
      crossing[axis] = limit;
      crossing[1 - axis] = other + (points[i + 1 - axis] - other) * part;
      kept.insert(kept.end(), crossing.begin(), crossing.end());
    }
    if (to >= 0) kept.insert(kept.end(), {points[i], points[i + 1]});
  }
  return kept;
}

/// One file's lines; says what is wrong with each.
class Parser {
 public:
  Parser(const std::string& file, std::uint32_t image, const YoloClasses& classes, const ReadLimits& limits,
         YoloObjects& out, ProblemList& problems, std::size_t keypoint_columns)
      : file_(file),
        image_(image),
        classes_(classes),
        limits_(limits),
        out_(out),
        problems_(problems),
        keypoint_columns_(keypoint_columns) {}

  void run(std::string_view text) {
    if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
    if (text.find('\0') != std::string_view::npos) {
      list(ProblemKind::kBadLine, "the file is no UTF-8 text (UTF-16, or no text at all)", 0);
      return;
    }
    Lines lines(text);
    for (std::string_view line; lines.next(line);) {
      line_ = lines.number();
      if (!take(line)) break;
    }
    if (boxes_ && outlines_)
      problems_.add(ProblemKind::kBadLine, Severity::kWarning, file_, 0,
                    "boxes and outlines in one file: both were read, but Ultralytics ignores the image");
  }

 private:
  /// False: the limit is reached.
  bool take(std::string_view line) {
    const NumbersState state = read_numbers(line, numbers_);
    if (state == NumbersState::kTooMany) {
      list(ProblemKind::kTooMany, "an outline of more than a million points", line_);
      return true;
    }
    if (state == NumbersState::kNoNumber) {
      list(ProblemKind::kBadLine, "not numbers only: " + quoted(line), line_);
      return true;
    }
    if (numbers_.empty()) return true;
    if (count_++ >= limits_.objects_per_image) {
      list(ProblemKind::kTooMany,
           "more than " + std::to_string(limits_.objects_per_image) + " objects; the rest is left out", line_);
      return false;
    }
    take_object();
    return true;
  }

  void take_object() {
    const std::size_t columns = numbers_.size();
    if (columns < 5) {
      list(ProblemKind::kBadLine, "a label has 5 columns or more, this line has " + std::to_string(columns), line_);
      return;
    }
    if (!all_finite(numbers_)) {
      list(ProblemKind::kNotFinite, "a number is NaN or infinite", line_);
      return;
    }
    const bool is_pose = keypoint_columns_ > 0 && columns > 6;
    if (is_pose && columns != 5 + keypoint_columns_ && columns != 6 + keypoint_columns_) {
      list(ProblemKind::kBadLine,
           "a label of this set has " + std::to_string(5 + keypoint_columns_) +
               " columns with its keypoints (kpt_shape), this line has " + std::to_string(columns),
           line_);
      return;
    }
    const bool scored = is_pose ? columns == 6 + keypoint_columns_ : columns % 2 == 0;
    const std::span<const double> shape(numbers_.data() + 1, is_pose ? 4 : columns - (scored ? 2 : 1));
    const auto place = checked_class();
    if (place < 0 || !check_shape(shape) || (scored && !check_score())) return;
    Annotation annotation;
    annotation.image = image_;
    annotation.category = static_cast<std::uint32_t>(place);
    annotation.line = line_;
    if (scored) annotation.score = static_cast<float>(numbers_.back());
    if (shape.size() == 4) {
      boxes_ = true;
      annotation.rectangle = {shape[0] - shape[2] / 2, shape[1] - shape[3] / 2, shape[2], shape[3]};
    } else {
      outlines_ = true;
      annotation.rectangle = extent(shape);
      annotation.mask = static_cast<std::int32_t>(out_.masks.size());
      out_.masks.emplace_back(Polygons{std::vector<double>(shape.begin(), shape.end())});
    }
    annotation.area = annotation.rectangle.area();
    out_.poses += is_pose ? 1 : 0;
    out_.annotations.push_back(annotation);
  }

  std::int64_t checked_class() {
    const double number = numbers_[0];
    if (number != std::floor(number) || number < 0) {
      list(ProblemKind::kBadLine, "the class is a whole number from 0", line_);
      return -1;
    }
    const std::int64_t place = classes_.place_of(number);
    if (place < 0) {
      const std::string text = number < 1e15 ? std::to_string(static_cast<std::int64_t>(number)) : "(huge)";
      list(ProblemKind::kUnknownClass, "class " + text + " is not in the list of names", line_);
    }
    return place;
  }

  bool check_shape(std::span<const double> shape) {
    if (!all_fractions(shape)) {
      const bool negative = shape.size() == 4 && (shape[2] < -kTolerance || shape[3] < -kTolerance);
      if (negative) list(ProblemKind::kDegenerateBox, "the box has a negative size", line_);
      else list(ProblemKind::kOutsideImage, "numbers must be fractions of the image, from 0 to 1; are these pixels?", line_);
      return false;
    }
    if (shape.size() == 4 && (shape[2] < 0 || shape[3] < 0)) {
      list(ProblemKind::kDegenerateBox, "the box has a negative size", line_);
      return false;
    }
    return true;
  }

  bool check_score() {
    if (numbers_.back() >= 0 && numbers_.back() <= 1) return true;
    list(ProblemKind::kBadLine, "the last column is a confidence from 0 to 1", line_);
    return false;
  }

  void list(ProblemKind kind, std::string message, std::uint32_t line) {
    problems_.add(kind, Severity::kError, file_, line, std::move(message));
  }

  const std::string& file_;
  std::uint32_t image_;
  const YoloClasses& classes_;
  const ReadLimits& limits_;
  YoloObjects& out_;
  ProblemList& problems_;
  const std::size_t keypoint_columns_;
  std::vector<double> numbers_;
  std::uint64_t count_ = 0;
  std::uint32_t line_ = 0;
  bool boxes_ = false, outlines_ = false;
};

}  // namespace

YoloClasses::YoloClasses(const std::vector<Category>& categories) : any_(false) {
  for (std::size_t i = 0; i < categories.size(); ++i) {
    const std::int64_t number = categories[i].id;
    if (number < 0 || number >= kMost) continue;
    if (static_cast<std::size_t>(number) >= places_.size()) places_.resize(static_cast<std::size_t>(number) + 1, -1);
    places_[static_cast<std::size_t>(number)] = static_cast<std::int32_t>(i);
  }
}

std::int64_t YoloClasses::place_of(double number) const {
  if (!(number >= 0) || number >= static_cast<double>(kMost)) return -1;
  const auto whole = static_cast<std::size_t>(number);
  if (any_) return static_cast<std::int64_t>(whole);
  return whole < places_.size() ? places_[whole] : -1;
}

void parse_yolo_text(std::string_view text, const std::string& file, std::uint32_t image, const YoloClasses& classes,
                     const ReadLimits& limits, YoloObjects& out, ProblemList& problems, std::size_t keypoint_columns) {
  Parser(file, image, classes, limits, out, problems, keypoint_columns).run(text);
}

Rectangle extent(std::span<const double> outline) {
  double x1 = outline[0], x2 = outline[0], y1 = outline[1], y2 = outline[1];
  for (std::size_t i = 2; i + 1 < outline.size(); i += 2) {
    x1 = std::min(x1, outline[i]);
    x2 = std::max(x2, outline[i]);
    y1 = std::min(y1, outline[i + 1]);
    y2 = std::max(y2, outline[i + 1]);
  }
  return {x1, y1, x2 - x1, y2 - y1};
}

void append_fraction(std::string& text, double value) {
  std::array<char, 40> buffer{};
  constexpr double kCloseEnough = 1e-14;
  constexpr std::array kScales{1e6, 1e8, 1e10, 1e12};
  constexpr std::array kDecimals{6, 8, 10, 12};
  if (std::abs(value) < 100) {
    for (std::size_t i = 0; i < kScales.size(); ++i) {
      const double rounded = std::round(value * kScales[i]) / kScales[i];
      if (std::abs(rounded - value) > kCloseEnough) continue;
      char* end =
          std::to_chars(buffer.data(), buffer.data() + buffer.size(), rounded, std::chars_format::fixed, kDecimals[i]).ptr;
      while (end[-1] == '0') --end;
      if (end[-1] == '.') --end;
      const std::string_view digits(buffer.data(), static_cast<std::size_t>(end - buffer.data()));
      text += digits == "-0" ? "0" : digits;
      return;
    }
  }
  text.append(buffer.data(), std::to_chars(buffer.data(), buffer.data() + buffer.size(), value).ptr);
}

bool is_in_unknown_pixels(const Rectangle& box, const ImageEntry& image) {
  return (image.width == 0 || image.height == 0) && (box.x + box.width > 2 || box.y + box.height > 2);
}

std::optional<Rectangle> held_box(const Rectangle& box, const ImageEntry& image) {
  if (is_in_unknown_pixels(box, image)) return std::nullopt;
  const auto [width, height] = unit_of(image);
  const std::array numbers{(box.x + box.width / 2) / width, (box.y + box.height / 2) / height, box.width / width,
                           box.height / height};
  if (are_held(numbers) && box.width >= 0 && box.height >= 0) return box;
  if (!all_finite(numbers)) return std::nullopt;
  const double x1 = std::max(box.x, 0.0), x2 = std::min(box.x + box.width, width);
  const double y1 = std::max(box.y, 0.0), y2 = std::min(box.y + box.height, height);
  if (x2 <= x1 || y2 <= y1) return std::nullopt;
  return Rectangle{x1, y1, x2 - x1, y2 - y1};
}

std::optional<std::vector<double>> held_outline(const std::vector<double>& outline, const ImageEntry& image) {
  if (is_in_unknown_pixels(extent(outline), image)) return std::nullopt;
  const auto [width, height] = unit_of(image);
  std::vector<double> numbers = outline;
  for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] /= i % 2 == 0 ? width : height;
  if (are_held(numbers)) return outline;
  if (!all_finite(numbers)) return std::nullopt;
  numbers = outline;
  for (const std::size_t axis : {0U, 1U}) {
    numbers = cut_off(numbers, axis, 0, 1);
    numbers = cut_off(numbers, axis, axis == 0 ? width : height, -1);
  }
  if (numbers.size() < 6 || extent(numbers).area() <= 0) return std::nullopt;
  return numbers;
}

std::vector<Problem> held_notes(const Dataset& dataset, const std::string& format, std::span<const char> outlined) {
  std::uint64_t unknown = 0, outside = 0, cut = 0, unchanged = 0;
  for (const auto& a : dataset.annotations) {
    if (a.crowd) continue;
    const ImageEntry& image = dataset.images[a.image];
    if (is_in_unknown_pixels(a.rectangle, image)) {
      ++unknown;
    } else if (!outlined.empty() && outlined[a.image] != 0) {
      const auto& outline = std::get<Polygons>(dataset.masks[static_cast<std::size_t>(a.mask)]).front();
      const auto held = held_outline(outline, image);
      ++(!held ? outside : *held == outline ? unchanged : cut);
    } else {
      const auto held = held_box(a.rectangle, image);
      ++(!held ? outside : *held == a.rectangle ? unchanged : cut);
    }
  }
  std::vector<Problem> notes;
  const auto note = [&](std::uint64_t count, Severity severity, const std::string& before, const std::string& after) {
    if (count > 0)
      notes.push_back({ProblemKind::kDropped, severity, "", 0, format + before + std::to_string(count) + after});
  };
  note(unknown, Severity::kWarning, " needs the images' sizes: ", " objects of images that are not there left out");
  note(outside, Severity::kWarning, " cannot hold what lies outside of its image: ", " objects left out");
  note(cut, Severity::kNote, " cannot hold what reaches so far out of its image: ", " objects cut off at its border");
  return notes;
}

void append_yolo_box(std::string& text, const Rectangle& box, const ImageEntry& image) {
  const auto [width, height] = unit_of(image);
  for (const double value :
       {(box.x + box.width / 2) / width, (box.y + box.height / 2) / height, box.width / width, box.height / height}) {
    text += ' ';
    append_fraction(text, value);
  }
}

void append_yolo_outline(std::string& text, const std::vector<double>& outline, const ImageEntry& image) {
  const auto [width, height] = unit_of(image);
  for (std::size_t i = 0; i + 1 < outline.size(); i += 2) {
    for (const double value : {outline[i] / width, outline[i + 1] / height}) {
      text += ' ';
      append_fraction(text, value);
    }
  }
}

}  // namespace goshawk::dataset
