#include "goshawk/dataset/mot.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <map>
#include <utility>

#include "goshawk/core/error.h"
#include "goshawk/core/files.h"
#include "goshawk/core/text_file.h"
#include "goshawk/dataset/decimal.h"
#include "goshawk/dataset/mot_text.h"
#include "goshawk/dataset/problems.h"
#include "goshawk/dataset/safe_path.h"

namespace goshawk::dataset {
namespace {

namespace fs = std::filesystem;

bool is_file(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

struct SequencePlace {
  fs::path folder, labels;
  bool detections = false;
};

std::optional<SequencePlace> sequence_in(const fs::path& folder) {
  for (const auto& [place, detections] : {std::pair("gt/gt.txt", false), std::pair("gt.txt", false),
                                          std::pair("det/det.txt", true), std::pair("det.txt", true)}) {
    if (is_file(folder / place)) return SequencePlace{folder, folder / place, detections};
  }
  return {};
}

std::vector<SequencePlace> find_sequences(const fs::path& path) {
  if (is_file(path)) {
    const fs::path folder = fs::absolute(path).lexically_normal().parent_path();
    const bool inner = folder.filename() == "gt" || folder.filename() == "det";
    return {{inner ? folder.parent_path() : folder, path, !path.filename().string().starts_with("gt")}};
  }
  if (auto one = sequence_in(path)) return {*one};
  std::vector<fs::path> folders;
  std::error_code code;
  for (fs::directory_iterator it(path, code), end; !code && it != end; it.increment(code)) folders.push_back(it->path());
  std::ranges::sort(folders);
  std::vector<SequencePlace> found;
  for (const auto& folder : folders) {
    if (auto one = sequence_in(folder)) found.push_back(*one);
  }
  if (found.empty()) {
    throw Error(ErrorCode::kNotFound, "no sequence found", path.string(),
                "Looked for gt/gt.txt, gt.txt, det/det.txt and det.txt.");
  }
  return found;
}

class Reader {
 public:
  Reader(const fs::path& path, const ReadLimits& limits) : limits_(limits), problems_(limits.problems) {
    const auto places = find_sequences(path);
    result_.dataset.root = places.size() == 1 ? places.front().folder : path;
    for (const auto& place : places) {
      if (limits.stop.stop_requested()) throw Error(ErrorCode::kInterrupted, "stopped");
      read(place);
    }
  }

  ReadResult take() {
    problems_.move_to(result_);
    return std::move(result_);
  }

 private:
  void read(const SequencePlace& place) {
    const std::string file = fs::relative(place.labels, result_.dataset.root).generic_string();
    MotText text = parse_mot(read_file(place.labels, limits_.file_bytes), file, limits_);
    for (auto& problem : text.problems) {
      problems_.add(problem.kind, problem.severity, file, problem.line, std::move(problem.message));
    }
    auto info = read_sequence_info(place.folder / "seqinfo.ini").value_or(SequenceInfo{});
    const std::string folder_name = fs::absolute(place.folder).lexically_normal().filename().string();
    sequence_ = info.name.empty() ? folder_name : info.name;
    prefix_ = place.folder == result_.dataset.root ? "" : place.folder.filename().string() + "/";
    labels_ = file;
    detections_ = place.detections;
    read_class_names(place.labels.parent_path() / "labels.txt");
    leave_out_repeated(text.rows, file);
    std::ranges::stable_sort(text.rows, {}, &MotRow::frame);
    add_images(info, text.rows, file);
    for (const MotRow& row : text.rows) add(row, file);
  }

  void read_class_names(const fs::path& path) {
    class_names_.clear();
    if (!is_file(path)) return;
    class_names_ = lines_in(read_utf8_file(path, 1 << 20));
  }

  void leave_out_repeated(std::vector<MotRow>& rows, const std::string& file) {
    std::vector<std::size_t> order;
    for (std::size_t k = 0; k < rows.size(); ++k) {
      if (rows[k].id >= 0) order.push_back(k);
    }
    const auto key = [&](std::size_t k) { return std::tuple(rows[k].frame, rows[k].id, k); };
    std::ranges::sort(order, {}, key);
    std::vector<char> out(rows.size());
    for (std::size_t k = 1; k < order.size(); ++k) {
      const MotRow &row = rows[order[k]], &before = rows[order[k - 1]];
      if (row.frame != before.frame || row.id != before.id) continue;
      out[order[k]] = 1;
      problems_.add(ProblemKind::kBadLine, Severity::kError, file, row.line,
                    fmt::format("id {} is there twice in frame {}", row.id, row.frame));
    }
    std::size_t at = 0;
    std::erase_if(rows, [&](const MotRow&) { return out[at++] != 0; });
  }

  /// All frames of the stated length; else those in which something is.
  void add_images(const SequenceInfo& info, const std::vector<MotRow>& rows, const std::string& file) {
    first_image_ = result_.dataset.images.size();
    frames_.clear();
    const auto room = static_cast<std::int64_t>(limits_.images - std::min<std::uint64_t>(limits_.images, first_image_));
    const auto folder = safe_relative_path(info.image_folder);
    const auto extension = safe_relative_path("0" + info.image_extension);
    if (!folder || !extension || extension->find('/') != std::string::npos) {
      problems_.add(ProblemKind::kUnsafePath, Severity::kError, file, 0, "seqinfo.ini leads out of the sequence's folder");
      return;
    }
    if (info.frames > 0 && info.frames <= room) {
      for (std::int64_t frame = 1; frame <= info.frames; ++frame) frames_.push_back(frame);
    } else {
      for (const MotRow& row : rows) {
        if (frames_.empty() || frames_.back() != row.frame) frames_.push_back(row.frame);
      }
    }
    if (static_cast<std::int64_t>(frames_.size()) > room) {
      problems_.add(ProblemKind::kTooMany, Severity::kError, file, 0, fmt::format("more than {} images", limits_.images));
      frames_.resize(static_cast<std::size_t>(room));
    }
    std::int32_t attributes = -1;  // the same for all of the sequence
    if (info.frame_rate > 0 && !frames_.empty()) {
      attributes = static_cast<std::int32_t>(result_.dataset.attributes.size());
      result_.dataset.attributes.push_back({{std::string(kFrameRate), fmt::format("{}", info.frame_rate)}});
    }
    for (const std::int64_t frame : frames_) {
      ImageEntry image;
      image.attributes = attributes;
      image.id = static_cast<std::int64_t>(result_.dataset.images.size()) + 1;
      image.file = fmt::format("{}{}/{:06}{}", prefix_, *folder, frame, info.image_extension);
      image.labels = labels_;
      image.width = info.width;
      image.height = info.height;
      image.sequence = sequence_;
      image.frame = frame;
      result_.dataset.images.push_back(std::move(image));
    }
    objects_ = 0;
    last_frame_ = 0;
  }

  void add(const MotRow& row, const std::string& file) {
    const auto place = std::ranges::lower_bound(frames_, row.frame);
    if (place == frames_.end() || *place != row.frame) {
      problems_.add(ProblemKind::kBadLine, Severity::kError, file, row.line,
                    fmt::format("frame {} is beyond the sequence", row.frame));
      return;
    }
    objects_ = row.frame == last_frame_ ? objects_ + 1 : 1;
    last_frame_ = row.frame;
    if (objects_ > limits_.objects_per_image) {
      if (objects_ == limits_.objects_per_image + 1) {
        problems_.add(
            ProblemKind::kTooMany, Severity::kError, file, row.line,
            fmt::format("more than {} objects in frame {}; the rest is left out", limits_.objects_per_image, row.frame));
      }
      return;
    }
    if (row.id > std::numeric_limits<std::int32_t>::max()) {
      problems_.add(ProblemKind::kBadLine, Severity::kError, file, row.line, fmt::format("id {} is too large", row.id));
      return;
    }
    Annotation annotation;
    annotation.image = static_cast<std::uint32_t>(first_image_ + static_cast<std::size_t>(place - frames_.begin()));
    annotation.category = category_of(row);
    annotation.rectangle = {nearest_decimal(row.box.x - 1), nearest_decimal(row.box.y - 1), row.box.width, row.box.height};
    annotation.area = annotation.rectangle.area();
    annotation.track = row.id < 0 ? -1 : static_cast<std::int32_t>(row.id);
    annotation.line = row.line;
    Attributes attributes;
    if (detections_) {
      const double confidence = row.columns > 6 ? row.confidence : -1;
      if (confidence >= 0 && confidence <= 1) annotation.score = static_cast<float>(confidence);
      else attributes.emplace_back("confidence", decimal_text(confidence));
    }
    if (!detections_ && row.confidence == 0) attributes.emplace_back("considered", "0");
    if (row.visibility >= 0 && row.visibility < 1) {
      attributes.emplace_back("visibility", fmt::format("{}", row.visibility));
    }
    annotation.attributes = number_of(std::move(attributes));
    result_.dataset.annotations.push_back(annotation);
  }

  std::uint32_t category_of(const MotRow& row) {
    const bool stated =
        row.kind == static_cast<double>(static_cast<std::int32_t>(std::clamp(row.kind, -1e9, 1e9))) && row.kind >= 1;
    const auto id = stated ? static_cast<std::int64_t>(row.kind) : 1;
    std::string name(mot_class_name(id));
    if (!class_names_.empty()) name = id <= static_cast<std::int64_t>(class_names_.size()) ? class_names_[id - 1] : "";
    if (name.empty()) name = fmt::format("class_{}", id);
    const auto [place, fresh] = categories_.emplace(name, static_cast<std::uint32_t>(result_.dataset.categories.size()));
    if (fresh) result_.dataset.categories.push_back({id, name, ""});
    return place->second;
  }

  /// Most objects have few different attributes: each set of them is kept once.
  std::int32_t number_of(Attributes attributes) {
    if (attributes.empty()) return -1;
    const auto [place, fresh] =
        attribute_sets_.emplace(std::move(attributes), static_cast<std::int32_t>(result_.dataset.attributes.size()));
    if (fresh) result_.dataset.attributes.push_back(place->first);
    return place->second;
  }

  const ReadLimits& limits_;
  ProblemList problems_;
  ReadResult result_;
  std::string sequence_, prefix_, labels_;
  bool detections_ = false;
  std::vector<std::string> class_names_;
  std::size_t first_image_ = 0;
  std::vector<std::int64_t> frames_;  // of the sequence, rising
  std::uint64_t objects_ = 0;
  std::int64_t last_frame_ = 0;
  std::map<std::string, std::uint32_t> categories_;
  std::map<Attributes, std::int32_t> attribute_sets_;
};

}  // namespace

ReadResult read_mot(const fs::path& path, const ReadLimits& limits) { return Reader(path, limits).take(); }

}  // namespace goshawk::dataset
