#include "goshawk/train/augment.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>
#include <span>

namespace goshawk::train {
namespace {

/// Output = matrix * (x, y, 1).
using Affine = cv::Matx33d;

Affine shift(double x, double y) { return {1, 0, x, 0, 1, y, 0, 0, 1}; }

bool chance(Random& random, double probability) { return uniform(random, 0, 1) < probability; }

/// From a canvas of `canvas` pixels around its middle to the output: zoom, turn, shear, move.
Affine random_affine(double canvas, int side, const AugmentOptions& options, Random& random) {
  const double degree = std::numbers::pi / 180;
  const double angle = uniform(random, -options.degrees, options.degrees) * degree;
  const double zoom = uniform(random, 1 - options.scale, 1 + options.scale);
  const double shear_x = std::tan(uniform(random, -options.shear, options.shear) * degree);
  const double shear_y = std::tan(uniform(random, -options.shear, options.shear) * degree);
  const double x = uniform(random, 0.5 - options.translate, 0.5 + options.translate) * side;
  const double y = uniform(random, 0.5 - options.translate, 0.5 + options.translate) * side;
  const Affine turn{
      zoom * std::cos(angle), zoom * std::sin(angle), 0, -zoom * std::sin(angle), zoom * std::cos(angle), 0, 0, 0, 1};
  const Affine sheared{1, shear_x, 0, shear_y, 1, 0, 0, 0, 1};
  return shift(x, y) * sheared * turn * shift(-canvas / 2, -canvas / 2);
}

/// Hull of the transformed box.
Box transformed(const Box& box, const Affine& m) {
  double x1 = 1e9, y1 = 1e9, x2 = -1e9, y2 = -1e9;
  for (const float x : {box.x1, box.x2}) {
    for (const float y : {box.y1, box.y2}) {
      const double u = m(0, 0) * static_cast<double>(x) + m(0, 1) * static_cast<double>(y) + m(0, 2);
      const double v = m(1, 0) * static_cast<double>(x) + m(1, 1) * static_cast<double>(y) + m(1, 2);
      x1 = std::min(x1, u), x2 = std::max(x2, u), y1 = std::min(y1, v), y2 = std::max(y2, v);
    }
  }
  return {static_cast<float>(x1), static_cast<float>(y1), static_cast<float>(x2), static_cast<float>(y2)};
}

/// A picture that is going to be shown: which part of it, and where.
struct Part {
  const Sample* sample = nullptr;
  cv::Rect visible;  // of the sample's image
  Affine to_output;
};

void draw(cv::Mat& output, const Part& part) {
  const Box area{static_cast<float>(part.visible.x), static_cast<float>(part.visible.y),
                 static_cast<float>(part.visible.br().x), static_cast<float>(part.visible.br().y)};
  const Box shown = transformed(area, part.to_output);
  const cv::Rect target =
      cv::Rect(cv::Point(static_cast<int>(std::floor(shown.x1 + 0.5F)), static_cast<int>(std::floor(shown.y1 + 0.5F))),
               cv::Point(static_cast<int>(std::floor(shown.x2 + 0.5F)), static_cast<int>(std::floor(shown.y2 + 0.5F)))) &
      cv::Rect(0, 0, output.cols, output.rows);
  if (target.empty() || part.visible.empty()) return;
  // In pixel centres: the middle of the first pixel lies at 0.5.
  const Affine m =
      shift(-target.x - 0.5, -target.y - 0.5) * part.to_output * shift(part.visible.x + 0.5, part.visible.y + 0.5);
  const cv::Matx23d matrix(m(0, 0), m(0, 1), m(0, 2), m(1, 0), m(1, 1), m(1, 2));
  const bool upright = m(0, 1) == 0 && m(1, 0) == 0;
  cv::Mat drawn = output(target);
  cv::warpAffine(part.sample->image(part.visible), drawn, matrix, target.size(), cv::INTER_LINEAR,
                 upright ? cv::BORDER_REPLICATE : cv::BORDER_TRANSPARENT);
}

/// The visible part of an object; nullopt-like: an empty box when too little of it is left.
Box shown_box(const Box& box, const Part& part, int side) {
  const auto& v = part.visible;
  const Box within{std::clamp(box.x1, static_cast<float>(v.x), static_cast<float>(v.br().x)),
                   std::clamp(box.y1, static_cast<float>(v.y), static_cast<float>(v.br().y)),
                   std::clamp(box.x2, static_cast<float>(v.x), static_cast<float>(v.br().x)),
                   std::clamp(box.y2, static_cast<float>(v.y), static_cast<float>(v.br().y))};
  if (within.area() <= 0) return {};
  return clip(transformed(within, part.to_output), static_cast<float>(side), static_cast<float>(side));
}

bool worth_learning(const Box& shown, const Box& whole) {
  constexpr float kLeastSide = 2, kLeastArea = 0.1F, kMostAspect = 100;
  const float w = shown.width(), h = shown.height();
  return w > kLeastSide && h > kLeastSide && shown.area() > kLeastArea * whole.area() && w < kMostAspect * h &&
         h < kMostAspect * w;
}

void take_targets(const Part& part, int side, ImageTargets& targets) {
  for (const auto& object : part.sample->targets.objects) {
    const Box shown = shown_box(object.box, part, side);
    if (worth_learning(shown, transformed(object.box, part.to_output))) targets.objects.push_back({shown, object.class_id});
  }
  for (const auto& place : part.sample->targets.ignored) {
    const Box shown = shown_box(place, part, side);
    if (shown.area() > 0) targets.ignored.push_back(shown);
  }
  auto& classes = targets.unlabelled;
  classes.insert(classes.end(), part.sample->targets.unlabelled.begin(), part.sample->targets.unlabelled.end());
  std::sort(classes.begin(), classes.end());
  classes.erase(std::unique(classes.begin(), classes.end()), classes.end());
}

Sample compose(std::span<const Part> parts, int side) {
  Sample result;
  result.image = cv::Mat(side, side, CV_8UC3, cv::Scalar::all(kPadding));
  for (const auto& part : parts) {
    draw(result.image, part);
    take_targets(part, side, result.targets);
  }
  return result;
}

void mirror(Sample& sample, bool across) {
  cv::flip(sample.image, sample.image, across ? 1 : 0);
  const auto turn = [&](Box& box) {
    if (across) {
      const auto width = static_cast<float>(sample.image.cols);
      box = {width - box.x2, box.y1, width - box.x1, box.y2};
    } else {
      const auto height = static_cast<float>(sample.image.rows);
      box = {box.x1, height - box.y2, box.x2, height - box.y1};
    }
  };
  for (auto& object : sample.targets.objects) turn(object.box);
  for (auto& place : sample.targets.ignored) turn(place);
}

void recolor(cv::Mat& image, const AugmentOptions& options, Random& random) {
  constexpr int kTurn = 180;  // of the colour circle, in OpenCV's 8-bit steps
  const int hue = static_cast<int>(std::lround((1 + uniform(random, -1, 1) * options.hsv_h) * kTurn));
  const double saturation = 1 + uniform(random, -1, 1) * options.hsv_s;
  const double value = 1 + uniform(random, -1, 1) * options.hsv_v;
  if (options.hsv_h == 0 && options.hsv_s == 0 && options.hsv_v == 0) return;
  cv::Mat table(1, 256, CV_8UC3), hsv;
  for (int i = 0; i < 256; ++i) {
    table.at<cv::Vec3b>(i) = {static_cast<unsigned char>((i + hue) % kTurn),
                              cv::saturate_cast<unsigned char>(i * saturation), cv::saturate_cast<unsigned char>(i * value)};
  }
  cv::cvtColor(image, hsv, cv::COLOR_BGR2HSV);
  cv::LUT(hsv, table, hsv);
  cv::cvtColor(hsv, image, cv::COLOR_HSV2BGR);
}

void finish(Sample& sample, const AugmentOptions& options, Random& random) {
  recolor(sample.image, options, random);
  if (chance(random, options.flipud)) mirror(sample, false);
  if (chance(random, options.fliplr)) mirror(sample, true);
}

/// Scaled to fit and centred: from the sample's pixels to a square of `side`.
Affine fitting(const cv::Mat& image, int side) {
  const double zoom = static_cast<double>(side) / std::max(image.cols, image.rows);
  return shift((side - image.cols * zoom) / 2, (side - image.rows * zoom) / 2) * Affine{zoom, 0, 0, 0, zoom, 0, 0, 0, 1};
}

cv::Rect whole(const cv::Mat& image) { return {0, 0, image.cols, image.rows}; }

}  // namespace

double uniform(Random& random, double low, double high) {
  constexpr double kUnit = 1.0 / 9007199254740992.0;  // 2^-53
  return low + (high - low) * (static_cast<double>(random.next() >> 11U) * kUnit);
}

Sample letterbox(const Sample& sample, int side) {
  const Part part{&sample, whole(sample.image), fitting(sample.image, side)};
  return compose(std::span(&part, 1), side);
}

Sample augment(const Sample& sample, int side, const AugmentOptions& options, Random& random) {
  const Part part{&sample, whole(sample.image), random_affine(side, side, options, random) * fitting(sample.image, side)};
  Sample result = compose(std::span(&part, 1), side);
  finish(result, options, random);
  return result;
}

Sample mosaic(const std::array<const Sample*, 4>& samples, int side, const AugmentOptions& options, Random& random) {
  const int canvas = 2 * side;
  const int x = static_cast<int>(uniform(random, side / 2.0, 1.5 * side)),
            y = static_cast<int>(uniform(random, side / 2.0, 1.5 * side));
  const Affine to_output = random_affine(canvas, side, options, random);
  std::array<Part, 4> parts;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const cv::Mat& image = samples[i]->image;
    const bool right = i % 2 == 1, low = i >= 2;
    // The corner that touches the centre stays; what leaves the canvas is cut off.
    const int left_edge = right ? x : x - image.cols, top_edge = low ? y : y - image.rows;
    const cv::Rect placed = cv::Rect(left_edge, top_edge, image.cols, image.rows) & cv::Rect(0, 0, canvas, canvas);
    parts[i] = {samples[i], placed - cv::Point(left_edge, top_edge), to_output * shift(left_edge, top_edge)};
  }
  Sample result = compose(parts, side);
  finish(result, options, random);
  return result;
}

Sample mix(const Sample& a, const Sample& b, Random& random) {
  // The middle of 63 uniform numbers is distributed as Beta(32, 32).
  std::array<double, 63> draws{};
  for (double& draw : draws) draw = uniform(random, 0, 1);
  std::nth_element(draws.begin(), draws.begin() + 31, draws.end());
  const double share = draws[31];
  Sample result = a;
  result.image = cv::Mat();
  cv::addWeighted(a.image, share, b.image, 1 - share, 0, result.image);
  auto& targets = result.targets;
  const auto append = [](auto& to, const auto& from) { to.insert(to.end(), from.begin(), from.end()); };
  append(targets.objects, b.targets.objects);
  append(targets.ignored, b.targets.ignored);
  append(targets.unlabelled, b.targets.unlabelled);
  std::sort(targets.unlabelled.begin(), targets.unlabelled.end());
  targets.unlabelled.erase(std::unique(targets.unlabelled.begin(), targets.unlabelled.end()), targets.unlabelled.end());
  return result;
}

}  // namespace goshawk::train
