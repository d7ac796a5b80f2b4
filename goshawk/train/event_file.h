// TensorBoard's event files.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

namespace goshawk::train {

/// Appends scalars to a file `events.out.tfevents.TIME.goshawk.MICROSECONDS` that TensorBoard shows. Source: TFRecord
/// (length, masked CRC-32C of it, bytes, masked CRC-32C of them) and event.proto of TensorFlow. A disk that is full costs
/// curves, never the training: what cannot be written is lost. Not thread-safe.
class EventFile {
 public:
  explicit EventFile(const std::filesystem::path& folder);
  void scalar(const std::string& tag, double value, std::int64_t step);
  void flush() { stream_.flush(); }

 private:
  void record(const std::string& event);
  std::ofstream stream_;
};

/// CRC-32C (Castagnoli), as RFC 3720 defines it.
std::uint32_t crc32c(std::string_view bytes);

}  // namespace goshawk::train
