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
using testing::largest_difference;
using testing::read_all;
using testing::read_bytes;
using testing::TemporaryFolder;
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

/// A JPEG with an EXIF segment that holds only an orientation.
std::string with_orientation(const std::string& jpeg, int value, bool big_endian) {
  const std::string number =
      big_endian ? std::string{'\0', static_cast<char>(value)} : std::string{static_cast<char>(value), '\0'};
  const std::string tiff =
      big_endian ? std::string("MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01", 18) + number + std::string(6, '\0')
                 : std::string("II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0", 18) + number + std::string(6, '\0');
  const std::string body = std::string("Exif\0\0", 6) + tiff;
  const auto length = static_cast<char>(body.size() + 2);
  return jpeg.substr(0, 2) + std::string("\xFF\xE1\0", 3) + length + body + jpeg.substr(2);
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
  // What each value asks for: EXIF 2.32, figure of tag 0x0112, as OpenCV's rotate and flip name it.
  const auto expected = [&](int value) {
    cv::Mat out = plain.clone(), turned;
    const int rotation = value == 6 || value == 7   ? cv::ROTATE_90_CLOCKWISE
                         : value == 8 || value == 5 ? cv::ROTATE_90_COUNTERCLOCKWISE
                                                    : cv::ROTATE_180;
    if (value == 3 || value >= 5) {
      cv::rotate(plain, turned, rotation);
      out = turned;
    }
    if (value == 2 || value == 5 || value == 7) {
      // 5 is a mirror about the main diagonal: a quarter turn back, then top-bottom; 7 about the other one.
      cv::flip(out, turned, value == 2 ? 1 : 0);
      return turned;
    }
    if (value == 4) {
      cv::flip(out, turned, 0);
      return turned;
    }
    return out;
  };
  for (const bool big_endian : {false, true}) {
    for (int value = 1; value <= 8; ++value) {
      write_bytes(folder / "a.jpg", with_orientation(jpeg, value, big_endian));
      EXPECT_EQ(largest_difference(read_image(folder / "a.jpg"), expected(value)), 0) << value << big_endian;
    }
    for (const int value : {0, 9, 100}) {
      write_bytes(folder / "a.jpg", with_orientation(jpeg, value, big_endian));
      EXPECT_EQ(largest_difference(read_image(folder / "a.jpg"), plain), 0) << value;
    }
  }
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
