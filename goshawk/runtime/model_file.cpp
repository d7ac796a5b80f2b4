#include "goshawk/runtime/model_file.h"

#include <array>
#include <fstream>
#include <set>
#include <system_error>

#include "goshawk/core/error.h"
#include "goshawk/core/files.h"

namespace goshawk::runtime {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kLongestText = 64ULL << 20;  // one metadata value; all of them together too
constexpr std::uint64_t kLongestName = 4096;         // operator names, keys, paths of external data
constexpr int kDeepest = 64;                         // graphs within graphs

[[noreturn]] void damaged(const fs::path& path, const std::string& why) {
  throw Error(ErrorCode::kBadData, "this is not a whole ONNX model: " + why, path.string(),
              "Export or download the model again; goshawk reads ONNX files (.onnx)");
}

/// The bytes of a file by position, through a small window.
class FileBytes {
 public:
  explicit FileBytes(const fs::path& path) : path_(path), in_(path, std::ios::binary), size_(fs::file_size(path)) {}

  std::uint64_t size() const { return size_; }
  const fs::path& path() const { return path_; }

  std::uint8_t byte(std::uint64_t position) {
    if (position < begin_ || position >= end_) fill(position);
    return static_cast<std::uint8_t>(window_[position - begin_]);
  }

  std::string text(std::uint64_t position, std::uint64_t length) {
    std::string text(length, '\0');
    in_.clear();
    in_.seekg(static_cast<std::streamoff>(position));
    if (!in_.read(text.data(), static_cast<std::streamsize>(length))) damaged(path_, "it became shorter while it was read");
    return text;
  }

 private:
  void fill(std::uint64_t position) {
    in_.clear();
    in_.seekg(static_cast<std::streamoff>(position));
    in_.read(window_.data(), static_cast<std::streamsize>(window_.size()));
    begin_ = position;
    end_ = position + static_cast<std::uint64_t>(in_.gcount());
    if (begin_ == end_) damaged(path_, "it became shorter while it was read");
  }

  fs::path path_;
  std::ifstream in_;
  std::uint64_t size_;
  std::array<char, 16384> window_{};
  std::uint64_t begin_ = 0, end_ = 0;
};

/// One protobuf field; `begin`/`end` bound the payload of a length-delimited one, `value` is a varint's.
struct Field {
  std::uint32_t number = 0;
  bool message = false;
  std::uint64_t value = 0, begin = 0, end = 0;
};

/// Reads the fields of the message at [position, end).
class Fields {
 public:
  Fields(FileBytes& bytes, std::uint64_t begin, std::uint64_t end) : bytes_(bytes), position_(begin), end_(end) {}

  bool next(Field& field) {
    if (position_ == end_) return false;
    const std::uint64_t tag = varint();
    field = {static_cast<std::uint32_t>(tag >> 3), false, 0, 0, 0};
    if (field.number == 0 || tag > 0xFFFFFFFFULL)
      damaged(bytes_.path(), "unknown content at byte " + std::to_string(position_));
    switch (tag & 7U) {
      case 0:
        field.value = varint();
        break;
      case 1:
        skip(8);
        break;
      case 2: {
        const std::uint64_t length = varint();
        field.message = true;
        field.begin = position_;
        skip(length);
        field.end = position_;
        break;
      }
      case 5:
        skip(4);
        break;
      default:
        damaged(bytes_.path(), "unknown content at byte " + std::to_string(position_));
    }
    return true;
  }

 private:
  void skip(std::uint64_t count) {
    if (count > end_ - position_) {
      if (end_ == bytes_.size()) {
        damaged(bytes_.path(), "it ends " + std::to_string(count - (end_ - position_)) + " bytes too early");
      }
      damaged(bytes_.path(), "a length is wrong at byte " + std::to_string(position_));
    }
    position_ += count;
  }

  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      if (position_ == end_) damaged(bytes_.path(), "it ends in the middle of a number");
      const std::uint8_t byte = bytes_.byte(position_++);
      value |= static_cast<std::uint64_t>(byte & 0x7FU) << shift;
      if ((byte & 0x80U) == 0) return value;
    }
    damaged(bytes_.path(), "unknown content at byte " + std::to_string(position_));
  }

  FileBytes& bytes_;
  std::uint64_t position_, end_;
};

class Walker {
 public:
  Walker(FileBytes& bytes, ModelFile& model) : bytes_(bytes), model_(model) {}

  void walk_model() {
    bool graph = false;
    Fields fields(bytes_, 0, bytes_.size());
    for (Field field; fields.next(field);) {
      if (field.number == 1 && !field.message) model_.ir_version = static_cast<std::int64_t>(field.value);
      if (!field.message) continue;
      if (field.number == 7) {
        graph = true;
        walk_graph(field, 0);
      }
      if (field.number == 14) read_metadata(field);
      if (field.number == 25) walk_nodes(field, 7, 0);  // model-local functions
    }
    if (!graph || model_.ir_version < 1) damaged(bytes_.path(), "there is no graph in it");
  }

  const std::set<std::string>& locations() const { return locations_; }

