#include "goshawk/train/run_pictures.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>

#include "goshawk/core/files.h"
#include "goshawk/evaluate/detector_plots.h"
#include "goshawk/media/image.h"
#include "goshawk/report/canvas.h"
#include "goshawk/report/plot.h"

namespace goshawk::train {
namespace {

constexpr std::size_t kMostPictures = 16;

/// Colours that are told apart, by class.
cv::Scalar color_of(int class_id) {
  constexpr double kGoldenAngle = 137.508 / 2;  // OpenCV's hue goes to 180
  cv::Mat pixel(1, 1, CV_8UC3, cv::Scalar(std::fmod(class_id * kGoldenAngle, 180), 200, 255));
  cv::cvtColor(pixel, pixel, cv::COLOR_HSV2BGR);
  const auto c = pixel.at<cv::Vec3b>(0);
  return {static_cast<double>(c[0]), static_cast<double>(c[1]), static_cast<double>(c[2])};
}

/// A box on a picture, in its pixels; without a score it is a label.
struct Shown {
  Box box;
  int class_id = 0;
  float score = -1;
};

cv::Point corner(float x, float y) { return {static_cast<int>(x), static_cast<int>(y)}; }

void draw(cv::Mat& picture, const std::vector<Shown>& boxes, const std::vector<std::string>& classes) {
  for (const auto& shown : boxes) {
    const auto color = color_of(shown.class_id);
    cv::rectangle(picture, corner(shown.box.x1, shown.box.y1), corner(shown.box.x2, shown.box.y2), color, 2);
    std::string name = classes[static_cast<std::size_t>(shown.class_id)];
    if (shown.score >= 0) name += fmt::format(" {:.2f}", shown.score);
    int base = 0;
    const cv::Size size = cv::getTextSize(name, cv::FONT_HERSHEY_SIMPLEX, 0.4, 1, &base);
    const float widest = static_cast<float>(std::max(picture.cols - size.width - 4, 0));
    const cv::Point at =
        corner(std::clamp(shown.box.x1, 0.0F, widest), std::max(shown.box.y1, static_cast<float>(size.height + 4)));
    cv::rectangle(picture, at - cv::Point(0, size.height + 4), at + cv::Point(size.width + 4, 0), color, cv::FILLED);
    cv::putText(picture, name, at + cv::Point(2, -2), cv::FONT_HERSHEY_SIMPLEX, 0.4, cv::Scalar::all(0), 1, cv::LINE_AA);
  }
}

void draw_regions(cv::Mat& picture, const std::vector<Box>& regions) {
  for (const auto& region : regions)
    cv::rectangle(picture, corner(region.x1, region.y1), corner(region.x2, region.y2), cv::Scalar::all(160), 1);
}

/// Boxes of `regions` are outlined, then `boxes` drawn with their names; small pictures are enlarged for that.
void decorate(cv::Mat& picture, int times, std::vector<Box> regions, std::vector<Shown> boxes,
              const std::vector<std::string>& classes) {
  const auto factor = static_cast<float>(times);
  const auto enlarge = [&](Box& b) { b = {b.x1 * factor, b.y1 * factor, b.x2 * factor, b.y2 * factor}; };
  for (auto& region : regions) enlarge(region);
  for (auto& shown : boxes) enlarge(shown.box);
  draw_regions(picture, regions);
  draw(picture, boxes, classes);
}

/// Pictures [N, side, side, 3] RGB in a grid; `boxes_of(i)` are drawn on each.
template <typename BoxesOf>
cv::Mat grid_of(const std::vector<std::uint8_t>& pixels, int side, const std::vector<ImageTargets>& targets,
                const std::vector<std::string>& classes, BoxesOf boxes_of) {
  constexpr int kGap = 2, kLeastSide = 256;
  const std::size_t count = std::min(targets.size(), kMostPictures);
  const int columns = static_cast<int>(std::ceil(std::sqrt(static_cast<double>(count))));
  const int rows = (static_cast<int>(count) + columns - 1) / columns;
  const int times = (kLeastSide + side - 1) / side, shown_side = side * times, step = shown_side + kGap;
  cv::Mat grid(rows * step - kGap, columns * step - kGap, CV_8UC3, cv::Scalar::all(255));
  for (std::size_t i = 0; i < count; ++i) {
    const cv::Mat rgb(side, side, CV_8UC3,
                      const_cast<std::uint8_t*>(pixels.data()) + i * static_cast<std::size_t>(side * side * 3));
    const auto at = static_cast<int>(i);
    cv::Mat place = grid(cv::Rect(at % columns * step, at / columns * step, shown_side, shown_side)), bgr;
    cv::cvtColor(rgb, bgr, cv::COLOR_RGB2BGR);
    cv::resize(bgr, place, place.size(), 0, 0, cv::INTER_NEAREST);
    decorate(place, times, targets[i].ignored, boxes_of(i), classes);
  }
  return grid;
}

std::vector<Shown> labels_of(const ImageTargets& targets) {
  std::vector<Shown> boxes;
  for (const auto& object : targets.objects) boxes.push_back({object.box, object.class_id});
  return boxes;
}

/// Detections as they lie in the network's input.
std::vector<Shown> found_in_input(const Detections& found, const detect::Placement& p) {
  constexpr float kShown = 0.25F;
  std::vector<Shown> boxes;
  for (const auto& d : found) {
    if (d.score < kShown) continue;
    boxes.push_back({p.to_input(d.box), d.class_id, d.score});
  }
  return boxes;
}

report::Figure tile_figure(std::string title) {
  report::Figure figure;
  figure.title = std::move(title);
  figure.width = 480;
  figure.height = 400;
  return figure;
}

/// Outlines of up to some thousand boxes with one common centre, as PNG.
std::string laid_over(const report::Figure& figure, const std::vector<TrainingImage>& images) {
  constexpr std::size_t kMost = 2000;
  constexpr double kLeft = 24, kTop = 52, kMargin = 24, kTitle = 17;
  const report::Color ink{45, 45, 55}, blue{0, 114, 178, 0.35}, gray{225, 225, 225};
  const double width = figure.width - kLeft - kMargin, height = figure.height - kTop - kMargin;
  report::Canvas canvas(figure.width, figure.height);
  canvas.text(kLeft, 26, figure.title, kTitle, ink);
  const auto outline = [&](double share_x, double share_y, const report::Color& color) {
    const double x = kLeft + width * (1 - share_x) / 2, y = kTop + height * (1 - share_y) / 2;
    const double right = x + width * share_x, bottom = y + height * share_y;
    canvas.line({{x, y}, {right, y}, {right, bottom}, {x, bottom}, {x, y}}, color);
  };
  outline(1, 1, gray);
  std::size_t drawn = 0;
  for (const auto& image : images) {
    for (const auto& object : image.targets.objects) {
      if (drawn++ == kMost) return canvas.png();
      outline(std::min(static_cast<double>(object.box.width()) / image.width, 1.0),
              std::min(static_cast<double>(object.box.height()) / image.height, 1.0), blue);
    }
  }
  return canvas.png();
}

cv::Mat tiled(const std::vector<cv::Mat>& tiles, int columns) {
  const int width = tiles[0].cols, height = tiles[0].rows;
  const int rows = (static_cast<int>(tiles.size()) + columns - 1) / columns;
  cv::Mat all(rows * height, columns * width, CV_8UC3, cv::Scalar::all(255));
  for (int i = 0; i < static_cast<int>(tiles.size()); ++i)
    tiles[static_cast<std::size_t>(i)].copyTo(all(cv::Rect(i % columns * width, i / columns * height, width, height)));
  return all;
}

}  // namespace

void write_batch_picture(const std::filesystem::path& path, const Batch& batch, const std::vector<std::string>& classes) {
  const auto boxes_of = [&](std::size_t i) { return labels_of(batch.targets[i]); };
  media::write_image(path, grid_of(batch.pixels, batch.side, batch.targets, classes, boxes_of), 90);
}

void write_validation_pictures(const std::filesystem::path& folder, ValidationImages& images,
                               std::span<const Detections> found, const std::vector<std::string>& classes) {
  constexpr std::size_t kBatches = 3;
  for (std::size_t b = 0; b < std::min(images.batches(), kBatches); ++b) {
    const auto batch = images.batch(b);
    if (batch->size() == 0) continue;
    const auto write = [&](const char* kind, auto boxes_of) {
      media::write_image(folder / fmt::format("val_batch{}_{}.jpg", b, kind),
                         grid_of(batch->pixels, images.side(), batch->targets, classes, boxes_of), 90);
    };
    write("labels", [&](std::size_t i) { return labels_of(batch->targets[i]); });
    write("pred", [&](std::size_t i) { return found_in_input(found[batch->images[i]], batch->placements[i]); });
  }
}

void write_label_picture(const std::filesystem::path& path, const std::vector<TrainingImage>& images,
                         const std::vector<std::string>& classes) {
  constexpr std::size_t kCells = 40, kMostBars = 20;
  std::vector<std::pair<std::string, double>> counts;
  for (const auto& name : classes) counts.emplace_back(name, 0);
  report::Grid centers{kCells, kCells, std::vector<double>(kCells * kCells), {}, {}, false};
  report::Series sizes;
  for (const auto& image : images) {
    const double width = image.width, height = image.height;
    for (const auto& object : image.targets.objects) {
      counts[static_cast<std::size_t>(object.class_id)].second += 1;
      const Box& b = object.box;
      const auto cell = [](double share) {
        return std::min(static_cast<std::size_t>(std::max(share, 0.0) * kCells), kCells - 1);
      };
      centers.values[cell((b.y1 + b.y2) / 2 / height) * kCells + cell((b.x1 + b.x2) / 2 / width)] += 1;
      sizes.x.push_back(b.width() / width);
      sizes.y.push_back(b.height() / height);
    }
  }
  std::string title = "Objects a class";
  if (counts.size() > kMostBars) {
    std::stable_sort(counts.begin(), counts.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
    title = fmt::format("Objects a class, the {} most frequent of {}", kMostBars, counts.size());
    counts.resize(kMostBars);
  }
  report::Figure size_figure = tile_figure("Width and height, shares of the picture");
  size_figure.x = {"width", 0, 1};
  size_figure.y = {"height", 0, 1};
  std::vector<cv::Mat> tiles;
  int width = 0, height = 0;
  for (const auto& png :
       {report::bar_chart(tile_figure(title), counts), report::heat_map(tile_figure("Where centres lie"), centers),
        report::scatter_chart(size_figure, {sizes}), laid_over(tile_figure("Boxes laid over one another"), images)}) {
    tiles.push_back(media::decode_image(png, "labels.jpg"));
    width = std::max(width, tiles.back().cols), height = std::max(height, tiles.back().rows);
  }
  for (auto& tile : tiles) {
    cv::Mat whole(height, width, CV_8UC3, cv::Scalar::all(255));
    tile.copyTo(whole(cv::Rect(0, 0, tile.cols, tile.rows)));
    tile = whole;
  }
  media::write_image(path, tiled(tiles, 2), 92);
}

void write_judgement(const std::filesystem::path& folder, const dataset::Dataset& truth, std::span<const Detections> found) {
  std::vector<std::string> names;
  for (const auto& category : truth.categories) names.push_back(category.name);
  for (const auto& plot : evaluate::detector_plots(names, evaluate::measure_detector(truth, found)))
    write_file_atomically(folder / plot.file, plot.png);
}

void write_tiles(const std::filesystem::path& path, const std::vector<std::string>& pngs, int columns) {
  std::vector<cv::Mat> tiles;
  for (const auto& png : pngs) tiles.push_back(media::decode_image(png, path.string()));
  media::write_image(path, tiled(tiles, columns));
}

}  // namespace goshawk::train
