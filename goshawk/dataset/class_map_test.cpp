#include "goshawk/dataset/class_map.h"

#include <gmock/gmock.h>

#include "goshawk/core/error.h"

namespace goshawk::dataset {
namespace {

using ::testing::ElementsAre;

/// One object of each class, in their order.
Dataset dataset_of(std::vector<std::string> names) {
  Dataset dataset;
  dataset.images.resize(1);
  for (auto& name : names) {
    Annotation annotation;
    annotation.category = static_cast<std::uint32_t>(dataset.categories.size());
    dataset.annotations.push_back(annotation);
    dataset.categories.push_back({static_cast<std::int64_t>(dataset.categories.size()), std::move(name), {}});
  }
  return dataset;
}

std::vector<std::string> classes(const Dataset& dataset) {
  std::vector<std::string> lines;
  for (const auto& c : dataset.categories) lines.push_back(std::to_string(c.id) + " " + c.name);
  return lines;
}

std::vector<std::string> objects(const Dataset& dataset) {
  std::vector<std::string> names;
  for (const auto& a : dataset.annotations) names.push_back(dataset.categories.at(a.category).name);
  return names;
}

Dataset mapped(std::vector<std::string> names, std::string_view mapping) {
  Dataset dataset = dataset_of(std::move(names));
  map_classes(dataset, parse_class_mapping(mapping));
  return dataset;
}

TEST(ClassMap, RenamesMergesAndDrops) {
  auto dataset = mapped({"van", "car", "bg", "truck"}, "van=car, bg=,truck=lorry");
  EXPECT_THAT(classes(dataset), ElementsAre("0 car", "1 lorry")) << "they still count from 0";
  EXPECT_THAT(objects(dataset), ElementsAre("car", "car", "lorry"));
  EXPECT_EQ(dataset.class_mapping, (ClassMapping{{"van", "car"}, {"bg", ""}, {"truck", "lorry"}}));
  dataset = dataset_of({"van", "car", "bg", "truck"});
  for (auto& category : dataset.categories) category.id += 10;
  map_classes(dataset, parse_class_mapping("van=car,bg=,truck=lorry"));
  EXPECT_THAT(classes(dataset), ElementsAre("11 car", "13 lorry")) << "the class that was called car gives the number";
}

TEST(ClassMap, IsAppliedAtOnceAndNotOneAfterTheOther) {
  EXPECT_THAT(objects(mapped({"a", "b"}, "a=b,b=a")), ElementsAre("b", "a"));
  EXPECT_THAT(objects(mapped({"van", "car"}, "car=vehicle,van=car")), ElementsAre("car", "vehicle"));
}

TEST(ClassMap, RenumbersAndFillsGaps) {
  const auto dataset = mapped({"person", "truck", "car"}, "car=2,truck=4");
  EXPECT_THAT(classes(dataset), ElementsAre("0 person", "1 class_1", "2 car", "3 class_3", "4 truck"));
  EXPECT_THAT(objects(dataset), ElementsAre("person", "truck", "car"));
}

TEST(ClassMap, FindsCocoClassesByName) {
  const auto dataset = mapped({"TV monitor", "car", "Motorbike"}, "coco80");
  EXPECT_EQ(dataset.categories.size(), 80U);
  EXPECT_EQ(dataset.categories.at(2), (Category{2, "car", ""}));
  EXPECT_THAT(objects(dataset), ElementsAre("tv", "car", "motorcycle"));
  const auto by_file = mapped({"person", "van", "toothbrush"}, "van=car,coco91");
  EXPECT_EQ(by_file.categories.at(by_file.annotations[0].category).id, 1);
  EXPECT_EQ(by_file.categories.at(by_file.annotations[1].category).id, 3);
  EXPECT_EQ(by_file.categories.at(by_file.annotations[2].category).id, 90);
}

TEST(ClassMap, TellsTheHistoryAsOne) {
  Dataset dataset = dataset_of({"van", "car"});
  map_classes(dataset, parse_class_mapping("van=car"));
  map_classes(dataset, parse_class_mapping("car=vehicle"));
  EXPECT_EQ(dataset.class_mapping, (ClassMapping{{"van", "vehicle"}, {"car", "vehicle"}}));
}

TEST(ClassMap, TheHistoryOfExchangedNamesIsTrue) {
  Dataset dataset = dataset_of({"van", "car", "bus"});
  map_classes(dataset, parse_class_mapping("van=car,car=bus,bus=van"));
  map_classes(dataset, parse_class_mapping("car=bus,bus=car"));
  EXPECT_EQ(dataset.class_mapping, (ClassMapping{{"van", "bus"}, {"car", "car"}, {"bus", "van"}}));
  dataset = dataset_of({"a", "b"});
  map_classes(dataset, parse_class_mapping("a=b,b=a"));
  map_classes(dataset, parse_class_mapping("a=c"));
  EXPECT_EQ(dataset.class_mapping, (ClassMapping{{"a", "b"}, {"b", "c"}}));
}

TEST(ClassMap, KeepsColoursAndRulesOfAttributes) {
  Dataset dataset = dataset_of({"van", "car", "bus"});
  dataset.categories[1].color = "#102030";
  dataset.categories[2].color = "#405060";
  dataset.categories[2].attribute_rules = {{"doors", "number", "2", "", false}};
  const auto before = dataset.categories;
  map_classes(dataset, parse_class_mapping("van=car,bus=coach"));
  EXPECT_EQ(dataset.categories[0].color, "#102030") << "van joined what was called car";
  EXPECT_EQ(dataset.categories[1].name, "coach");
  EXPECT_EQ(dataset.categories[1].color, before[2].color);
  EXPECT_EQ(dataset.categories[1].attribute_rules, before[2].attribute_rules);
}

TEST(ClassMap, RefusesWhatMakesNoSense) {
  EXPECT_THROW(mapped({"car"}, "cra=x"), Error);
  EXPECT_THROW(mapped({"car"}, "car"), Error);
  EXPECT_THROW(mapped({"car"}, "car=1,car=2"), Error);
  EXPECT_THROW(mapped({"car"}, "car=1,0=2"), Error) << "the same class by name and by number";
  EXPECT_THROW(mapped({"car", "bus"}, "bus=0"), Error) << "the number is taken";
  EXPECT_THROW(mapped({"car"}, "=x"), Error);
  EXPECT_THROW(mapped({"car"}, "car=-1"), Error);
  EXPECT_THROW(mapped({"car"}, "car=99999999"), Error);
  EXPECT_THROW(mapped({"van"}, "coco80"), Error);
}

TEST(ClassMap, CocoNumbersAreThoseOfItsFiles) {  // instances_val2017.json
  const auto& categories = coco_categories();
  ASSERT_EQ(categories.size(), 80U);
  EXPECT_EQ(categories[10], (Category{11, "fire hydrant", ""}));
  EXPECT_EQ(categories[11], (Category{13, "stop sign", ""}));
  EXPECT_EQ(categories[24], (Category{27, "backpack", ""}));
  EXPECT_EQ(categories[60], (Category{67, "dining table", ""}));
  EXPECT_EQ(categories[79], (Category{90, "toothbrush", ""}));
}

}  // namespace
}  // namespace goshawk::dataset
