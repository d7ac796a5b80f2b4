#include "apps/goshawk/contact_sheet.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <opencv2/imgproc.hpp>

#include "goshawk/pipeline/overlay.h"
#include "goshawk/pipeline/text_painter.h"

namespace goshawk::cli {
namespace {

const cv::Scalar kGround(40, 36, 33), kTileGround(54, 49, 45), kInk(225, 219, 214), kFaint(160, 150, 142);  // BGR
const cv::Scalar kWhite(255, 255, 255), kBlack(20, 20, 20);
constexpr int kMargin = 14, kTextHeight = 12, kCaptionHeight = 22, kLegendLine = 22, kSwatch = 12;
constexpr int kThin = 10;           // pixels: smaller boxes have a thin outline
constexpr int kLeastLabelled = 18;  // pixels: smaller boxes are told by their colour alone

cv::Scalar readable_on(const cv::Scalar& ground) {
  return 0.114 * ground[0] + 0.587 * ground[1] + 0.299 * ground[2] > 140 ? kBlack : kWhite;
}

void dashed_line(cv::Mat& image, cv::Point from, cv::Point to, const cv::Scalar& color) {
  constexpr int kDash = 6;
  const double length = std::hypot(to.x - from.x, to.y - from.y);
  const cv::Point2d step = cv::Point2d(to - from) / std::max(length, 1.0);
  for (double at = 0; at < length; at += 2 * kDash) {
    cv::line(image, cv::Point2d(from) + step * at, cv::Point2d(from) + step * std::min(at + kDash, length), color, 2);
  }
}

/// Thin diagonals, half transparent.
void hatch(cv::Mat& picture, const cv::Rect& area, const cv::Scalar& color) {
  cv::Mat part = picture(area);
  cv::Mat lines = part.clone();
  for (int at = 0; at < area.width + area.height; at += 9) {
    cv::line(lines, {at, 0}, {at - area.height, area.height}, color, 1, cv::LINE_AA);
  }
  cv::addWeighted(part, 0.45, lines, 0.55, 0, part);
}

/// The boxes of one picture and their names, as few of which overlap as can be.
class TilePainter {
 public:
  TilePainter(cv::Mat picture, pipeline::TextPainter& text) : picture_(std::move(picture)), text_(text) {}

  void draw(std::vector<SheetBox> boxes) {
    std::stable_sort(boxes.begin(), boxes.end(),
                     [](const auto& a, const auto& b) { return a.box.area() > b.box.area(); });  // small ones on top
    for (const auto& box : boxes) outline(box);
    for (const auto& box : boxes) label(box);
  }

 private:
  cv::Rect pixels(const Box& box) const {
    const Box inside = clip({box.x1 * static_cast<float>(picture_.cols), box.y1 * static_cast<float>(picture_.rows),
                             box.x2 * static_cast<float>(picture_.cols), box.y2 * static_cast<float>(picture_.rows)},
                            static_cast<float>(picture_.cols), static_cast<float>(picture_.rows));
    const cv::Point from(static_cast<int>(std::lround(inside.x1)), static_cast<int>(std::lround(inside.y1)));
    const cv::Point to(static_cast<int>(std::lround(inside.x2)), static_cast<int>(std::lround(inside.y2)));
    return cv::Rect(from, to) & cv::Rect(0, 0, picture_.cols, picture_.rows);
  }

  void outline(const SheetBox& box) {
    const cv::Rect at = pixels(box.box);
    if (at.empty()) return;
    const cv::Scalar color = pipeline::Overlay::color(box.class_index);
    const cv::Point end = at.br() - cv::Point(1, 1);
    if (!box.crowd) {
      const int thickness = std::min(at.width, at.height) < kThin ? 1 : 2;
      cv::rectangle(picture_, at.tl(), end, color, thickness);
      return;
    }
    hatch(picture_, at, color);
    dashed_line(picture_, at.tl(), {end.x, at.y}, color);
    dashed_line(picture_, {end.x, at.y}, end, color);
    dashed_line(picture_, {at.x, end.y}, end, color);
    dashed_line(picture_, at.tl(), {at.x, end.y}, color);
  }

  void label(const SheetBox& box) {
    const cv::Rect at = pixels(box.box);
    if (std::max(at.width, at.height) < kLeastLabelled) return;
    const std::string text =
        (box.score >= 0 ? fmt::format("{} {:.2f}", box.name, box.score) : box.name) + (box.crowd ? " (crowd)" : "");
    const cv::Size size(text_.width(text) + 6, text_.line_height());
    const int x = std::clamp(at.x, 0, std::max(0, picture_.cols - size.width));
    for (const int y : {at.y - size.height, at.y, at.y + at.height, at.y + at.height - size.height}) {
      const cv::Rect place(cv::Point(x, y), size);
      const bool fits = y >= 0 && y + size.height <= picture_.rows && size.width <= picture_.cols;
      if (!fits || std::any_of(taken_.begin(), taken_.end(), [&](const auto& other) { return !(other & place).empty(); }))
        continue;
      const cv::Scalar color = pipeline::Overlay::color(box.class_index);
      cv::rectangle(picture_, place, color, cv::FILLED);
      text_.draw(picture_, text, place.tl() + cv::Point(3, -1), readable_on(color));
      taken_.push_back(place);
      return;
    }
  }

