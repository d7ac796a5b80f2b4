#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <set>
#include <tuple>

#include "goshawk/core/error.h"
#include "goshawk/dataset/decimal.h"
#include "goshawk/dataset/dropped.h"
#include "goshawk/dataset/folder_writer.h"
#include "goshawk/dataset/mot.h"
#include "goshawk/dataset/mot_text.h"
#include "goshawk/dataset/safe_path.h"

namespace goshawk::dataset {
namespace {

constexpr const char* kLooseImages = "images";

class Writer {
 public:
  Writer(const Dataset& dataset, const std::filesystem::path& folder, const WriteOptions& options)
      : dataset_(dataset), options_(options), files_(folder), begin_(annotations_by_image(dataset)) {}

  std::vector<Problem> write() {
    detections_ = !dataset_.annotations.empty() && std::ranges::all_of(dataset_.annotations, [](const Annotation& one) {
      return one.track < 0 && one.score >= 0;
    });
    number_classes();
    std::vector<std::size_t> loose;
    for (std::size_t i = 0; i < dataset_.images.size(); ++i) {
      const auto safe = safe_relative_path(dataset_.images[i].sequence);
      if (safe) sequences_[std::string(file_name_of(*safe))].images.push_back(i);
      else loose.push_back(i);
    }
    arrange(loose);
    names_.resize(dataset_.images.size());
    for (const auto& [name, sequence] : sequences_) write_sequence(name, sequence);
    Holds holds;
    holds.scores = detections_;
    holds.tracks = holds.attributes = holds.class_numbers = true;
    holds.image_attributes = std::ranges::all_of(dataset_.images, [&](const ImageEntry& image) {
      return image.attributes < 0 ||
             std::ranges::all_of(dataset_.attributes[static_cast<std::size_t>(image.attributes)],
                                 [](const auto& one) { return one.first == kFrameRate && frame_rate(one.second); });
    });
    auto problems = dropped_fields(dataset_, holds, "mot");
    auto missing = place_images(files_, dataset_, names_, options_);
    problems.insert(problems.end(), missing.begin(), missing.end());
    return problems;
  }

 private:
  struct Sequence {
    std::vector<std::size_t> images;
    bool loose = false;  // images of no sequence, numbered as they come
  };

  /// A sequence states one size and one extension for all of its images, so images of no sequence make one of each kind.
  void arrange(const std::vector<std::size_t>& loose) {
    using Kind = std::tuple<std::uint32_t, std::uint32_t, std::string>;
    std::map<Kind, std::vector<std::size_t>> kinds;
    std::set<std::pair<std::uint32_t, std::uint32_t>> sizes;
    for (const std::size_t i : loose) {
      const ImageEntry& image = dataset_.images[i];
      kinds[{image.width, image.height, std::filesystem::path(image.file).extension().string()}].push_back(i);
      sizes.emplace(image.width, image.height);
    }
    for (auto& [kind, images] : kinds) {
      const auto& [width, height, extension] = kind;
      std::string name = kLooseImages;
      if (sizes.size() > 1) name += fmt::format("-{}x{}", width, height);
      if (kinds.size() > sizes.size()) name += "-" + extension.substr(std::min<std::size_t>(1, extension.size()));
      Sequence& sequence = sequences_[name];
      sequence.loose = true;
      sequence.images.insert(sequence.images.end(), images.begin(), images.end());
    }
  }

  /// The Challenge's own numbers where every class is one of its.
  void number_classes() {
    own_numbers_ =
        std::ranges::all_of(dataset_.categories, [](const Category& c) { return c.name == mot_class_name(c.id); });
    for (std::size_t k = 0; k < dataset_.categories.size(); ++k) {
      classes_.push_back(own_numbers_ ? dataset_.categories[k].id : static_cast<std::int64_t>(k) + 1);
    }
  }

