#include "goshawk/report/plot.h"

#include <gtest/gtest.h>
#include <png.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <thread>

#include "goshawk/core/error.h"
#include "goshawk/report/canvas.h"

namespace goshawk::report {
namespace {

struct Decoded {
  int width = 0, height = 0;
  std::vector<unsigned char> rgb;
  bool near(std::size_t pixel, int red, int green, int blue) const {
    const auto* p = &rgb[pixel * 3];
    return std::abs(p[0] - red) + std::abs(p[1] - green) + std::abs(p[2] - blue) < 12;
  }
  /// Share of pixels that are nearly `color`.
  double share(int red, int green, int blue) const {
    std::size_t count = 0;
    for (std::size_t i = 0; i < rgb.size() / 3; ++i) count += near(i, red, green, blue) ? 1U : 0U;
    return static_cast<double>(count) * 3 / static_cast<double>(rgb.size());
  }
  /// Lengths of the pieces of row `y` that have the first series' colour.
  std::vector<int> blue_pieces(int y) const {
    std::vector<int> pieces;
    bool inside = false;
    for (int x = 0; x < width; ++x) {
      const bool blue =
          near(static_cast<std::size_t>(y) * static_cast<std::size_t>(width) + static_cast<std::size_t>(x), 0, 114, 178);
      if (blue && !inside) pieces.push_back(0);
      if (blue) ++pieces.back();
      inside = blue;
    }
    return pieces;
  }
};

/// Decodes with libpng; with GOSHAWK_PLOTS set, keeps the file there for a person to look at.
Decoded decode(const std::string& bytes, const std::string& name = {}) {
  if (const char* folder = std::getenv("GOSHAWK_PLOTS"); folder != nullptr && !name.empty()) {
    std::ofstream(std::string(folder) + "/" + name + ".png", std::ios::binary) << bytes;
  }
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  EXPECT_NE(png_image_begin_read_from_memory(&image, bytes.data(), bytes.size()), 0) << image.message;
  image.format = PNG_FORMAT_RGB;
  Decoded decoded{static_cast<int>(image.width), static_cast<int>(image.height), {}};
  decoded.rgb.resize(PNG_IMAGE_SIZE(image));
  EXPECT_NE(png_image_finish_read(&image, nullptr, decoded.rgb.data(), 0, nullptr), 0) << image.message;
  return decoded;
}

Figure figure() { return {"Precision and recall", {"Recall", 0, 1}, {"Precision", 0, 1}}; }

std::vector<Series> curves(std::size_t count, std::size_t points) {
  std::vector<Series> series;
  for (std::size_t s = 0; s < count; ++s) {
    Series one{"class " + std::to_string(s) + " 0.912", {}, {}, {}, {}};
    for (std::size_t i = 0; i < points; ++i) {
      const double t = static_cast<double>(i) / static_cast<double>(points - 1);
      one.x.push_back(t);
      one.y.push_back(0.95 - std::pow(t, 2.0 + static_cast<double>(s)) * 0.7);
    }
    series.push_back(one);
  }
  return series;
}

TEST(LineChart, IsTwiceTheStatedSizeAndTheSameEachTime) {
  auto series = curves(3, 200);
  for (const double y : series[0].y) series[0].low.push_back(y - 0.1), series[0].high.push_back(y + 0.04);
  series.push_back({"all classes 0.871", series[1].x, series[0].low, {}, {}, true});
  const std::string bytes = line_chart(figure(), series);
  EXPECT_EQ(bytes, line_chart(figure(), series));
  const Decoded picture = decode(bytes, "line");
  EXPECT_EQ(picture.width, 1600);
  EXPECT_EQ(picture.height, 1000);
  EXPECT_GT(picture.share(0, 114, 178), 0.001);  // the first curve's colour
  EXPECT_GT(picture.share(255, 255, 255), 0.5);
}

TEST(LineChart, TakesNothingOnePointNansAndHostileText) {
  const double nan = std::nan(""), inf = std::numeric_limits<double>::infinity();
  EXPECT_EQ(decode(line_chart(figure(), {}), "line_empty").width, 1600);
  Figure open{"<script> #g#- %s \xFF\n" + std::string(5000, 'W'), {"", {}, {}}, {"", {}, {}}};
  decode(line_chart(open, {{"#", {3}, {4}, {}, {}}}), "line_one");
  decode(line_chart(open, {{"a", {0, nan, 2, 3, inf}, {1, 2, nan, inf, 3}, {}, {}}}), "line_nan");
  decode(line_chart(open, {{"a", {0, 1}, {-1e308, 1e308}, {}, {}}}));
}

TEST(LineChart, TakesAMillionPointsAndManySeries) {
  decode(line_chart(figure(), curves(1, 1'000'000)), "line_million");
  decode(line_chart(figure(), curves(80, 100)), "line_80");
}

TEST(LineChart, ManySeriesAreGreyOnlyBesideAStrongOne) {
  auto series = curves(22, 100);
  EXPECT_GT(decode(line_chart(figure(), series), "line_22").share(0, 114, 178), 0.0005);
  series[21].strong = true;
  const auto crowded = decode(line_chart(figure(), series), "line_crowded");
  EXPECT_EQ(crowded.share(0, 114, 178), 0);
  EXPECT_GT(crowded.share(190, 196, 204), 0.001);
}

TEST(LineChart, LegendSaysHowManyNamesHaveNoRoom) {
  auto series = curves(40, 2);
  const std::string forty = line_chart(figure(), series);
  decode(forty, "line_40");
  series.push_back({"no data", {}, {}, {}, {}});
  EXPECT_NE(forty, line_chart(figure(), series));
}

TEST(LineChart, RepeatedColorsAreDashed) {
  std::vector<Series> one(17), other(17), third(17);
  one[0] = other[8] = third[16] = {"", {0, 1}, {0.1, 0.9}, {}, {}};
  const auto share = [](const std::vector<Series>& series) {
    return decode(line_chart(figure(), series)).share(0, 114, 178);
  };
  const double solid = share(one), dashed = share(other), dotted = share(third);
  EXPECT_GT(dotted, 0);
  EXPECT_LT(dashed, solid * 0.8);
  EXPECT_LT(dotted, dashed * 0.8);
}

TEST(LineChart, ALongNameLeavesItsNoteWhole) {
  const std::string name = "a class whose name is much too long for the legend of this picture";
  std::vector<Series> one{{name, {0, 1}, {0, 1}, {}, {}, false, " 0.912"}}, other = one;
  other[0].note = " 0.913";
  decode(line_chart(figure(), one), "line_note");
  EXPECT_NE(line_chart(figure(), one), line_chart(figure(), other));
}

/// A mark, and with it a line of the grid, at the end of each axis; width 800, height 500, no legend.
TEST(LineChart, AxesEndAtMarks) {
  for (const double most : {4.2, 42.0, 45.0, 8400.0, 0.088}) {
    const Figure shape{"", {"", 0, {}}, {"", 0, {}}};
    const auto picture = decode(line_chart(shape, {{"", {0, most / 2, most}, {0, 0, most}, {}, {}}}));
    const auto grid = [&](int x, int y) {
      const auto at = [&](int dx, int dy) {
        return picture.near(static_cast<std::size_t>(y + dy) * 1600 + static_cast<std::size_t>(x + dx), 228, 231, 235);
      };
      return at(0, 0) || at(-1, 0) || at(0, -1) || at(-1, -1);
    };
    EXPECT_TRUE(grid(500, 52 * 2)) << most;
    EXPECT_TRUE(grid((800 - 24) * 2, 700)) << most;
  }
}

TEST(BarChart, StandsForShortNamesAndLiesForLongOnes) {
  Figure shape{"Objects by class", {"", {}, {}}, {"objects", {}, {}}};
  const auto standing = decode(bar_chart(shape, {{"car", 120}, {"bus", 32}, {"van", 7}}), "bars");
  EXPECT_EQ(standing.height, 1000);
  std::vector<std::pair<std::string, double>> many;
  for (int i = 0; i < 80; ++i) many.emplace_back("a rather long name " + std::to_string(i), 1000.0 / (i + 1));
  EXPECT_GT(decode(bar_chart(shape, many), "bars_lying").height, 80 * 2 * 12);
  decode(bar_chart(shape, {}));
  decode(bar_chart(shape, {{"nan", std::nan("")}, {"minus", -3}}));
}

TEST(Histogram, CountsAndTakesNothing) {
  std::vector<double> values;
  for (int i = 0; i < 1'000'000; ++i) values.push_back(std::sqrt(static_cast<double>(i)));
  Figure shape{"Box sizes", {"square root of area, pixels", {}, {}}, {"boxes", {}, {}}};
  EXPECT_GT(decode(histogram(shape, values), "histogram").share(0, 114, 178), 0.2);
  EXPECT_EQ(decode(histogram(shape, {}), "histogram_empty").share(0, 114, 178), 0);
}

TEST(Histogram, EachWholeNumberHasItsBar) {
  for (const int most : {0, 5, 12, 44}) {
    std::vector<double> values;
    for (int i = 0; i <= most; ++i) values.push_back(i);
    const Figure shape{"Objects per image", {"objects", 0, {}}, {"images", 0, {}}};
    const auto picture = decode(histogram(shape, values, Bins::kWhole), "histogram_whole_" + std::to_string(most));
    for (const int y : {130, 800}) {  // near the top and near the foot: bars of one height
      const auto pieces = picture.blue_pieces(y);
      ASSERT_EQ(pieces.size(), values.size());
      const auto [low, high] = std::minmax_element(pieces.begin(), pieces.end());
      EXPECT_LE(*high - *low, 2) << most;
    }
  }
}

TEST(Histogram, CountsManyWholeNumbersTogether) {
  const Figure shape{"Objects per image", {"objects", 0, {}}, {"images", 0, {}}};
  std::vector<double> values;
  for (int i = 0; i < 1000; ++i) values.push_back(i);
  const auto pieces = decode(histogram(shape, values, Bins::kWhole), "histogram_whole_1000").blue_pieces(800);
  EXPECT_EQ(pieces.size(), 50U);
  decode(histogram(shape, {1e308, -1e308, std::nan("")}, Bins::kWhole));
  EXPECT_EQ(decode(histogram(shape, {}, Bins::kWhole)).share(0, 114, 178), 0);
}

TEST(HeatMap, StaysLegibleWithEightyClassesAndShowsNumbers) {
  for (const std::size_t n : {6U, 80U}) {
    Grid grid{n, n, {}, {}, {}, true};
    for (std::size_t i = 0; i < n * n; ++i) grid.values.push_back(i % (n + 1) == 0 ? 0.83 : (i * 7919 % 97) < 8 ? 0.12 : 0);
    for (std::size_t i = 0; i < n; ++i) grid.rows.push_back("traffic light " + std::to_string(i));
    grid.columns = grid.rows;
    const auto picture = decode(heat_map({"Confusion matrix, normalised", {"True", {}, {}}, {"Predicted", {}, {}}}, grid),
                                "heat_" + std::to_string(n));
    EXPECT_GE(picture.height, static_cast<int>(n) * 34);
  }
  Grid density{32, 20, std::vector<double>(640, 1), {}, {}, false};
  density.values[100] = 9;
  density.values[0] = std::nan("");
  decode(heat_map({"Places of boxes", {"", {}, {}}, {"", {}, {}}}, density), "heat_density");
  decode(heat_map({"Nothing", {"", {}, {}}, {"", {}, {}}}, {}));
}

TEST(ScatterChart, DrawsFewAndManyPoints) {
  Series few{"goshawk", {4, 8, 16}, {0.3, 0.34, 0.41}, {}, {}};
  Series other{"peer", {9, 17, 40}, {0.28, 0.35, 0.4}, {}, {}};
  decode(scatter_chart({"Pareto", {"ms per image", 0, {}}, {"AP50-95", {}, {}}}, {few, other}), "scatter");
  Series many{"", {}, {}, {}, {}};
  for (int i = 0; i < 1'000'000; ++i) many.x.push_back(i % 997), many.y.push_back(i % 613);
  decode(scatter_chart({"Boxes", {"width", {}, {}}, {"height", {}, {}}}, {many}), "scatter_many");
}

TEST(ScatterChart, AnAxisOfOneValueBeginsAtZeroWhereItWouldFallBelow) {
  Figure shape{"", {"", 0, {}}, {"", {}, {}}};
  const std::vector<Series> point{{"", {5}, {0.3}, {}, {}}};
  const std::string alone = scatter_chart(shape, point);
  decode(alone, "scatter_one");
  shape.y = {"", 0, 0.8};
  EXPECT_EQ(alone, scatter_chart(shape, point));
}

TEST(ScatterChart, AStrongSeriesIsALineBelowThePoints) {
  const Figure shape{"Pareto", {"ms per image", 0, {}}, {"AP50-95", 0, {}}};
  std::vector<Series> series;
  for (int i = 0; i < 24; ++i) series.push_back({"model " + std::to_string(i), {4.0 + i}, {0.3 + i * 0.01}, {}, {}});
  const double without = decode(scatter_chart(shape, series)).share(45, 50, 58);
  series.insert(series.begin(), {"front", {4, 15, 27}, {0.3, 0.45, 0.53}, {}, {}, true});
  const auto picture = decode(scatter_chart(shape, series), "scatter_front");
  EXPECT_GT(picture.share(45, 50, 58), without + 0.001);
  EXPECT_GT(picture.share(213, 94, 0), 0);  // not grey, however many there are
}

TEST(Plots, TakeTurnsOverThreads) {
  const std::string alone = line_chart(figure(), curves(2, 50));
  std::vector<std::string> results(4);
  {
    std::vector<std::jthread> threads;
    for (auto& result : results) threads.emplace_back([&result] { result = line_chart(figure(), curves(2, 50)); });
  }
  for (const auto& result : results) EXPECT_EQ(result, alone);
}

/// In a process of its own: PLplot looks for its drivers once.
TEST(PlotsDeathTest, SayWhichPackageIsMissing) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        ::setenv("PLPLOT_DRV_DIR", "/nonexistent", 1);
        int code = 1;
        try {
          line_chart(figure(), {});
        } catch (const Error& error) {
          code = error.code() == ErrorCode::kUnavailable ? 0 : 2;
          std::fputs(error.describe().c_str(), stderr);
        }
        std::exit(code);
      },
      testing::ExitedWithCode(0), "plplot-driver-cairo");
}

TEST(FitText, CutsWholeCharactersAndKeepsWhatFits) {
  EXPECT_EQ(fit_text("car", 12, 100), "car");
  const std::string cut = fit_text("\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9", 12, 40);
  EXPECT_TRUE(cut.ends_with("\xE2\x80\xA6")) << cut;
  EXPECT_EQ(cut, clean_text(cut));
  EXPECT_LE(text_width(cut, 12), 40);
}

TEST(CleanText, ReplacesWhatIsNoUtf8) {
  EXPECT_EQ(clean_text("a\x01\xFF\xC0\xAF"), "a \xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");
  EXPECT_EQ(clean_text("\xF0\x9F\x9A\x97"), "\xF0\x9F\x9A\x97");
}

}  // namespace
}  // namespace goshawk::report
