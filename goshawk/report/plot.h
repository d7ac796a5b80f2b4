// Plots as PNG files in memory: values in, bytes out. White ground, DejaVu Sans, twice the resolution of the stated size,
// colours that stay apart for colour-blind readers (Okabe and Ito, 2008). Drawn by PLplot without window, prompt or output
// of its own. Values that are NaN or infinite are left out; where none remain, the plot says "no data". Text may hold
// anything. Safe to call from several threads; they take turns. Throws Error{kUnavailable} where PLplot's driver is missing.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace goshawk::report {

struct Axis {
  std::string label;
  std::optional<double> min, max;  // unset: from the values
};

struct Figure {
  std::string title;
  Axis x, y;
  int width = 800, height = 500;  // units of 2 x 2 pixels, 200 to 4,000
};

struct Series {
  std::string name;               // in the legend; empty: not there
  std::vector<double> x, y;       // the same number
  std::vector<double> low, high;  // shaded band around y; empty, or as many as y
  bool strong = false;            // drawn thicker, for instance the mean of all classes
  std::string note = {};          // behind the name in the legend, its separator included; a long name is cut, this is not
};

/// Curves in eight colours, then the same ones dashed, then dotted. The legend has the names that fit into the figure's
/// height, a strong one always. Beside a strong series more than 20 others are a grey background without names.
std::string line_chart(const Figure& figure, const std::vector<Series>& series);

/// Points, for instance width and height of boxes: squares in eight colours, then diamonds, then triangles. A strong series
/// is a line below the points. Beyond 20,000 a series shows every n-th. The legend is that of curves.
std::string scatter_chart(const Figure& figure, const std::vector<Series>& series);

/// Bars with their values; lying where a name is too long to stand below its bar. The figure grows with the number of bars.
std::string bar_chart(const Figure& figure, const std::vector<std::pair<std::string, double>>& bars);

/// kEqual: 40 bins between the x axis' limits. kWhole: for counts; a bin for each number, centred on it, or from 60 numbers
/// on for every 2, 5, 10 and so on.
enum class Bins { kEqual, kWhole };

/// How many of `values` fall into each bin.
std::string histogram(const Figure& figure, const std::vector<double>& values, Bins bins = Bins::kEqual);

/// A picture and its file name.
struct NamedPlot {
  std::string file;   // "latency_by_batch.png"
  std::string title;  // for a caption
  std::string png;    // the file's bytes
};

/// The most rows, and columns, that a grid may have.
inline constexpr std::size_t kMostGridSide = 200;

/// A grid of values, row by row from the top; darker is more. `rows`, `columns`: names, may be empty (a density map).
struct Grid {
  std::size_t width = 0, height = 0;
  std::vector<double> values;  // width * height
  std::vector<std::string> rows, columns;
  bool numbers = true;  // written into cells that are large enough
};

/// The figure grows until 80 names stay readable.
std::string heat_map(const Figure& figure, const Grid& grid);

/// Calls `draw`. Where plots cannot be drawn (its Error{kUnavailable}), calls `warn` with a line that says so and returns
/// false: a command can do without them.
bool draw_or_warn(const std::function<void()>& draw, const std::function<void(const std::string&)>& warn);

}  // namespace goshawk::report
