#include "goshawk/report/plot.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "goshawk/core/error.h"
#include "goshawk/report/canvas.h"

namespace goshawk::report {
namespace {

constexpr Color kInk{45, 50, 58}, kQuiet{110, 116, 125}, kGridLine{228, 231, 235}, kFaint{190, 196, 204};
constexpr std::array<Color, 8> kPalette{{{0, 114, 178},
                                         {213, 94, 0},
                                         {0, 158, 115},
                                         {204, 121, 167},
                                         {86, 180, 233},
                                         {230, 159, 0},
                                         {120, 94, 60},
                                         {90, 90, 90}}};
constexpr double kTitle = 17, kLabel = 13, kTick = 12;
constexpr double kTop = 52;  // of the frame
constexpr std::array<Dash, 3> kDashes{{{}, {7, 6}, {1, 5}}};
constexpr double kMost = 1e300;  // larger values are drawn there
constexpr std::size_t kScatterPoints = 20'000;

struct Range {
  double low = std::numeric_limits<double>::infinity(), high = -std::numeric_limits<double>::infinity();
  double step = 1;  // between marks
  void add(double value) {
    if (!std::isfinite(value)) return;
    low = std::min(low, std::max(value, -kMost));
    high = std::max(high, std::min(value, kMost));
  }
  bool empty() const { return low > high; }
};

/// 1, 2 or 5 times a power of ten, so that about `wanted` steps span the range.
double nice_step(double span, double wanted) {
  const double raw = span / wanted;
  const double power = std::pow(10, std::floor(std::log10(raw)));
  const double part = raw / power;
  return power * (part < 1.5 ? 1 : part < 3.5 ? 2 : part < 7.5 ? 5 : 10);
}

/// About so many marks have room on an x axis of this length.
double marks_in(double width) { return std::max(2.0, width / 90); }

/// The axis of these values: ends without limits lie on marks. `whole`: marks at whole numbers alone, for counts.
Range settle(Range range, const Axis& axis, double marks = 6, bool whole = false) {
  if (range.empty()) range = {0, 1};
  range.low = axis.min.value_or(range.low);
  range.high = axis.max.value_or(range.high);
  if (!(range.high > range.low)) {
    const double value = range.low, margin = std::max(0.5, std::abs(value) * 0.05);
    if (!axis.min) range.low = value < 0 ? value - margin : std::max(0.0, value - margin);
    range.high = value + margin;
  }
  range.step = nice_step(range.high - range.low, marks);
  if (whole) range.step = std::max(1.0, range.step);
  if (!axis.min) range.low = std::floor(range.low / range.step + 1e-9) * range.step;
  if (!axis.max) range.high = std::ceil(range.high / range.step - 1e-9) * range.step;
  return range;
}

std::string number_text(double value, double step) {
  if (std::abs(value) < step * 1e-6) return "0";
  if (std::abs(value) >= 1e6 || step < 1e-5) return fmt::format("{:.3g}", value);
  const int places = std::clamp(static_cast<int>(std::ceil(-std::log10(step) - 1e-9)), 0, 6);
  return fmt::format("{:.{}f}", value, places);
}

/// The rectangle that values are drawn in.
struct Frame {
  double left = 0, top = 0, right = 0, bottom = 0;
  Range x, y;
  double to_x(double value) const { return left + (value - x.low) / (x.high - x.low) * (right - left); }
  double to_y(double value) const { return bottom - (value - y.low) / (y.high - y.low) * (bottom - top); }
};

std::vector<double> ticks(const Range& range) {
  std::vector<double> places;
  for (double at = std::ceil(range.low / range.step - 1e-9);
       at * range.step <= range.high + range.step * 1e-6 && places.size() < 50; ++at) {
    places.push_back(at * range.step);
  }
  return places;
}

void check(const Figure& figure) {
  require(figure.width >= 200 && figure.height >= 200 && figure.width <= 4000 && figure.height <= 4000,
          "a figure has sides of 200 to 4,000 units");
}

void draw_title(Canvas& canvas, const Figure& figure, double left) {
  canvas.text(left, 26, fit_text(figure.title, kTitle, canvas.width() - left - 16), kTitle, kInk);
}

void say_no_data(Canvas& canvas, const Frame& frame) {
  canvas.text((frame.left + frame.right) / 2, (frame.top + frame.bottom) / 2, "no data", kLabel, kQuiet, Align::kCenter);
}

/// Places the frame within the canvas and draws grid, tick labels, axis labels and title.
Frame draw_axes(Canvas& canvas, const Figure& figure, const Range& x, const Range& y, double legend_width,
                bool x_ticks = true) {
  Frame frame{0, kTop, canvas.width() - 24 - legend_width, canvas.height() - 58.0, x, y};
  const auto y_places = ticks(y);
  double widest = 0;
  for (const double at : y_places) widest = std::max(widest, text_width(number_text(at, y.step), kTick));
  frame.left = 24 + widest + (figure.y.label.empty() ? 0 : 24);
  for (const double at : y_places) {
    canvas.line({{frame.left, frame.to_y(at)}, {frame.right, frame.to_y(at)}}, kGridLine);
    canvas.text(frame.left - 8, frame.to_y(at), number_text(at, y.step), kTick, kQuiet, Align::kRight);
  }
  if (x_ticks) {
    for (const double at : ticks(x)) {
      canvas.line({{frame.to_x(at), frame.top}, {frame.to_x(at), frame.bottom}}, kGridLine);
      canvas.text(frame.to_x(at), frame.bottom + 15, number_text(at, x.step), kTick, kQuiet, Align::kCenter);
    }
  }
  canvas.line({{frame.left, frame.bottom}, {frame.right, frame.bottom}}, kQuiet);
  draw_title(canvas, figure, frame.left);
  canvas.text((frame.left + frame.right) / 2, canvas.height() - 18,
              fit_text(figure.x.label, kLabel, frame.right - frame.left), kLabel, kInk, Align::kCenter);
  canvas.text(18, (frame.top + frame.bottom) / 2, fit_text(figure.y.label, kLabel, frame.bottom - frame.top), kLabel, kInk,
              Align::kCenter, true);
  return frame;
}

/// A point of a scatter chart: a square, a diamond or a triangle.
void draw_dot(Canvas& canvas, double x, double y, double size, std::size_t style, const Color& color) {
  const double half = style == 0 ? size / 2 : size * 0.7;
  if (style == 0) canvas.rectangle(x - half, y - half, size, size, color);
  else if (style == 1) canvas.polygon({{x - half, y}, {x, y - half}, {x + half, y}, {x, y + half}}, color);
  else canvas.polygon({{x - half, y + half}, {x, y - half}, {x + half, y + half}}, color);
}

/// How the series of a chart are told apart, and the list of their names at its right.
class Legend {
 public:
  /// `dots`: of a scatter chart. `series` outlive this.
  Legend(const Figure& figure, const std::vector<Series>& series, bool dots) : series_(series), dots_(dots) {
    constexpr std::ptrdiff_t kMostColored = 20;
    const auto strong = std::count_if(series.begin(), series.end(), [](const Series& s) { return s.strong; });
    crowded_ = !dots && strong > 0 && std::ssize(series) - strong > kMostColored;
    std::size_t named = 0, named_strong = 0;
    for (const auto& each : series) {
      if (each.name.empty()) continue;
      ++named;
      if (each.strong) ++named_strong;
    }
    const auto room = static_cast<std::size_t>((figure.height - kTop) / kRow);
    std::size_t others = crowded_ ? 0 : named <= room ? named : room - 1 - std::min(room - 1, named_strong);
    for (std::size_t i = 0; i < series.size(); ++i) {
      if (series[i].name.empty() || (!series[i].strong && others == 0)) continue;
      if (!series[i].strong) --others;
      rows_.push_back(i);
    }
    if (named > rows_.size()) more_ = fmt::format("and {} more", named - rows_.size());
    double widest = text_width(more_, kTick);
    for (const std::size_t i : rows_) widest = std::max(widest, text_width(series[i].name + series[i].note, kTick));
    if (named > 0) width_ = std::min(widest + 44, figure.width * 0.35);
  }

