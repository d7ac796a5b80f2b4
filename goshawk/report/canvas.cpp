#include "goshawk/report/canvas.h"

#include <ft2build.h>
#include FT_FREETYPE_H
#include <png.h>

#include <plplot/plplot.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>

#include "goshawk/core/error.h"
#include "goshawk/core/utf8.h"

namespace goshawk::report {
namespace {

constexpr int kPixels = 2;            // a unit
constexpr double kDotsPerInch = 254;  // ten pixels a millimetre, PLplot's unit of text
constexpr double kEmPixels = 3.77;    // of text one millimetre high in PLplot's words; measured on rows of H

std::mutex& plplot_mutex() {
  static std::mutex mutex;
  return mutex;
}

bool has_driver() {
  std::array<const char*, 128> labels{};
  std::array<const char*, 128> names{};
  const char** label = labels.data();
  const char** name = names.data();
  int count = static_cast<int>(names.size());
  plgDevs(&label, &name, &count);
  return std::any_of(name, name + count,
                     [](const char* each) { return each != nullptr && std::strcmp(each, "memcairo") == 0; });
}

/// Advances of the code points below 0x250 in DejaVu Sans, per em.
class Metrics {
 public:
  Metrics() {
    advances_.fill(0.62);
    FT_Library library = nullptr;
    if (FT_Init_FreeType(&library) != 0) return;
    FT_Face face = nullptr;
    if (FT_New_Face(library, "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf", 0, &face) == 0) {
      for (std::size_t code = 0; code < advances_.size(); ++code) {
        if (FT_Load_Char(face, code, FT_LOAD_NO_SCALE) == 0) {
          advances_[code] = static_cast<double>(face->glyph->advance.x) / face->units_per_EM;
        }
      }
      FT_Done_Face(face);
    }
    FT_Done_FreeType(library);
  }
  double advance(std::uint32_t code) const {
    return code < advances_.size() ? advances_[code] : code >= 0x2E80 ? 1.0 : 0.65;
  }

 private:
  std::array<double, 0x250> advances_{};
};

struct PngCloser {
  void operator()(png_image* image) const { png_image_free(image); }
};

}  // namespace

std::string clean_text(std::string_view text) {
  std::string clean = valid_utf8(text);
  std::replace_if(
      clean.begin(), clean.end(), [](char c) { return (c >= 0 && c < 0x20) || c == 0x7F; }, ' ');
  return clean;
}

double text_width(std::string_view text, double size) {
  static const Metrics kMetrics;
  const std::string clean = clean_text(text);
  std::string_view rest = clean;
  double width = 0;
  while (!rest.empty()) width += kMetrics.advance(next_code_point(rest));
  return width * size;
}

std::string fit_text(std::string_view text, double size, double width) {
  std::string clean = clean_text(text.substr(0, 1000));
  if (text.size() <= 1000 && text_width(clean, size) <= width) return clean;
  while (!clean.empty() && text_width(clean + "\u2026", size) > width) {
    do clean.pop_back();
    while (!clean.empty() && utf8_length(std::string_view(clean).substr(clean.size() - 1)) == 0 &&
           clean_text(clean) != clean);
  }
  return clean + "\u2026";
}

Canvas::Canvas(int width, int height) : lock_(plplot_mutex()), width_(width), height_(height) {
  require(width >= 16 && height >= 16 && width <= 4000 && height <= 4000, "a canvas has sides of 16 to 4,000 units");
  if (!has_driver()) {
    throw Error(ErrorCode::kUnavailable, "plots cannot be drawn: PLplot has no driver memcairo", {},
                "Install Debian's package plplot-driver-cairo.");
  }
  pixels_.assign(static_cast<std::size_t>(width) * kPixels * static_cast<std::size_t>(height) * kPixels * 3, 255);
  plsdev("memcairo");
  plsmem(width * kPixels, height * kPixels, pixels_.data());
  plspage(kDotsPerInch, kDotsPerInch, width * kPixels, height * kPixels, 0, 0);
  plscolbg(255, 255, 255);
  plspause(0);
  plinit();
  open_ = true;
  plfontld(1);
  plsfont(PL_FCI_SANS, PL_FCI_UPRIGHT, PL_FCI_MEDIUM);
  pladv(0);
  plvpor(0, 1, 0, 1);
  plwind(0, width, height, 0);
}

Canvas::~Canvas() { end(); }

void Canvas::end() {
  if (open_) plend();
  open_ = false;
}

void Canvas::use(const Color& color) {
  plscol0a(1, color.red, color.green, color.blue, color.alpha);
  plcol0(1);
}

void Canvas::rectangle(double x, double y, double width, double height, const Color& color) {
  polygon({{x, y}, {x + width, y}, {x + width, y + height}, {x, y + height}}, color);
}

void Canvas::polygon(const Points& points, const Color& color) {
  if (points.size() < 3) return;
  std::vector<double> x, y;
  for (const auto& point : points) x.push_back(point.first), y.push_back(point.second);
  use(color);
  plwidth(0);
  plfill(static_cast<int>(x.size()), x.data(), y.data());
}

void Canvas::line(const Points& points, const Color& color, double line_width, const Dash& dash) {
  if (points.size() < 2) return;
  std::vector<double> x, y;
  for (const auto& point : points) x.push_back(point.first), y.push_back(point.second);
  use(color);
  plwidth(line_width * kPixels);
  constexpr double kMicrometres = kPixels * 1000 / kEmPixels;  // a unit in PLplot's words
  const auto on = static_cast<PLINT>(dash.on * kMicrometres), off = static_cast<PLINT>(dash.off * kMicrometres);
  plstyl(on > 0 ? 1 : 0, &on, &off);
  plline(static_cast<int>(x.size()), x.data(), y.data());
}

void Canvas::text(double x, double y, std::string_view text, double size, const Color& color, Align align, bool upward) {
  std::string escaped;
  for (const char c : clean_text(text)) escaped.append(c == '#' ? 2 : 1, c);  // '#' begins PLplot's escapes
  if (escaped.empty()) return;
  use(color);
  plschr(size * kPixels / kEmPixels, 1);
  const double anchor = align == Align::kLeft ? 0 : align == Align::kCenter ? 0.5 : 1;
  plptex(x, y, upward ? 0 : 1, upward ? -1 : 0, anchor, escaped.c_str());
}

std::string Canvas::png() {
  end();
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.width = static_cast<png_uint_32>(width_ * kPixels);
  image.height = static_cast<png_uint_32>(height_ * kPixels);
  image.format = PNG_FORMAT_RGB;
  const std::unique_ptr<png_image, PngCloser> closer(&image);
  png_alloc_size_t size = 0;
  if (png_image_write_to_memory(&image, nullptr, &size, 0, pixels_.data(), 0, nullptr) == 0) {
    throw Error(ErrorCode::kInternal, std::string("a plot could not be written as PNG: ") + image.message);
  }
  std::string bytes(size, '\0');
  if (png_image_write_to_memory(&image, bytes.data(), &size, 0, pixels_.data(), 0, nullptr) == 0) {
    throw Error(ErrorCode::kInternal, std::string("a plot could not be written as PNG: ") + image.message);
  }
  bytes.resize(size);
  return bytes;
}

}  // namespace goshawk::report
