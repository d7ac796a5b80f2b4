#include "goshawk/dataset/cvat_video.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <map>
#include <utility>

#include "goshawk/core/error.h"
#include "goshawk/dataset/decimal.h"

namespace goshawk::dataset {
namespace {

constexpr std::int64_t kMostFrames = 10'000'000;
constexpr std::uint64_t kMostObjects = 50'000'000;  // interpolated ones included

/// A stated shape of a track.
struct Stated {
  std::int64_t frame = 0;
  bool outside = false;
  bool is_box = false;
  Annotation annotation;
};

Rectangle between(const Rectangle& a, const Rectangle& b, double t) {
  const auto mix = [&](double from, double to) { return nearest_decimal(from + (to - from) * t); };
  const double left = mix(a.x, b.x), top = mix(a.y, b.y);
  const double right = mix(a.x + a.width, b.x + b.width), bottom = mix(a.y + a.height, b.y + b.height);
  return {left, top, nearest_decimal(right - left), nearest_decimal(bottom - top)};
}

/// Reads the tracks of one file.
class TracksReader {
 public:
  TracksReader(const XmlFile& xml, const std::string& file, const ReadLimits& limits, Dataset& dataset,
               ProblemList& problems, NotKept& not_kept)
      : xml_(xml), limits_(limits), dataset_(dataset), shapes_(xml, file, dataset, problems, not_kept) {}

  void read() {
    const auto root = xml_.root();
    const auto meta = root.child("meta");
    shapes_.read_labels(meta);
    read_meta(meta.child("task") ? meta.child("task") : meta.child("job"), meta);
    for (const auto& track : root.children("track")) {
      if (limits_.stop.stop_requested()) throw Error(ErrorCode::kInterrupted, "stopped while the labels were read");
      if (!read_track(track)) break;
    }
    make_images();
  }

 private:
  void read_meta(const pugi::xml_node& task, const pugi::xml_node& meta) {
    const auto number = [](const pugi::xml_node& node) { return xml_number(node.text().get()).value_or(0); };
    const auto size = task.child("original_size") ? task.child("original_size") : meta.child("original_size");
    const double width = number(size.child("width")), height = number(size.child("height")),
                 frames = number(task.child("size"));
    frame_.width = width >= 1 && width <= 1e9 ? static_cast<std::uint32_t>(width) : 0;
    frame_.height = height >= 1 && height <= 1e9 ? static_cast<std::uint32_t>(height) : 0;
    if (frames >= 1 && frames <= static_cast<double>(std::min<std::uint64_t>(kMostFrames, limits_.images))) {
      stated_frames_ = static_cast<std::int64_t>(frames);
    }
    frame_.sequence = task.child("name").text().get();
    if (frame_.sequence.empty()) frame_.sequence = "video";
  }

  /// False: the limit of objects is reached.
  bool read_track(const pugi::xml_node& node) {
    const auto category = shapes_.category(node.attribute("label").value(), node);
    if (!category) return true;
    auto stated = stated_shapes(node, *category);
    for (std::size_t i = 0; i < stated.size(); ++i) {
      if (stated[i].outside) continue;
      const bool last = i + 1 == stated.size();
      const std::int64_t end = last ? stated[i].frame + 1 : stated[i + 1].frame;
      objects_ += static_cast<std::uint64_t>(end - stated[i].frame);
      if (objects_ > kMostObjects) {
        shapes_.list(ProblemKind::kTooMany, node,
                     "more than " + std::to_string(kMostObjects) + " objects; the rest is left out");
        return false;
      }
      fill(stated[i], last ? stated[i] : stated[i + 1], end);
    }
    ++track_;
    return true;
  }

  std::vector<Stated> stated_shapes(const pugi::xml_node& track, std::uint32_t category) {
    std::vector<Stated> stated;
    for (const auto& node : track.children()) {
      if (node.type() != pugi::node_element) continue;
      const auto frame = xml_number(node.attribute("frame").value());
      if (!frame || !(*frame >= 0) || *frame >= static_cast<double>(most_frames()) || *frame != std::floor(*frame)) {
        shapes_.list(ProblemKind::kBadLine, node, "the frame's number is none, or beyond the video");
        continue;
      }
      auto annotation = shapes_.shape(node, frame_);
      if (!annotation) continue;
      annotation->category = category;
      annotation->track = track_;
      stated.push_back({static_cast<std::int64_t>(*frame), node.attribute("outside").as_bool(),
                        std::strcmp(node.name(), "box") == 0, *annotation});
    }
    std::stable_sort(stated.begin(), stated.end(), [](const Stated& a, const Stated& b) { return a.frame < b.frame; });
    const auto same = [](const Stated& a, const Stated& b) { return a.frame == b.frame; };
    stated.erase(std::unique(stated.begin(), stated.end(), same), stated.end());
    return stated;
  }