  double width() const { return width_; }

  Color color(std::size_t index) const {
    if (series_[index].strong) return kInk;
    return crowded_ ? kFaint : kPalette[index % kPalette.size()];
  }

  /// 0, and 1 and 2 where the colours repeat.
  std::size_t style(std::size_t index) const {
    return series_[index].strong || crowded_ ? 0 : index / kPalette.size() % kDashes.size();
  }

  void draw(Canvas& canvas, const Frame& frame) const {
    double y = frame.top + 8;
    const double x = frame.right + 16, room = canvas.width() - x - 34;
    for (const std::size_t i : rows_) {
      const auto& each = series_[i];
      if (dots_ && !each.strong) draw_dot(canvas, x + 8, y, 8, style(i), color(i));
      else canvas.line({{x, y}, {x + 18, y}}, color(i), each.strong ? 3 : 2, kDashes[style(i)]);
      const std::string name = fit_text(each.name, kTick, std::max(0.0, room - text_width(each.note, kTick)));
      canvas.text(x + 24, y, fit_text(name + each.note, kTick, room), kTick, kInk);
      y += kRow;
    }
    canvas.text(x + 24, y, more_, kTick, kQuiet);
  }

 private:
  static constexpr double kRow = 20;

  const std::vector<Series>& series_;
  bool dots_;
  bool crowded_ = false;           // too many curves to tell apart: all but the strong ones are a grey background
  std::vector<std::size_t> rows_;  // series
  std::string more_;               // the last row; may be empty
  double width_ = 0;
};

/// Epochs, threads, images: nothing lies between them.
bool whole_x(const std::vector<Series>& series) {
  for (const auto& each : series) {
    for (const double x : each.x) {
      if (std::isfinite(x) && x != std::floor(x)) return false;
    }
  }
  return true;
}

std::pair<Range, Range> ranges(const Figure& figure, const std::vector<Series>& series, const Legend& legend, bool whole) {
  Range x, y;
  for (const auto& each : series) {
    require(each.x.size() == each.y.size() && each.low.size() == each.high.size() &&
                (each.low.empty() || each.low.size() == each.y.size()),
            "a series has as many x as y, and a band of that length");
    for (std::size_t i = 0; i < each.x.size(); ++i) {
      if (!std::isfinite(each.x[i]) || !std::isfinite(each.y[i])) continue;
      x.add(each.x[i]);
      y.add(each.y[i]);
      if (!each.low.empty()) y.add(each.low[i]), y.add(each.high[i]);
    }
  }
  return {settle(x, figure.x, marks_in(figure.width - 100 - legend.width()), whole), settle(y, figure.y)};
}

/// Finite runs of a curve within the frame; of many points in one column of pixels only first, lowest, highest and last.
std::vector<Points> runs(const Frame& frame, const std::vector<double>& x, const std::vector<double>& y) {
  std::vector<Points> all(1);
  Points column;
  const auto flush = [&] {
    if (column.size() > 4) {
      const auto less = [](const auto& a, const auto& b) { return a.second < b.second; };
      const auto [low, high] = std::minmax_element(column.begin(), column.end(), less);
      column = {column.front(), *std::min(low, high), *std::max(low, high), column.back()};
    }
    all.back().insert(all.back().end(), column.begin(), column.end());
    column.clear();
  };
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (!std::isfinite(x[i]) || !std::isfinite(y[i])) {
      flush();
      if (!all.back().empty()) all.emplace_back();
      continue;
    }
    const std::pair point{std::clamp(frame.to_x(x[i]), frame.left, frame.right),
                          std::clamp(frame.to_y(y[i]), frame.top, frame.bottom)};
    if (!column.empty() && std::floor(point.first * 2) != std::floor(column.front().first * 2)) flush();
    column.push_back(point);
  }
  flush();
  return all;
}

void draw_band(Canvas& canvas, const Frame& frame, const Series& series, const Color& color) {
  if (series.low.empty()) return;
  const auto low = runs(frame, series.x, series.low);
  const auto high = runs(frame, series.x, series.high);
  for (std::size_t i = 0; i < std::min(low.size(), high.size()); ++i) {
    Points outline = low[i];
    outline.insert(outline.end(), high[i].rbegin(), high[i].rend());
    canvas.polygon(outline, {color.red, color.green, color.blue, 0.18});
  }
}

void draw_curve(Canvas& canvas, const Frame& frame, const Series& series, const Color& color, double width,
                const Dash& dash) {
  for (const auto& run : runs(frame, series.x, series.y)) {
    if (run.size() == 1) canvas.rectangle(run[0].first - 3, run[0].second - 3, 6, 6, color);
    canvas.line(run, color, width, dash);
  }
}

bool has_data(const std::vector<Series>& series) {
  return std::any_of(series.begin(), series.end(), [](const Series& each) {
    for (std::size_t i = 0; i < each.x.size(); ++i) {
      if (std::isfinite(each.x[i]) && std::isfinite(each.y[i])) return true;
    }
    return false;
  });
}

/// White to deep blue.
Color shade(double part) {
  const auto mix = [&](double from, double to) { return static_cast<std::uint8_t>(std::lround(from + (to - from) * part)); };
  return {mix(246, 8), mix(249, 64), mix(253, 129)};
}

std::string cell_text(double value) {
  if (value == std::floor(value) && std::abs(value) < 1e5) return fmt::format("{:.0f}", value);
  return std::abs(value) < 10 ? fmt::format("{:.2f}", value) : fmt::format("{:.3g}", value);
}

std::string bars_lying(const Figure& figure, const std::vector<std::pair<std::string, double>>& bars, const Range& range) {
  const double row = 24;
  const int shown = static_cast<int>(std::min<std::size_t>(bars.size(), 150));
  Canvas canvas(figure.width, std::max(200, 90 + shown * static_cast<int>(row)));
  double names = 0;
  for (int i = 0; i < shown; ++i) names = std::max(names, text_width(bars[static_cast<std::size_t>(i)].first, kTick));
  names = std::min(names, figure.width * 0.4);
  const Frame frame{30 + names, kTop, figure.width - 80.0, canvas.height() - 38.0, range, {0, 1}};
  draw_title(canvas, figure, 22);
  for (int i = 0; i < shown; ++i) {
    const auto& [name, value] = bars[static_cast<std::size_t>(i)];
    const double y = frame.top + (i + 0.5) * row;
    canvas.text(frame.left - 8, y, fit_text(name, kTick, names), kTick, kInk, Align::kRight);
    if (!std::isfinite(value)) continue;
    const double from = std::clamp(frame.to_x(0), frame.left, frame.right);
    const double to = std::clamp(frame.to_x(value), frame.left, frame.right);
    canvas.rectangle(std::min(from, to), y - 8, std::max(1.0, std::abs(to - from)), 16, kPalette[0]);
    canvas.text(std::max(from, to) + 7, y, cell_text(value), kTick, kQuiet);
  }
  const std::string more = bars.size() > 150 ? fmt::format("{} more not shown", bars.size() - 150) : figure.y.label;
  canvas.text((frame.left + frame.right) / 2, canvas.height() - 18, more, kLabel, kInk, Align::kCenter);
  return canvas.png();
}

}  // namespace

