#include "goshawk/dataset/cvat_mask.h"

#include <algorithm>
#include <charconv>
#include <vector>

#include "goshawk/dataset/rle.h"

namespace goshawk::dataset {
namespace {

constexpr std::uint64_t kMostImagePixels = 1ULL << 31;
constexpr std::uint64_t kMostMaskPixels = 1ULL << 28;

std::optional<std::vector<std::uint32_t>> runs_in(std::string_view text) {
  std::vector<std::uint32_t> runs;
  const auto is_gap = [](char c) { return c == ',' || c == ' ' || c == '\t' || c == '\n' || c == '\r'; };
  for (;;) {
    while (!text.empty() && is_gap(text.front())) text.remove_prefix(1);
    if (text.empty()) return runs;
    std::uint32_t run = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), run);
    if (error != std::errc()) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    if (!text.empty() && !is_gap(text.front())) return std::nullopt;
    runs.push_back(run);
  }
}

std::uint64_t sum(const std::vector<std::uint32_t>& runs) {
  std::uint64_t total = 0;
  for (const std::uint32_t run : runs) total += run;
  return total;
}

/// Run lengths that grow a run at a time, background first.
class RunWriter {
 public:
  void add(bool set, std::uint32_t count) {
    if (count == 0) return;
    if (set != set_) {
      runs_.push_back(run_);
      run_ = 0;
      set_ = set;
    }
    run_ += count;
  }
  std::vector<std::uint32_t> finish() {
    runs_.push_back(run_);
    return std::move(runs_);
  }

 private:
  std::vector<std::uint32_t> runs_;
  std::uint32_t run_ = 0;
  bool set_ = false;
};

/// Calls visit(begin, end) for each run of set pixels, as places in column-by-column order.
template <typename Visit>
void for_each_run(const RunLengths& mask, Visit visit) {
  std::uint64_t at = 0;
  for (std::size_t i = 0; i < mask.counts.size(); ++i) {
    if (i % 2 == 1 && mask.counts[i] > 0) visit(at, at + mask.counts[i]);
    at += mask.counts[i];
  }
}

}  // namespace

std::optional<RunLengths> from_cvat(const CvatMask& mask, std::uint32_t image_width, std::uint32_t image_height) {
  const std::uint64_t in_box = std::uint64_t{mask.width} * mask.height;
  if (in_box == 0 || in_box >= kMostMaskPixels || std::uint64_t{image_width} * image_height >= kMostImagePixels)
    return std::nullopt;
  if (std::uint64_t{mask.left} + mask.width > image_width || std::uint64_t{mask.top} + mask.height > image_height) {
    return std::nullopt;
  }
  const auto runs = runs_in(mask.runs);
  if (!runs || sum(*runs) != in_box) return std::nullopt;
  std::vector<bool> bits;  // row by row
  bits.reserve(in_box);
  for (std::size_t i = 0; i < runs->size(); ++i) bits.insert(bits.end(), (*runs)[i], i % 2 == 1);
  RunWriter writer;
  writer.add(false, mask.left * image_height);
  for (std::uint32_t x = 0; x < mask.width; ++x) {
    writer.add(false, mask.top);
    for (std::uint32_t y = 0; y < mask.height; ++y) writer.add(bits[std::size_t{y} * mask.width + x], 1);
    writer.add(false, image_height - mask.top - mask.height);
  }
  writer.add(false, (image_width - mask.left - mask.width) * image_height);
  return RunLengths{image_height, image_width, writer.finish(), true};
}

std::optional<Rectangle> extent(const RunLengths& mask) {
  const Rectangle bounds = covers_image(mask) ? mask_bounds(mask) : Rectangle{};
  return bounds.area() > 0 ? std::optional(bounds) : std::nullopt;
}

std::optional<CvatMask> to_cvat(const RunLengths& mask) {
  const auto box = extent(mask);
  if (!box || box->area() >= static_cast<double>(kMostMaskPixels)) return std::nullopt;
  CvatMask out{static_cast<std::uint32_t>(box->x),
               static_cast<std::uint32_t>(box->y),
               static_cast<std::uint32_t>(box->width),
               static_cast<std::uint32_t>(box->height),
               {}};
  std::vector<bool> bits(std::size_t{out.width} * out.height, false);
  for_each_run(mask, [&](std::uint64_t begin, std::uint64_t end) {
    for (std::uint64_t at = begin; at < end; ++at) {
      bits[(at % mask.height - out.top) * out.width + (at / mask.height - out.left)] = true;
    }
  });
  RunWriter writer;
  for (const bool bit : bits) writer.add(bit, 1);
  for (const std::uint32_t run : writer.finish()) out.runs += (out.runs.empty() ? "" : ", ") + std::to_string(run);
  return out;
}

}  // namespace goshawk::dataset
