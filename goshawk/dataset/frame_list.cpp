#include "goshawk/dataset/frame_list.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "goshawk/core/document.h"
#include "goshawk/core/error.h"
#include "goshawk/core/files.h"
#include "goshawk/core/json_text.h"
#include "goshawk/dataset/perceptual_hash.h"

namespace goshawk::dataset {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

constexpr int kVersion = 1;

/// One object of the file, whose fields are checked as they are taken.
class Fields {
 public:
  Fields(const json& object, std::string where, const fs::path& path)
      : object_(object), where_(std::move(where)), path_(path) {
    if (!object_.is_object()) fail("", "must be an object");
  }

  std::string text(const char* key) const {
    const json& value = at(key);
    if (!value.is_string()) fail(key, "must be text");
    return value.get<std::string>();
  }
  std::int64_t count(const char* key) const {
    const json& value = at(key);
    if (!value.is_number_integer() || (value.is_number_unsigned() && value.get<std::uint64_t>() > kMost) ||
        value.get<std::int64_t>() < 0) {
      fail(key, "must be a whole number, not negative");
    }
    return value.get<std::int64_t>();
  }
  double number(const char* key) const {
    const json& value = at(key);
    if (!value.is_number() || value.get<double>() < 0 || value.get<double>() > 1e12)
      fail(key, "must be a number, not negative");
    return value.get<double>();
  }
  [[noreturn]] void fail(const std::string& key, const std::string& what) const {
    throw Error(ErrorCode::kBadData, where_ + (key.empty() ? "" : "." + key) + " " + what, path_.string(),
                "Move the file away to begin anew.");
  }

 private:
  static constexpr std::uint64_t kMost = std::numeric_limits<std::int64_t>::max();

  const json& at(const char* key) const {
    const auto found = object_.find(key);
    if (found == object_.end()) fail(key, "is missing");
    return *found;
  }

  const json& object_;
  std::string where_;
  const fs::path& path_;
};

FrameSourceState parse_state(const Fields& fields) {
  const std::string text = fields.text("state");
  for (const auto state : {FrameSourceState::kPartial, FrameSourceState::kComplete, FrameSourceState::kFailed}) {
    if (text == name(state)) return state;
  }
  fields.fail("state", "must be complete, partial or failed");
}

FrameSource parse_source(const Fields& fields) {
  FrameSource source;
  source.name = fields.text("name");
  if (!is_plain_file_name(source.name)) fields.fail("name", "must be a plain name");
  source.path = fields.text("path");
  source.bytes = static_cast<std::uint64_t>(fields.count("bytes"));
  source.fingerprint = fields.text("fingerprint");
  source.selection = fields.text("selection");
  source.codec = fields.text("codec");
  source.width = static_cast<int>(std::min<std::int64_t>(fields.count("width"), 1 << 20));
  source.height = static_cast<int>(std::min<std::int64_t>(fields.count("height"), 1 << 20));
  source.frame_rate = fields.number("frame_rate");
  source.state = parse_state(fields);
  source.read = fields.count("read");
  source.similar = fields.count("similar");
  source.problem = fields.text("problem");
  return source;
}

FrameRecord parse_frame(const Fields& fields, const std::map<std::string, std::uint32_t>& sources) {
  FrameRecord frame;
  frame.file = fields.text("file");
  if (!is_plain_file_name(frame.file)) fields.fail("file", "must be the name of a file beside it");
  const auto source = sources.find(fields.text("source"));
  if (source == sources.end()) fields.fail("source", "is not one of the sources");
  frame.source = source->second;
  frame.index = fields.count("index");
  frame.time = std::chrono::microseconds(std::llround(fields.number("time") * 1e6));
  frame.sha256 = fields.text("sha256");
  const auto hash = parse_hash(fields.text("phash"));
  if (!hash) fields.fail("phash", "must be 16 hexadecimal digits");
  frame.hash = *hash;
  return frame;
}

json read_json(const fs::path& path) {
  DocumentLimits limits;
  limits.bytes = 4ULL << 30;
  limits.nodes = 100'000'000;
  const std::string text = read_file(path, limits.bytes);
  try {
    return parse_json(text, path.string(), limits);
  } catch (const Error& error) {
    throw Error(ErrorCode::kBadData, error.what(), error.where(), "Move the file away to begin anew.");
  }
}

const json& list_of(const json& document, const char* key, const fs::path& path) {
  const auto found = document.find(key);
  if (found == document.end() || !found->is_array()) {
    throw Error(ErrorCode::kBadData, fmt::format("{} must be a list", key), path.string(),
                "Move the file away to begin anew.");
  }
  return *found;
}

void check_header(const json& document, const fs::path& path) {
  if (!document.is_object() || !document.contains("version") || !document["version"].is_number_integer()) {
    throw Error(ErrorCode::kBadData, "this is no frames.json of goshawk", path.string(),
                "Move the file away to begin anew.");
  }
  if (document["version"] != kVersion || document.value("hash", json()) != kHashMethod) {
    throw Error(ErrorCode::kBadData, "the file was written by another version of goshawk", path.string(),
                "Choose another folder.");
  }
}

}  // namespace

