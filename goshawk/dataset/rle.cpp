#include "goshawk/dataset/rle.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "goshawk/core/error.h"

namespace goshawk::dataset {
namespace {

constexpr double kFineness = 5;  // steps of an outline per pixel
constexpr double kFarthest = 1e7;
constexpr std::size_t kMostCrossings = 20'000'000;  // of one outline
constexpr unsigned kFirstCharacter = 48, kMoreFollows = 0x20, kSign = 0x10;

struct Point {
  std::int64_t x = 0, y = 0;  // fine steps
};

std::int64_t rounded(double value) { return static_cast<std::int64_t>(value + 0.5); }

/// Collects where outlines cross the middles of pixel columns, as places in the image counted column by column.
class Crossings {
 public:
  Crossings(std::uint32_t height, std::uint32_t width) : height_(height), width_(width) {}

  void add_edge(Point a, Point b) {
    const std::int64_t dx = std::abs(b.x - a.x), dy = std::abs(b.y - a.y);
    if (dx == 0) return;  // runs within a column
    if (dx >= dy) {
      if (a.x > b.x) std::swap(a, b);
      add_flat(a, b);
    } else {
      if (a.y > b.y) std::swap(a, b);
      add_steep(a, b);
    }
  }

  RunLengths runs() {
    // Between an odd crossing and the next one lies the object; crossings at the same place cancel each other.
    std::sort(places_.begin(), places_.end());
    RunLengths mask;
    mask.height = static_cast<std::uint32_t>(height_);
    mask.width = static_cast<std::uint32_t>(width_);
    std::int64_t last = 0;
    for (std::size_t i = 0; i < places_.size(); ++i) {
      if (i + 1 < places_.size() && places_[i + 1] == places_[i]) {
        ++i;
        continue;
      }
      mask.counts.push_back(static_cast<std::uint32_t>(places_[i] - last));
      last = places_[i];
    }
    const std::int64_t pixels = height_ * width_;
    if (last < pixels || mask.counts.empty()) mask.counts.push_back(static_cast<std::uint32_t>(pixels - last));
    return mask;
  }

 private:
  // A column's middle lies between the fine steps 5 * column + 2 and 5 * column + 3.
  static constexpr std::int64_t kStep = 5, kMiddle = 2;

  /// First and last column whose middle lies between the fine steps `from` and `to`.
  std::pair<std::int64_t, std::int64_t> columns(std::int64_t from, std::int64_t to) const {
    const std::int64_t first = from <= kMiddle ? 0 : (from - kMiddle + kStep - 1) / kStep;
    const std::int64_t last = to <= kMiddle ? -1 : (to - kMiddle - 1) / kStep;
    return {first, std::min(last, width_ - 1)};
  }

  void add_flat(Point a, Point b) {
    const double slope = static_cast<double>(b.y - a.y) / static_cast<double>(b.x - a.x);
    const auto y_at = [&](std::int64_t x) {
      return static_cast<std::int64_t>(static_cast<double>(a.y) + slope * static_cast<double>(x - a.x) + 0.5);
    };
    const auto [first, last] = columns(a.x, b.x);
    for (std::int64_t column = first; column <= last; ++column) {
      const std::int64_t x = column * kStep + kMiddle;
      add(column, std::min(y_at(x), y_at(x + 1)));
    }
  }

  void add_steep(Point a, Point b) {
    const double slope = static_cast<double>(b.x - a.x) / static_cast<double>(b.y - a.y);
    const std::int64_t length = b.y - a.y;
    const auto x_at = [&](std::int64_t t) {
      return static_cast<std::int64_t>(static_cast<double>(a.x) + slope * static_cast<double>(t) + 0.5);
    };
    const auto [first, last] = columns(std::min(a.x, b.x), std::max(a.x, b.x));
    for (std::int64_t column = first; column <= last; ++column) {
      const std::int64_t x = column * kStep + kMiddle;
      // The first step at which the outline has left this side of the middle.
      const auto beyond = [&](std::int64_t t) { return slope > 0 ? x_at(t) > x : x_at(t) <= x; };
      auto t = static_cast<std::int64_t>((static_cast<double>(x - a.x) + 0.5) / slope);
      t = std::clamp<std::int64_t>(t, 1, length);
      while (t > 1 && beyond(t - 1)) --t;
      while (t <= length && !beyond(t)) ++t;
      if (t <= length) add(column, a.y + t - 1);
    }
  }

