#include "goshawk/runtime/model_file.h"

#include <system_error>
#include <utility>

#include "goshawk/core/error.h"
#include "goshawk/core/files.h"
#include "goshawk/runtime/wire_file.h"

namespace goshawk::runtime {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostEntries = 4096;      // of metadata
constexpr std::uint64_t kMostText = 64U << 20;  // bytes of metadata; of operators' names and paths of external data too
constexpr std::uint64_t kLongestName = 4096;    // bytes of an operator's name, a key, a path of external data
constexpr int kDeepest = 64;                    // graphs within graphs

constexpr std::uint32_t kModelMetadata = 14;
constexpr std::uint32_t kEntryKey = 1;
constexpr std::uint32_t kEntryValue = 2;

struct Entry {
  std::string key, value;
};

/// Where an entry of the metadata lies in the file.
struct EntryPlace {
  std::string key;
  std::uint64_t start, end;
};

/// Reads one model from its first byte to its last.
class Walker {
 public:
  explicit Walker(WireFile& file) : file_(file) { walk_model(); }

  std::map<std::string, std::string> metadata;
  std::vector<EntryPlace> places;  // of the metadata, in the order of the file
  std::set<std::string> operators;
  std::set<std::string> locations;  // of external data

 private:
  void walk_model() {
    if (file_.size() == 0) file_.damaged("it is empty");
    bool version = false, graph = false;
    WireFields fields(file_);
    for (WireField field; fields.next(field);) {
      if (field.number == 1 && !field.message) version = static_cast<std::int64_t>(field.value) >= 1;
      if (!field.message) continue;
      if (field.number == 7) {
        graph = true;
        walk_graph(field, 0);
      }
      if (field.number == kModelMetadata) read_metadata(field);
      if (field.number == 25) walk_function(field);
    }
    if (!graph || !version) file_.damaged("there is no graph in it");
  }

  std::string text(const WireField& field, std::uint64_t longest) {
    if (field.end - field.begin > longest)
      file_.damaged("a text in it is longer than " + std::to_string(longest) + " bytes");
    return file_.text(field.begin, field.end);
  }

  /// Keys and values come as StringStringEntryProto.
  Entry read_entry(const WireField& entry, std::uint64_t longest_value) {
    Entry read;
    WireFields fields(file_, entry);
    for (WireField field; fields.next(field);) {
      if (field.message && field.number == kEntryKey) read.key = text(field, kLongestName);
      if (field.message && field.number == kEntryValue) read.value = text(field, longest_value);
    }
    return read;
  }

  void read_metadata(const WireField& field) {
    metadata_bytes_ += field.end - field.begin;
    if (metadata_bytes_ > kMostText) file_.damaged("its metadata is larger than 64 MiB");
    if (places.size() == kMostEntries) file_.damaged("its metadata has more than 4,096 entries");
    Entry entry = read_entry(field, kMostText);
    places.push_back({entry.key, field.start, field.end});
    metadata[std::move(entry.key)] = std::move(entry.value);
  }

  void walk_graph(const WireField& graph, int depth) {
    if (depth > kDeepest) file_.damaged("graphs are nested too deeply");
    WireFields fields(file_, graph);
    for (WireField field; fields.next(field);) {
      if (!field.message) continue;
      if (field.number == 1) {
        std::string type = walk_node(field, depth);
        if (depth == 0 && !type.empty()) keep(std::move(type), operators);
      }
      if (field.number == 5) walk_tensor(field);
      if (field.number == 15) walk_sparse_tensor(field);
    }
  }

  /// A function that the model brings along for its nodes.
  void walk_function(const WireField& function) {
    WireFields fields(file_, function);
    for (WireField field; fields.next(field);) {
      if (field.message && field.number == 7) walk_node(field, 0);
    }
  }

  /// The node's operator.
  std::string walk_node(const WireField& node, int depth) {
    std::string type;
    WireFields fields(file_, node);
    for (WireField field; fields.next(field);) {
      if (!field.message) continue;
      if (field.number == 4) type = text(field, kLongestName);
      if (field.number == 4 && type == "EPContext") {
        throw Error(ErrorCode::kBadData, "the model holds code that was compiled for one machine (an EPContext node)",
                    file_.path().string(),
                    "Give the ONNX file that it was compiled from; goshawk compiles and caches it itself");
      }
      if (field.number == 5) walk_attribute(field, depth);
    }
    return type;
  }

