// What the tests of this folder share: clips made by the `ffmpeg` program, which is also their oracle.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <opencv2/core.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "goshawk/core/testing.h"
#include "goshawk/media/source.h"

extern char** environ;  // NOLINT: POSIX declares it so

namespace goshawk::media::testing {

using goshawk::TemporaryFolder;

inline std::string read_bytes(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline void write_bytes(const std::filesystem::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

/// Runs a program (no shell) and returns its standard output; the test fails when the program does.
inline std::string run_program(std::vector<std::string> arguments) {
  static int counter = 0;
  const auto out = std::filesystem::temp_directory_path() /
                   ("goshawk-media-" + std::to_string(::getpid()) + "-" + std::to_string(counter++) + ".out");
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 1, out.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  std::vector<char*> argv;
  for (auto& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  pid_t child = 0;
  int status = ::posix_spawnp(&child, argv[0], &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (status == 0) ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0) << "program failed: " << arguments[0] << " ... " << arguments.back();
  std::string text = read_bytes(out);
  std::filesystem::remove(out);
  return text;
}

inline std::vector<std::string> split_words(const std::string& text) {
  std::istringstream words(text);
  return {std::istream_iterator<std::string>(words), {}};
}

/// `ffmpeg` with arguments split at blanks, then `output` (paths may hold blanks only there).
inline void ffmpeg(const std::string& arguments, const std::filesystem::path& output) {
  std::vector<std::string> argv{"ffmpeg", "-nostdin", "-v", "error", "-y"};
  for (auto& word : split_words(arguments)) argv.push_back(word);
  argv.push_back(output.string());
  run_program(argv);
}

/// best_effort_timestamp_time of each frame of the video stream, in seconds.
inline std::vector<double> ffprobe_times(const std::filesystem::path& path) {
  const auto text = run_program({"ffprobe", "-v", "quiet", "-select_streams", "v:0", "-show_entries",
                                 "frame=best_effort_timestamp_time", "-of", "default=nw=1:nk=1", path.string()});
  std::vector<double> times;
  for (const auto& word : split_words(text)) times.push_back(word == "N/A" ? std::nan("") : std::stod(word));
  return times;
}

/// All frames, as the ffmpeg program converts them, of pictures of `size`.
inline std::vector<cv::Mat> ffmpeg_pictures(const std::filesystem::path& path, cv::Size size) {
  const auto bytes = run_program({"ffmpeg", "-nostdin", "-v", "quiet", "-i", path.string(), "-map", "0:v:0", "-vsync",
                                  "passthrough", "-f", "rawvideo", "-pix_fmt", "bgr24", "-"});
  std::vector<cv::Mat> pictures;
  const std::size_t one = static_cast<std::size_t>(size.area()) * 3;
  for (std::size_t at = 0; at + one <= bytes.size(); at += one) {
    pictures.push_back(cv::Mat(size, CV_8UC3, const_cast<char*>(bytes.data() + at)).clone());
  }
  EXPECT_EQ(bytes.size() % one, 0U) << "ffmpeg's pictures are not of the expected size";
  return pictures;
}

inline std::vector<Frame> read_all(Source& source) {
  std::vector<Frame> frames;
  while (auto frame = source.read()) frames.push_back(*frame);
  return frames;
}

inline std::vector<Frame> read_all(const std::filesystem::path& path, const SourceOptions& options = {}) {
  return read_all(*open_source(path.string(), options));
}

inline double seconds_of(const Frame& frame) { return std::chrono::duration<double>(frame.pts).count(); }

/// Largest difference of any channel; 256 when the sizes differ.
inline int largest_difference(const cv::Mat& a, const cv::Mat& b) {
  if (a.size() != b.size() || a.type() != b.type()) return 256;
  return static_cast<int>(cv::norm(a, b, cv::NORM_INF));
}

/// Numbers of a TIFF file as bytes.
class TiffNumbers {
 public:
  explicit TiffNumbers(bool big_endian) : big_endian_(big_endian) {}
  std::string operator()(std::uint32_t value, int size) const {
    std::string bytes;
    for (int i = 0; i < size; ++i) bytes += static_cast<char>(value >> 8 * (big_endian_ ? size - 1 - i : i) & 0xFF);
    return bytes;
  }
  /// A directory entry of one value.
  std::string entry(std::uint32_t tag, std::uint32_t value, bool long_value) const {
    const int size = long_value ? 4 : 2;
    return (*this)(tag, 2) + (*this)(long_value ? 4 : 3, 2) + (*this)(1, 4) + (*this)(value, size) +
           std::string(4 - static_cast<std::size_t>(size), '\0');
  }
  std::string header() const { return (big_endian_ ? "MM" : "II") + (*this)(42, 2) + (*this)(8, 4); }

 private:
  bool big_endian_;
};

/// One strip of `pixels` (8-bit gray, uncompressed unless `compression` names another) with an orientation.
inline std::string gray_tiff(cv::Size size, const std::string& pixels, std::uint32_t orientation, bool big_endian = false,
                             bool long_values = false, std::uint32_t compression = 1) {
  const TiffNumbers number(big_endian);
  constexpr int kEntries = 9;
  constexpr std::uint32_t kPixels = 8 + 2 + 12 * kEntries + 4;
  std::string file = number.header() + number(kEntries, 2);
  const auto add = [&](std::uint32_t tag, std::uint32_t value) { file += number.entry(tag, value, long_values); };
  add(256, static_cast<std::uint32_t>(size.width));
  add(257, static_cast<std::uint32_t>(size.height));
  add(258, 8);
  add(259, compression);
  add(262, 1);  // 0 is black
  add(273, kPixels);
  add(274, orientation);
  add(278, static_cast<std::uint32_t>(size.height));
  add(279, static_cast<std::uint32_t>(pixels.size()));
  return file + number(0, 4) + pixels;
}

/// A JPEG with `before` and an EXIF segment that holds only an orientation.
inline std::string with_orientation(const std::string& jpeg, std::uint32_t value, bool big_endian = false,
                                    bool long_value = false, const std::string& before = {}) {
  const TiffNumbers number(big_endian);
  const std::string body =
      std::string("Exif\0\0", 6) + number.header() + number(1, 2) + number.entry(0x0112, value, long_value) + number(0, 4);
  const auto length = static_cast<char>(body.size() + 2);
  return jpeg.substr(0, 2) + before + std::string("\xFF\xE1\0", 3) + length + body + jpeg.substr(2);
}

}  // namespace goshawk::media::testing
