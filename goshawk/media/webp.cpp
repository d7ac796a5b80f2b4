#include "goshawk/media/webp.h"

#include <cstdint>

#include "goshawk/core/image_header.h"

namespace goshawk::media {
namespace {

constexpr std::size_t kFileHeader = 12;  // "RIFF", size, "WEBP"
constexpr std::size_t kChunkHeader = 8;  // name, size
constexpr std::size_t kCanvas = 10, kFramePlace = 16;

/// Name and size of the first chunk of `chunks`, with its content; nullopt: it is cut short, or there is none.
std::optional<std::string_view> first_chunk(std::string_view chunks) {
  const auto size = MemoryBytes(chunks).number(4, 4, false);
  if (!size || *size > chunks.size() - kChunkHeader) return std::nullopt;
  return chunks.substr(0, kChunkHeader + *size);
}

std::string_view behind(std::string_view chunks, std::string_view chunk) {
  chunks.remove_prefix(chunk.size());
  if (chunk.size() % 2 != 0 && !chunks.empty()) chunks.remove_prefix(1);  // chunks begin at even places
  return chunks;
}

/// The first chunk of one of two names.
std::optional<std::string_view> find_chunk(std::string_view chunks, std::string_view name, std::string_view other) {
  auto chunk = first_chunk(chunks);
  while (chunk && !chunk->starts_with(name) && !chunk->starts_with(other)) {
    chunks = behind(chunks, *chunk);
    chunk = first_chunk(chunks);
  }
  return chunk;
}

int number24(std::string_view bytes, std::size_t offset) {
  return static_cast<int>(MemoryBytes(bytes).number(offset, 3, false).value_or(0));
}

std::string little_endian(std::uint32_t value) {
  std::string bytes;
  for (int i = 0; i < 4; ++i) bytes += static_cast<char>(value >> 8 * i & 0xFF);
  return bytes;
}

}  // namespace

bool is_animated_webp(std::string_view bytes) {
  constexpr std::uint32_t kAnimation = 0x02;
  MemoryBytes file(bytes);
  return file.starts_with(kFileHeader, "VP8X") && (file.number(20, 1, false).value_or(0) & kAnimation) != 0;
}

std::optional<WebpFrame> first_frame_of_webp(std::string_view bytes) {
  if (bytes.size() < kFileHeader) return std::nullopt;
  const auto canvas = first_chunk(bytes.substr(kFileHeader));
  const auto frame = find_chunk(bytes.substr(kFileHeader), "ANMF", "ANMF");
  if (!canvas || !frame || canvas->size() < kChunkHeader + kCanvas || frame->size() < kChunkHeader + kFramePlace) {
    return std::nullopt;
  }
  const auto picture = find_chunk(frame->substr(kChunkHeader + kFramePlace), "VP8 ", "VP8L");
  if (!picture) return std::nullopt;
  WebpFrame first;
  first.canvas = {number24(*canvas, 12) + 1, number24(*canvas, 15) + 1};
  first.corner = {2 * number24(*frame, 8), 2 * number24(*frame, 11)};
  const bool odd = picture->size() % 2 != 0;
  first.still = "RIFF" + little_endian(static_cast<std::uint32_t>(4 + picture->size() + (odd ? 1 : 0))) + "WEBP";
  first.still += *picture;
  if (odd) first.still += '\0';
  return first;
}

}  // namespace goshawk::media
