#include "goshawk/pipeline/track_writers.h"

#include <fmt/format.h>

#include <iterator>
#include <string_view>
#include <utility>

#include "goshawk/core/error.h"
#include "goshawk/core/json_text.h"
#include "goshawk/core/text.h"

namespace goshawk::pipeline {

TrackWriters::TrackWriters(const std::filesystem::path& folder, std::vector<std::string> class_names)
    : class_names_(std::move(class_names)),
      jsonl_(folder / "tracks.jsonl"),
      csv_(folder / "tracks.csv"),
      mot_(folder / "mot.txt") {
  csv_.stream() << "x_min,y_min,x_max,y_max,class_id,confidence,tracker_id,class_name,frame_index,time\n";
}

void TrackWriters::write(const Frame& frame, std::span<const track::Track> tracks) {
  const double time = std::chrono::duration<double>(frame.pts).count();
  std::string jsonl = fmt::format(R"({{"frame":{},"time":{:.6f},)", frame.index, time);
  if (!frame.name.empty()) jsonl += fmt::format(R"("image":{},)", json_quoted(frame.name));
  jsonl += R"("tracks":[)";
  std::string csv, mot;
  std::string_view separator;
  for (const auto& track : tracks) {
    const std::string name = class_name(class_names_, track.class_id);
    const Box& box = track.box;
    fmt::format_to(
        std::back_inserter(jsonl),
        R"({}{{"id":{},"class_id":{},"class":{},"score":{:.4f},"box":[{:.2f},{:.2f},{:.2f},{:.2f}],"predicted":{}}})",
        separator, track.id, track.class_id, json_quoted(name), track.score, box.x1, box.y1, box.x2, box.y2,
        track.detection < 0);
    separator = ",";
    fmt::format_to(std::back_inserter(csv), "{:.2f},{:.2f},{:.2f},{:.2f},{},{:.4f},{},{},{},{:.6f}\n", box.x1, box.y1,
                   box.x2, box.y2, track.class_id, track.score, track.id, csv_field(name), frame.index, time);
    fmt::format_to(std::back_inserter(mot), "{},{},{:.2f},{:.2f},{:.2f},{:.2f},{:.4f},-1,-1,-1\n", frame.index + 1, track.id,
                   box.x1 + 1, box.y1 + 1, box.width(), box.height(), track.score);
  }
  jsonl_.stream() << jsonl << "]}\n";
  csv_.stream() << csv;
  mot_.stream() << mot;
  for (AtomicFile* file : {&jsonl_, &csv_, &mot_}) {  // a full disk is told now, not after hours
    if (!file->stream()) throw Error(ErrorCode::kIo, "cannot write the file", file->path().string(), "Is the disk full?");
  }
}

void TrackWriters::commit() {
  jsonl_.commit();
  csv_.commit();
  mot_.commit();
}

}  // namespace goshawk::pipeline
