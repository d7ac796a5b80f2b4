#include "goshawk/core/image_header.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "goshawk/core/error.h"

namespace goshawk {
namespace {

/// A TIFF structure within a file: places count from its own beginning, and it reaches no further than its end.
class TiffPart : public ByteSource {
 public:
  TiffPart(ByteSource& file, std::uint64_t begin, std::uint64_t end) : file_(file), begin_(begin), size_(end - begin) {}
  bool read(std::uint64_t offset, void* out, std::size_t size) override {
    return offset <= size_ && size <= size_ - offset && file_.read(begin_ + offset, out, size);
  }

 private:
  ByteSource& file_;
  std::uint64_t begin_, size_;
};

bool is_frame_header(std::uint32_t marker) {  // SOF0 to SOF15 without DHT, JPG, DAC
  return marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
}

bool stands_alone(std::uint32_t marker) { return marker == 0x01 || (marker >= 0xD0 && marker <= 0xD8); }

/// Place of the second byte of the next marker at or behind `offset`.
std::optional<std::uint64_t> next_marker(ByteSource& bytes, std::uint64_t offset) {
  constexpr std::uint64_t kFurthest = 1U << 16;
  bool after_mark = false;
  for (std::uint64_t at = offset; at < offset + kFurthest; ++at) {
    const auto byte = bytes.number(at, 1, true);
    if (!byte) return std::nullopt;
    if (after_mark && *byte != 0x00 && *byte != 0xFF) return at;
    after_mark = *byte == 0xFF;
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::uint32_t> ByteSource::number(std::uint64_t offset, int size, bool big_endian) {
  std::array<unsigned char, 4> b{};
  if (!read(offset, b.data(), static_cast<std::size_t>(size))) return std::nullopt;
  std::uint32_t value = 0;
  for (int i = 0; i < size; ++i) value = value << 8 | b[static_cast<std::size_t>(big_endian ? i : size - 1 - i)];
  return value;
}

bool ByteSource::starts_with(std::uint64_t offset, std::string_view text) {
  std::array<char, 16> b{};
  require(text.size() <= b.size(), "starts_with takes 16 bytes at most");
  return read(offset, b.data(), text.size()) && std::string_view(b.data(), text.size()) == text;
}

bool MemoryBytes::read(std::uint64_t offset, void* out, std::size_t size) {
  if (offset > bytes_.size() || size > bytes_.size() - offset) return false;
  std::memcpy(out, bytes_.data() + offset, size);
  return true;
}

std::optional<std::uint32_t> TiffDirectory::value(std::uint32_t tag) const {
  const auto entry = std::find_if(entries.begin(), entries.end(), [&](const Entry& e) { return e.tag == tag && e.value; });
  return entry == entries.end() ? std::nullopt : entry->value;
}

int TiffDirectory::orientation() const {
  constexpr std::uint32_t kOrientation = 0x0112;
  const auto stated = value(kOrientation);
  return stated && *stated >= 1 && *stated <= 8 ? static_cast<int>(*stated) : 1;
}

std::optional<TiffDirectory> read_tiff_directory(ByteSource& bytes, std::uint64_t begin, std::uint64_t end) {
  constexpr std::uint32_t kShort = 3, kLong = 4, kMostEntries = 512;
  if (end < begin) return std::nullopt;
  TiffPart tiff(bytes, begin, end);
  TiffDirectory directory;
  const bool big = tiff.starts_with(0, "MM");
  if (!big && !tiff.starts_with(0, "II")) return std::nullopt;
  const auto start = tiff.number(4, 4, big);
  const auto count = start ? tiff.number(*start, 2, big) : std::nullopt;
  if (!count) return std::nullopt;
  directory.offset = begin + *start;
  directory.big_endian = big;
  for (std::uint32_t i = 0; i < std::min(*count, kMostEntries); ++i) {
    const std::uint64_t at = std::uint64_t{*start} + 2 + TiffDirectory::kEntrySize * i;
    const auto tag = tiff.number(at, 2, big), type = tiff.number(at + 2, 2, big), value = tiff.number(at + 8, 4, big);
    if (!tag || !type || !value) break;
    directory.entries.push_back({*tag, begin + at, std::nullopt});
    if (*type == kShort) directory.entries.back().value = tiff.number(at + 8, 2, big);
    if (*type == kLong) directory.entries.back().value = value;
  }
  return directory;
}

JpegHeader read_jpeg_header(ByteSource& bytes) {
  constexpr int kMostSegments = 1000;
  constexpr std::uint32_t kEndOfImage = 0xD9, kStartOfScan = 0xDA, kApp1 = 0xE1;
  JpegHeader header;
  bool has_exif = false;
  std::uint64_t offset = 2;  // behind the start-of-image marker
  for (int i = 0; i < kMostSegments; ++i) {
    const auto place = next_marker(bytes, offset);
    if (!place) break;
    const std::uint32_t marker = *bytes.number(*place, 1, true);
    offset = *place + 1;
    if (stands_alone(marker)) continue;
    const auto length = bytes.number(offset, 2, true);
    if (!length || *length < 2 || marker == kEndOfImage || marker == kStartOfScan) break;
    if (is_frame_header(marker) && header.width == 0) {
      header.height = bytes.number(offset + 3, 2, true).value_or(0);
      header.width = bytes.number(offset + 5, 2, true).value_or(0);
    }
    if (marker == kApp1 && !has_exif && bytes.starts_with(offset + 2, std::string_view("Exif\0\0", 6))) {
      has_exif = true;
      const auto tiff = read_tiff_directory(bytes, offset + 8, offset + *length);
      if (tiff) header.orientation = tiff->orientation();
    }
    offset += *length;
  }
  return header;
}

}  // namespace goshawk
