#include "goshawk/evaluate/class_map.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "goshawk/core/error.h"

namespace goshawk::evaluate {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using Names = std::vector<std::string>;

const Names kModel{"person", "car", "traffic light", "motorbike"};

TEST(ClassMap, GoesByNameWhateverTheOrderAndTheSpelling) {
  const auto map = map_classes(kModel, Names{"Traffic_Light", "car", "person", "bus"});
  EXPECT_THAT(map.to_dataset, ElementsAre(2, 1, 0, -1));
  EXPECT_THAT(map.unknown, ElementsAre("bus"));
  EXPECT_THAT(map.unused, ElementsAre("motorbike"));
}

TEST(ClassMap, TakesOtherNamesAndDropsClasses) {
  const auto map = map_classes(kModel, Names{"motorcycle", "person"}, {{"motorbike", "motorcycle"}, {"person", ""}});
  EXPECT_THAT(map.to_dataset, ElementsAre(-1, -1, -1, 0));
  EXPECT_THAT(map.unknown, ElementsAre("person"));
}

TEST(ClassMap, PrefersTheExactName) {
  EXPECT_THAT(map_classes(Names{"Car"}, Names{"car", "Car"}).to_dataset, ElementsAre(1));
}

TEST(ClassMap, RefusesWhatHasNothingInCommon) {
  try {
    map_classes(kModel, Names{"cat", "dog"});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kBadData);
    EXPECT_THAT(error.what(), testing::HasSubstr("cat, dog"));
    EXPECT_THAT(error.hint(), testing::HasSubstr("--map"));
  }
}

TEST(ClassMap, SuggestsANameForAMisspeltOne) {
  try {
    map_classes(kModel, Names{"motorcycle"}, {{"motorbke", "motorcycle"}});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUsage);
    EXPECT_THAT(error.what(), testing::HasSubstr("motorbike"));
  }
}

}  // namespace
}  // namespace goshawk::evaluate