  cv::Mat picture_;  // a part of the sheet
  pipeline::TextPainter& text_;
  std::vector<cv::Rect> taken_;  // by labels
};

/// With the middle left out ("frames/very…_0012.jpg") where it is wider than `room`.
std::string shortened(const std::string& text, int room, pipeline::TextPainter& painter) {
  if (painter.width(text) <= room) return text;
  std::size_t kept = text.size();
  const auto is_inner = [&](std::size_t at) {
    return at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0U) == 0x80;
  };
  while (kept > 2) {
    --kept;
    std::size_t head = kept / 3, tail = text.size() - (kept - kept / 3);
    while (head > 0 && is_inner(head)) --head;  // never within a letter
    while (is_inner(tail)) ++tail;
    const std::string shorter = text.substr(0, head) + "…" + text.substr(tail);
    if (painter.width(shorter) <= room) return shorter;
  }
  return "…";
}

struct LegendEntry {
  std::string text;
  int class_index = 0;
  cv::Point at;  // within the legend
};

/// Classes on the sheet in the order of their numbers, in lines of `width`.
std::vector<LegendEntry> legend_of(std::span<const SheetTile> tiles, int width, pipeline::TextPainter& text) {
  std::map<int, std::pair<std::string, int>> classes;
  for (const auto& tile : tiles) {
    for (const auto& box : tile.boxes) {
      auto& [name, count] = classes[box.class_index];
      name = box.name;
      ++count;
    }
  }
  std::vector<LegendEntry> entries;
  cv::Point at(0, 0);
  for (const auto& [index, named] : classes) {
    LegendEntry entry{fmt::format("{}  {}", named.first, named.second), index, {}};
    const int room = kSwatch + 6 + text.width(entry.text) + 20;
    if (at.x > 0 && at.x + room > width) at = {0, at.y + kLegendLine};
    entry.at = at;
    at.x += room;
    entries.push_back(std::move(entry));
  }
  return entries;
}

void draw_tile(cv::Mat& sheet, const SheetTile& tile, const cv::Rect& place, pipeline::TextPainter& text) {
  cv::rectangle(sheet, place, kTileGround, cv::FILLED);
  if (tile.picture.empty()) {
    const std::string message = "cannot be read";
    text.draw(sheet, message,
              {place.x + (place.width - text.width(message)) / 2, place.y + (place.height - text.line_height()) / 2},
              kFaint);
  } else {
    const cv::Point corner =
        place.tl() + cv::Point((place.width - tile.picture.cols) / 2, (place.height - tile.picture.rows) / 2);
    cv::Mat area = sheet(cv::Rect(corner, tile.picture.size()));
    tile.picture.copyTo(area);
    TilePainter(area, text).draw(tile.boxes);
  }
  text.draw(sheet, shortened(tile.caption, place.width, text), {place.x, place.y + place.height + 3}, kInk);
}

}  // namespace

cv::Mat fit_into_tile(const cv::Mat& image, cv::Size tile) {
  const double zoom =
      std::min({static_cast<double>(tile.width) / image.cols, static_cast<double>(tile.height) / image.rows, 4.0});
  const cv::Size size(std::clamp(static_cast<int>(std::lround(image.cols * zoom)), 1, tile.width),
                      std::clamp(static_cast<int>(std::lround(image.rows * zoom)), 1, tile.height));
  cv::Mat picture;
  cv::resize(image, picture, size, 0, 0, zoom < 1 ? cv::INTER_AREA : cv::INTER_LINEAR);
  return picture;
}

cv::Mat contact_sheet(std::span<const SheetTile> tiles, const SheetLayout& layout) {
  pipeline::TextPainter text(kTextHeight);
  const int columns = std::clamp(layout.columns, 1, std::max(1, static_cast<int>(tiles.size())));
  const int rows = (static_cast<int>(tiles.size()) + columns - 1) / columns;
  const int width = kMargin + columns * (layout.tile.width + kMargin);
  const int row_height = layout.tile.height + kCaptionHeight + kMargin / 2;
  const auto legend = legend_of(tiles, width - 2 * kMargin, text);
  const int legend_height = legend.empty() ? 0 : legend.back().at.y + kLegendLine + kMargin / 2;
  cv::Mat sheet(kMargin + rows * row_height + legend_height, width, CV_8UC3, kGround);
  for (std::size_t i = 0; i < tiles.size(); ++i) {
    const int column = static_cast<int>(i) % columns, row = static_cast<int>(i) / columns;
    const cv::Point corner(kMargin + column * (layout.tile.width + kMargin), kMargin + row * row_height);
    draw_tile(sheet, tiles[i], cv::Rect(corner, layout.tile), text);
  }
  for (const auto& entry : legend) {
    const cv::Point at = entry.at + cv::Point(kMargin, kMargin + rows * row_height);
    cv::rectangle(sheet, cv::Rect(at + cv::Point(0, 3), cv::Size(kSwatch, kSwatch)),
                  pipeline::Overlay::color(entry.class_index), cv::FILLED);
    text.draw(sheet, entry.text, at + cv::Point(kSwatch + 6, 1), kInk);
  }
  return sheet;
}

}  // namespace goshawk::cli
