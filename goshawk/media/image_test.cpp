#include "goshawk/media/image.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <turbojpeg.h>

#include <opencv2/imgproc.hpp>

#include "goshawk/core/error.h"
#include "goshawk/media/jpeg.h"
#include "goshawk/media/orientation.h"
#include "goshawk/media/source.h"
#include "goshawk/media/testing.h"

namespace goshawk::media {
namespace {

using testing::ffmpeg;
using testing::ffmpeg_pictures;
using testing::gray_tiff;
using testing::largest_difference;
using testing::read_all;
using testing::read_bytes;
using testing::TemporaryFolder;
using testing::with_orientation;
using testing::write_bytes;

cv::Mat picture(int width, int height) {
  cv::Mat image(height, width, CV_8UC3);
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      image.at<cv::Vec3b>(y, x) =
          cv::Vec3b(static_cast<uchar>(x * 7), static_cast<uchar>(y * 5), static_cast<uchar>(x * y / 3));
    }
  }
  return image;
}

ErrorCode code_of(const std::filesystem::path& path, std::int64_t max_pixels = 1 << 24) {
  try {
    read_image(path, max_pixels);
  } catch (const Error& error) {
    EXPECT_EQ(error.where(), path.string()) << error.describe();
    return error.code();
  }
  ADD_FAILURE() << "no error for " << path;
  return ErrorCode::kInternal;
}

std::string turbo_jpeg(const cv::Mat& image, int format, int subsampling) {
  void* encoder = tjInitCompress();
  unsigned char* data = nullptr;
  unsigned long size = 0;
  EXPECT_EQ(tjCompress2(encoder, image.data, image.cols, static_cast<int>(image.step), image.rows, format, &data, &size,
                        subsampling, 100, 0),
            0);
  std::string bytes(reinterpret_cast<const char*>(data), size);
  tjFree(data);
  tjDestroy(encoder);
  return bytes;
}

/// What each EXIF value asks for: EXIF 2.32, figure of tag 0x0112, as OpenCV's rotate and flip name it.
cv::Mat turned_by_opencv(const cv::Mat& plain, int value) {
  cv::Mat out = plain.clone(), turned;
  const int rotation = value == 6 || value == 7   ? cv::ROTATE_90_CLOCKWISE
                       : value == 8 || value == 5 ? cv::ROTATE_90_COUNTERCLOCKWISE
                                                  : cv::ROTATE_180;
  if (value == 3 || value >= 5) {
    cv::rotate(plain, turned, rotation);
    out = turned;
  }
  // 5 is a mirror about the main diagonal: a quarter turn back, then top-bottom; 7 about the other one.
  if (value == 2) cv::flip(out, turned, 1);
  else if (value == 4 || value == 5 || value == 7) cv::flip(out, turned, 0);
  else turned = out;
  return turned;
}

TEST(ReadImage, GivesBackWhatPngHolds) {
  const TemporaryFolder folder;
  for (const auto& size : {cv::Size(1, 1), cv::Size(23, 25), cv::Size(161, 91), cv::Size(320, 2)}) {
    const auto image = picture(size.width, size.height);
    write_image(folder / "a.png", image);
    EXPECT_EQ(largest_difference(read_image(folder / "a.png"), image), 0) << size;
  }
}

TEST(ReadImage, EqualsFfmpegForEachLosslessKind) {
  const TemporaryFolder folder;
  const std::string source = "-f lavfi -i testsrc=size=75x43 -frames:v 1 ";
  const std::vector<std::pair<std::string, std::string>> kinds{
      {"rgb24", "png"},  {"rgba", "png"},  {"gray", "png"},  {"pal8", "png"}, {"monob", "png"},
      {"ya8", "png"},    {"bgr24", "bmp"}, {"bgra", "bmp"},  {"gray", "bmp"}, {"pal8", "bmp"},
      {"rgb24", "tiff"}, {"rgba", "tiff"}, {"gray", "tiff"}, {"pal8", "tiff"}};
  for (const auto& [format, extension] : kinds) {
    const auto path = folder / (format + "." + extension);
    ffmpeg(source + "-pix_fmt " + format, path);
    const auto expected = ffmpeg_pictures(path, {75, 43});
    ASSERT_EQ(expected.size(), 1U);
    EXPECT_LE(largest_difference(read_image(path), expected[0]), 1) << path.filename();
  }
}

