#include "goshawk/pipeline/frame_store.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <system_error>

#include "goshawk/core/error.h"
#include "goshawk/core/files.h"
#include "goshawk/core/text.h"
#include "goshawk/dataset/perceptual_hash.h"
#include "goshawk/media/jpeg.h"
#include "goshawk/media/source_kind.h"
#include "goshawk/media/still.h"

namespace goshawk::pipeline {
namespace {

namespace fs = std::filesystem;
using dataset::FrameRecord;
using dataset::FrameSourceState;

/// "clip" of "clip_000123"; empty when it is no such name.
std::string_view name_of_frame_stem(std::string_view stem) {
  const auto line = stem.rfind('_');
  if (line == std::string_view::npos || stem.size() - line - 1 < 6 || !all_digits(stem.substr(line + 1))) return {};
  return stem.substr(0, line);
}

bool is_image_name(const fs::path& file) { return file.extension() == ".jpg" || file.extension() == ".png"; }

/// Whether a killed run left it: ".clip_000123.part-PID-N.jpg", ".frames.part-PID-N.json".
bool is_left_over(const fs::path& file) {
  const fs::path target = target_of_temporary(file);
  return is_image_name(target) ? !name_of_frame_stem(target.stem().string()).empty() : target == "frames.json";
}

std::string fingerprint_of(const fs::path& path, std::uint64_t bytes) {
  constexpr std::uint64_t kPart = 1 << 20;
  std::ifstream file(path, std::ios::binary);
  std::string content = std::to_string(bytes) + "\n";
  const auto add = [&](std::uint64_t from, std::uint64_t count) {
    std::string part(static_cast<std::size_t>(count), '\0');
    file.seekg(static_cast<std::streamoff>(from));
    if (file.read(part.data(), static_cast<std::streamsize>(count))) content += part;
  };
  add(0, std::min(bytes, kPart));
  if (bytes > kPart) add(std::max(kPart, bytes - kPart), std::min(bytes - kPart, kPart));
  return sha256_of_bytes(content);
}

}  // namespace

SourceIdentity identify_source(const std::string& spec) {
  if (media::kind_of_source(spec) != media::SourceKind::kDisk) return {without_secrets(spec), 0, {}};
  std::error_code error;
  const std::uint64_t bytes = fs::file_size(spec, error);
  if (error) throw Error(ErrorCode::kNotFound, "the file cannot be read: " + error.message(), spec);
  return {fs::weakly_canonical(fs::absolute(spec)).string(), bytes, fingerprint_of(spec, bytes)};
}

FrameStore::FrameStore(fs::path folder, FrameEncoding encoding) : folder_(std::move(folder)), encoding_(encoding) {
  std::error_code error;
  fs::create_directories(folder_, error);
  if (error || !fs::is_directory(folder_)) {
    throw Error(ErrorCode::kIo, "cannot create the folder: " + (error ? error.message() : "a file has its name"),
                folder_.string(), "Choose another --out.");
  }
  lock();
  load();
  look_around();
}

void FrameStore::lock() {
  lock_ = Descriptor(::open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!lock_.is_open()) {
    throw Error(ErrorCode::kIo, "cannot open the folder: " + std::generic_category().message(errno), folder_.string());
  }
  if (::flock(lock_.get(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
    throw Error(ErrorCode::kUnavailable, "another `goshawk frames` writes into the folder", folder_.string(),
                "Wait for it, or choose another --out.");
  }  // a file system without locks is used without them
}

void FrameStore::load() {
  std::error_code ignored;
  if (!fs::exists(list_path(), ignored)) return;
  auto list = dataset::read_frame_list(list_path());
  for (auto& source : list.sources) entries_.emplace_back().source = std::move(source);
  for (auto& frame : list.frames) {
    Entry& entry = entries_[frame.source];
    entry.frames.emplace(frame.index, std::pair(std::move(frame), entry.source.similar));
  }
}

void FrameStore::look_around() {
  std::set<std::string> ours;
  for (const auto& entry : entries_) {
    for (const auto& [index, stored] : entry.frames) ours.insert(stored.first.file);
  }
  std::error_code error;
  for (fs::directory_iterator item(folder_, error), end; !error && item != end; item.increment(error)) {
    const fs::path file = item->path().filename();
    std::error_code ignored;
    if (is_left_over(file)) fs::remove(item->path(), ignored);
    else if (!ours.contains(file.string())) foreign_.insert(file.string());
  }
  if (error) throw Error(ErrorCode::kIo, "cannot read the folder: " + error.message(), folder_.string());
}

bool FrameStore::is_free(const std::string& name, std::optional<std::uint32_t> replaces) const {
  for (std::uint32_t number = 0; number < entries_.size(); ++number) {
    const Entry& entry = entries_[number];
    if (!entry.dropped && number != replaces && entry.source.name == name) return false;
  }
  return std::none_of(foreign_.lower_bound(name + "_"), foreign_.end(), [&](const std::string& file) {
    return is_image_name(file) && name_of_frame_stem(fs::path(file).stem().string()) == name;
  });
}

FrameClaim FrameStore::claim(const SourceIdentity& identity, const std::string& name, const std::string& selection,
                             bool restart) {
  const std::lock_guard guard(mutex_);
  std::optional<std::uint32_t> replaces;
  const auto same = std::find_if(entries_.begin(), entries_.end(), [&](const Entry& entry) {
    return !entry.dropped && !identity.fingerprint.empty() && entry.source.path == identity.path;
  });
  if (same != entries_.end()) {
    const auto number = static_cast<std::uint32_t>(same - entries_.begin());
    if (same->source.fingerprint == identity.fingerprint && !restart) {
      if (same->source.selection == selection) return claim_of(number);
      if (!same->frames.empty()) {
        throw Error(
            ErrorCode::kUsage,
            fmt::format("the folder holds frames of this source that were chosen otherwise: {}", same->source.selection),
            identity.path, "Choose another --out, or add --restart to take them anew.");
      }
    }
    for (const auto& [index, stored] : same->frames) {
      const fs::path path = folder_ / stored.first.file;
      std::error_code ignored;  // a file that was changed since is its owner's, and stays
      if (fs::exists(path, ignored) && sha256_of_file(path) != stored.first.sha256) foreign_.insert(stored.first.file);
    }
    same->dropped = same->frames.empty();
    if (!same->dropped) replaces = number;
  }
  Entry entry;
  entry.replaces = replaces;
  entry.source.path = identity.path;
  entry.source.bytes = identity.bytes;
  entry.source.fingerprint = identity.fingerprint;
  entry.source.selection = selection;
  entry.source.name = name;
  for (int number = 2; !is_free(entry.source.name, replaces); ++number) {
    entry.source.name = fmt::format("{}-{}", name, number);
  }
  entries_.push_back(std::move(entry));
  return claim_of(static_cast<std::uint32_t>(entries_.size() - 1));
}

void FrameStore::drop_earlier(std::uint32_t source) {
  const std::lock_guard guard(mutex_);
  auto& replaces = entries_[source].replaces;
  if (!replaces) return;
  Entry& earlier = entries_[*replaces];
  for (const auto& [index, stored] : earlier.frames) {
    std::error_code ignored;
    if (!foreign_.contains(stored.first.file)) fs::remove(folder_ / stored.first.file, ignored);
  }
  earlier.frames.clear();
  earlier.dropped = true;
  replaces.reset();
}

FrameClaim FrameStore::claim_of(std::uint32_t number) const {
  const Entry& entry = entries_[number];
  FrameClaim claim;
  claim.source = number;
  claim.name = entry.source.name;
  claim.state = entry.source.state;
  if (entry.replaces) claim.earlier = static_cast<std::int64_t>(entries_[*entry.replaces].frames.size());
  for (const auto& [index, stored] : entry.frames) {
    std::error_code ignored;
    if (!fs::exists(folder_ / stored.first.file, ignored)) ++claim.missing_files;
    claim.indexes.insert(index);
    claim.last_time = stored.first.time;
    claim.similar = stored.second;
  }
  return claim;
}

void FrameStore::expect(std::uint32_t source, std::int64_t index, std::int64_t similar) {
  const std::lock_guard guard(mutex_);
  entries_[source].expected.emplace(index, similar);
}

void FrameStore::write(std::uint32_t source, const Frame& frame) {
  FrameRecord record;
  {
    const std::lock_guard guard(mutex_);
    record.file = fmt::format("{}_{:06}.{}", entries_[source].source.name, frame.index, encoding_.png ? "png" : "jpg");
  }
  record.source = source;
  record.index = frame.index;
  record.time = std::max(frame.pts, Microseconds(0));
  record.hash = dataset::perceptual_hash(frame.image).plain;
  const std::string bytes =
      encoding_.png ? media::encode_png(frame.image) : media::encode_jpeg(frame.image, encoding_.quality);
  record.sha256 = sha256_of_bytes(bytes);
  write_file_atomically(folder_ / record.file, bytes);
  const std::lock_guard guard(mutex_);
  Entry& entry = entries_[source];
  const auto expected = entry.expected.find(frame.index);
  require(expected != entry.expected.end(), "FrameStore::write: the frame was not expected");
  entry.frames.emplace(frame.index, std::pair(std::move(record), expected->second));
  entry.expected.erase(expected);
}

void FrameStore::describe(std::uint32_t source, const std::string& codec, int width, int height, double frame_rate) {
  const std::lock_guard guard(mutex_);
  auto& facts = entries_[source].source;
  facts.codec = codec;
  facts.width = width;
  facts.height = height;
  facts.frame_rate = frame_rate;
}

void FrameStore::end(std::uint32_t source, FrameSourceState state, std::int64_t read, std::int64_t similar,
                     const std::string& problem) {
  const std::lock_guard guard(mutex_);
  Entry& entry = entries_[source];
  entry.ended = state;
  entry.source.read = read;
  entry.source.similar = similar;
  entry.source.problem = problem;
}

std::int64_t FrameStore::stored(std::uint32_t source) const {
  const std::lock_guard guard(mutex_);
  return static_cast<std::int64_t>(entries_[entries_[source].replaces.value_or(source)].frames.size());
}

dataset::FrameList FrameStore::snapshot() const {
  const std::lock_guard guard(mutex_);
  dataset::FrameList list;
  for (const auto& entry : entries_) {
    if (entry.dropped || entry.replaces) continue;
    const auto number = static_cast<std::uint32_t>(list.sources.size());
    auto source = entry.source;
    if (entry.ended && entry.expected.empty()) source.state = *entry.ended;
    const auto first_missing =
        entry.expected.empty() ? entry.frames.end() : entry.frames.lower_bound(entry.expected.begin()->first);
    for (auto at = entry.frames.begin(); at != first_missing; ++at) {
      list.frames.push_back(at->second.first);
      list.frames.back().source = number;
      if (source.state == FrameSourceState::kPartial) source.similar = at->second.second;
    }
    list.sources.push_back(std::move(source));
  }
  return list;
}

void FrameStore::save() {
  const std::lock_guard guard(saving_);
  write_file_atomically(list_path(), to_text(snapshot()));
}

}  // namespace goshawk::pipeline