  void add(std::int64_t column, std::int64_t fine_y) {
    double y = (static_cast<double>(fine_y) + 0.5) / kFineness - 0.5;
    y = std::clamp(y, 0.0, static_cast<double>(height_));
    if (places_.size() == kMostCrossings) throw Error(ErrorCode::kBadData, "the outline of a mask crosses too many columns");
    places_.push_back(column * height_ + static_cast<std::int64_t>(std::ceil(y)));
  }

  std::int64_t height_, width_;
  std::vector<std::int64_t> places_;
};

RunLengths mask_of_polygon(const std::vector<double>& polygon, std::uint32_t height, std::uint32_t width) {
  const std::size_t points = polygon.size() / 2;
  const auto point = [&](std::size_t i) {
    i %= points;
    return Point{rounded(kFineness * polygon[2 * i]), rounded(kFineness * polygon[2 * i + 1])};
  };
  Crossings crossings(height, width);
  for (std::size_t i = 0; i < points; ++i) crossings.add_edge(point(i), point(i + 1));
  return crossings.runs();
}

/// Walks over two masks of the same size at once: calls `visit(length, in_a, in_b)` for each stretch without a change.
template <typename Visit>
void walk(const RunLengths& a, const RunLengths& b, Visit visit) {
  std::size_t i = 0, j = 0;
  std::uint64_t left_a = a.counts.empty() ? 0 : a.counts[0], left_b = b.counts.empty() ? 0 : b.counts[0];
  while (i < a.counts.size() && j < b.counts.size()) {
    const std::uint64_t length = std::min(left_a, left_b);
    visit(length, (i & 1U) != 0, (j & 1U) != 0);
    left_a -= length;
    left_b -= length;
    if (left_a == 0 && ++i < a.counts.size()) left_a = a.counts[i];
    if (left_b == 0 && ++j < b.counts.size()) left_b = b.counts[j];
  }
}

double bounds_intersection(const Rectangle& a, const Rectangle& b) {
  const double width = std::min(a.x + a.width, b.x + b.width) - std::max(a.x, b.x);
  const double height = std::min(a.y + a.height, b.y + b.height) - std::max(a.y, b.y);
  return width > 0 && height > 0 ? width * height : 0;
}

}  // namespace

std::optional<std::vector<std::uint32_t>> decode_runs(std::string_view text, std::uint32_t height, std::uint32_t width) {
  const std::uint64_t pixels = static_cast<std::uint64_t>(height) * width;
  std::vector<std::uint32_t> counts;
  std::uint64_t sum = 0;
  std::size_t place = 0;
  while (place < text.size()) {
    std::uint64_t value = 0;
    unsigned shift = 0, group = kMoreFollows;
    while ((group & kMoreFollows) != 0) {
      if (place == text.size() || shift > 35) return std::nullopt;
      group = static_cast<unsigned char>(text[place++]) - kFirstCharacter;
      if (group > 0x3F) return std::nullopt;
      value |= static_cast<std::uint64_t>(group & 0x1FU) << shift;
      shift += 5;
    }
    auto run = static_cast<std::int64_t>(value);
    if ((group & kSign) != 0) run -= std::int64_t{1} << shift;
    if (counts.size() > 2) run += counts[counts.size() - 2];
    if (run < 0 || run > static_cast<std::int64_t>(pixels - sum)) return std::nullopt;
    sum += static_cast<std::uint64_t>(run);
    if (run > std::numeric_limits<std::uint32_t>::max()) return std::nullopt;
    counts.push_back(static_cast<std::uint32_t>(run));
  }
  if (sum != pixels) return std::nullopt;
  return counts;
}

std::string encode_runs(std::span<const std::uint32_t> counts) {
  std::string text;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    std::int64_t value = counts[i];
    if (i > 2) value -= counts[i - 2];
    bool more = true;
    while (more) {
      auto group = static_cast<unsigned>(value & 0x1F);
      value >>= 5;
      more = (group & kSign) != 0 ? value != -1 : value != 0;
      if (more) group |= kMoreFollows;
      text += static_cast<char>(group + kFirstCharacter);
    }
  }
  return text;
}

