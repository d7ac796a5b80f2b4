// Tensors in a file, without any code in it.
//
// Source: the safetensors format, version 0.4: eight bytes little-endian with the header's length, the header as JSON
// ({name: {dtype, shape, data_offsets}}, "__metadata__": texts), then the values, without gaps.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace goshawk::train {

enum class StoredType : std::uint8_t { kFloat32, kFloat64, kBFloat16, kFloat16, kInt64, kInt32, kUint8 };
/// Bytes of one value.
std::size_t size_of(StoredType type);

/// One tensor: row-major values as they lie in memory.
struct StoredTensor {
  StoredType type = StoredType::kFloat32;
  std::vector<std::int64_t> shape;
  std::string bytes;
};

struct StoredTensors {
  std::map<std::string, StoredTensor> tensors;
  std::map<std::string, std::string> metadata;
};

/// Writes under a temporary name, flushes and renames. The metadata gets "sha256": of all bytes behind the header. Throws
/// Error{kIo}.
void write_safetensors(const std::filesystem::path& path, const StoredTensors& content);

/// Throws Error{kNotFound}, and {kBadData} for a file that is cut off, changed (its checksum, where it has one), or no such
/// file: offsets beyond the file, gaps, overlaps, shapes that do not fit, types that are not known. At most `max_bytes`.
StoredTensors read_safetensors(const std::filesystem::path& path, std::uint64_t max_bytes = 16ULL << 30);

}  // namespace goshawk::train
