// frames.json: where the images of a folder came from.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace goshawk::dataset {

/// How far a source is.
enum class FrameSourceState : std::uint8_t {
  kPartial,   // stopped before its end: a later run goes on
  kComplete,  // nothing more is to be taken
  kFailed,    // ended by an error; what came before it is there
};

/// A video that frames were taken from.
struct FrameSource {
  std::string name;           // what its images' names begin with; unique in the list
  std::string path;           // absolute path, or URL without secrets
  std::uint64_t bytes = 0;    // size of the file; 0: none, or empty
  std::string fingerprint;    // of the file's size, beginning and end; empty: no file
  std::string selection;      // which frames were asked for, in words
  std::string codec;          // "h264"
  int width = 0, height = 0;  // pixels
  double frame_rate = 0;      // average; 0: not known
  FrameSourceState state = FrameSourceState::kPartial;
  std::int64_t read = 0;     // frames gone by
  std::int64_t similar = 0;  // chosen frames that were left out because little had changed
  std::string problem;       // one line, empty when there was none
  bool operator==(const FrameSource&) const = default;
};

/// One image.
struct FrameRecord {
  std::string file;                   // plain file name, beside frames.json; unique in the list
  std::uint32_t source = 0;           // index into FrameList::sources
  std::int64_t index = 0;             // 0-based number of the frame in its source
  std::chrono::microseconds time{0};  // presentation time from the start of the source
  std::string sha256;                 // of the file, 64 hexadecimal digits
  std::uint64_t hash = 0;             // perceptual_hash (plain) of the frame before it was compressed
  bool operator==(const FrameRecord&) const = default;
};

struct FrameList {
  std::vector<FrameSource> sources;
  std::vector<FrameRecord> frames;
  bool operator==(const FrameList&) const = default;
};

/// "complete", "partial", "failed".
const char* name(FrameSourceState state);

/// Reads frames.json. Throws Error{kNotFound} when it is not there, {kBadData} with the field when it is damaged, names
/// files outside of its folder, or was written by a later version.
FrameList read_frame_list(const std::filesystem::path& path);

/// One frame a line; what `read_frame_list` reads back as the same list. Hashes of another kHashMethod are not kept.
std::string to_text(const FrameList& list);

/// Whether `name` is a file name without folders that no list may abuse: not empty, not hidden, no '/', no control
/// characters.
bool is_plain_file_name(const std::string& name);

}  // namespace goshawk::dataset
