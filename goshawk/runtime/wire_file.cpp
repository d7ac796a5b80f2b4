#include "goshawk/runtime/wire_file.h"

#include <algorithm>
#include <system_error>
#include <vector>

#include "goshawk/core/error.h"

namespace goshawk::runtime {
namespace {

namespace fs = std::filesystem;

constexpr std::uint32_t kLengthDelimited = 2;  // wire type

void append_varint(std::uint64_t value, std::string& out) {
  for (; value >= 0x80; value >>= 7U) out += static_cast<char>((value & 0x7FU) | 0x80U);
  out += static_cast<char>(value);
}

}  // namespace

WireFile::WireFile(const fs::path& path) : path_(path) {
  std::error_code error;
  const auto status = fs::status(path, error);
  if (!fs::exists(status)) throw Error(ErrorCode::kNotFound, "the model does not exist", path.string(), "Check the path");
  if (!fs::is_regular_file(status)) {
    throw Error(ErrorCode::kNotFound, "the model is not a file", path.string(), "Give the path of an ONNX file");
  }
  in_.open(path, std::ios::binary);
  size_ = fs::file_size(path, error);
  if (!in_ || error) throw Error(ErrorCode::kNotFound, "the model cannot be opened", path.string(), "Check its permissions");
}

std::uint8_t WireFile::byte(std::uint64_t position) {
  if (position < window_begin_ || position >= window_end_) {
    window_begin_ = window_end_ = position;
    window_end_ += read(position, window_.data(), window_.size());
    if (window_begin_ == window_end_) damaged("it became shorter while it was read");
  }
  return static_cast<std::uint8_t>(window_[position - window_begin_]);
}

std::string WireFile::text(std::uint64_t begin, std::uint64_t end) {
  std::string text(end - begin, '\0');
  if (text.size() > window_.size()) {
    if (read(begin, text.data(), text.size()) != text.size()) damaged("it became shorter while it was read");
    return text;
  }
  for (auto& c : text) c = static_cast<char>(byte(begin++));  // names are short, and the window is there already
  return text;
}

void WireFile::copy(std::uint64_t begin, std::uint64_t end, std::ostream& out) {
  std::vector<char> block(1U << 18U);
  while (begin < end) {
    const auto part = std::min<std::uint64_t>(block.size(), end - begin);
    if (read(begin, block.data(), part) != part) damaged("it became shorter while it was read");
    out.write(block.data(), static_cast<std::streamsize>(part));
    begin += part;
  }
}

void WireFile::damaged(const std::string& why) const {
  throw Error(ErrorCode::kBadData, "this is not a whole ONNX model: " + why, path_.string(),
              "Export or download the model again; goshawk reads ONNX files (.onnx)");
}

std::uint64_t WireFile::read(std::uint64_t position, char* target, std::uint64_t count) {
  in_.clear();
  in_.seekg(static_cast<std::streamoff>(position));
  in_.read(target, static_cast<std::streamsize>(count));
  return static_cast<std::uint64_t>(in_.gcount());
}

bool WireFields::next(WireField& field) {
  if (position_ == end_) return false;
  field = {};
  field.start = position_;
  const std::uint64_t tag = varint();
  field.number = static_cast<std::uint32_t>(tag >> 3U);
  if (field.number == 0 || tag > 0xFFFFFFFFULL) unknown();
  switch (tag & 7U) {
    case 0:
      field.value = varint();
      break;
    case 1:
      skip(8);
      break;
    case kLengthDelimited: {
      const std::uint64_t length = varint();
      field.message = true;
      field.begin = position_;
      skip(length);
      break;
    }
    case 5:
      skip(4);
      break;
    default:
      unknown();
  }
  field.end = position_;
  return true;
}

void WireFields::skip(std::uint64_t count) {
  const std::uint64_t left = end_ - position_;
  if (count > left) {
    if (end_ == file_.size()) file_.damaged("it ends " + std::to_string(count - left) + " bytes too early");
    file_.damaged("a length is wrong at byte " + std::to_string(position_));
  }
  position_ += count;
}

std::uint64_t WireFields::varint() {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    if (position_ == end_) file_.damaged("it ends in the middle of a number");
    const std::uint8_t byte = file_.byte(position_++);
    value |= static_cast<std::uint64_t>(byte & 0x7FU) << shift;
    if ((byte & 0x80U) == 0) return value;
  }
  unknown();
}

void WireFields::unknown() const { file_.damaged("unknown content at byte " + std::to_string(position_)); }

void append_field(std::uint32_t number, const std::string& content, std::string& message) {
  append_varint(number << 3U | kLengthDelimited, message);
  append_varint(content.size(), message);
  message += content;
}

}  // namespace goshawk::runtime
