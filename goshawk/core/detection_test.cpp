#include "goshawk/core/detection.h"

#include <gtest/gtest.h>

namespace goshawk {
namespace {

TEST(ClassName, TellsClassesOfOneNameApartWhereAskedTo) {
  const std::vector<std::string> names{"car", "light", "light"};
  EXPECT_EQ(class_name(names, 2), "light");
  EXPECT_EQ(class_name(names, 7), "class 7");
  EXPECT_EQ(distinct_class_name(names, 0), "car");
  EXPECT_EQ(distinct_class_name(names, 1), "light (1)");
  EXPECT_EQ(distinct_class_name(names, 2), "light (2)");
  EXPECT_EQ(distinct_class_name(names, 7), "class 7");
}

}  // namespace
}  // namespace goshawk
