#include "goshawk/dataset/image_size.h"

#include "goshawk/dataset/testing.h"

namespace goshawk::dataset {
namespace {

using namespace std::string_literals;

TEST(ImageSize, ReadsEachKindOfHeader) {
  EXPECT_EQ(image_size(testing::png_header(641, 70'000)), (ImageSize{641, 70'000, false}));
  EXPECT_EQ(image_size("GIF89a\x81\x02\x07\x00"s), (ImageSize{641, 7, false}));
  EXPECT_EQ(image_size("BM"s + std::string(12, '\0') + "\x28\0\0\0\x81\x02\0\0\xF9\xFF\xFF\xFF"s),
            (ImageSize{641, 7, false}))
      << "rows from the top";
  EXPECT_EQ(image_size("BM"s + std::string(12, '\0') + "\x0C\0\0\0\x81\x02\x07\0"s), (ImageSize{641, 7, false}));
  EXPECT_EQ(image_size("RIFF\0\0\0\0WEBPVP8 \0\0\0\0\0\0\0\x9D\x01\x2A\x81\x02\x07\x40"s), (ImageSize{641, 7, false}));
  EXPECT_EQ(image_size("RIFF\0\0\0\0WEBPVP8L\0\0\0\0\x2F\x80\x82\x01\x00"s), (ImageSize{641, 7, false}));
  EXPECT_EQ(image_size("RIFF\0\0\0\0WEBPVP8X\0\0\0\0\0\0\0\0\x80\x02\0\x06\0\0"s), (ImageSize{641, 7, false}));
  EXPECT_EQ(image_size("II*\0\x08\0\0\0\x02\0\x00\x01\x03\0\x01\0\0\0\x81\x02\0\0\x01\x01\x04\0\x01\0\0\0\x07\0\0\0"s),
            (ImageSize{641, 7, false}));
  EXPECT_EQ(image_size("MM\0*\0\0\0\x08\0\x02\x01\x00\0\x03\0\0\0\x01\x02\x81\0\0\x01\x01\0\x04\0\0\0\x01\0\0\0\x07"s),
            (ImageSize{641, 7, false}));
}

const std::string kFrame = "\xFF\xC2\0\x11\x08\0\x07\x02\x81\x03"s;

TEST(ImageSize, FindsTheFrameOfAJpegBehindLongSegments) {
  const std::string long_segment = "\xFF\xE2\xFF\xFF"s + std::string(65'533, '\xFF');
  EXPECT_EQ(image_size("\xFF\xD8"s + long_segment + long_segment + "\xFF\xFF" + kFrame), (ImageSize{641, 7, false}));
}

TEST(ImageSize, SeesThatAnImageIsShownSideways) {
  const std::string exif = "\xFF\xE1\0\x22"s + "Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"s;
  const auto size = image_size("\xFF\xD8"s + exif + kFrame);
  ASSERT_TRUE(size);
  EXPECT_TRUE(size->sideways);
  EXPECT_EQ(size->shown_width(), 7U);
  EXPECT_EQ(size->shown_height(), 641U);
}

TEST(ImageSize, RefusesWhatIsCutOffOrEmpty) {
  const std::string whole = testing::png_header(5, 7);
  for (std::size_t n = 0; n < 24; ++n) EXPECT_EQ(image_size(whole.substr(0, n)), std::nullopt) << n;
  EXPECT_EQ(image_size(testing::png_header(0, 7)), std::nullopt);
  EXPECT_EQ(image_size("\xFF\xD8\xFF\xDA\0\x08"s + kFrame), std::nullopt) << "no size before the scan";
  EXPECT_EQ(image_size("\xFF\xD8\xFF\xE0\0\x01"s + kFrame), std::nullopt) << "a segment shorter than its length";
}

class FillSizes : public testing::FolderTest {};

TEST_F(FillSizes, TurnsFractionsIntoPixelsAndListsWhatIsMissing) {
  Dataset dataset;
  dataset.root = folder_;
  dataset.images.resize(4);
  const char* names[] = {"a.png", "none.png", "text.png", "known.png"};
  for (std::size_t i = 0; i < 4; ++i) dataset.images[i].file = names[i];
  dataset.images[3].width = dataset.images[3].height = 10;
  write("a.png", testing::png_header(200, 100));
  write("text.png", "no image");
  for (std::uint32_t i = 0; i < 4; ++i) {
    Annotation annotation;
    annotation.image = i;
    annotation.rectangle = {0.25, 0.5, 0.5, 0.25};
    annotation.mask = static_cast<std::int32_t>(i);
    dataset.masks.emplace_back(Polygons{{0.25, 0.5, 0.75, 0.75}});
    dataset.annotations.push_back(annotation);
  }
  ProblemList problems(10);
  fill_image_sizes(dataset, problems);
  EXPECT_EQ(dataset.annotations[0].rectangle, (Rectangle{50, 50, 100, 25}));
  EXPECT_EQ(std::get<Polygons>(dataset.masks[0]), (Polygons{{50, 50, 150, 75}}));
  for (std::size_t i = 1; i < 4; ++i) EXPECT_EQ(dataset.annotations[i].rectangle, (Rectangle{0.25, 0.5, 0.5, 0.25}));
  ReadResult result;
  problems.move_to(result);
  EXPECT_EQ(testing::brief(result.problems),
            (std::vector<std::string>{"missing_image none.png:0", "unreadable_image text.png:0"}));
}

}  // namespace
}  // namespace goshawk::dataset