TEST(ReadImage, KeepsTheHighByteOfWideValues) {
  const TemporaryFolder folder;
  for (const std::string format : {"rgb48be", "rgba64be", "gray16be", "ya16be"}) {
    const auto path = folder / (format + ".png");
    ffmpeg("-f lavfi -i testsrc=size=75x43 -frames:v 1 -pix_fmt " + format, path);
    const auto bytes = testing::run_program(
        {"ffmpeg", "-nostdin", "-v", "quiet", "-i", path.string(), "-f", "rawvideo", "-pix_fmt", format, "-"});
    const std::size_t channels = bytes.size() / (75 * 43 * 2);
    const auto image = read_image(path);
    for (std::size_t i = 0; i < 75 * 43; ++i) {
      const auto value = image.at<cv::Vec3b>(static_cast<int>(i / 75), static_cast<int>(i % 75));
      for (std::size_t c = 0; c < 3; ++c) {
        const std::size_t channel = channels >= 3 ? 2 - c : 0;
        ASSERT_EQ(value[static_cast<int>(c)], static_cast<uchar>(bytes[(i * channels + channel) * 2])) << format << " " << i;
      }
    }
  }
}

TEST(ReadImage, TakesWebp) {
  const TemporaryFolder folder;
  ffmpeg("-f lavfi -i testsrc=size=75x43 -frames:v 1 -c:v libwebp -lossless 1 -pix_fmt bgra", folder / "a.webp");
  ffmpeg("-f lavfi -i testsrc=size=75x43 -frames:v 1 -c:v libwebp -quality 95", folder / "b.webp");
  const auto exact = ffmpeg_pictures(folder / "a.webp", {75, 43});
  ASSERT_EQ(exact.size(), 1U);
  EXPECT_EQ(largest_difference(read_image(folder / "a.webp"), exact[0]), 0);
  EXPECT_LT(cv::norm(read_image(folder / "b.webp"), exact[0], cv::NORM_L1) / (75 * 43 * 3), 20);
}

TEST(ReadImage, AppliesEachExifOrientation) {
  const TemporaryFolder folder;
  const auto jpeg = encode_jpeg(picture(48, 32), 95);
  const cv::Mat plain = decode_jpeg(jpeg, "plain", 1 << 20);
  for (const bool big_endian : {false, true}) {
    for (int value = 1; value <= 8; ++value) {
      write_bytes(folder / "a.jpg", with_orientation(jpeg, static_cast<std::uint32_t>(value), big_endian));
      EXPECT_EQ(largest_difference(read_image(folder / "a.jpg"), turned_by_opencv(plain, value)), 0) << value << big_endian;
    }
    for (const std::uint32_t value : {0U, 9U, 100U}) {
      write_bytes(folder / "a.jpg", with_orientation(jpeg, value, big_endian));
      EXPECT_EQ(largest_difference(read_image(folder / "a.jpg"), plain), 0) << value;
    }
  }
}

TEST(ReadImage, FindsExifBehindWhatLibjpegPassesOver) {
  const auto jpeg = encode_jpeg(picture(48, 32), 95);
  const cv::Mat expected = turned_by_opencv(decode_jpeg(jpeg, "plain", 1 << 20), 6);
  const std::string filling(3, '\xFF'), alone = "\xFF\x01", comment("\xFF\xFE\0\x04hi", 6), stray("\0\x12", 2);
  for (const auto& before : {filling, alone, comment, comment + filling, comment + stray}) {
    for (const bool long_value : {false, true}) {
      const auto image = decode_image(with_orientation(jpeg, 6, true, long_value, before), "a", 1 << 20);
      EXPECT_EQ(largest_difference(image, expected), 0) << ::testing::PrintToString(before) << long_value;
    }
  }
}