const char* name(FrameSourceState state) {
  switch (state) {
    case FrameSourceState::kPartial:
      return "partial";
    case FrameSourceState::kComplete:
      return "complete";
    case FrameSourceState::kFailed:
      return "failed";
  }
  return "";
}

bool is_plain_file_name(const std::string& name) {
  if (name.empty() || name.size() > 255 || name.front() == '.') return false;
  return std::none_of(name.begin(), name.end(), [](unsigned char c) { return c == '/' || c == '\\' || c < 32; });
}

FrameList read_frame_list(const fs::path& path) {
  const json document = read_json(path);
  check_header(document, path);
  FrameList list;
  std::map<std::string, std::uint32_t> by_name;
  for (const auto& item : list_of(document, "sources", path)) {
    const Fields fields(item, fmt::format("sources[{}]", list.sources.size()), path);
    list.sources.push_back(parse_source(fields));
    const auto number = static_cast<std::uint32_t>(list.sources.size() - 1);
    if (!by_name.emplace(list.sources.back().name, number).second) fields.fail("name", "is there twice");
  }
  std::set<std::string> files;
  for (const auto& item : list_of(document, "frames", path)) {
    const Fields fields(item, fmt::format("frames[{}]", list.frames.size()), path);
    list.frames.push_back(parse_frame(fields, by_name));
    if (!files.insert(list.frames.back().file).second) fields.fail("file", "is there twice");
  }
  return list;
}

std::string to_text(const FrameList& list) {
  fmt::memory_buffer text;
  const auto out = std::back_inserter(text);
  fmt::format_to(out, "{{\n\"version\": {},\n\"hash\": {},\n\"sources\": [", kVersion,
                 json_quoted(std::string(kHashMethod)));
  const char* comma = "\n";
  for (const auto& s : list.sources) {
    fmt::format_to(
        out,
        "{}  {{\"name\": {}, \"path\": {}, \"bytes\": {}, \"fingerprint\": {}, \"selection\": {}, \"codec\": {}, "
        "\"width\": {}, \"height\": {}, \"frame_rate\": {:.6g}, \"state\": \"{}\", \"read\": {}, \"similar\": {}, "
        "\"problem\": {}}}",
        comma, json_quoted(s.name), json_quoted(s.path), s.bytes, json_quoted(s.fingerprint), json_quoted(s.selection),
        json_quoted(s.codec), s.width, s.height, s.frame_rate, name(s.state), s.read, s.similar, json_quoted(s.problem));
    comma = ",\n";
  }
  fmt::format_to(out, "\n],\n\"frames\": [");
  comma = "\n";
  for (const auto& f : list.frames) {
    fmt::format_to(out,
                   "{}  {{\"file\": {}, \"source\": {}, \"index\": {}, \"time\": {}.{:06}, \"sha256\": \"{}\", \"phash\": "
                   "\"{}\"}}",
                   comma, json_quoted(f.file), json_quoted(list.sources[f.source].name), f.index, f.time.count() / 1'000'000,
                   f.time.count() % 1'000'000, f.sha256, hash_text(f.hash));
    comma = ",\n";
  }
  fmt::format_to(out, "\n]\n}}\n");
  return fmt::to_string(text);
}

}  // namespace goshawk::dataset
