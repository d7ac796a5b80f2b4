// A picture that plots are drawn on: PLplot in memory, PNG out.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace goshawk::report {

struct Color {
  std::uint8_t red = 0, green = 0, blue = 0;
  double alpha = 1;  // 0 clear, 1 opaque
  bool operator==(const Color&) const = default;
};

/// A line's pieces and the gaps between them in units; 0: without gaps.
struct Dash {
  double on = 0, off = 0;
};

using Points = std::vector<std::pair<double, double>>;

enum class Align { kLeft, kCenter, kRight };

/// A white picture of `width` x `height` units, origin top-left, y down; each unit is 2 x 2 pixels. PLplot has one state a
/// process: a canvas holds a lock from construction to destruction, so others wait, and a thread may have one only.
class Canvas {
 public:
  /// Sides 16 to 4,000 units. Throws Error{kUnavailable} where PLplot's driver "memcairo" (plplot-driver-cairo) is missing.
  Canvas(int width, int height);
  ~Canvas();
  Canvas(const Canvas&) = delete;
  Canvas& operator=(const Canvas&) = delete;

  int width() const { return width_; }
  int height() const { return height_; }
  void rectangle(double x, double y, double width, double height, const Color& color);
  void polygon(const Points& points, const Color& color);
  /// Runs of at most 10^6 points; `line_width` in units.
  void line(const Points& points, const Color& color, double line_width = 1, const Dash& dash = {});
  /// One line of UTF-8; capitals are centred on `y`. `size`: em in units. `upward`: turned a quarter to the left.
  void text(double x, double y, std::string_view text, double size, const Color& color, Align align = Align::kLeft,
            bool upward = false);
  /// Ends the drawing and returns the PNG file's bytes; nothing can be drawn afterwards.
  std::string png();

 private:
  void use(const Color& color);
  void end();

  std::unique_lock<std::mutex> lock_;
  int width_, height_;
  std::vector<unsigned char> pixels_;  // RGB
  bool open_ = false;
};

/// Width of one line of text in units; from DejaVu Sans' metrics, an estimate where that font is not installed.
double text_width(std::string_view text, double size);
/// `text` cut to `width` units, with "…" where something was left out.
std::string fit_text(std::string_view text, double size, double width);
/// `text` as valid UTF-8: control characters become spaces, other bytes U+FFFD.
std::string clean_text(std::string_view text);

}  // namespace goshawk::report