TEST(ReadImage, OfAJpegThatWasCutIsDamagedWhateverStandsBeforeItsPixels) {
  const auto jpeg = encode_jpeg(picture(96, 64), 95);
  const std::string stray("\0\x12\0", 3);
  const auto after_start = jpeg.substr(0, 2) + std::string("\xFF\xFE\0\x04hi", 6) + stray + jpeg.substr(2);
  EXPECT_EQ(decode_jpeg(after_start, "a", 1 << 20).cols, 96);
  for (const std::string& whole : {jpeg, after_start})
    EXPECT_THROW(decode_jpeg(whole.substr(0, whole.size() / 2), "a", 1 << 20), Error);
}

TEST(ReadImage, TurnsTiffAsItsTagSays) {
  const cv::Size size(7, 5);
  cv::Mat gray(size, CV_8UC1), plain;
  for (int i = 0; i < size.area(); ++i) gray.data[i] = static_cast<uchar>(i * 7);
  cv::cvtColor(gray, plain, cv::COLOR_GRAY2BGR);
  const std::string pixels(reinterpret_cast<const char*>(gray.data), gray.total());
  for (const bool big_endian : {false, true}) {
    for (const bool long_values : {false, true}) {
      for (int value = 0; value <= 9; ++value) {
        const auto tiff = gray_tiff(size, pixels, static_cast<std::uint32_t>(value), big_endian, long_values);
        const auto expected = turned_by_opencv(plain, value == 9 ? 1 : value);
        EXPECT_EQ(largest_difference(decode_image(tiff, "a", 1 << 20), expected), 0) << value << big_endian << long_values;
      }
    }
  }
}

TEST(ReadImage, OfADamagedTiffIsNoPictureWithBlackRows) {
  const TemporaryFolder folder;
  for (const std::string algorithm : {"raw", "packbits", "lzw"}) {
    const auto path = folder / (algorithm + ".tiff");
    ffmpeg("-f lavfi -i testsrc=size=175x143 -frames:v 1 -pix_fmt rgb24 -compression_algo " + algorithm, path);
    EXPECT_EQ(read_image(path).cols, 175) << algorithm;
    auto bytes = read_bytes(path);
    if (algorithm == "raw") bytes.resize(bytes.size() / 2);
    else std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(bytes.size() / 2), 64, '\x81');
    write_bytes(path, bytes);
    EXPECT_EQ(code_of(path), ErrorCode::kBadData) << algorithm;
  }
}

TEST(ReadImage, SaysWhichKindOfTiffCannotBeRead) {
  const std::pair<std::uint32_t, std::string> kinds[] = {{6, "JPEG"}, {7, "JPEG"}, {50'000, "compression 50000"}};
  for (const auto& [compression, word] : kinds) {
    try {
      (void)decode_image(gray_tiff({4, 4}, std::string(16, '\x55'), 1, false, false, compression), "a.tif", 1 << 20);
      ADD_FAILURE() << compression << " was taken";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kBadData);
      EXPECT_EQ(error.where(), "a.tif");
      EXPECT_THAT(error.what(), ::testing::HasSubstr(word));
      EXPECT_THAT(error.hint(), ::testing::HasSubstr("convert"));
    }
  }
  auto tiled = gray_tiff({4, 4}, std::string(16, '\x55'), 1);
  tiled[8 + 2 + 5 * 12] = '\x44';  // the strip's place becomes a tile's (324)
  try {
    (void)decode_image(tiled, "a.tif", 1 << 20);
    ADD_FAILURE() << "tiles were taken";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), ::testing::HasSubstr("tiles"));
  }
}

/// A chunk of a WebP file; `name` has 4 letters.
std::string chunk(const std::string& name, const std::string& content) {
  const testing::TiffNumbers number(false);
  return name + number(static_cast<std::uint32_t>(content.size()), 4) + content + std::string(content.size() % 2, '\0');
}

std::string webp(const std::string& chunks) {
  return "RIFF" + testing::TiffNumbers(false)(static_cast<std::uint32_t>(chunks.size() + 4), 4) + "WEBP" + chunks;
}

