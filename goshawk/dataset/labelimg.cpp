// LabelImg: labels beside their images, VOC XML or YOLO text with classes.txt. Source: LabelImg 1.8.6.
#include <algorithm>
#include <unordered_set>
#include <utility>

#include "goshawk/core/error.h"
#include "goshawk/core/parallel.h"
#include "goshawk/dataset/dropped.h"
#include "goshawk/dataset/folder_writer.h"
#include "goshawk/dataset/readers.h"
#include "goshawk/dataset/safe_path.h"
#include "goshawk/dataset/voc_files.h"
#include "goshawk/dataset/yolo_files.h"
#include "goshawk/dataset/yolo_text.h"

namespace goshawk::dataset {
namespace {

namespace fs = std::filesystem;

constexpr const char* kClasses = "classes.txt";

/// The image beside a label file: of the name it states, else of its own.
std::optional<std::string> image_beside(const ImageIndex& index, const std::string& label_file,
                                        const std::string& filename) {
  const std::string folder = folder_of(label_file), stem(without_extension(label_file));
  if (filename.empty()) return index.find(stem).value_or(stem + ".jpg");
  const auto safe = safe_relative_path(filename);
  if (!safe) return std::nullopt;
  if (auto stated = index.find(folder + *safe)) return stated;
  return index.find(stem).value_or(folder + *safe);
}

/// Reads YOLO text for the images that have no XML.
class TextReader {
 public:
  TextReader(const LabelTree& tree, const ReadLimits& limits, Dataset& dataset, ProblemList& problems)
      : tree_(tree), limits_(limits), dataset_(dataset), problems_(problems) {}

  void read() {
    std::unordered_set<std::string> labelled;
    for (const auto& image : dataset_.images) labelled.insert(std::string(without_extension(image.file)));
    find_other_classes();
    const ImageIndex index(tree_.images);
    Dataset text;  // on its own, as label files are read for all images of a set
    text.root = dataset_.root;
    text.categories = dataset_.categories;
    for (const auto& file : tree_.text) {
      if (file_name_of(file) == kClasses || other_.contains(folder_of(file))) continue;
      const auto image_file = index.find(std::string(without_extension(file)));
      if (!image_file) {
        problems_.add(ProblemKind::kOrphanLabels, Severity::kWarning, file, 0, "there is no image beside this text");
        continue;
      }
      if (labelled.contains(std::string(without_extension(file)))) continue;  // LabelImg, too, prefers the XML
      ImageEntry image;
      image.file = *image_file;
      image.labels = file;
      image.split = split_of_path(file);
      text.images.push_back(std::move(image));
    }
    read_yolo_labels(text, YoloClasses(text.categories), limits_, problems_);
    join(std::move(text));
  }

 private:
  /// A folder below with another list of classes is of another data set.
  void find_other_classes() {
    for (const auto& file : tree_.text) {
      if (file_name_of(file) != kClasses || file == kClasses) continue;
      const auto names = read_class_names(tree_.root / file);
      const auto same = [](const Category& a, const Category& b) { return a.name == b.name; };
      const auto& ours = dataset_.categories;
      if (std::equal(names.begin(), names.end(), ours.begin(), ours.end(), same)) continue;
      other_.insert(folder_of(file));
      problems_.add(ProblemKind::kUnknownClass, Severity::kError, file, 0,
                    "another list of classes than the data set's; the labels beside it are left out");
    }
  }

  void join(Dataset&& text) {
    const auto images = static_cast<std::uint32_t>(dataset_.images.size());
    const auto masks = static_cast<std::int32_t>(dataset_.masks.size());
    for (auto& annotation : text.annotations) {
      annotation.image += images;
      if (annotation.mask >= 0) annotation.mask += masks;
      dataset_.annotations.push_back(annotation);
    }
    for (auto& mask : text.masks) dataset_.masks.push_back(std::move(mask));
    for (auto& image : text.images) dataset_.images.push_back(std::move(image));
  }

  const LabelTree& tree_;
  const ReadLimits& limits_;
  Dataset& dataset_;
  ProblemList& problems_;
  std::unordered_set<std::string> other_;  // folders
};

/// Images in the order of their paths, whatever kind of labels they have.
void sort_images(Dataset& dataset) {
  std::vector<std::uint32_t> order(dataset.images.size()), place(dataset.images.size());
  for (std::uint32_t i = 0; i < order.size(); ++i) order[i] = i;
  std::sort(order.begin(), order.end(),
            [&](std::uint32_t a, std::uint32_t b) { return dataset.images[a].file < dataset.images[b].file; });
  std::vector<ImageEntry> images;
  for (std::uint32_t i = 0; i < order.size(); ++i) {
    place[order[i]] = i;
    images.push_back(std::move(dataset.images[order[i]]));
    images.back().id = std::int64_t{i} + 1;
  }
  dataset.images = std::move(images);
  for (auto& annotation : dataset.annotations) annotation.image = place[annotation.image];
  sort_by_image(dataset);
}

/// Writes labels beside images.
class Writer {
 public:
  Writer(const Dataset& dataset, const fs::path& folder, const WriteOptions& options)
      : dataset_(dataset), writer_(folder), options_(options), begin_(annotations_by_image(dataset)) {}