bool covers_image(const RunLengths& mask) {
  const std::uint64_t pixels = static_cast<std::uint64_t>(mask.height) * mask.width;
  return pixels <= std::numeric_limits<std::uint32_t>::max() &&
         std::accumulate(mask.counts.begin(), mask.counts.end(), std::uint64_t{0}) == pixels;
}

std::uint64_t mask_area(const RunLengths& mask) {
  std::uint64_t area = 0;
  for (std::size_t i = 1; i < mask.counts.size(); i += 2) area += mask.counts[i];
  return area;
}

Rectangle mask_bounds(const RunLengths& mask) {
  if (mask.height == 0 || mask_area(mask) == 0) return {};
  std::uint64_t left = mask.width, top = mask.height, right = 0, bottom = 0, place = 0;
  for (std::size_t i = 0; i < mask.counts.size(); ++i) {
    const std::uint64_t begin = place;
    place += mask.counts[i];
    if (i % 2 == 0 || mask.counts[i] == 0) continue;
    const std::uint64_t first_column = begin / mask.height, last_column = (place - 1) / mask.height;
    left = std::min(left, first_column);
    right = std::max(right, last_column);
    const bool one_column = first_column == last_column;
    top = one_column ? std::min(top, begin % mask.height) : 0;
    bottom = one_column ? std::max(bottom, (place - 1) % mask.height) : mask.height - 1;
  }
  return {static_cast<double>(left), static_cast<double>(top), static_cast<double>(right - left + 1),
          static_cast<double>(bottom - top + 1)};
}

bool is_drawable(const Polygons& polygons) {
  return !polygons.empty() && std::all_of(polygons.begin(), polygons.end(), [](const std::vector<double>& polygon) {
    return polygon.size() >= 6 && polygon.size() % 2 == 0 &&
           std::all_of(polygon.begin(), polygon.end(), [](double value) { return std::abs(value) <= kFarthest; });
  });
}

RunLengths mask_of_polygons(const Polygons& polygons, std::uint32_t height, std::uint32_t width) {
  require(is_drawable(polygons), "polygons are checked before they are drawn");
  std::vector<RunLengths> masks;
  masks.reserve(polygons.size());
  for (const auto& polygon : polygons) masks.push_back(mask_of_polygon(polygon, height, width));
  return united(masks);
}

RunLengths mask_in_image(const Mask& mask, std::uint32_t height, std::uint32_t width) {
  if (const auto* polygons = std::get_if<Polygons>(&mask)) return mask_of_polygons(*polygons, height, width);
  return std::get<RunLengths>(mask);
}

RunLengths united(std::span<const RunLengths> masks) {
  RunLengths all = masks.empty() ? RunLengths{} : masks.front();
  for (std::size_t i = 1; i < masks.size(); ++i) {
    require(masks[i].height == all.height && masks[i].width == all.width, "masks of the same size are united");
    RunLengths joined;
    joined.height = all.height;
    joined.width = all.width;
    joined.counts = {0};
    walk(all, masks[i], [&](std::uint64_t length, bool in_a, bool in_b) {
      const bool inside = in_a || in_b, is_inside = joined.counts.size() % 2 == 0;
      if (length == 0) return;
      if (inside == is_inside) joined.counts.back() += static_cast<std::uint32_t>(length);
      else joined.counts.push_back(static_cast<std::uint32_t>(length));
    });
    all = std::move(joined);
  }
  return all;
}

double mask_overlap(const RunLengths& detected, const RunLengths& truth, bool crowd) {
  if (bounds_intersection(mask_bounds(detected), mask_bounds(truth)) <= 0) return 0;
  if (detected.height != truth.height || detected.width != truth.width) return -1;
  std::uint64_t both = 0, any = 0;
  walk(detected, truth, [&](std::uint64_t length, bool in_a, bool in_b) {
    if (in_a && in_b) both += length;
    if (in_a || in_b) any += length;
  });
  if (both == 0) return 0;
  return static_cast<double>(both) / static_cast<double>(crowd ? mask_area(detected) : any);
}

}  // namespace goshawk::dataset