 private:
  std::string text(const Field& field, std::uint64_t longest) {
    if (field.end - field.begin > longest)
      damaged(bytes_.path(), "a text in it is longer than " + std::to_string(longest) + " bytes");
    return bytes_.text(field.begin, field.end - field.begin);
  }

  void read_metadata(const Field& entry) {
    std::string key, value;
    Fields fields(bytes_, entry.begin, entry.end);
    for (Field field; fields.next(field);) {
      if (field.message && field.number == 1) key = text(field, kLongestName);
      if (field.message && field.number == 2) value = text(field, kLongestText);
    }
    metadata_bytes_ += key.size() + value.size();
    if (metadata_bytes_ > kLongestText) damaged(bytes_.path(), "its metadata is larger than 64 MiB");
    model_.metadata[key] = std::move(value);
  }

  void walk_graph(const Field& graph, int depth) {
    if (depth > kDeepest) damaged(bytes_.path(), "graphs are nested too deeply");
    Fields fields(bytes_, graph.begin, graph.end);
    for (Field field; fields.next(field);) {
      if (!field.message) continue;
      if (field.number == 1) walk_node(field, depth);
      if (field.number == 5) walk_tensor(field);
      if (field.number == 15) walk_sparse_tensor(field);
    }
  }

  void walk_nodes(const Field& parent, std::uint32_t number, int depth) {
    Fields fields(bytes_, parent.begin, parent.end);
    for (Field field; fields.next(field);) {
      if (field.message && field.number == number) walk_node(field, depth);
    }
  }

  void walk_node(const Field& node, int depth) {
    Fields fields(bytes_, node.begin, node.end);
    for (Field field; fields.next(field);) {
      if (field.message && field.number == 4 && text(field, kLongestName) == "EPContext") {
        throw Error(ErrorCode::kBadData, "the model holds code that was compiled for one machine (an EPContext node)",
                    bytes_.path().string(),
                    "Give the ONNX file that it was compiled from; goshawk compiles and caches it itself");
      }
      if (field.message && field.number == 5) walk_attribute(field, depth);
    }
  }

  void walk_attribute(const Field& attribute, int depth) {
    Fields fields(bytes_, attribute.begin, attribute.end);
    for (Field field; fields.next(field);) {
      if (!field.message) continue;
      if (field.number == 5 || field.number == 10) walk_tensor(field);
      if (field.number == 6 || field.number == 11) walk_graph(field, depth + 1);
      if (field.number == 22 || field.number == 23) walk_sparse_tensor(field);
    }
  }

  void walk_sparse_tensor(const Field& sparse) {
    Fields fields(bytes_, sparse.begin, sparse.end);
    for (Field field; fields.next(field);) {
      if (field.message && field.number <= 2) walk_tensor(field);
    }
  }

  void walk_tensor(const Field& tensor) {
    Fields fields(bytes_, tensor.begin, tensor.end);
    for (Field field; fields.next(field);) {
      if (field.message && field.number == 13) read_location(field);
    }
  }

  void read_location(const Field& entry) {
    std::string key, value;
    Fields fields(bytes_, entry.begin, entry.end);
    for (Field field; fields.next(field);) {
      if (field.message && field.number == 1) key = text(field, kLongestName);
      if (field.message && field.number == 2) value = text(field, kLongestName);
    }
    if (key == "location") locations_.insert(value);
  }

  FileBytes& bytes_;
  ModelFile& model_;
  std::set<std::string> locations_;
  std::uint64_t metadata_bytes_ = 0;
};

/// The file of external weights, when it is a plain file at or below the model's folder (links followed).
fs::path external_file(const fs::path& model, const std::string& location) {
  std::error_code ignored;
  const fs::path folder = fs::weakly_canonical(fs::absolute(model), ignored).parent_path();
  const fs::path relative(location);
  const fs::path file = fs::weakly_canonical(folder / relative, ignored);
  const fs::path inside = file.lexically_relative(folder);
  if (location.empty() || relative.is_absolute() || inside.empty() || *inside.begin() == ".." || *inside.begin() == ".") {
    throw Error(ErrorCode::kBadData,
                "the model wants to read '" + location + "' as its weights, which is outside of its folder", model.string(),
                "Use a model that you trust, with its weights beside it");
  }
  if (!fs::is_regular_file(file, ignored)) {
    throw Error(ErrorCode::kBadData, "the model's weights are missing: " + location, model.string(),
                "Copy the file that holds the weights into the model's folder");
  }
  return file;
}

}  // namespace

ModelFile inspect_model(const fs::path& path) {
  std::error_code error;
  const auto status = fs::status(path, error);
  if (!fs::exists(status)) throw Error(ErrorCode::kNotFound, "the model does not exist", path.string(), "Check the path");
  if (!fs::is_regular_file(status)) {
    throw Error(ErrorCode::kNotFound, "the model is not a file", path.string(), "Give the path of an ONNX file");
  }
  ModelFile model;
  model.sha256 = sha256_of_file(path);  // also tells when the file cannot be read
  FileBytes bytes(path);
  if (bytes.size() == 0) damaged(path, "it is empty");
  Walker walker(bytes, model);
  walker.walk_model();
  for (const auto& location : walker.locations()) model.external_files.push_back(external_file(path, location));
  return model;
}

}  // namespace goshawk::runtime
