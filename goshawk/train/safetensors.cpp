#include "goshawk/train/safetensors.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <nlohmann/json.hpp>
#include <optional>

#include "goshawk/core/document.h"
#include "goshawk/core/error.h"
#include "goshawk/core/files.h"

namespace goshawk::train {
namespace {

using nlohmann::json;

static_assert(std::endian::native == std::endian::little, "safetensors is little-endian");

constexpr const char* kMetadata = "__metadata__";
constexpr const char* kChecksum = "sha256";
constexpr std::uint64_t kMostHeader = 100'000'000;  // as the format's own reader

struct TypeRow {
  StoredType type;
  const char* name;
  std::size_t size;
};
constexpr TypeRow kTypes[] = {{StoredType::kFloat32, "F32", 4},   {StoredType::kFloat64, "F64", 8},
                              {StoredType::kBFloat16, "BF16", 2}, {StoredType::kFloat16, "F16", 2},
                              {StoredType::kInt64, "I64", 8},     {StoredType::kInt32, "I32", 4},
                              {StoredType::kUint8, "U8", 1}};

const TypeRow& row_of(StoredType type) {
  return *std::find_if(std::begin(kTypes), std::end(kTypes), [&](const auto& row) { return row.type == type; });
}

/// Bytes of a shape; nullopt when that does not fit into 63 bits or a side is negative.
std::optional<std::uint64_t> bytes_of(const std::vector<std::int64_t>& shape, std::size_t size) {
  std::uint64_t bytes = size;
  for (const auto side : shape) {
    if (side < 0 || __builtin_mul_overflow(bytes, static_cast<std::uint64_t>(side), &bytes) || bytes >> 62U != 0)
      return std::nullopt;
  }
  return bytes;
}

class Reader {
 public:
  Reader(const std::filesystem::path& path, std::uint64_t max_bytes)
      : where_(path.string()), file_(read_file(path, max_bytes)) {}

  StoredTensors read() {
    const json header = read_header();
    StoredTensors content;
    if (header.contains(kMetadata)) content.metadata = read_metadata(header[kMetadata]);
    check_sum(content.metadata);
    std::vector<std::pair<std::uint64_t, std::uint64_t>> ranges;
    for (const auto& [name, entry] : header.items()) {
      if (name == kMetadata) continue;
      content.tensors.emplace(name, read_tensor(name, entry, ranges));
    }
    check_ranges(std::move(ranges));
    return content;
  }

 private:
  [[noreturn]] void fail(const std::string& message) const { throw Error(ErrorCode::kBadData, message, where_); }

  json read_header() {
    std::uint64_t length = 0;
    if (file_.size() < sizeof length) fail("the file is too short for tensors");
    std::memcpy(&length, file_.data(), sizeof length);
    if (length > kMostHeader || length > file_.size() - sizeof length) fail("the file is cut off, or holds no tensors");
    data_ = std::string_view(file_).substr(sizeof length + length);
    try {
      auto header = parse_json(std::string_view(file_).substr(sizeof length, length), where_, {kMostHeader, 2'000'000, 4});
      if (!header.is_object()) fail("the header is no JSON object");
      return header;
    } catch (const Error& error) {
      fail(std::string("the header cannot be read: ") + error.what());
    }
  }

  std::map<std::string, std::string> read_metadata(const json& entry) const {
    if (!entry.is_object()) fail("the metadata is no map of texts");
    std::map<std::string, std::string> texts;
    for (const auto& [key, value] : entry.items()) {
      if (!value.is_string()) fail("the metadata is no map of texts");
      texts[key] = value.get<std::string>();
    }
    return texts;
  }

  void check_sum(const std::map<std::string, std::string>& metadata) const {
    const auto sum = metadata.find(kChecksum);
    if (sum != metadata.end() && sum->second != sha256_of_bytes(data_))
      fail("the values are damaged: their checksum differs");
  }

  StoredTensor read_tensor(const std::string& name, const json& entry,
                           std::vector<std::pair<std::uint64_t, std::uint64_t>>& ranges) const {
    const auto is_count = [](const json& v) {
      return v.is_number_unsigned() || (v.is_number_integer() && v.get<std::int64_t>() >= 0);
    };
    const bool well_formed =
        entry.is_object() && entry.contains("dtype") && entry["dtype"].is_string() && entry.contains("shape") &&
        entry["shape"].is_array() && std::all_of(entry["shape"].begin(), entry["shape"].end(), is_count) &&
        entry.contains("data_offsets") && entry["data_offsets"].is_array() && entry["data_offsets"].size() == 2 &&
        is_count(entry["data_offsets"][0]) && is_count(entry["data_offsets"][1]);
    if (!well_formed) fail("the entry of tensor '" + name + "' is malformed");
    StoredTensor tensor;
    const auto type = entry["dtype"].get<std::string>();
    const auto* row = std::find_if(std::begin(kTypes), std::end(kTypes), [&](const auto& r) { return r.name == type; });
    if (row == std::end(kTypes)) fail(fmt::format("tensor '{}' has the unknown type {}", name, type));
    tensor.type = row->type;
    tensor.shape = entry["shape"].get<std::vector<std::int64_t>>();
    const auto begin = entry["data_offsets"][0].get<std::uint64_t>(), end = entry["data_offsets"][1].get<std::uint64_t>();
    const auto bytes = bytes_of(tensor.shape, row->size);
    if (begin > end || end > data_.size() || !bytes || *bytes != end - begin)
      fail(fmt::format("tensor '{}' does not fit its place in the file", name));
    tensor.bytes = std::string(data_.substr(begin, end - begin));
    ranges.emplace_back(begin, end);
    return tensor;
  }

  void check_ranges(std::vector<std::pair<std::uint64_t, std::uint64_t>> ranges) const {
    std::sort(ranges.begin(), ranges.end());
    std::uint64_t reached = 0;
    for (const auto& [begin, end] : ranges) {
      if (begin != reached) fail("tensors overlap, or there is a gap between them");
      reached = end;
    }
    if (reached != data_.size()) fail("there are bytes behind the last tensor");
  }

  std::string where_;
  std::string file_;
  std::string_view data_;
};

}  // namespace

std::size_t size_of(StoredType type) { return row_of(type).size; }

void write_safetensors(const std::filesystem::path& path, const StoredTensors& content) {
  json header = json::object();
  std::size_t size = 0;
  for (const auto& [name, tensor] : content.tensors) size += tensor.bytes.size();
  std::string data;
  data.reserve(size);
  for (const auto& [name, tensor] : content.tensors) {
    const auto bytes = bytes_of(tensor.shape, size_of(tensor.type));
    require(bytes && *bytes == tensor.bytes.size(), "write_safetensors: values do not fit the shape");
    header[name] = {{"dtype", row_of(tensor.type).name},
                    {"shape", tensor.shape},
                    {"data_offsets", {data.size(), data.size() + tensor.bytes.size()}}};
    data += tensor.bytes;
  }
  json metadata(content.metadata);
  metadata[kChecksum] = sha256_of_bytes(data);
  header[kMetadata] = metadata;
  std::string text = header.dump(-1, ' ', false, json::error_handler_t::replace);  // names may be anything
  text.append((8 - text.size() % 8) % 8, ' ');                                     // values begin at a multiple of eight
  const std::uint64_t length = text.size();
  AtomicFile file(path);
  file.stream().write(reinterpret_cast<const char*>(&length), sizeof length);
  file.stream() << text << data;
  file.commit();
}

StoredTensors read_safetensors(const std::filesystem::path& path, std::uint64_t max_bytes) {
  return Reader(path, max_bytes).read();
}

}  // namespace goshawk::train