/// Two frames with the picture of the WebP file `still` (one chunk) at `corner` (even numbers).
std::string animated_webp(const std::string& still, cv::Size canvas, cv::Size size, cv::Point corner) {
  const testing::TiffNumbers number(false);
  const auto side = [&](int pixels) { return number(static_cast<std::uint32_t>(pixels - 1), 3); };
  const auto half = [&](int pixels) { return number(static_cast<std::uint32_t>(pixels / 2), 3); };
  const std::string frame = chunk("ANMF", half(corner.x) + half(corner.y) + side(size.width) + side(size.height) +
                                              number(100, 3) + number(0, 1) + chunk("ALPH", "abc") + still.substr(12));
  return webp(chunk("VP8X", number(0x12, 4) + side(canvas.width) + side(canvas.height)) + chunk("ICCP", "x") +
              chunk("ANIM", "\xFF\xFF\xFF\xFF" + number(0, 2)) + frame + frame);
}

TEST(ReadImage, OfAnAnimatedWebpIsItsFirstFrame) {
  const TemporaryFolder folder;
  ffmpeg("-f lavfi -i testsrc=size=75x43 -frames:v 3 -c:v libwebp_anim -lossless 1 -pix_fmt bgra", folder / "all.webp");
  ffmpeg("-f lavfi -i testsrc=size=75x43 -frames:v 1 -c:v libwebp -lossless 1 -pix_fmt bgra", folder / "one.webp");
  ffmpeg("-f lavfi -i testsrc=size=75x43 -frames:v 1 -c:v libwebp -quality 90", folder / "lossy.webp");
  EXPECT_EQ(largest_difference(read_image(folder / "all.webp"), read_image(folder / "one.webp")), 0);
  for (const std::string name : {"one.webp", "lossy.webp"}) {
    const auto still = read_image(folder / name);
    const auto bytes = read_bytes(folder / name);
    const auto whole = decode_image(animated_webp(bytes, {75, 43}, {75, 43}, {0, 0}), "whole", 1 << 20);
    EXPECT_EQ(largest_difference(whole, still), 0);
    const auto placed = decode_image(animated_webp(bytes, {90, 60}, {75, 43}, {4, 16}), "placed", 1 << 20);
    cv::Mat expected = cv::Mat::zeros(60, 90, CV_8UC3);
    still.copyTo(expected(cv::Rect(4, 16, 75, 43)));
    EXPECT_EQ(largest_difference(placed, expected), 0);
  }
}

TEST(ReadImage, OfADamagedAnimationIsOneClearError) {
  const TemporaryFolder folder;
  ffmpeg("-f lavfi -i testsrc=size=75x43 -frames:v 1 -c:v libwebp -lossless 1 -pix_fmt bgra", folder / "one.webp");
  const auto still = read_bytes(folder / "one.webp");
  const auto code = [](const std::string& bytes, std::int64_t max_pixels) {
    return goshawk::code_of([&] { (void)decode_image(bytes, "a.webp", max_pixels); });
  };
  const auto whole = animated_webp(still, {75, 43}, {75, 43}, {0, 0});
  for (std::size_t size = 21; size < whole.size() / 2; ++size) {
    EXPECT_EQ(code(whole.substr(0, size), 1 << 20), ErrorCode::kBadData) << size;
  }
  EXPECT_EQ(code(animated_webp(still, {75, 43}, {75, 43}, {2, 0}), 1 << 20), ErrorCode::kBadData) << "beyond the canvas";
  EXPECT_EQ(code(animated_webp(still, {75, 43}, {75, 43}, {0, 1 << 24}), 1 << 20), ErrorCode::kBadData);
  EXPECT_EQ(code(animated_webp(still, {1 << 24, 1 << 24}, {75, 43}, {0, 0}), 1 << 20), ErrorCode::kBadData);
  EXPECT_EQ(code(whole, 75 * 43 - 1), ErrorCode::kBadData);
}

