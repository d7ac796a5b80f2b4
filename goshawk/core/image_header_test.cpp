#include "goshawk/core/image_header.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace goshawk {
namespace {

using namespace std::string_literals;

// Two entries: XResolution (RATIONAL) and Orientation 6.
const std::string kTiff = "II*\0\x08\0\0\0\x02\0\x1A\x01\x05\0\x01\0\0\0\0\0\0\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0"s;
const std::string kFrame = "\xFF\xC0\0\x11\x08\0\x07\x02\x81\x03"s + std::string(9, '\0');
const std::string kScan = "\xFF\xDA\0\x08"s;

std::string exif(const std::string& tiff) { return "\xFF\xE1\0"s + static_cast<char>(tiff.size() + 8) + "Exif\0\0"s + tiff; }

JpegHeader jpeg_header(const std::string& segments) {
  const std::string file = "\xFF\xD8" + segments;
  MemoryBytes bytes(file);
  return read_jpeg_header(bytes);
}

TEST(TiffDirectory, ListsItsEntriesAndWhereTheyAre) {
  MemoryBytes bytes(kTiff);
  const auto directory = read_tiff_directory(bytes);
  ASSERT_TRUE(directory);
  EXPECT_EQ(directory->offset, 8U);
  ASSERT_EQ(directory->entries.size(), 2U);
  EXPECT_EQ(directory->entries[1].offset, 22U);
  EXPECT_EQ(directory->value(0x011A), std::nullopt) << "no SHORT or LONG";
  EXPECT_EQ(directory->orientation(), 6);
}

TEST(TiffDirectory, CutAnywhereEndsWithItsLastWholeEntry) {
  for (std::size_t size = 0; size < kTiff.size(); ++size) {
    const std::string cut = kTiff.substr(0, size);
    MemoryBytes bytes(cut);
    const auto directory = read_tiff_directory(bytes);
    ASSERT_EQ(directory.has_value(), size >= 10) << size;
    MemoryBytes whole(kTiff);
    EXPECT_EQ(read_tiff_directory(whole, 0, size).has_value(), directory.has_value()) << "it ends within the file";
    if (!directory) continue;
    EXPECT_EQ(directory->entries.size(), std::min<std::size_t>((size - 10) / 12, 2)) << size;
  }
}

TEST(JpegHeader, HasSizeAndOrientationInAnyOrder) {
  for (const auto& segments : {exif(kTiff) + kFrame + kScan, kFrame + exif(kTiff) + kScan}) {
    const auto header = jpeg_header(segments);
    EXPECT_EQ(header.width, 641U);
    EXPECT_EQ(header.height, 7U);
    EXPECT_EQ(header.orientation, 6);
  }
}

TEST(JpegHeader, PassesOverFillingStrayBytesAndMarkersThatStandAlone) {
  for (const auto& between : {"\xFF\xFF"s, "\xFF\x01"s, "\xFF\xD0"s, "\0\x12"s, "\xFF\0"s}) {
    const auto header = jpeg_header(between + exif(kTiff) + between + kFrame + kScan);
    EXPECT_EQ(header.width, 641U) << ::testing::PrintToString(between);
    EXPECT_EQ(header.orientation, 6) << ::testing::PrintToString(between);
  }
}

TEST(JpegHeader, TakesTheFirstExifSegmentAndNothingBeyondItsEnd) {
  std::string upright = kTiff;
  upright[30] = 1;
  EXPECT_EQ(jpeg_header(exif(upright) + exif(kTiff) + kFrame).orientation, 1);
  EXPECT_EQ(jpeg_header(exif(kTiff.substr(0, 30)) + kTiff.substr(30) + kFrame).orientation, 1);
  EXPECT_EQ(jpeg_header(kFrame + kScan + exif(kTiff)).orientation, 1) << "behind the scan";
}

}  // namespace
}  // namespace goshawk
