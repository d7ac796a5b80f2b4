#include "goshawk/dataset/combine.h"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>
#include <memory>
#include <set>

#include "goshawk/core/error.h"

namespace goshawk::dataset {
namespace {

using ::testing::ElementsAre;

Annotation object(std::uint32_t image, std::uint32_t category, double side = 10) {
  Annotation a;
  a.image = image;
  a.category = category;
  a.rectangle = {1, 2, side, side};
  return a;
}

Dataset set_of(const std::string& root, std::vector<std::string> files, std::vector<Category> categories) {
  Dataset dataset;
  dataset.root = root;
  dataset.categories = std::move(categories);
  for (auto& file : files) {
    ImageEntry image;
    image.file = std::move(file);
    image.width = 100;
    image.height = 50;
    image.id = 7;
    dataset.images.push_back(image);
  }
  return dataset;
}

TEST(Merge, JoinsClassesByNameAndKeepsImagesApart) {
  Dataset a = set_of("/a", {"x.jpg"}, {{0, "car", ""}, {5, "bus", ""}});
  a.annotations = {object(0, 1)};
  a.images[0].split = Split::kVal;
  a.images[0].sequence = "cam";
  a.masks = {Polygons{{1, 2, 3, 4, 5, 6}}};
  a.attributes = {{{"license", "CC0"}}};
  a.images[0].attributes = 0;
  Dataset b = set_of("/b", {"x.jpg"}, {{0, "bus", ""}, {1, "dog", ""}, {2, "cat", ""}});
  b.annotations = {object(0, 0), object(0, 2)};
  b.masks = {Polygons{{9, 9, 9, 9, 9, 9}}};
  b.annotations[1].mask = 0;
  b.images[0].sequence = "cam";
  b.attributes = {{{"license", "CC BY 4.0"}}};
  b.images[0].attributes = 0;
  std::vector<Dataset> parts{a, b};
  const Dataset whole = merge(std::move(parts));
  EXPECT_EQ(whole.categories, (std::vector<Category>{{0, "car", ""}, {5, "bus", ""}, {1, "dog", ""}, {2, "cat", ""}}));
  ASSERT_EQ(whole.images.size(), 2U);
  EXPECT_EQ(whole.images[0].file, "x.jpg");
  EXPECT_EQ(whole.images[1].file, "/b/x.jpg");
  EXPECT_EQ(whole.images[1].sequence, "cam-2");
  EXPECT_EQ(whole.images[0].split, Split::kVal);
  EXPECT_EQ(whole.images[1].id, 2);
  EXPECT_EQ(whole.attributes.at(static_cast<std::size_t>(whole.images[1].attributes)).at(0).second, "CC BY 4.0");
  ASSERT_EQ(whole.annotations.size(), 3U);
  EXPECT_EQ(whole.annotations[1].image, 1U);
  EXPECT_EQ(whole.annotations[1].category, 1U);
  EXPECT_EQ(whole.annotations[2].category, 3U);
  EXPECT_EQ(std::get<Polygons>(whole.masks.at(static_cast<std::size_t>(whole.annotations[2].mask)))[0][0], 9);
}

TEST(Merge, KeepsUnpackedArchivesAsLongAsTheWhole) {
  Dataset a = set_of("/a", {"x.jpg"}, {}), b = set_of("/b", {"y.jpg"}, {});
  const auto first = std::make_shared<int>(), second = std::make_shared<int>();
  a.unpacked = first;
  b.unpacked = second;
  std::vector<Dataset> parts;
  parts.push_back(std::move(a));
  parts.push_back(std::move(b));
  parts.push_back(set_of("/c", {"z.jpg"}, {}));
  {
    const Dataset whole = merge(std::move(parts));
    EXPECT_EQ(first.use_count(), 2);
    EXPECT_EQ(second.use_count(), 2);
  }
  EXPECT_EQ(first.use_count(), 1);
  EXPECT_EQ(merge({set_of("/a", {"x.jpg"}, {})}).unpacked, nullptr);
}

TEST(Merge, NumbersOfClassesStayInRange) {
  constexpr auto kGreatest = std::numeric_limits<std::int64_t>::max();
  const auto whole = merge({set_of("/a", {"x.jpg"}, {{0, "car", ""}, {kGreatest, "bus", ""}}),
                            set_of("/b", {"y.jpg"}, {{0, "dog", ""}, {kGreatest, "cat", ""}})});
  std::set<std::int64_t> ids;
  for (const auto& category : whole.categories) ids.insert(category.id);
  EXPECT_EQ(ids, (std::set<std::int64_t>{0, 1, 2, kGreatest}));
}

TEST(Merge, KeepsWhatAllPartsSayOfThemselves) {
  Dataset a = set_of("/a", {"x.jpg"}, {}), b = set_of("/b", {"y.jpg"}, {});
  a.about = {{"description", "days"}, {"year", "2017"}, {"version", "1"}};
  b.about = {{"year", "2017"}, {"description", "nights"}, {"url", "http://b"}};
  EXPECT_EQ(merge({a, b}).about, (Attributes{{"year", "2017"}}));
  EXPECT_EQ(merge({a, a}).about, a.about);
  EXPECT_EQ(merge({set_of("/c", {"z.jpg"}, {}), b}).about, Attributes{}) << "what one says is not true of the other";
}

TEST(SizeLimit, ReadsPixelsAndFractions) {
  EXPECT_EQ(parse_size_limit("16").value, 16);
  EXPECT_FALSE(parse_size_limit("0.5px").fraction);
  EXPECT_TRUE(parse_size_limit("0.5").fraction);
  EXPECT_DOUBLE_EQ(parse_size_limit("5%").value, 0.05);
  for (const char* text : {"", "px", "a", "-1", "nan", "1 px", "1e99"}) EXPECT_THROW(parse_size_limit(text), Error) << text;
}

TEST(Filter, TakesObjectsThenImages) {
  Dataset dataset = set_of("/a", {"0", "1", "2", "3"}, {{0, "car", ""}});
  dataset.annotations = {object(0, 0, 5), object(1, 0, 20), object(1, 0, 60), object(3, 0, 20)};
  dataset.annotations[3].score = 0.25F;
  dataset.annotations[1].mask = 1;
  dataset.masks = {Polygons{}, Polygons{{1, 1, 2, 2, 3, 3}}};
  dataset.images[2].labelled = false;
  Filter by_size;
  by_size.min_size = SizeLimit{10, false};
  by_size.max_size = SizeLimit{0.5, true};  // 25 pixels of height
  by_size.labelled_only = true;
  Dataset part = dataset;
  EXPECT_EQ(filter(part, by_size).objects, 2U);
  ASSERT_EQ(part.images.size(), 3U) << "an image without objects stays, one without labels does not";
  ASSERT_EQ(part.annotations.size(), 2U);
  EXPECT_EQ(part.images[part.annotations[1].image].file, "3");
  EXPECT_EQ(part.annotations[0].mask, 0);
  EXPECT_EQ(part.masks.size(), 1U);
  Filter by_score;
  by_score.min_score = 0.5;
  by_score.with_objects = true;
  part = dataset;
  EXPECT_EQ(filter(part, by_score).images, 2U);
}

TEST(KeepClasses, TakesTheOthersAwayWithTheirObjectsAndLeavesTheNumbers) {
  Dataset dataset = set_of("/a", {"1", "2"}, {});
  dataset.categories = {{1, "person", {}}, {3, "car", {}}, {90, "toothbrush", {}}};
  for (const std::uint32_t category : {2U, 0U, 1U, 2U}) {
    Annotation annotation;
    annotation.image = category == 0 ? 0 : 1;
    annotation.category = category;
    dataset.annotations.push_back(annotation);
  }
  keep_classes(dataset, std::vector<char>{1, 0, 1});
  EXPECT_EQ(dataset.categories, (std::vector<Category>{{1, "person", {}}, {90, "toothbrush", {}}}));
  ASSERT_EQ(dataset.annotations.size(), 3U);
  EXPECT_EQ(dataset.annotations[0].category, 1U);
  EXPECT_EQ(dataset.annotations[1].category, 0U);
  EXPECT_EQ(dataset.annotations[2].category, 1U);
  EXPECT_EQ(dataset.images.size(), 2U);
}

TEST(Filter, DrawsTheSameImagesForTheSameSeed) {
  std::vector<std::string> names;
  for (int i = 0; i < 100; ++i) names.push_back(std::to_string(i));
  std::vector<int> drawn(100, 0);
  std::vector<std::vector<ImageEntry>> draws;
  for (std::uint64_t seed = 0; seed < 1000; ++seed) {
    Dataset dataset = set_of("/a", names, {});
    Filter some;
    some.limit = 10;
    some.seed = seed / 2 * 2;
    filter(dataset, some);
    ASSERT_EQ(dataset.images.size(), 10U);
    if (seed % 2 == 1) {
      EXPECT_EQ(dataset.images, draws.back());
    }
    draws.push_back(dataset.images);
    if (seed % 2 == 0) {
      for (const auto& image : dataset.images) ++drawn[static_cast<std::size_t>(std::stoi(image.file))];
    }
  }
  for (const int count : drawn) EXPECT_NEAR(count, 50, 35) << "each image is as likely as another (5 standard deviations)";
}

TEST(DropUnused, AttributesOfImagesStayTheirs) {
  Dataset set = set_of("/a", {"x.jpg", "y.jpg"}, {{0, "car", ""}});
  set.attributes = {{{"colour", "red"}}, {{"license", "CC0"}}, {{"license", "CC BY 4.0"}}};
  set.images[0].attributes = 1;
  set.images[1].attributes = 2;
  keep_images(set, std::vector<char>{0, 1});
  drop_unused(set);
  ASSERT_EQ(set.attributes.size(), 1U);
  EXPECT_EQ(set.attributes.at(static_cast<std::size_t>(set.images[0].attributes)).at(0).second, "CC BY 4.0");
}

TEST(JoinEntries, OneOfEachFileIsLeftWithTheObjectsOfAll) {
  Dataset set = set_of("/a", {"x.jpg", "y.jpg", "./x.jpg", "/a/x.jpg"}, {{0, "car", ""}, {1, "bus", ""}});
  set.images[0].split = Split::kTrain;
  set.images[0].labelled = false;
  set.images[2].split = Split::kVal;
  set.annotations = {object(0, 0), object(0, 0), object(1, 0), object(2, 0), object(2, 1), object(3, 1), object(3, 0, 20)};
  EXPECT_EQ(join_entries(set), 2U);
  ASSERT_EQ(set.images.size(), 2U);
  EXPECT_EQ(set.images[0].split, Split::kTrain);
  EXPECT_TRUE(set.images[0].labelled);
  std::vector<std::pair<std::uint32_t, std::uint32_t>> objects;  // image and class
  for (const auto& a : set.annotations) objects.emplace_back(a.image, a.category);
  EXPECT_THAT(objects,
              ElementsAre(std::pair(0U, 0U), std::pair(0U, 0U), std::pair(0U, 1U), std::pair(0U, 0U), std::pair(1U, 0U)));
  EXPECT_EQ(join_entries(set), 0U);
}

}  // namespace
}  // namespace goshawk::dataset
