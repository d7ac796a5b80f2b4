#include "goshawk/pipeline/detect_run.h"

#include <algorithm>
#include <thread>

#include "goshawk/core/queue.h"
#include "goshawk/pipeline/first_error.h"
#include "goshawk/pipeline/read_next.h"

namespace goshawk::pipeline {
namespace {

std::vector<Frame> next_batch(BoundedQueue<Frame>& frames, std::size_t size) {
  std::vector<Frame> batch;
  while (batch.size() < size) {
    auto frame = frames.pop();
    if (!frame) break;
    batch.push_back(std::move(*frame));
  }
  return batch;
}

/// False when `on_image` wants no more.
bool detect_batch(detect::Detector& detector, std::vector<Frame> batch, const std::function<bool(DetectedFrame)>& on_image) {
  std::vector<cv::Mat> images;
  for (const auto& frame : batch) images.push_back(frame.image);
  auto results = detector.detect(images);
  for (std::size_t i = 0; i < batch.size(); ++i) {
    if (!on_image({std::move(batch[i]), std::move(results[i])})) return false;
  }
  return true;
}

}  // namespace

DetectRun detect_images(media::Source& source, detect::Detector& detector, int batch, const std::stop_token& stop,
                        const std::function<bool(DetectedFrame)>& on_image) {
  require(batch > 0, "detect_images: batch out of range");
  const auto size = static_cast<std::size_t>(batch);
  DetectRun run;
  LatencyRecorder read;  // the reader's, until it has been joined
  BoundedQueue<Frame> frames(std::max<std::size_t>(size, 2) * 2);
  FirstError errors([&] { frames.cancel(); });
  {
    const std::jthread reader([&] {
      errors.guard([&] {
        for (;;) {
          std::optional<Frame> frame;
          {
            const ScopedTimer timer(read);
            frame = read_next(source, stop, run.unreadable);
          }
          if (!frame || !frames.push(std::move(*frame))) break;
        }
        frames.close();
      });
    });
    errors.guard([&] {
      for (;;) {
        auto next = next_batch(frames, size);
        if (next.empty() || !detect_batch(detector, std::move(next), on_image)) break;
      }
      frames.cancel();
    });
  }
  errors.rethrow();
  const auto& timings = detector.timings();
  run.stages = {{"read", read.summary()},
                {"prepare", timings.prepare.summary()},
                {"inference", timings.inference.summary()},
                {"postprocess", timings.decode.summary()}};
  run.interrupted = stop.stop_requested();
  return run;
}

}  // namespace goshawk::pipeline
