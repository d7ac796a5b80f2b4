// The page of `goshawk data check`.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <opencv2/imgproc.hpp>
#include <optional>
#include <tuple>

#include "apps/goshawk/data_check_report.h"
#include "goshawk/core/error.h"
#include "goshawk/media/image.h"
#include "goshawk/media/jpeg.h"
#include "goshawk/pipeline/box_canvas.h"
#include "goshawk/report/page.h"

namespace goshawk::cli {
namespace {

using dataset::Finding;
using dataset::ProblemKind;
using dataset::Severity;

constexpr std::size_t kMostPictures = 24, kMostPairs = 12, kMostRows = 300, kMostBoxes = 2000, kMostLabels = 12;
constexpr int kQuality = 85, kSide = 500, kPairHeight = 240, kTextHeight = 13;
const cv::Scalar kGood(80, 180, 60), kWarned(0, 130, 235), kWrong(50, 40, 230), kRim(225, 225, 225), kWhite(255, 255, 255);

/// The image decoded and made small, with the factor; nullopt where it cannot be read.
struct Small {
  cv::Mat picture;
  double zoom = 1;
};

std::optional<Small> read_small(const dataset::Dataset& set, std::size_t image, int width, int height) {
  try {
    Small small{media::read_image(set.path_of(set.images[image])), 1};
    small.zoom =
        std::min({1.0, static_cast<double>(width) / small.picture.cols, static_cast<double>(height) / small.picture.rows});
    if (small.zoom < 1) {
      const cv::Size size(std::max(1, static_cast<int>(small.picture.cols * small.zoom)),
                          std::max(1, static_cast<int>(small.picture.rows * small.zoom)));
      cv::resize(small.picture, small.picture, size, 0, 0, cv::INTER_AREA);
    }
    return small;
  } catch (const Error&) {
    return std::nullopt;
  }
}

/// An image and what was found about its boxes and its size.
struct Worst {
  std::size_t image = 0, errors = 0, warnings = 0;
  std::vector<const Finding*> findings;
};

bool can_be_drawn(const Finding& finding) {
  return finding.image >= 0 && (finding.annotation >= 0 || finding.problem.kind == ProblemKind::kSizeDiffers);
}

std::vector<Worst> worst_images(const CheckResult& result) {
  std::map<std::size_t, Worst> images;
  for (const auto& finding : result.list.findings()) {
    if (!can_be_drawn(finding) || finding.problem.severity == Severity::kNote) continue;
    Worst& worst = images[static_cast<std::size_t>(finding.image)];
    worst.image = static_cast<std::size_t>(finding.image);
    ++(finding.problem.severity == Severity::kError ? worst.errors : worst.warnings);
    worst.findings.push_back(&finding);
  }
  std::vector<Worst> sorted;
  for (auto& [image, worst] : images) sorted.push_back(std::move(worst));
  std::stable_sort(sorted.begin(), sorted.end(), [](const Worst& a, const Worst& b) {
    return std::tie(b.errors, b.warnings) < std::tie(a.errors, a.warnings);
  });
  return sorted;
}

Box box_of(const dataset::Dataset& set, const dataset::Annotation& annotation) {
  dataset::Rectangle r = annotation.rectangle;
  const auto& image = set.images[annotation.image];
  if (image.width == 0 || image.height == 0) return {};
  return r.box();
}

/// Space around an image, in pixels of the picture.
struct Rim {
  int left = 0, top = 0, right = 0, bottom = 0;
};

/// How far it must reach so that boxes beyond the image can be seen: at most a quarter of the image.
Rim rim_of(const CheckResult& result, const Worst& worst, const Small& small) {
  const double most = 0.25 * std::max(small.picture.cols, small.picture.rows);
  const auto widen = [&](int& side, double reach) {
    constexpr int kBeyond = 8;
    if (reach > 0) side = std::max(side, static_cast<int>(std::min(most, reach * small.zoom + kBeyond)));
  };
  Rim rim;
  for (const Finding* finding : worst.findings) {
    if (finding->problem.kind != ProblemKind::kOutsideImage) continue;
    const Box box = box_of(result.set, result.set.annotations[static_cast<std::size_t>(finding->annotation)]);
    widen(rim.left, -box.x1);
    widen(rim.top, -box.y1);
    widen(rim.right, box.x2 - small.picture.cols / small.zoom);
    widen(rim.bottom, box.y2 - small.picture.rows / small.zoom);
  }
  return rim;
}

/// The others thin and green, those that are wrong in red or orange with what is wrong.
void draw_boxes(const CheckResult& result, const Worst& worst, std::span<const dataset::Annotation> annotations,
                pipeline::BoxCanvas& canvas) {
  for (std::size_t i = 0; i < std::min(kMostBoxes, annotations.size()); ++i) {
    canvas.box(box_of(result.set, annotations[i]), kGood, 1);
  }
  for (std::size_t i = 0; i < std::min(kMostBoxes, worst.findings.size()); ++i) {
    const Finding& finding = *worst.findings[i];
    if (finding.annotation < 0) continue;
    const cv::Scalar& color = finding.problem.severity == Severity::kError ? kWrong : kWarned;
    const auto& annotation = result.set.annotations[static_cast<std::size_t>(finding.annotation)];
    const Box box = box_of(result.set, annotation);
    canvas.box(box, color, 2);
    if (i >= kMostLabels) continue;
    const std::string& name = result.set.categories[annotation.category].name;
    canvas.label(box, fmt::format("{}: {}", name, words(finding.problem.kind)), color);
  }
}

/// "images/a.jpg: outside image (labels/a.txt:3, labels/a.txt:4), duplicate box (labels/a.txt:7)".
std::string caption_of(const CheckResult& result, const Worst& worst) {
  constexpr std::size_t kMostPlaces = 4;
  std::map<ProblemKind, std::vector<const Finding*>> kinds;
  for (const Finding* finding : worst.findings) kinds[finding->problem.kind].push_back(finding);
  std::string text = result.set.images[worst.image].file;
  const char* separator = ": ";
  for (const auto& [kind, findings] : kinds) {
    text += separator + words(kind);
    separator = "; ";
    if (kind == ProblemKind::kSizeDiffers) {
      text += ", " + findings.front()->problem.message;
      continue;
    }
    text += " (";
    for (std::size_t i = 0; i < std::min(kMostPlaces, findings.size()); ++i) {
      text += (i > 0 ? ", " : "") + place(findings[i]->problem);
    }
    text += findings.size() > kMostPlaces ? fmt::format(" and {} more)", findings.size() - kMostPlaces) : ")";
  }
  return text;
}

std::optional<report::Picture> picture_of(const CheckResult& result, const Worst& worst,
                                          std::span<const dataset::Annotation> annotations) {
  auto small = read_small(result.set, worst.image, kSide, kSide);
  if (!small) return std::nullopt;
  const Rim rim = rim_of(result, worst, *small);
  cv::copyMakeBorder(small->picture, small->picture, rim.top, rim.bottom, rim.left, rim.right, cv::BORDER_CONSTANT, kRim);
  pipeline::TextPainter text(kTextHeight);
  pipeline::BoxCanvas canvas(small->picture, text, small->zoom, {rim.left, rim.top});
  draw_boxes(result, worst, annotations, canvas);
  return report::Picture{media::encode_jpeg(small->picture, kQuality), caption_of(result, worst)};
}

void stop_here(const std::stop_token& stop) {
  if (stop.stop_requested()) throw Error(ErrorCode::kInterrupted, "stopped while the pictures were drawn");
}

void add_worst(const CheckResult& result, report::Page& page, const std::stop_token& stop) {
  const auto worst = worst_images(result);
  if (worst.empty()) return;
  const auto begin = dataset::annotations_by_image(result.set);
  std::vector<report::Picture> pictures;
  for (std::size_t i = 0; i < worst.size() && pictures.size() < kMostPictures; ++i) {
    stop_here(stop);
    const std::size_t image = worst[i].image;
    const std::span annotations(result.set.annotations.data() + begin[image], begin[image + 1] - begin[image]);
    if (auto picture = picture_of(result, worst[i], annotations)) pictures.push_back(std::move(*picture));
  }
  if (pictures.empty()) return;
  page.section("The worst images");
  const std::string some = pictures.size() < worst.size() ? fmt::format(", {} of {}", pictures.size(), worst.size()) : "";
  page.paragraph(
      fmt::format("Images with something wrong about their boxes{}. Red: errors; orange: warnings; green: the "
                  "other objects. A grey rim lies outside of the image.",
                  some));
  page.pictures(pictures, kSide);
}

/// Two images side by side, equally high.
std::optional<report::Picture> pair_picture(const CheckResult& result, const Finding& finding) {
  constexpr int kGap = 8;
  const auto image = static_cast<std::size_t>(finding.image), other = static_cast<std::size_t>(finding.other);
  auto left = read_small(result.set, other, 2 * kPairHeight, kPairHeight);
  auto right = read_small(result.set, image, 2 * kPairHeight, kPairHeight);
  if (!left || !right) return std::nullopt;
  const int height = std::max(left->picture.rows, right->picture.rows);
  cv::Mat pair(height, left->picture.cols + kGap + right->picture.cols, CV_8UC3, kWhite);
  left->picture.copyTo(pair(cv::Rect(0, 0, left->picture.cols, left->picture.rows)));
  right->picture.copyTo(pair(cv::Rect(left->picture.cols + kGap, 0, right->picture.cols, right->picture.rows)));
  const auto name_of = [&](std::size_t i) {
    const auto& entry = result.set.images[i];
    return entry.split == dataset::Split::kNone ? entry.file
                                                : fmt::format("{} ({})", entry.file, dataset::name(entry.split));
  };
  return report::Picture{media::encode_jpeg(pair, kQuality),
                         fmt::format("{}: {} and {}", words(finding.problem.kind), name_of(other), name_of(image))};
}

void add_pairs(const CheckResult& result, Severity severity, const char* title, const char* text, report::Page& page,
               const std::stop_token& stop) {
  std::vector<report::Picture> pictures;
  std::uint64_t total = 0;
  for (const auto& row : check_rows(result.list)) {
    const bool pairs = row.kind == ProblemKind::kDuplicateImage || row.kind == ProblemKind::kNearDuplicate;
    if (!pairs || row.severity != severity) continue;
    total += row.count;
    std::size_t taken = 0;
    for (const Finding* finding : row.listed) {
      if (taken >= kMostPairs || finding->other < 0) break;
      stop_here(stop);
      if (auto picture = pair_picture(result, *finding)) pictures.push_back(std::move(*picture));
      ++taken;
    }
  }
  if (pictures.empty()) return;
  page.section(title);
  page.paragraph(pictures.size() < total ? fmt::format("{} The first {} of {}.", text, pictures.size(), total) : text);
  page.pictures(pictures, kSide);
}

void add_kinds(const std::vector<CheckRow>& rows, report::Page& page) {
  std::vector<std::vector<std::string>> cells;
  for (const auto& row : rows) {
    const std::string first = row.listed.empty() ? "" : place(row.listed.front()->problem);
    const std::string message = row.listed.empty() ? "" : row.listed.front()->problem.message;
    cells.push_back({words(row.kind), dataset::name(row.severity), std::to_string(row.count), first, message});
  }
  page.section("Problems by kind");
  page.table({"problem", "severity", "count", "the first", "what it is"}, cells);
}

void add_list(const std::vector<CheckRow>& rows, report::Page& page) {
  constexpr std::size_t kMostOfKind = 50;
  std::vector<std::vector<std::string>> cells;
  std::uint64_t total = 0;
  for (const auto& row : rows) {
    total += row.count;
    for (std::size_t i = 0; i < std::min(kMostOfKind, row.listed.size()) && cells.size() < kMostRows; ++i) {
      const auto& problem = row.listed[i]->problem;
      cells.push_back({dataset::name(problem.severity), words(problem.kind), place(problem), problem.message});
    }
  }
  page.section("Problems one by one");
  if (cells.size() < total) {
    page.paragraph(fmt::format("{} of {}; problems.json has more.", cells.size(), total));
  }
  page.table({"severity", "problem", "where", "what it is"}, cells);
}

}  // namespace

void write_check_page(const CheckResult& result, const std::filesystem::path& path, const std::stop_token& stop) {
  const auto rows = check_rows(result.list);
  report::Page page("Check of a data set", result.source);
  page.key_figures({{"images", std::to_string(result.set.images.size())},
                    {"objects", std::to_string(result.set.annotations.size())},
                    {"classes", std::to_string(result.set.categories.size())},
                    {"errors", std::to_string(result.list.total(Severity::kError))},
                    {"warnings", std::to_string(result.list.total(Severity::kWarning))},
                    {"notes", std::to_string(result.list.total(Severity::kNote))}});
  if (!result.images_opened) page.paragraph("The images were not opened: only the labels were checked.");
  if (rows.empty()) {
    page.paragraph("Nothing is wrong.");
  } else {
    add_kinds(rows, page);
    if (result.images_opened) {
      add_worst(result, page, stop);
      add_pairs(result, Severity::kError, "One picture in two splits",
                "What is learned from one of them is no test of the other: the split leaks.", page, stop);
      add_pairs(result, Severity::kWarning, "Duplicates", "Pictures that are there more than once.", page, stop);
    }
    add_list(rows, page);
  }
  page.write(path);
}

}  // namespace goshawk::cli
