#include "goshawk/pipeline/text_painter.h"

#include <ft2build.h>
#include FT_FREETYPE_H

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <opencv2/imgproc.hpp>
#include <string>
#include <unordered_map>

#include "goshawk/core/error.h"
#include "goshawk/core/utf8.h"

namespace goshawk::pipeline {
namespace {

constexpr std::array<const char*, 3> kFontFiles{"/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf",
                                                "/usr/share/fonts/TTF/DejaVuSans.ttf",
                                                "/usr/share/fonts/dejavu-sans-fonts/DejaVuSans.ttf"};

/// The font that the user named; nullptr: none.
const char* chosen_font() {
  const char* chosen = std::getenv("GOSHAWK_FONT");
  return chosen != nullptr && *chosen != '\0' ? chosen : nullptr;
}

std::string font_file() {
  if (const char* chosen = chosen_font()) return chosen;
  for (const char* file : kFontFiles) {
    if (std::filesystem::exists(file)) return file;
  }
  return {};
}

struct Glyph {
  cv::Mat coverage;  // 8-bit alpha
  int left = 0, top = 0, advance = 0;
};

struct FaceCloser {
  void operator()(FT_Face face) const { FT_Done_Face(face); }
};
struct LibraryCloser {
  void operator()(FT_Library library) const { FT_Done_FreeType(library); }
};

/// image = image * (1 - alpha) + color * alpha, where the glyph lies within the image.
void blend(cv::Mat& image, const cv::Mat& alpha, cv::Point at, const cv::Scalar& bgr) {
  const cv::Rect inside = cv::Rect(at, alpha.size()) & cv::Rect(0, 0, image.cols, image.rows);
  const std::array<int, 3> color{static_cast<int>(bgr[0]), static_cast<int>(bgr[1]), static_cast<int>(bgr[2])};
  for (int y = inside.y; y < inside.y + inside.height; ++y) {
    const std::uint8_t* a = alpha.ptr(y - at.y) - at.x;
    auto* pixel = image.ptr<cv::Vec3b>(y);
    for (int x = inside.x; x < inside.x + inside.width; ++x) {
      for (int c = 0; c < 3; ++c) {
        const int old = pixel[x][c];
        pixel[x][c] = static_cast<std::uint8_t>(old + (color[static_cast<std::size_t>(c)] - old) * a[x] / 255);
      }
    }
  }
}

}  // namespace

struct TextPainter::Impl {
  int height;
  std::unique_ptr<FT_LibraryRec_, LibraryCloser> library;
  std::unique_ptr<FT_FaceRec_, FaceCloser> face;
  std::unordered_map<std::uint32_t, Glyph> glyphs;

  const Glyph& glyph(std::uint32_t code) {
    const auto found = glyphs.find(code);
    if (found != glyphs.end()) return found->second;
    Glyph made;
    if (FT_Load_Char(face.get(), code, FT_LOAD_RENDER) == 0) {
      const auto& slot = *face->glyph;
      const cv::Mat view(static_cast<int>(slot.bitmap.rows), static_cast<int>(slot.bitmap.width), CV_8U, slot.bitmap.buffer,
                         static_cast<std::size_t>(std::max(slot.bitmap.pitch, 1)));
      made = {view.clone(), slot.bitmap_left, slot.bitmap_top, static_cast<int>(slot.advance.x >> 6)};
    }
    return glyphs.emplace(code, std::move(made)).first->second;
  }

  double stroke_scale() const { return height / 30.0; }
};

TextPainter::TextPainter(int height) : impl_(new Impl{std::max(height, 6), nullptr, nullptr, {}}) {
  FT_Library library = nullptr;
  if (FT_Init_FreeType(&library) != 0) return;
  impl_->library.reset(library);
  FT_Face face = nullptr;
  const std::string file = font_file();
  if (!file.empty() && FT_New_Face(library, file.c_str(), 0, &face) == 0) impl_->face.reset(face);
  const bool fits = impl_->face && FT_IS_SCALABLE(face) &&
                    FT_Set_Pixel_Sizes(face, 0, static_cast<FT_UInt>(impl_->height)) == 0;
  if (!fits) impl_->face.reset();
  if (!fits && chosen_font() != nullptr) {
    throw Error(ErrorCode::kBadConfig, "no scalable font can be read from this file", file,
                "GOSHAWK_FONT names it; without it DejaVu Sans is taken, where the system has it.");
  }
}

TextPainter::~TextPainter() = default;
TextPainter::TextPainter(TextPainter&&) noexcept = default;
TextPainter& TextPainter::operator=(TextPainter&&) noexcept = default;

int TextPainter::line_height() const { return impl_->height * 5 / 4; }

int TextPainter::width(std::string_view text) {
  if (!impl_->face) {
    int baseline = 0;
    return cv::getTextSize(std::string(text), cv::FONT_HERSHEY_SIMPLEX, impl_->stroke_scale(), 1, &baseline).width;
  }
  int total = 0;
  while (!text.empty()) total += impl_->glyph(next_code_point(text)).advance;
  return total;
}

void TextPainter::draw(cv::Mat& image, std::string_view text, cv::Point at, const cv::Scalar& bgr) {
  if (!impl_->face) {
    cv::putText(image, std::string(text), {at.x, at.y + impl_->height}, cv::FONT_HERSHEY_SIMPLEX, impl_->stroke_scale(), bgr,
                1, cv::LINE_AA);
    return;
  }
  const int baseline = at.y + impl_->height;
  while (!text.empty()) {
    const Glyph& glyph = impl_->glyph(next_code_point(text));
    blend(image, glyph.coverage, {at.x + glyph.left, baseline - glyph.top}, bgr);
    at.x += glyph.advance;
  }
}

}  // namespace goshawk::pipeline