  void walk_attribute(const WireField& attribute, int depth) {
    WireFields fields(file_, attribute);
    for (WireField field; fields.next(field);) {
      if (!field.message) continue;
      if (field.number == 5 || field.number == 10) walk_tensor(field);
      if (field.number == 6 || field.number == 11) walk_graph(field, depth + 1);
      if (field.number == 22 || field.number == 23) walk_sparse_tensor(field);
    }
  }

  void walk_sparse_tensor(const WireField& sparse) {
    WireFields fields(file_, sparse);
    for (WireField field; fields.next(field);) {
      if (field.message && field.number <= 2) walk_tensor(field);
    }
  }

  void walk_tensor(const WireField& tensor) {
    WireFields fields(file_, tensor);
    for (WireField field; fields.next(field);) {
      if (!field.message || field.number != 13) continue;
      Entry entry = read_entry(field, kLongestName);
      if (entry.key == "location") keep(std::move(entry.value), locations);
    }
  }

  void keep(std::string name, std::set<std::string>& names) {
    const auto [kept, is_new] = names.insert(std::move(name));
    if (is_new) name_bytes_ += kept->size() + sizeof(std::string);
    if (name_bytes_ > kMostText) file_.damaged("its names are larger than 64 MiB");
  }

  WireFile& file_;
  std::uint64_t metadata_bytes_ = 0, name_bytes_ = 0;
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
    if (fs::is_regular_file(model.parent_path() / relative, ignored)) {
      throw Error(ErrorCode::kBadData,
                  "the model is a link, and its weights '" + location + "' are not beside what it leads to", model.string(),
                  "Copy both into one folder");
    }
    throw Error(ErrorCode::kBadData, "the model's weights are missing: " + location, model.string(),
                "Copy the file that holds the weights into the model's folder");
  }
  return file;
}

/// Each once: one file may have several names.
std::vector<fs::path> external_files(const fs::path& model, const std::set<std::string>& locations) {
  std::set<fs::path> files;
  for (const auto& location : locations) files.insert(external_file(model, location));
  return {files.begin(), files.end()};
}

/// The fields of a ModelProto that hold the entries to be set.
std::string entry_fields(const std::map<std::string, std::optional<std::string>>& changes) {
  std::string fields;
  for (const auto& [key, value] : changes) {
    if (!value) continue;
    std::string entry;
    append_field(kEntryKey, key, entry);
    append_field(kEntryValue, *value, entry);
    append_field(kModelMetadata, entry, fields);
  }
  return fields;
}

/// Nothing is written that `inspect_model` would refuse.
void check_changes(const std::vector<EntryPlace>& kept, const std::map<std::string, std::optional<std::string>>& changes,
                   const std::string& added, const fs::path& target) {
  std::uint64_t bytes = added.size();
  for (const auto& place : kept) bytes += place.end - place.start;
  bool fits = bytes <= kMostText && kept.size() + changes.size() <= kMostEntries;
  for (const auto& [key, value] : changes) fits = fits && key.size() <= kLongestName;
  if (!fits) {
    throw Error(ErrorCode::kUsage, "a model's metadata may have 4,096 entries, keys of 4,096 bytes and 64 MiB in all",
                target.string());
  }
}

}  // namespace

ModelFile inspect_model(const fs::path& path) {
  WireFile file(path);
  Walker walker(file);
  ModelFile model;
  model.metadata = std::move(walker.metadata);
  model.operators = std::move(walker.operators);
  model.external_files = external_files(path, walker.locations);
  model.sha256 = sha256_of_file(path);
  return model;
}

std::uint64_t model_bytes(const fs::path& path) {
  WireFile file(path);
  std::uint64_t bytes = file.size();
  for (const auto& weights : external_files(path, Walker(file).locations)) bytes += fs::file_size(weights);
  return bytes;
}

void write_metadata(const fs::path& model, const fs::path& target,
                    const std::map<std::string, std::optional<std::string>>& changes) {
  WireFile file(model);
  Walker walker(file);
  const std::string added = entry_fields(changes);
  std::vector<EntryPlace> dropped, kept;
  for (const auto& place : walker.places) (changes.contains(place.key) ? dropped : kept).push_back(place);
  check_changes(kept, changes, added, target);
  AtomicFile out(target);
  std::uint64_t position = 0;
  for (const auto& place : dropped) {
    file.copy(position, place.start, out.stream());
    position = place.end;
  }
  file.copy(position, file.size(), out.stream());
  out.stream().write(added.data(), static_cast<std::streamsize>(added.size()));
  out.commit();
}

}  // namespace goshawk::runtime
