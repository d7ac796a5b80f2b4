#include "goshawk/detect/onnx_file.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <fstream>
#include <functional>
#include <utility>
#include <vector>

#include "goshawk/core/error.h"
#include "goshawk/core/files.h"

namespace goshawk::detect {
namespace {

namespace fs = std::filesystem;

// Field numbers of onnx.proto.
constexpr std::uint32_t kModelIrVersion = 1;
constexpr std::uint32_t kModelGraph = 7;
constexpr std::uint32_t kModelMetadata = 14;
constexpr std::uint32_t kGraphNode = 1;
constexpr std::uint32_t kNodeOperator = 4;
constexpr std::uint32_t kEntryKey = 1;
constexpr std::uint32_t kEntryValue = 2;

constexpr std::size_t kMaxEntries = 4096;
constexpr std::uint64_t kMaxMetadataBytes = 64ULL << 20;
constexpr std::size_t kMaxNodes = 10'000'000;
constexpr std::uint64_t kMaxNameBytes = 1024;

/// A field of a protobuf message: where it starts, and where its content is if it has a length.
struct Field {
  std::uint32_t number = 0;
  std::uint32_t type = 0;  // 0 varint, 1 eight bytes, 2 length and content, 5 four bytes
  std::uint64_t begin = 0, content = 0, end = 0;
};

/// Walks through the fields of messages in a file by seeking.
class WireFile {
 public:
  explicit WireFile(const fs::path& path) : path_(path), in_(path, std::ios::binary) {
    std::error_code error;
    if (fs::is_directory(path, error))
      throw Error(ErrorCode::kNotFound, "this is a folder, an ONNX file was expected", path.string());
    if (!in_) throw Error(ErrorCode::kNotFound, "cannot open the model", path.string());
    in_.seekg(0, std::ios::end);
    size_ = static_cast<std::uint64_t>(in_.tellg());
  }

  std::uint64_t size() const { return size_; }

  /// Calls `visit` for each field between two offsets.
  void fields(std::uint64_t begin, std::uint64_t end, const std::function<void(const Field&)>& visit) {
    std::uint64_t at = begin;
    while (at < end) {
      const Field field = read_field(at, end);
      visit(field);
      at = field.end;
    }
  }

  std::string bytes(const Field& field, std::uint64_t limit) {
    if (field.type != 2 || field.end - field.content > limit)
      damaged("a text is missing or longer than " + std::to_string(limit) + " bytes");
    std::string text(static_cast<std::size_t>(field.end - field.content), '\0');
    in_.seekg(static_cast<std::streamoff>(field.content));
    if (!text.empty() && !in_.read(text.data(), static_cast<std::streamsize>(text.size())))
      damaged("it ends in the middle of a text");
    return text;
  }

  void copy(std::uint64_t begin, std::uint64_t end, std::ostream& out) {
    std::vector<char> block(1 << 18);
    in_.seekg(static_cast<std::streamoff>(begin));
    while (begin < end) {
      const auto part = static_cast<std::streamsize>(std::min<std::uint64_t>(block.size(), end - begin));
      if (!in_.read(block.data(), part)) throw Error(ErrorCode::kIo, "reading the model failed", path_.string());
      out.write(block.data(), part);
      begin += static_cast<std::uint64_t>(part);
    }
  }

  [[noreturn]] void damaged(const std::string& what) const {
    throw Error(ErrorCode::kBadData, "this is no ONNX model, or it is damaged: " + what, path_.string(),
                "Fetch or export the model again.");
  }

 private:
  Field read_field(std::uint64_t at, std::uint64_t end) {
    Field field;
    field.begin = at;
    const std::uint64_t tag = varint(at, end);
    field.number = static_cast<std::uint32_t>(tag >> 3);
    field.type = static_cast<std::uint32_t>(tag & 7U);
    if (field.number == 0 || tag >> 32 != 0) damaged("a field has no number");
    std::uint64_t length = 0;
    switch (field.type) {
      case 0:
        varint(at, end);
        break;
      case 1:
        length = 8;
        break;
      case 2:
        length = varint(at, end);
        break;
      case 5:
        length = 4;
        break;
      default:
        damaged("a field has an unknown type");
    }
    if (length > end - at) damaged("it ends in the middle of a field");
    field.content = at;
    field.end = at + length;
    return field;
  }

  std::uint64_t varint(std::uint64_t& at, std::uint64_t end) {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      if (at >= end) damaged("it ends in the middle of a number");
      const unsigned byte = byte_at(at++);
      value |= static_cast<std::uint64_t>(byte & 0x7FU) << shift;
      if ((byte & 0x80U) == 0) return value;
    }
    damaged("a number is too long");
  }

