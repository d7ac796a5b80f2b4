#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <utility>

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
constexpr double kGreatest = 1e15;  // of a confidence

class Writer {
 public:
  Writer(const Dataset& dataset, const std::filesystem::path& folder, const WriteOptions& options)
      : dataset_(dataset), options_(options), files_(folder), begin_(annotations_by_image(dataset)) {}

  std::vector<Problem> write() {
    detections_ = !dataset_.annotations.empty() && std::ranges::all_of(dataset_.annotations, [&](const Annotation& one) {
      return one.track < 0 && (one.score >= 0 || confidence_of(one));
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
    auto problems = lost();
    auto missing = place_images(files_, dataset_, names_, options_);
    problems.insert(problems.end(), missing.begin(), missing.end());
    return problems;
  }

 private:
  struct Sequence {
    std::vector<std::size_t> images;
    bool loose = false;  // images of no sequence, numbered as they come
  };

  std::vector<Problem> lost() const {
    Holds holds;
    holds.scores = detections_;
    holds.tracks = true;
    holds.attributes = true;  // some are: counted below
    holds.class_numbers = true;
    for (std::size_t k = 0; k < classes_.size(); ++k) holds.class_numbers &= dataset_.categories[k].id == classes_[k];
    holds.image_attributes = std::ranges::all_of(dataset_.images, [&](const ImageEntry& image) {
      return image.attributes < 0 || std::ranges::all_of(attributes_of(image.attributes), [](const auto& one) {
               return one.first == kFrameRate && frame_rate(one.second);
             });
    });
    auto problems = dropped_fields(dataset_, holds, "mot");
    const auto note = [&](std::int64_t count, const std::string& what) {
      if (count > 0) problems.push_back({ProblemKind::kDropped, Severity::kNote, "", 0, fmt::format("{}: {}", what, count)});
    };
    const auto is_lost = [&](const auto& attribute) { return !is_written(attribute); };
    note(std::ranges::count_if(dataset_.annotations,
                               [&](const Annotation& one) {
                                 return !one.crowd && std::ranges::any_of(attributes_of(one.attributes), is_lost);
                               }),
         "mot cannot hold all attributes of objects; objects that lost some");
    note(std::ranges::count_if(sequences_, [&](const auto& sequence) { return rates_of(sequence.second).size() > 1; }),
         "mot holds one frame rate a sequence; sequences whose images differ, which state none");
    return problems;
  }

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
    FreshIds fresh = fresh_ids(images);
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
                    frame_rate_of(sequence), last, first.width, first.height, extension.empty() ? ".jpg" : extension));
  }

  /// Identities for what has none: behind the greatest one while there is room, else those that nothing has.
  struct FreshIds {
    std::int64_t last = 0;
    std::set<std::int64_t> taken;

    std::int64_t next() {
      do ++last;
      while (taken.contains(last));
      return last;
    }
  };

  FreshIds fresh_ids(const std::vector<std::size_t>& images) const {
    FreshIds fresh;
    std::int64_t objects = 0;
    for (const std::size_t i : images) {
      for (std::size_t k = begin_[i]; k < begin_[i + 1]; ++k, ++objects)
        fresh.last = std::max<std::int64_t>(fresh.last, dataset_.annotations[k].track);
    }
    if (fresh.last <= std::numeric_limits<std::int32_t>::max() - objects) return fresh;
    fresh.last = 0;
    for (const std::size_t i : images) {
      for (std::size_t k = begin_[i]; k < begin_[i + 1]; ++k) fresh.taken.insert(dataset_.annotations[k].track);
    }
    return fresh;
  }

  const Attributes& attributes_of(std::int32_t index) const {
    static const Attributes kNone;
    return index < 0 ? kNone : dataset_.attributes[static_cast<std::size_t>(index)];
  }

  /// What the images of a sequence say of its frame rate; nullopt: nothing, or nothing that is one.
  std::set<std::optional<double>> rates_of(const Sequence& sequence) const {
    std::set<std::optional<double>> rates;
    for (const std::size_t i : sequence.images) {
      std::optional<double> rate;
      for (const auto& [name, value] : attributes_of(dataset_.images[i].attributes)) {
        if (name == kFrameRate) rate = frame_rate(value);
      }
      rates.insert(rate);
    }
    return rates;
  }

  /// The one that all images agree on; else 0, for the key must be there.
  std::string frame_rate_of(const Sequence& sequence) const {
    const auto rates = rates_of(sequence);
    return rates.size() == 1 ? decimal_text(rates.begin()->value_or(0)) : "0";
  }

  /// What came from another format may be anything.
  static std::optional<double> number_in(std::string_view text, double least, double most) {
    double number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return number >= least && number <= most ? std::optional(number) : std::nullopt;
  }

  static std::optional<double> frame_rate(std::string_view text) {
    const auto rate = number_in(text, 0, kGreatestFrameRate);
    return rate && *rate > 0 ? rate : std::nullopt;
  }

  /// Of a detection, where it is none in [0, 1].
  std::optional<double> confidence_of(const Annotation& one) const {
    for (const auto& [name, value] : attributes_of(one.attributes)) {
      if (name == "confidence") return number_in(value, -kGreatest, kGreatest);
    }
    return std::nullopt;
  }

  /// Whether a line can hold it.
  bool is_written(const std::pair<std::string, std::string>& attribute) const {
    const auto& [name, value] = attribute;
    if (name == "visibility") return number_in(value, 0, 1).has_value();
    return detections_ ? name == "confidence" : name == "considered" && value == "0";
  }

  void append(const Annotation& one, std::int64_t frame, FreshIds& fresh, std::string& text) const {
    if (one.crowd) return;
    const Rectangle& r = one.rectangle;
    const std::int64_t id = detections_ ? -1 : one.track >= 0 ? one.track : fresh.next();
    std::string confidence = "1", visibility = detections_ ? "-1" : "1";
    if (detections_)
      confidence = one.score >= 0 ? fmt::format("{}", one.score) : decimal_text(confidence_of(one).value_or(-1));
    for (const auto& attribute : attributes_of(one.attributes)) {
      if (!is_written(attribute)) continue;
      if (attribute.first == "considered") confidence = "0";
      if (attribute.first == "visibility") visibility = attribute.second;
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
