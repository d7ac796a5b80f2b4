// Still images out of videos: chosen frames, written with their places and times.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "goshawk/core/error.h"
#include "goshawk/media/source.h"
#include "goshawk/pipeline/frame_selection.h"
#include "goshawk/pipeline/frame_store.h"

namespace goshawk::pipeline {

/// A video file, camera or URL, and what its images' names begin with.
struct FramesInput {
  std::string spec;
  std::string name;  // a plain file name
};

struct FramesOptions {
  FrameSelection selection = EveryInterval{};
  std::optional<Microseconds> start, end;  // of each source: frames with start <= pts < end
  std::optional<std::int64_t> max_frames;  // written of each source at most
  double min_change = 0;                   // picture_change (percent) against the last written frame of the source, at least
  FrameEncoding encoding;
  bool restart = false;  // take the sources anew
  int threads = 0;       // 0: as many as cores
  std::chrono::milliseconds timeout{10'000};
  std::function<void(const std::string&)> log;  // warnings; called from several threads, one at a time
};

struct FramesRow {
  std::string name, path;
  dataset::FrameSourceState state = dataset::FrameSourceState::kPartial;
  std::int64_t read = 0;     // frames gone by, decoded or not
  std::int64_t written = 0;  // by this run
  std::int64_t earlier = 0;  // written by earlier runs
  std::int64_t similar = 0;  // left out by min_change
  std::optional<Error> error;
};

struct FramesSummary {
  std::vector<FramesRow> sources;  // in the order of the inputs, each file once
  double wall_seconds = 0;
  bool interrupted = false;
};

struct FramesProgress {
  double done = 0, total = 0;  // bytes of the sources' files; total 0: a live source has no end
  std::int64_t read = 0, written = 0;
  std::size_t sources_ended = 0;
};

/// Writes the chosen frames of all `inputs` into `folder` as NAME_INDEX.jpg (index of the frame in its source, six digits or
/// more) and keeps frames.json. Several sources are read side by side, images are encoded on all cores. A second run with
/// the same options goes on where the first one stopped; sources that are finished are left alone, those that changed are
/// taken anew once they are seen to open. Of a file, what no chosen frame needs is not decoded where its packets tell the
/// frames (media::FrameMap); otherwise RandomFrames decodes each source twice, first to count its frames. A source that
/// fails is told in its row, and the others go on; a file that several inputs lead to is taken once. `on_progress` is called
/// in the caller's thread, ten times a second. Throws Error{kIo, kUsage, kUnavailable, kBadData} of the folder, and
/// {kNotFound} before anything is written when a file is not there, {kInterrupted} before the first image; frames.json is
/// whole whatever happens.
FramesSummary extract_frames(const std::vector<FramesInput>& inputs, const std::filesystem::path& folder,
                             const FramesOptions& options, std::stop_token stop,
                             const std::function<void(const FramesProgress&)>& on_progress);

/// The videos in a folder (not in its subfolders), sorted by name: files with a video's extension.
/// Throws Error{kNotFound} when there is none.
std::vector<std::filesystem::path> videos_in_folder(const std::filesystem::path& folder);

}  // namespace goshawk::pipeline