  std::vector<Problem> write() {
    DistinctNames distinct;
    distinct.take(kClasses);
    for (const auto& image : dataset_.images) {
      const std::string folder = image.split == Split::kNone ? "" : std::string(name(image.split)) + "/";
      names_.push_back(distinct.take(folder + written_name(image)));
    }
    auto problems = place_images(writer_, dataset_, names_, options_);
    parallel_blocks(names_.size(), 64, [&](std::size_t first, std::size_t last) {
      if (options_.stop.stop_requested()) throw Error(ErrorCode::kInterrupted, "stopped; nothing was written");
      for (std::size_t i = first; i < last; ++i) write_labels(i);
    });
    std::string classes;
    for (const auto& category : dataset_.categories) classes += category.name + "\n";
    writer_.write(kClasses, classes);
    const auto dropped = lost();
    problems.insert(problems.end(), dropped.begin(), dropped.end());
    return problems;
  }

 private:
  bool has_pixels(std::size_t i) const { return dataset_.images[i].width != 0 || begin_[i] == begin_[i + 1]; }

  void write_labels(std::size_t i) {
    const ImageEntry& image = dataset_.images[i];
    if (!image.labelled && begin_[i] == begin_[i + 1]) return;
    const std::string stem(without_extension(names_[i]));
    if (options_.text) return writer_.write(stem + ".txt", yolo_boxes(dataset_, image, begin_[i], begin_[i + 1]));
    if (!has_pixels(i)) return;
    VocFile voc = voc_file_of(dataset_, i, begin_[i], begin_[i + 1]);
    voc.filename = file_name_of(names_[i]);
    std::string folder = folder_of(names_[i]);
    if (!folder.empty()) folder.pop_back();
    writer_.write(stem + ".xml", voc_text(voc, folder));
  }

  std::vector<Problem> lost() const {
    Holds holds;
    holds.splits = holds.unlabelled = true;
    holds.difficult = holds.truncated = holds.occluded = holds.attributes = !options_.text;
    holds.image_attributes = !options_.text && has_voc_image_attributes_alone(dataset_);
    auto problems = dropped_fields(dataset_, holds, options_.text ? "LabelImg's text" : "LabelImg");
    if (options_.text) {
      for (auto& note : held_notes(dataset_, "LabelImg's text")) problems.push_back(std::move(note));
      return problems;
    }
    for (std::size_t i = 0; i < names_.size(); ++i) {
      if (has_pixels(i)) continue;
      problems.push_back(
          {ProblemKind::kMissingImage, Severity::kError, dataset_.images[i].file, 0,
           "the image's size is not known, so that its boxes have no place in pixels; they were not written"});
    }
    return problems;
  }

  const Dataset& dataset_;
  FolderWriter writer_;
  const WriteOptions& options_;
  std::vector<std::size_t> begin_;
  std::vector<std::string> names_;
};

}  // namespace

ReadResult read_labelimg(const fs::path& path, const ReadLimits& limits) {
  std::error_code error;
  const LabelTree tree = LabelTree::of(fs::is_regular_file(path, error) ? path.parent_path() : path, true, limits);
  const bool has_classes = fs::is_regular_file(tree.root / kClasses, error);
  if (tree.xml.empty() && !has_classes) {
    throw Error(ErrorCode::kNotFound, "there is neither classes.txt nor an .xml file", tree.root.string(),
                "LabelImg writes classes.txt beside its YOLO text.");
  }
  const ImageIndex index(tree.images);
  ReadResult result;
  result.dataset.root = tree.root;
  result.dataset.listed = {tree.root};
  const auto find = [&](const std::string& file, const std::string& name) { return image_beside(index, file, name); };
  read_voc_files(tree, has_classes ? read_class_names(tree.root / kClasses) : KnownClasses{}, find, limits, result);
  ProblemList problems(limits.problems);
  if (has_classes) TextReader(tree, limits, result.dataset, problems).read();
  problems.move_to(result);
  add_unlabelled(tree, refused_stems(tree, result.dataset), result.dataset);
  sort_images(result.dataset);
  return result;
}

std::vector<Problem> write_labelimg(const Dataset& dataset, const fs::path& folder, const WriteOptions& options) {
  return Writer(dataset, folder, options).write();
}

}  // namespace goshawk::dataset