  void write_sequence(const std::string& name, const Sequence& sequence) {
    const auto& images = sequence.images;
    std::string text;
    std::int64_t last = 0, next = 1;
    std::int32_t fresh = 0;  // identity for what has none
    for (const std::size_t i : images) {
      for (std::size_t k = begin_[i]; k < begin_[i + 1]; ++k) fresh = std::max(fresh, dataset_.annotations[k].track);
    }
    for (const std::size_t i : images) {
      if (options_.stop.stop_requested()) throw Error(ErrorCode::kInterrupted, "stopped; nothing was written");
      const ImageEntry& image = dataset_.images[i];
      const std::int64_t frame = sequence.loose || image.frame < 1 ? next : image.frame;
      next = frame + 1;
      last = std::max(last, frame);
      names_[i] = fmt::format("{}/img1/{:06}{}", name, frame, std::filesystem::path(image.file).extension().string());
      for (std::size_t k = begin_[i]; k < begin_[i + 1]; ++k) append(dataset_.annotations[k], frame, fresh, text);
    }
    files_.write(name + (detections_ ? "/det/det.txt" : "/gt/gt.txt"), text);
    if (!own_numbers_) {
      std::string labels;
      for (const auto& category : dataset_.categories) labels += category.name + "\n";
      files_.write(name + (detections_ ? "/det/labels.txt" : "/gt/labels.txt"), labels);
    }
    const ImageEntry& first = dataset_.images[images.front()];
    const std::string extension = std::filesystem::path(first.file).extension().string();
    files_.write(
        name + "/seqinfo.ini",
        fmt::format("[Sequence]\nname={}\nimDir=img1\nframeRate={}\nseqLength={}\nimWidth={}\nimHeight={}\nimExt={}\n", name,
                    frame_rate_of(first), last, first.width, first.height, extension.empty() ? ".jpg" : extension));
  }

  /// 0 where it is not known, for the key must be there.
  std::string frame_rate_of(const ImageEntry& image) const {
    if (image.attributes < 0) return "0";
    for (const auto& [name, value] : dataset_.attributes[static_cast<std::size_t>(image.attributes)]) {
      if (name == kFrameRate) return decimal_text(frame_rate(value).value_or(0));
    }
    return "0";
  }

  /// What came from another format may be anything.
  static std::optional<double> frame_rate(std::string_view text) {
    double rate = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), rate);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return rate > 0 && rate <= kGreatestFrameRate ? std::optional(rate) : std::nullopt;
  }

  void append(const Annotation& one, std::int64_t frame, std::int32_t& fresh, std::string& text) const {
    if (one.crowd) return;
    const Rectangle& r = one.rectangle;
    const std::int32_t id = detections_ ? -1 : one.track >= 0 ? one.track : ++fresh;
    std::string confidence = detections_ ? fmt::format("{}", one.score) : "1", visibility = detections_ ? "-1" : "1";
    if (one.attributes >= 0) {
      for (const auto& [name, value] : dataset_.attributes[one.attributes]) {
        if (name == "considered" && value == "0" && !detections_) confidence = "0";
        if (name == "visibility") visibility = value;
      }
    }
    text += fmt::format("{},{},{},{},{},{},{},{},{}\n", frame, id, decimal_text(nearest_decimal(r.x + 1)),
                        decimal_text(nearest_decimal(r.y + 1)), decimal_text(r.width), decimal_text(r.height), confidence,
                        classes_[one.category], visibility);
  }

  const Dataset& dataset_;
  const WriteOptions& options_;
  FolderWriter files_;
  std::vector<std::size_t> begin_;
  bool detections_ = false, own_numbers_ = false;
  std::vector<std::int64_t> classes_;
  std::map<std::string, Sequence> sequences_;
  std::vector<std::string> names_;
};

}  // namespace

std::vector<Problem> write_mot(const Dataset& dataset, const std::filesystem::path& folder, const WriteOptions& options) {
  return Writer(dataset, folder, options).write();
}

}  // namespace goshawk::dataset