  std::int64_t most_frames() const {
    if (stated_frames_ > 0) return stated_frames_;
    return static_cast<std::int64_t>(std::min<std::uint64_t>(kMostFrames, limits_.images));
  }

  void fill(const Stated& from, const Stated& to, std::int64_t end) {
    const bool boxes = from.is_box && to.is_box && !to.outside;
    const auto length = static_cast<double>(end - from.frame);
    for (std::int64_t frame = from.frame; frame < end; ++frame) {
      Annotation annotation = from.annotation;
      if (boxes && frame > from.frame) {
        move_box(annotation, to.annotation, static_cast<double>(frame - from.frame) / length);
      }
      annotation.image = static_cast<std::uint32_t>(frame);  // for now
      dataset_.annotations.push_back(annotation);
      last_frame_ = std::max(last_frame_, frame);
    }
  }

  /// Corner by corner where a box is turned.
  void move_box(Annotation& box, const Annotation& to, double t) {
    if (box.mask < 0 && to.mask < 0) {
      box.rectangle = between(box.rectangle, to.rectangle, t);
      box.area = box.rectangle.area();
      return;
    }
    auto corners = corners_of(box);
    const auto last = corners_of(to);
    for (std::size_t i = 0; i < corners.size(); ++i) corners[i] = nearest_decimal(corners[i] + (last[i] - corners[i]) * t);
    box.rectangle = extent(corners);
    box.area = area(corners);
    box.mask = static_cast<std::int32_t>(dataset_.masks.size());
    dataset_.masks.push_back(Polygons{std::move(corners)});
  }

  std::vector<double> corners_of(const Annotation& box) const {
    if (box.mask < 0) return turned_corners(box.rectangle, 0);
    return std::get<Polygons>(dataset_.masks[static_cast<std::size_t>(box.mask)])[0];
  }

  void make_images() {
    sort_by_image(dataset_);
    if (frame_.width == 0 || frame_.height == 0) size_from_objects();
    const std::int64_t count = std::max(stated_frames_, last_frame_ + 1);
    for (std::int64_t i = 0; i < count; ++i) {
      ImageEntry image = frame_;
      image.id = i + 1;
      image.frame = i + 1;
      image.file = file_of(i);
      dataset_.images.push_back(std::move(image));
    }
  }

  void size_from_objects() {
    double right = 1, bottom = 1;
    for (const auto& a : dataset_.annotations) {
      right = std::max(right, a.rectangle.x + a.rectangle.width);
      bottom = std::max(bottom, a.rectangle.y + a.rectangle.height);
    }
    frame_.width = static_cast<std::uint32_t>(std::ceil(right));
    frame_.height = static_cast<std::uint32_t>(std::ceil(bottom));
    shapes_.list(ProblemKind::kSizeDiffers, xml_.root(),
                 "the video's size is not stated; taken for as large as the boxes reach");
  }

  /// CVAT names frames of a video so; which extension it used is told by the first.
  std::string file_of(std::int64_t frame) {
    const auto name = [](std::int64_t number, const char* extension) {
      std::array<char, 48> text{};
      std::snprintf(text.data(), text.size(), "images/frame_%06lld.%s", static_cast<long long>(number), extension);
      return std::string(text.data());
    };
    if (extension_ == nullptr) {
      extension_ = "png";
      std::error_code error;
      for (const char* extension : {"PNG", "jpg", "JPG", "jpeg"}) {
        if (std::filesystem::exists(dataset_.root / name(frame, extension), error)) extension_ = extension;
      }
    }
    return name(frame, extension_);
  }

  const XmlFile& xml_;
  const ReadLimits& limits_;
  Dataset& dataset_;
  CvatShapes shapes_;
  ImageEntry frame_;  // what all frames share
  std::int64_t stated_frames_ = 0, last_frame_ = -1;
  std::uint64_t objects_ = 0;
  std::int32_t track_ = 0;
  const char* extension_ = nullptr;
};

}  // namespace

void read_cvat_tracks(const XmlFile& xml, const std::string& file, const ReadLimits& limits, Dataset& dataset,
                      ProblemList& problems, NotKept& not_kept) {
  TracksReader(xml, file, limits, dataset, problems, not_kept).read();
}

}  // namespace goshawk::dataset