  /// Tags and lengths are read through a window, because they lie close together between large contents.
  unsigned byte_at(std::uint64_t at) {
    if (at < window_begin_ || at - window_begin_ >= window_.size()) {
      window_.resize(static_cast<std::size_t>(std::min<std::uint64_t>(kWindowBytes, size_ - at)));
      in_.seekg(static_cast<std::streamoff>(at));
      if (!in_.read(window_.data(), static_cast<std::streamsize>(window_.size()))) {
        throw Error(ErrorCode::kIo, "reading the model failed", path_.string());
      }
      window_begin_ = at;
    }
    return static_cast<unsigned char>(window_[static_cast<std::size_t>(at - window_begin_)]);
  }

  static constexpr std::uint64_t kWindowBytes = 1 << 14;
  fs::path path_;
  std::ifstream in_;
  std::uint64_t size_ = 0;
  std::vector<char> window_;
  std::uint64_t window_begin_ = 0;
};

struct Entry {
  std::string key, value;
  Field field;
};

/// The outermost fields of a model: the metadata's entries, the graph, and everything else.
struct Outline {
  std::vector<Entry> entries;
  std::vector<Field> others;
  std::optional<Field> graph;
};

Entry read_entry(WireFile& file, const Field& field) {
  Entry entry{{}, {}, field};
  file.fields(field.content, field.end, [&](const Field& part) {
    if (part.number == kEntryKey) entry.key = file.bytes(part, kMaxMetadataBytes);
    if (part.number == kEntryValue) entry.value = file.bytes(part, kMaxMetadataBytes);
  });
  return entry;
}

Outline read_outline(WireFile& file) {
  Outline outline;
  bool has_version = false;
  std::uint64_t metadata_bytes = 0;
  file.fields(0, file.size(), [&](const Field& field) {
    if (field.number == kModelMetadata && field.type == 2) {
      metadata_bytes += field.end - field.content;
      if (outline.entries.size() >= kMaxEntries || metadata_bytes > kMaxMetadataBytes)
        file.damaged("it has too much metadata");
      outline.entries.push_back(read_entry(file, field));
      return;
    }
    if (field.number == kModelGraph && field.type == 2) outline.graph = field;
    has_version = has_version || (field.number == kModelIrVersion && field.type == 0);
    if (outline.others.size() > 100'000) file.damaged("it has too many fields");
    outline.others.push_back(field);
  });
  if (!has_version || !outline.graph) file.damaged("it has no graph");
  return outline;
}

void append_varint(std::uint64_t value, std::string& out) {
  for (; value >= 0x80; value >>= 7) out += static_cast<char>((value & 0x7FU) | 0x80U);
  out += static_cast<char>(value);
}

void append_text(std::uint32_t number, const std::string& text, std::string& out) {
  append_varint(number << 3 | 2U, out);
  append_varint(text.size(), out);
  out += text;
}

std::string entry_bytes(const std::string& key, const std::string& value) {
  std::string entry, field;
  append_text(kEntryKey, key, entry);
  append_text(kEntryValue, value, entry);
  append_text(kModelMetadata, entry, field);
  return field;
}

}  // namespace

std::map<std::string, std::string> read_onnx_metadata(const fs::path& model) {
  WireFile file(model);
  std::map<std::string, std::string> metadata;
  for (auto& entry : read_outline(file).entries) metadata[entry.key] = std::move(entry.value);
  return metadata;
}

void write_onnx_metadata(const fs::path& model, const fs::path& target,
                         const std::map<std::string, std::optional<std::string>>& changes) {
  WireFile file(model);
  const Outline outline = read_outline(file);
  AtomicFile out(target);
  for (const Field& field : outline.others) file.copy(field.begin, field.end, out.stream());
  for (const Entry& entry : outline.entries) {
    if (!changes.contains(entry.key)) file.copy(entry.field.begin, entry.field.end, out.stream());
  }
  for (const auto& [key, value] : changes) {
    if (!value) continue;
    const std::string bytes = entry_bytes(key, *value);
    out.stream().write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  }
  out.commit();
}

std::set<std::string> read_onnx_operators(const fs::path& model) {
  WireFile file(model);
  const Outline outline = read_outline(file);
  std::set<std::string> operators;
  std::size_t nodes = 0;
  file.fields(outline.graph->content, outline.graph->end, [&](const Field& field) {
    if (field.number != kGraphNode || field.type != 2) return;
    if (++nodes > kMaxNodes) file.damaged("it has too many nodes");
    file.fields(field.content, field.end, [&](const Field& part) {
      if (part.number == kNodeOperator) operators.insert(file.bytes(part, kMaxNameBytes));
    });
  });
  return operators;
}

}  // namespace goshawk::detect
