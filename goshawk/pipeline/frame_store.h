// The folder that frames are written into, and its frames.json.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "goshawk/core/descriptor.h"
#include "goshawk/core/frame.h"
#include "goshawk/dataset/frame_list.h"

namespace goshawk::pipeline {

/// What tells one source from another, and a file from a later version of itself.
struct SourceIdentity {
  std::string path;         // absolute, or a URL without secrets
  std::uint64_t bytes = 0;  // size of the file
  std::string fingerprint;  // SHA-256 of the size, the first and the last MiB; empty: no file, never taken up again
};

/// Of a file on disk, or of a camera or URL. Of a file that cannot be read only the size counts. Throws Error{kNotFound}
/// when there is no such file.
SourceIdentity identify_source(const std::string& spec);

/// How images are stored.
struct FrameEncoding {
  bool png = false;
  int quality = 92;  // of JPEG, 1..100
};

/// What is there of a source already.
struct FrameClaim {
  std::uint32_t source = 0;  // number in the store
  std::string name;          // what its files begin with
  dataset::FrameSourceState state = dataset::FrameSourceState::kPartial;
  std::set<std::int64_t> indexes;  // of frames that are stored; all that were chosen up to the largest
  Microseconds last_time{0};       // of the frame with the largest index
  std::int64_t similar = 0;        // chosen frames left out up to the largest index
  std::int64_t missing_files = 0;  // stored frames whose files somebody took away
  std::int64_t earlier = 0;        // stored frames of the source as it was before, which `drop_earlier` removes
};

/// One folder, held by one process at a time. Files that it did not write are never touched. Thread rule: all members may be
/// called from several threads.
class FrameStore {
 public:
  /// Creates the folder, locks it, reads its frames.json, and removes what a killed run left half-written.
  /// Throws Error{kIo, kBadData}, {kUnavailable} while another process writes there.
  FrameStore(std::filesystem::path folder, FrameEncoding encoding);
  FrameStore(const FrameStore&) = delete;
  FrameStore& operator=(const FrameStore&) = delete;

  /// Takes up the source where an earlier run left it, or adds it under `name` (`name-2`, ... when that is taken, or files
  /// of that name are there). A source whose file has changed since begins anew, and with `restart` any: `drop_earlier` is
  /// due before its first frame. Nothing changes on disk; `save` before the first frame makes files of this name ours.
  /// Throws Error{kUsage} when other frames were taken before (`selection`).
  FrameClaim claim(const SourceIdentity& identity, const std::string& name, const std::string& selection, bool restart);

  /// Removes FrameClaim::earlier. Until then frames.json has the source as it was.
  void drop_earlier(std::uint32_t source);

  /// Notes that a frame is on its way: until it is written, frames.json lists no later one of its source.
  /// `similar`: frames left out so far.
  void expect(std::uint32_t source, std::int64_t index, std::int64_t similar);
  /// Encodes and writes an expected frame. Throws Error{kIo}.
  void write(std::uint32_t source, const Frame& frame);
  /// Facts about the source; its name, path and fingerprint stay.
  void describe(std::uint32_t source, const std::string& codec, int width, int height, double frame_rate);
  /// The source is read; `state` counts once all its frames are written.
  void end(std::uint32_t source, dataset::FrameSourceState state, std::int64_t read, std::int64_t similar,
           const std::string& problem);
  /// Writes frames.json, atomically. Throws Error{kIo}.
  void save();

  /// Frames of the source that are stored, earlier ones included.
  std::int64_t stored(std::uint32_t source) const;
  std::filesystem::path list_path() const { return folder_ / "frames.json"; }

 private:
  struct Entry {
    dataset::FrameSource source;
    std::map<std::int64_t, std::pair<dataset::FrameRecord, std::int64_t>> frames;  // by index, with `similar`
    std::map<std::int64_t, std::int64_t> expected;                                 // index -> similar
    std::optional<dataset::FrameSourceState> ended;
    std::optional<std::uint32_t> replaces;  // the same source as it was before, with frames
    bool dropped = false;
  };

  void lock();
  void load();
  void look_around();
  bool is_free(const std::string& name, std::optional<std::uint32_t> replaces) const;
  FrameClaim claim_of(std::uint32_t number) const;
  dataset::FrameList snapshot() const;

  std::filesystem::path folder_;
  FrameEncoding encoding_;
  Descriptor lock_;
  mutable std::mutex mutex_;
  std::mutex saving_;
  std::vector<Entry> entries_;
  std::set<std::string> foreign_;  // files that are not ours
};

}  // namespace goshawk::pipeline
