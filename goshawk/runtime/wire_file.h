// The framing of the protobuf messages in an ONNX file: fields are found by position and their contents stay on disk.
// Private to runtime/; model_file.h is the door. Source: protobuf's wire format.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <ostream>
#include <string>

namespace goshawk::runtime {

/// The bytes of an ONNX file by position, through a small window: tags and lengths lie close together between large
/// contents. Not thread-safe.
class WireFile {
 public:
  /// Throws Error{kNotFound} when `path` is no file that can be read.
  explicit WireFile(const std::filesystem::path& path);

  std::uint64_t size() const { return size_; }
  const std::filesystem::path& path() const { return path_; }

  /// The three throw Error{kBadData} when the file has become shorter.
  std::uint8_t byte(std::uint64_t position);
  std::string text(std::uint64_t begin, std::uint64_t end);
  void copy(std::uint64_t begin, std::uint64_t end, std::ostream& out);

  /// Throws Error{kBadData} with "this is not a whole ONNX model: " before `why`.
  [[noreturn]] void damaged(const std::string& why) const;

 private:
  std::uint64_t read(std::uint64_t position, char* target, std::uint64_t count);

  std::filesystem::path path_;
  std::ifstream in_;
  std::uint64_t size_ = 0;
  std::array<char, 16384> window_{};
  std::uint64_t window_begin_ = 0, window_end_ = 0;
};

/// One field. `start`..`end` is all of it; `begin`..`end` is the content of a length-delimited one, `value` is a varint's.
struct WireField {
  std::uint32_t number = 0;
  bool message = false;  // length-delimited: a message, a text, bytes
  std::uint64_t value = 0;
  std::uint64_t start = 0, begin = 0, end = 0;
};

/// The fields of one message, in turn. The file must outlive it.
class WireFields {
 public:
  explicit WireFields(WireFile& file) : file_(file), end_(file.size()) {}
  WireFields(WireFile& file, const WireField& message) : file_(file), position_(message.begin), end_(message.end) {}

  /// False at the end. Throws Error{kBadData} for what is no field or does not end within the message.
  bool next(WireField& field);

 private:
  void skip(std::uint64_t count);
  std::uint64_t varint();
  [[noreturn]] void unknown() const;

  WireFile& file_;
  std::uint64_t position_ = 0, end_ = 0;
};

/// Appends a length-delimited field to a message under construction.
void append_field(std::uint32_t number, const std::string& content, std::string& message);

}  // namespace goshawk::runtime