std::string line_chart(const Figure& figure, const std::vector<Series>& series) {
  check(figure);
  const Legend legend(figure, series, false);
  const auto [x, y] = ranges(figure, series, legend, whole_x(series));
  Canvas canvas(figure.width, figure.height);
  const Frame frame = draw_axes(canvas, figure, x, y, legend.width());
  for (std::size_t i = 0; i < series.size(); ++i) draw_band(canvas, frame, series[i], legend.color(i));
  for (const bool strong : {false, true}) {
    for (std::size_t i = 0; i < series.size(); ++i) {
      if (series[i].strong != strong) continue;
      const double width = strong ? 3 : series.size() > 12 ? 1 : 2;
      draw_curve(canvas, frame, series[i], legend.color(i), width, kDashes[legend.style(i)]);
    }
  }
  if (!has_data(series)) say_no_data(canvas, frame);
  legend.draw(canvas, frame);
  return canvas.png();
}

std::string scatter_chart(const Figure& figure, const std::vector<Series>& series) {
  check(figure);
  const Legend legend(figure, series, true);
  const auto [x, y] = ranges(figure, series, legend, false);
  Canvas canvas(figure.width, figure.height);
  const Frame frame = draw_axes(canvas, figure, x, y, legend.width());
  for (std::size_t i = 0; i < series.size(); ++i) {
    if (series[i].strong) draw_curve(canvas, frame, series[i], legend.color(i), 3, {});
  }
  for (std::size_t i = 0; i < series.size(); ++i) {
    const auto& each = series[i];
    if (each.strong) continue;
    const std::size_t step = each.x.size() / kScatterPoints + 1;
    const double size = each.x.size() > 500 ? 3 : 6;
    Color color = legend.color(i);
    color.alpha = each.x.size() > 500 ? 0.35 : 0.8;
    for (std::size_t k = 0; k < each.x.size(); k += step) {
      const double px = frame.to_x(each.x[k]), py = frame.to_y(each.y[k]);
      if (!(px >= frame.left && px <= frame.right && py >= frame.top && py <= frame.bottom)) continue;  // NaN too
      draw_dot(canvas, px, py, size, legend.style(i), color);
    }
  }
  if (!has_data(series)) say_no_data(canvas, frame);
  legend.draw(canvas, frame);
  return canvas.png();
}

