#include "goshawk/evaluate/bootstrap.h"

#include <gtest/gtest.h>

#include <random>

#include "goshawk/core/error.h"
#include "goshawk/evaluate/detector_metrics.h"

namespace goshawk::evaluate {
namespace {

/// 60 images with one object each; a share of them is found.
struct Toy {
  dataset::Dataset truth;
  std::vector<Detections> predictions;
};

Toy toy(double found, unsigned seed) {
  Toy toy;
  toy.truth.categories = {{1, "thing", ""}};
  std::mt19937 random(seed);
  for (std::uint32_t i = 0; i < 60; ++i) {
    dataset::ImageEntry image;
    image.id = i + 1;
    image.width = image.height = 200;
    toy.truth.images.push_back(image);
    dataset::Annotation annotation;
    annotation.id = i + 1;
    annotation.image = i;
    annotation.rectangle = {10, 10, 100, 100};
    annotation.area = 10'000;
    toy.truth.annotations.push_back(annotation);
    const bool hit = std::uniform_real_distribution<>(0, 1)(random) < found;
    toy.predictions.push_back({{hit ? Box{10, 10, 110, 110} : Box{150, 150, 190, 190}, 0.5F, 0, {}}});
  }
  return toy;
}

const std::vector<Figure> kAp{[](const CocoSummary& s) { return s.ap; }};

BootstrapOptions draws(std::size_t threads = 0) {
  BootstrapOptions options;
  options.draws = 200;
  options.seed = 3;
  options.threads = threads;
  return options;
}

CocoResult result_of(const Toy& t) { return measure_detector(t.truth, t.predictions).coco; }

TEST(Bootstrap, TheIntervalHoldsTheValueAndIsTheSameForASeed) {
  const auto result = result_of(toy(0.6, 1));
  const auto one = bootstrap(result, 60, kAp, draws(1))[0];
  const auto two = bootstrap(result, 60, kAp, draws(3))[0];
  EXPECT_EQ(one.low, two.low);
  EXPECT_EQ(one.high, two.high);
  EXPECT_LT(one.low, one.value);
  EXPECT_GT(one.high, one.value);
  EXPECT_DOUBLE_EQ(one.value, result.summary().ap);
}

TEST(Bootstrap, TellsABetterModelFromAnEqualOne) {
  const auto poor = result_of(toy(0.4, 1)), good = result_of(toy(0.9, 2));
  const auto change = bootstrap_difference(poor, good, 60, kAp, draws())[0];
  EXPECT_GT(change.change.low, 0);
  EXPECT_GT(change.share_better, 0.97);
  const auto none = bootstrap_difference(poor, poor, 60, kAp, draws())[0];
  EXPECT_EQ(none.change.low, 0);
  EXPECT_EQ(none.change.high, 0);
  EXPECT_EQ(none.share_better, 0.5);
}

TEST(Bootstrap, CanBeStopped) {
  std::stop_source stop;
  stop.request_stop();
  auto options = draws();
  options.stop = stop.get_token();
  EXPECT_THROW(bootstrap(result_of(toy(0.5, 1)), 60, kAp, options), Error);
}

TEST(DetectorMetrics, PutsAllFiguresTogether) {
  const auto t = toy(0.5, 7);
  std::size_t hits = 0;
  for (const auto& p : t.predictions) hits += p[0].box.x1 < 20 ? 1U : 0U;
  const auto metrics = measure_detector(t.truth, t.predictions);
  EXPECT_DOUBLE_EQ(metrics.fixed.recall, static_cast<double>(hits) / 60);
  EXPECT_DOUBLE_EQ(metrics.fixed.precision, static_cast<double>(hits) / 60);
  EXPECT_EQ(metrics.confusion.at(0, 0), static_cast<std::int64_t>(hits));
  EXPECT_EQ(metrics.mistakes[static_cast<std::size_t>(ErrorKind::kMissed)], static_cast<std::int64_t>(60 - hits));
  EXPECT_EQ(metrics.mistakes[static_cast<std::size_t>(ErrorKind::kBackground)], static_cast<std::int64_t>(60 - hits));
  EXPECT_EQ(metrics.worst[static_cast<std::size_t>(ErrorKind::kMissed)].size(), 12U);
  EXPECT_EQ(metrics.classes[0].objects, 60);
}

}  // namespace
}  // namespace goshawk::evaluate
