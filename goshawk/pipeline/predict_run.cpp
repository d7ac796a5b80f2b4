#include "goshawk/pipeline/predict_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <opencv2/core.hpp>
#include <optional>
#include <set>
#include <thread>

#include "goshawk/core/files.h"
#include "goshawk/core/json_text.h"
#include "goshawk/core/queue.h"
#include "goshawk/core/text.h"
#include "goshawk/media/image.h"
#include "goshawk/pipeline/detect_run.h"
#include "goshawk/pipeline/first_error.h"

namespace goshawk::pipeline {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

/// A folder's name for a class: its name without what a file system minds.
std::string folder_name(std::string name) {
  std::replace_if(
      name.begin(), name.end(), [](char c) { return c == '/' || c == '\\' || static_cast<unsigned char>(c) < 32; }, '_');
  return name.empty() || name == "." || name == ".." ? "_" : name;
}

class PredictRun {
 public:
  PredictRun(media::Source& source, detect::Detector& detector, const PredictOptions& options, const fs::path& folder)
      : source_(source),
        detector_(detector),
        options_(options),
        folder_(folder),
        predicted_(static_cast<std::size_t>(std::max(options.batch, 2)) * 2) {}

  PredictSummary run(std::stop_token stop, const std::function<void(const ImagePrediction&)>& on_image) {
    const auto start = Clock::now();
    DetectRun detected;
    {
      std::jthread writer([&] { errors_.guard([&] { write_images(); }); });
      errors_.guard([&] {
        detected = detect_images(source_, detector_, options_.batch, stop,
                                 [&](DetectedFrame item) { return take(std::move(item), on_image); });
        predicted_.close();
      });
    }
    errors_.rethrow();
    if (summary_.images == 0) no_images(detected);
    predictions_.stream() << (summary_.images > 0 ? "\n]\n" : "[]\n");
    predictions_.commit();
    summary_.interrupted = detected.interrupted;
    summary_.wall_seconds = std::chrono::duration<double>(Clock::now() - start).count();
    summarize_classes();
    summary_.unreadable = std::move(detected.unreadable);
    summary_.stages = std::move(detected.stages);
    summary_.stages.emplace_back("write", write_.summary());
    return summary_;
  }

 private:
  struct Predicted {
    Frame frame;
    ImagePrediction prediction;
    std::string stem;  // of the names of its files
  };

  /// Nothing is written for nothing.
  void no_images(const DetectRun& detected) const {
    if (detected.interrupted) throw Error(ErrorCode::kInterrupted, "stopped before the first image");
    if (detected.unreadable.empty()) return;
    throw Error(ErrorCode::kBadData, fmt::format("none of the {} images can be read", detected.unreadable.size()),
                source_.info().name, "The first: " + detected.unreadable.front());
  }

  /// False when the writer takes no more.
  bool take(DetectedFrame item, const std::function<void(const ImagePrediction&)>& on_image) {
    const cv::Mat& image = item.frame.image;
    ImagePrediction prediction{item.frame.name, item.frame.path, image.cols, image.rows, std::move(item.detections)};
    std::string stem = unique_stem(prediction.name);
    count(prediction, stem);
    if (on_image) on_image(prediction);
    return predicted_.push({std::move(item.frame), std::move(prediction), std::move(stem)});
  }