std::string bar_chart(const Figure& figure, const std::vector<std::pair<std::string, double>>& bars) {
  check(figure);
  Range values{0, 0};
  double names = 0;
  for (const auto& [name, value] : bars) {
    values.add(value);
    names = std::max(names, text_width(name, kTick));
  }
  values.high *= 1.06;  // room for the value above the longest bar
  const Range range = settle(values, figure.y);
  const double slot = (figure.width - 100.0) / static_cast<double>(std::max<std::size_t>(bars.size(), 1));
  if (names + 6 > slot && !bars.empty()) return bars_lying(figure, bars, range);
  Canvas canvas(figure.width, figure.height);
  const Frame frame =
      draw_axes(canvas, figure, {0, static_cast<double>(std::max<std::size_t>(bars.size(), 1))}, range, 0, false);
  for (std::size_t i = 0; i < bars.size(); ++i) {
    const double center = frame.to_x(static_cast<double>(i) + 0.5);
    canvas.text(center, frame.bottom + 15, bars[i].first, kTick, kInk, Align::kCenter);
    if (!std::isfinite(bars[i].second)) continue;
    const double zero = std::clamp(frame.to_y(0), frame.top, frame.bottom);
    const double end = std::clamp(frame.to_y(bars[i].second), frame.top, frame.bottom);
    const double width = std::min(90.0, slot * 0.7);
    canvas.rectangle(center - width / 2, std::min(zero, end), width, std::max(1.0, std::abs(zero - end)), kPalette[0]);
    canvas.text(center, std::min(zero, end) - 10, cell_text(bars[i].second), kTick, kQuiet, Align::kCenter);
  }
  if (bars.empty()) say_no_data(canvas, frame);
  return canvas.png();
}