TEST(ReadImage, TakesGrayAndCmykJpegAndOddSizes) {
  const TemporaryFolder folder;
  const auto source = picture(75, 43);
  cv::Mat plane;
  cv::extractChannel(source, plane, 1);
  const auto gray = decode_jpeg(turbo_jpeg(plane, TJPF_GRAY, TJSAMP_GRAY), "gray", 1 << 20);
  ASSERT_EQ(gray.size(), plane.size());
  std::vector<cv::Mat> channels;
  cv::split(gray, channels);
  EXPECT_EQ(largest_difference(channels[0], channels[2]), 0);
  EXPECT_LE(largest_difference(channels[0], plane), 4);
  // Inverted CMYK without black is RGB.
  cv::Mat cmyk, smooth_source;
  cv::GaussianBlur(source, smooth_source, {0, 0}, 4);
  cv::cvtColor(smooth_source, cmyk, cv::COLOR_BGR2RGBA);
  EXPECT_LE(largest_difference(decode_jpeg(turbo_jpeg(cmyk, TJPF_CMYK, TJSAMP_444), "cmyk", 1 << 20), smooth_source), 6);
  const auto image = picture(161, 91);
  cv::Mat smooth;
  cv::GaussianBlur(image, smooth, {0, 0}, 4);
  write_image(folder / "odd.jpeg", smooth, 95);
  EXPECT_LT(cv::norm(read_image(folder / "odd.jpeg"), smooth, cv::NORM_L1) / (161 * 91 * 3), 3);
}

TEST(ReadImage, OfDamagedFilesIsOneClearError) {
  const TemporaryFolder folder;
  const auto image = picture(200, 150);
  const auto jpeg = encode_jpeg(image, 95);
  write_bytes(folder / "cut.jpg", jpeg.substr(0, jpeg.size() / 2));
  write_bytes(folder / "head.jpg", jpeg.substr(0, 10));
  write_bytes(folder / "text.jpg", "no picture at all");
  write_bytes(folder / "empty.jpg", "");
  write_image(folder / "a.png", image);
  const auto png = read_bytes(folder / "a.png");
  write_bytes(folder / "cut.png", png.substr(0, png.size() / 2));
  write_bytes(folder / "head.png", png.substr(0, 30));
  write_bytes(folder / "webp.webp", "RIFF\x10\0\0\0WEBPVP8 ....");
  std::filesystem::create_directory(folder / "folder.jpg");
  for (const std::string name : {"cut.jpg", "head.jpg", "text.jpg", "empty.jpg", "cut.png", "head.png", "webp.webp"}) {
    EXPECT_EQ(code_of(folder / name), ErrorCode::kBadData) << name;
  }
  EXPECT_EQ(code_of(folder / "folder.jpg"), ErrorCode::kNotFound);
  EXPECT_EQ(code_of(folder / "missing.jpg"), ErrorCode::kNotFound);
}

TEST(ReadImage, CutAnywhereSpeaksOfThePictureAndNotOfACall) {
  const TemporaryFolder folder;
  const auto jpeg = encode_jpeg(picture(200, 150), 95);
  for (std::size_t size = 20; size < 1200; size += 3) {  // the headers end at about 620 bytes
    write_bytes(folder / "cut.jpg", jpeg.substr(0, size));
    try {
      (void)read_image(folder / "cut.jpg");
      ADD_FAILURE() << size << " bytes were taken for a picture";
    } catch (const Error& error) {
      EXPECT_EQ(std::string(error.what()).find("tjDecompress"), std::string::npos) << size << ": " << error.what();
    }
  }
}

TEST(ReadImage, ThatPromisesTooManyPixelsIsRefused) {
  const TemporaryFolder folder;
  write_image(folder / "a.png", picture(64, 64));
  write_image(folder / "a.jpg", picture(64, 64));
  auto png = read_bytes(folder / "a.png");
  for (const std::string name : {"a.png", "a.jpg"}) {
    EXPECT_EQ(code_of(folder / name, 64 * 64 - 1), ErrorCode::kBadData);
    EXPECT_EQ(read_image(folder / name, 64 * 64).cols, 64);
  }
  auto jpeg = read_bytes(folder / "a.jpg");
  const auto frame = jpeg.find("\xFF\xC0");
  ASSERT_NE(frame, std::string::npos);
  for (std::size_t i = 5; i < 9; ++i) jpeg[frame + i] = '\xFF';  // 65535 x 65535
  write_bytes(folder / "lie.jpg", jpeg);
  EXPECT_EQ(code_of(folder / "lie.jpg", 8192LL * 8192), ErrorCode::kBadData);
}

