#include "apps/goshawk/contact_sheet.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <opencv2/imgproc.hpp>

#include "goshawk/pipeline/box_canvas.h"
#include "goshawk/pipeline/overlay.h"
#include "goshawk/pipeline/text_painter.h"

namespace goshawk::cli {
namespace {

const cv::Scalar kGround(40, 36, 33), kTileGround(54, 49, 45), kInk(225, 219, 214), kFaint(160, 150, 142);  // BGR
constexpr int kMargin = 14, kTextHeight = 12, kCaptionHeight = 22, kLegendLine = 22, kSwatch = 12;
constexpr float kThin = 10;           // pixels: smaller boxes have a thin outline
constexpr float kLeastLabelled = 18;  // pixels: smaller boxes are told by their colour alone

/// The boxes of one picture and their names, as few of which overlap as can be. `picture`: a part of the sheet.
void draw_boxes(cv::Mat& picture, std::vector<SheetBox> boxes, pipeline::TextPainter& text) {
  std::stable_sort(boxes.begin(), boxes.end(),
                   [](const auto& a, const auto& b) { return a.box.area() > b.box.area(); });  // small ones on top
  const auto width = static_cast<float>(picture.cols), height = static_cast<float>(picture.rows);
  for (auto& one : boxes) {
    Box& b = one.box;
    b = clip({b.x1 * width, b.y1 * height, b.x2 * width, b.y2 * height}, width, height);
  }
  std::erase_if(boxes, [](const auto& one) { return one.box.width() < 0.5F || one.box.height() < 0.5F; });
  pipeline::BoxCanvas canvas(picture, text);
  for (auto& one : boxes) {
    Box& b = one.box;
    const float shorter = std::min(b.width(), b.height());
    b.x2 = std::max(b.x1, b.x2 - 1);  // the last pixels of the box
    b.y2 = std::max(b.y1, b.y2 - 1);
    const cv::Scalar color = pipeline::Overlay::color(one.class_index);
    if (one.crowd) canvas.crowd(b, color);
    else canvas.box(b, color, shorter < kThin ? 1 : 2);
  }
  for (const auto& one : boxes) {
    if (std::max(one.box.width(), one.box.height()) + 1 < kLeastLabelled) continue;
    const std::string name =
        (one.score >= 0 ? fmt::format("{} {:.2f}", one.name, one.score) : one.name) + (one.crowd ? " (crowd)" : "");
    canvas.label(one.box, name, pipeline::Overlay::color(one.class_index), pipeline::BoxCanvas::Room::kFindOrLeaveOut);
  }
}

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
    draw_boxes(area, tile.boxes, text);
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