std::string histogram(const Figure& figure, const std::vector<double>& values, Bins bins) {
  check(figure);
  Range x;
  for (const double value : values) x.add(value);
  const bool empty = x.empty();
  const double marks = marks_in(figure.width - 100);
  std::size_t count = 40;
  if (bins == Bins::kWhole && !empty) {
    const double low = std::floor(figure.x.min.value_or(x.low));
    const double numbers = std::max(0.0, std::floor(figure.x.max.value_or(x.high)) - low) + 1;
    const double each = std::max(1.0, nice_step(numbers, 40));
    count = static_cast<std::size_t>(std::ceil(numbers / each));
    const double high = low - 0.5 + static_cast<double>(count) * each;
    x = settle({}, {"", low - 0.5, high}, marks, true);
  } else {
    x = settle(x, figure.x, marks);
  }
  std::vector<double> counts(count, 0);
  for (const double value : values) {
    if (!(value >= x.low && value <= x.high)) continue;
    const double place = (value - x.low) / (x.high - x.low) * static_cast<double>(count);
    ++counts[std::min(static_cast<std::size_t>(place), count - 1)];
  }
  Range y{0, *std::max_element(counts.begin(), counts.end())};
  y = settle(y, figure.y, 6, true);
  Canvas canvas(figure.width, figure.height);
  const Frame frame = draw_axes(canvas, figure, x, y, 0);
  const double width = (frame.right - frame.left) / static_cast<double>(count);
  for (std::size_t i = 0; i < count; ++i) {
    if (counts[i] == 0) continue;
    const double top = std::clamp(frame.to_y(counts[i]), frame.top, frame.bottom);
    canvas.rectangle(frame.left + static_cast<double>(i) * width + 0.5, top, std::max(1.0, width - 1), frame.bottom - top,
                     kPalette[0]);
  }
  if (empty) say_no_data(canvas, frame);
  return canvas.png();
}