TEST(WriteImage, RefusesOtherNamesAndLeavesNothing) {
  const TemporaryFolder folder;
  EXPECT_THROW(write_image(folder / "a.gif", picture(8, 8)), Error);
  EXPECT_THROW(write_image(folder / "missing/a.png", picture(8, 8)), Error);
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(ImageSource, ReadsAFolderInTheOrderOfNames) {
  const TemporaryFolder folder;
  for (const std::string name : {"c.jpg", "a.png", "B.JPG"}) write_image(folder / name, picture(32, 16));
  write_bytes(folder / "notes.txt", "x");
  write_bytes(folder / "b.jpg", "damaged");
  std::filesystem::create_directory(folder / "z.jpg");
  auto source = open_source(folder.path().string());
  EXPECT_TRUE(source->info().images);
  EXPECT_EQ(source->info().frames, 4);
  std::vector<std::string> names;
  std::size_t damaged = 0;
  for (bool more = true; more;) {
    try {
      const auto frame = source->read();
      more = frame.has_value();
      if (more) names.push_back(frame->name + ":" + std::to_string(frame->index));
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kBadData);
      ++damaged;
    }
  }
  EXPECT_THAT(names, ::testing::ElementsAre("B.JPG:0", "a.png:1", "c.jpg:3"));
  EXPECT_EQ(damaged, 1U);
}

TEST(ImageSource, KnowsTheSizeOfTheFirstImageThatCanBeRead) {
  const TemporaryFolder folder;
  for (const std::string name : {"a.png", "b.png", "d.png"}) write_bytes(folder / name, "damaged " + name);
  write_image(folder / "c.png", picture(33, 17));
  write_image(folder / "e.png", picture(8, 4));
  const auto source = open_source(folder.path().string());
  EXPECT_EQ(cv::Size(source->info().width, source->info().height), cv::Size(33, 17));
  std::vector<std::string> steps;
  for (int i = 0; i < 5; ++i) {
    try {
      const auto frame = source->read();
      steps.push_back(frame->name + ":" + std::to_string(frame->index) + ":" + std::to_string(frame->image.cols));
    } catch (const Error& error) {
      steps.push_back(std::filesystem::path(error.where()).filename().string());
    }
  }
  EXPECT_THAT(steps, ::testing::ElementsAre("a.png", "b.png", "c.png:2:33", "d.png", "e.png:4:8"));
  EXPECT_FALSE(source->read());
  SourceOptions options;
  options.max_frames = 2;
  EXPECT_EQ(open_source(folder.path().string(), options)->info().width, 0);
}

TEST(ImageSource, TakesGlobsAndSingleFilesByContent) {
  const TemporaryFolder folder;
  for (const std::string name : {"a1.png", "a2.png", "b1.png"}) write_image(folder / name, picture(32, 16));
  EXPECT_EQ(read_all(folder / "a*.png").size(), 2U);
  EXPECT_THROW(open_source(folder / "q*.png"), Error);
  std::filesystem::copy_file(folder / "a1.png", folder / "image.mp4");
  const auto frames = read_all(folder / "image.mp4");
  ASSERT_EQ(frames.size(), 1U);
  EXPECT_EQ(frames[0].name, "image.mp4");
  std::filesystem::create_directory(folder / "none");
  EXPECT_THROW(open_source(folder / "none"), Error);
  SourceOptions options;
  options.max_frames = 1;
  EXPECT_EQ(read_all(folder / "*.png", options).size(), 1U);
}

TEST(Orientation, OfAMatrixTurnsAndMirrors) {
  constexpr std::int32_t kOne = 65'536;
  const std::int32_t clockwise[9] = {0, kOne, 0, -kOne, 0, 0, 0, 0, 1 << 30};
  const std::int32_t mirrored[9] = {-kOne, 0, 0, 0, kOne, 0, 0, 0, 1 << 30};
  const std::int32_t half[9] = {-kOne, 0, 0, 0, -kOne, 0, 0, 0, 1 << 30};
  EXPECT_EQ(orientation_of_matrix(clockwise), orientation_of_exif(6));
  EXPECT_EQ(orientation_of_matrix(clockwise).degrees(), 90);
  EXPECT_EQ(orientation_of_matrix(mirrored), orientation_of_exif(2));
  EXPECT_EQ(orientation_of_matrix(half).degrees(), 180);
}

}  // namespace
}  // namespace goshawk::media