  void count(const ImagePrediction& prediction, const std::string& stem) {
    ++summary_.images;
    std::string list;
    for (const auto& detection : prediction.detections) {
      ++by_class_[detection.class_id];
      const Box& box = detection.box;
      list += fmt::format(R"({}
    {{"box": [{:.2f}, {:.2f}, {:.2f}, {:.2f}], "score": {:.5f}, "class_id": {}, "class": {}}})",
                          list.empty() ? "" : ",", box.x1, box.y1, box.x2, box.y2, detection.score, detection.class_id,
                          json_quoted(name_of(detection.class_id)));
    }
    std::string files;
    if (options_.images) files += fmt::format(R"("output": {}, )", json_quoted(picture_name(stem, prediction)));
    if (options_.labels) files += fmt::format(R"("labels": {}, )", json_quoted(labels_name(stem)));
    predictions_.stream() << fmt::format(
        R"({}
  {{"image": {}, "path": {}, "width": {}, "height": {}, {}"detections": [{}]}})",
        summary_.images == 1 ? "[" : ",", json_quoted(prediction.name), json_quoted(prediction.path), prediction.width,
        prediction.height, files, list);
    if (!predictions_.stream()) {
      throw Error(ErrorCode::kIo, "cannot write the file", predictions_.path().string(), "Is the disk full?");
    }
  }

  std::string name_of(int class_id) const { return class_name(detector_.recipe().class_names, class_id); }

  void summarize_classes() {
    for (const auto& [class_id, number] : by_class_) {
      summary_.detections.emplace_back(distinct_class_name(detector_.recipe().class_names, class_id), number);
    }
    std::stable_sort(summary_.detections.begin(), summary_.detections.end(),
                     [](const auto& a, const auto& b) { return a.second > b.second; });
  }

  void write_images() {
    while (auto item = predicted_.pop()) {
      const ScopedTimer timer(write_);
      const std::string& stem = item->stem;
      if (options_.labels) write_labels(stem, item->prediction);
      if (options_.crops) write_crops(stem, item->frame.image, item->prediction);
      if (options_.images) {
        Overlay overlay(options_.overlay, detector_.recipe().class_names, item->frame.image.size());
        overlay.draw_detections(item->frame.image, item->prediction.detections);
        media::write_image(folder_ / picture_name(stem, item->prediction), item->frame.image);
      }
    }
  }

  /// "a.jpg" and "a.png" in one run must not overwrite each other's files.
  std::string unique_stem(const std::string& name) {
    const std::string stem = fs::path(name).stem().string();
    std::string chosen = stem;
    for (int number = 2; !stems_.insert(chosen).second; ++number) chosen = fmt::format("{}_{}", stem, number);
    return chosen;
  }

  static std::string picture_name(const std::string& stem, const ImagePrediction& prediction) {
    return stem + (to_lower(fs::path(prediction.name).extension().string()) == ".png" ? ".png" : ".jpg");
  }
  static std::string labels_name(const std::string& stem) { return "labels/" + stem + ".txt"; }

  void write_labels(const std::string& stem, const ImagePrediction& prediction) {
    std::string text;
    for (const auto& detection : prediction.detections) {
      const Box& box = detection.box;
      if (box.area() <= 0) continue;  // beside the picture: as a label it would be an error
      text += fmt::format("{} {:.6f} {:.6f} {:.6f} {:.6f} {:.5f}\n", detection.class_id, box.center_x() / prediction.width,
                          box.center_y() / prediction.height, box.width() / prediction.width,
                          box.height() / prediction.height, detection.score);
    }
    make_folder(folder_ / "labels");
    write_file_atomically(folder_ / labels_name(stem), text);
  }

  void write_crops(const std::string& stem, const cv::Mat& image, const ImagePrediction& prediction) {
    int number = 0;
    for (const auto& detection : prediction.detections) {
      const Box& box = detection.box;
      const cv::Rect area = cv::Rect(cv::Point(static_cast<int>(box.x1), static_cast<int>(box.y1)),
                                     cv::Point(static_cast<int>(std::ceil(box.x2)), static_cast<int>(std::ceil(box.y2)))) &
                            cv::Rect(0, 0, image.cols, image.rows);
      if (area.empty()) continue;
      const fs::path folder = folder_ / "crops" / folder_name(name_of(detection.class_id));
      make_folder(folder);
      media::write_image(folder / fmt::format("{}-{}.jpg", stem, ++number), image(area));
    }
  }

  media::Source& source_;
  detect::Detector& detector_;
  const PredictOptions& options_;
  fs::path folder_;
  BoundedQueue<Predicted> predicted_;
  LatencyRecorder write_;  // writer's thread
  std::set<std::string> stems_;
  std::map<int, std::int64_t> by_class_;
  AtomicFile predictions_{folder_ / "predictions.json"};  // written image by image: memory does not grow
  PredictSummary summary_;
  FirstError errors_{[this] { predicted_.cancel(); }};
};

}  // namespace

PredictSummary predict_images(media::Source& source, detect::Detector& detector, const PredictOptions& options,
                              const fs::path& folder, std::stop_token stop,
                              const std::function<void(const ImagePrediction&)>& on_image) {
  require(options.batch > 0, "PredictOptions::batch out of range");
  return PredictRun(source, detector, options, folder).run(std::move(stop), on_image);
}

}  // namespace goshawk::pipeline