std::string heat_map(const Figure& figure, const Grid& grid) {
  check(figure);
  require(grid.values.size() == grid.width * grid.height && grid.width <= kMostGridSide && grid.height <= kMostGridSide &&
              (grid.rows.empty() || grid.rows.size() == grid.height) &&
              (grid.columns.empty() || grid.columns.size() == grid.width),
          "a grid has width * height values, at most 200 x 200, and a name for each row and column or none");
  const bool named = !grid.rows.empty() || !grid.columns.empty();
  const double size = grid.width > 30 || grid.height > 30 ? 10 : kTick;
  double left = 24, below = 24;
  for (const auto& name : grid.rows) left = std::max(left, 24 + std::min(160.0, text_width(name, size)));
  for (const auto& name : grid.columns) below = std::max(below, 24 + std::min(160.0, text_width(name, size)));
  left += figure.y.label.empty() ? 0 : 26;
  below += figure.x.label.empty() ? 0 : 26;
  const double least = named ? 17 : 1;  // a row of text
  const double columns = static_cast<double>(std::max<std::size_t>(grid.width, 1));
  const double rows = static_cast<double>(std::max<std::size_t>(grid.height, 1));
  const double cell_width = std::max(least, (figure.width - left - 90) / columns);
  const double cell_height = std::max(least, (figure.height - 52 - below) / rows);
  Canvas canvas(std::min(4000, static_cast<int>(left + columns * cell_width + 90)),
                std::min(4000, static_cast<int>(52 + rows * cell_height + below)));
  draw_title(canvas, figure, left);
  double most = 0;
  for (const double value : grid.values) most = std::isfinite(value) ? std::max(most, value) : most;
  const double right = left + columns * cell_width, bottom = 52 + rows * cell_height;
  for (std::size_t i = 0; i < grid.values.size(); ++i) {
    const double value = grid.values[i];
    const double x = left + static_cast<double>(i % grid.width) * cell_width;
    const double y = 52 + static_cast<double>(i / grid.width) * cell_height;
    const double part = most > 0 && std::isfinite(value) ? std::clamp(value / most, 0.0, 1.0) : 0;
    canvas.rectangle(x, y, cell_width, cell_height, std::isfinite(value) ? shade(part) : Color{238, 238, 238});
    if (!grid.numbers || !std::isfinite(value) || value == 0) continue;
    const std::string text = cell_text(value);
    const double fit = std::min({13.0, cell_height * 0.6, (cell_width - 3) / text_width(text, 1)});
    if (fit < 4) continue;
    canvas.text(x + cell_width / 2, y + cell_height / 2, text, fit, part > 0.5 ? Color{255, 255, 255} : kInk,
                Align::kCenter);
  }
  for (std::size_t i = 0; i < grid.rows.size(); ++i) {
    canvas.text(left - 7, 52 + (static_cast<double>(i) + 0.5) * cell_height, fit_text(grid.rows[i], size, 160), size, kInk,
                Align::kRight);
  }
  for (std::size_t i = 0; i < grid.columns.size(); ++i) {
    canvas.text(left + (static_cast<double>(i) + 0.5) * cell_width, bottom + 7, fit_text(grid.columns[i], size, 160), size,
                kInk, Align::kRight, true);
  }
  for (int i = 0; i < 100; ++i) {  // the scale of shades
    canvas.rectangle(right + 18, bottom - (i + 1) * (bottom - 52) / 100, 12, (bottom - 52) / 100 + 0.5, shade(i / 99.0));
  }
  canvas.text(right + 35, 57, cell_text(most), kTick, kQuiet);
  canvas.text(right + 35, bottom - 5, "0", kTick, kQuiet);
  canvas.text((left + right) / 2, canvas.height() - 16, figure.x.label, kLabel, kInk, Align::kCenter);
  canvas.text(18, (52 + bottom) / 2, figure.y.label, kLabel, kInk, Align::kCenter, true);
  return canvas.png();
}

bool draw_or_warn(const std::function<void()>& draw, const std::function<void(const std::string&)>& warn) {
  try {
    draw();
    return true;
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kUnavailable) throw;
    warn(std::string("no plots: ") + error.what());
    return false;
  }
}

}  // namespace goshawk::report
