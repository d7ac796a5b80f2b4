#include "goshawk/train/event_file.h"

#include <fmt/format.h>

#include <array>
#include <chrono>
#include <cstring>

namespace goshawk::train {
namespace {

constexpr std::array<std::uint32_t, 256> make_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) value = (value >> 1U) ^ ((value & 1U) != 0 ? 0x82F63B78U : 0U);
    table[i] = value;
  }
  return table;
}

template <typename Value>
std::string bytes_of(Value value) {
  std::string bytes(sizeof value, '\0');
  std::memcpy(bytes.data(), &value, sizeof value);
  return bytes;
}

std::string masked_crc(std::string_view bytes) {
  const std::uint32_t crc = crc32c(bytes);
  return bytes_of(((crc >> 15U) | (crc << 17U)) + 0xA282EAD8U);
}

std::string varint(std::uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7U) bytes += static_cast<char>((value & 0x7FU) | 0x80U);
  return bytes + static_cast<char>(value);
}

/// A protobuf field that holds bytes.
std::string field(int number, const std::string& bytes) {
  return varint(static_cast<std::uint64_t>(number) << 3U | 2U) + varint(bytes.size()) + bytes;
}

/// Event with wall_time (1, double) and step (2, varint).
std::string event_head(std::int64_t step) {
  const double now = std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  return "\x09" + bytes_of(now) + "\x10" + varint(static_cast<std::uint64_t>(step));
}

}  // namespace

std::uint32_t crc32c(std::string_view bytes) {
  static constexpr auto kTable = make_table();
  std::uint32_t crc = ~0U;
  for (const char c : bytes) crc = kTable[(crc ^ static_cast<unsigned char>(c)) & 0xFFU] ^ (crc >> 8U);
  return ~crc;
}

EventFile::EventFile(const std::filesystem::path& folder) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now).count();
  const auto rest = std::chrono::duration_cast<std::chrono::microseconds>(now).count() % 1'000'000;
  stream_.open(folder / fmt::format("events.out.tfevents.{}.goshawk.{}", seconds, rest), std::ios::binary);
  record(event_head(0) + field(3, "brain.Event:2"));
}

void EventFile::record(const std::string& event) {
  const std::string length = bytes_of<std::uint64_t>(event.size());
  stream_ << length << masked_crc(length) << event << masked_crc(event);
}

void EventFile::scalar(const std::string& tag, double value, std::int64_t step) {
  const std::string entry = field(1, tag) + "\x15" + bytes_of(static_cast<float>(value));  // tag, simple_value
  record(event_head(step) + field(5, field(1, entry)));
}

}  // namespace goshawk::train
