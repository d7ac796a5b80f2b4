#include "goshawk/dataset/voc_files.h"

#include <algorithm>
#include <map>
#include <memory>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "goshawk/core/error.h"
#include "goshawk/core/parallel.h"
#include "goshawk/dataset/image_size.h"
#include "goshawk/dataset/safe_path.h"

namespace goshawk::dataset {
namespace {

/// One label file's content, or what was wrong with it.
struct Parsed {
  explicit Parsed(std::uint64_t problems_limit) : problems(problems_limit) {}

  std::optional<VocFile> voc;
  ProblemList problems;
  NotKept not_kept;
};

Parsed parse(const LabelTree& tree, const std::string& file, const ReadLimits& limits) {
  Parsed parsed(limits.problems);
  XmlLimits xml_limits;
  xml_limits.bytes = std::min(xml_limits.bytes, limits.file_bytes);
  try {
    const XmlFile xml = XmlFile::read(tree.root / file, file, xml_limits);
    parsed.voc = parse_voc(xml, file, limits, parsed.problems, parsed.not_kept);
  } catch (const XmlError& error) {
    parsed.problems.add(ProblemKind::kBadLine, Severity::kError, file, error.line(), error.what());
  } catch (const Error& error) {
    parsed.problems.add(ProblemKind::kBadLine, Severity::kError, file, 0, error.what());
  }
  return parsed;
}

/// Blocks of files are parsed on all cores and joined in order, so that few of them are in memory at once.
template <typename Join>
void parse_in_order(const LabelTree& tree, const ReadLimits& limits, Join join) {
  constexpr std::size_t kBatch = 4096;
  for (std::size_t first = 0; first < tree.xml.size(); first += kBatch) {
    if (limits.stop.stop_requested()) throw Error(ErrorCode::kInterrupted, "stopped while the labels were read");
    const std::size_t count = std::min(kBatch, tree.xml.size() - first);
    std::vector<std::optional<Parsed>> batch(count);
    parallel_blocks(count, 16, [&](std::size_t begin, std::size_t end) {
      for (std::size_t i = begin; i < end; ++i) batch[i] = parse(tree, tree.xml[first + i], limits);
    });
    for (std::size_t i = 0; i < count; ++i) join(tree.xml[first + i], std::move(*batch[i]));
  }
}

std::int32_t attributes_index(Attributes&& attributes, Dataset& dataset) {
  if (attributes.empty()) return -1;
  dataset.attributes.push_back(std::move(attributes));
  return static_cast<std::int32_t>(dataset.attributes.size() - 1);
}

/// Joins the files into the data set.
class Joiner {
 public:
  Joiner(const LabelTree& tree, const KnownClasses& known, ReadResult& result, ProblemList& problems)
      : tree_(tree), dataset_(result.dataset), problems_(problems) {
    dataset_.categories = known;
    for (std::size_t i = 0; i < known.size(); ++i) places_.emplace(known[i].name, static_cast<std::uint32_t>(i));
    known_ = known.size();
  }

  void add(const std::string& label_file, const std::string& image_file, VocFile&& voc) {
    const auto [it, is_new] = label_of_image_.emplace(image_file, label_file);
    if (!is_new) {
      problems_.add(ProblemKind::kOrphanLabels, Severity::kError, label_file, 0,
                    "the image " + dataset::quoted(image_file) + " is labelled by " + dataset::quoted(it->second) +
                        " already; left out");
      return;
    }
    settle_size(label_file, image_file, voc);
    ImageEntry image;
    image.file = image_file;
    image.labels = label_file;
    image.width = voc.width;
    image.height = voc.height;
    image.split = split_of_path(label_file);
    image.attributes = attributes_index(std::move(voc.attributes), dataset_);
    for (auto& object : voc.objects) add(std::move(object));
    dataset_.images.push_back(std::move(image));
  }

  /// Unknown classes become known ones in alphabetical order.
  void sort_classes() {
    const auto begin = dataset_.categories.begin() + static_cast<std::ptrdiff_t>(known_);
    std::vector<std::uint32_t> order(dataset_.categories.size());
    std::sort(begin, dataset_.categories.end(), [](const Category& a, const Category& b) { return a.name < b.name; });
    for (std::size_t i = 0; i < dataset_.categories.size(); ++i) {
      if (i >= known_) dataset_.categories[i].id = static_cast<std::int64_t>(i);
      order[places_.at(dataset_.categories[i].name)] = static_cast<std::uint32_t>(i);
    }
    for (auto& annotation : dataset_.annotations) annotation.category = order[annotation.category];
  }

 private:
  void settle_size(const std::string& label_file, const std::string& image_file, VocFile& voc) {
    if (voc.width != 0) return;
    if (const auto size = read_image_size(tree_.root / image_file)) {
      voc.width = size->shown_width();
      voc.height = size->shown_height();
      return;
    }
    if (voc.objects.empty()) return;
    size_from_objects(voc);
    problems_.add(ProblemKind::kSizeDiffers, Severity::kWarning, label_file, 0,
                  "neither the labels nor an image say the image's size; taken for as large as its boxes reach");
  }

  void add(VocObject&& object) {
    const auto [it, is_new] = places_.emplace(object.name, static_cast<std::uint32_t>(dataset_.categories.size()));
    if (is_new) dataset_.categories.push_back({0, object.name});
    Annotation annotation;
    annotation.image = static_cast<std::uint32_t>(dataset_.images.size());
    annotation.category = it->second;
    annotation.rectangle = object.rectangle;
    annotation.area = object.rectangle.area();
    annotation.line = object.line;
    annotation.difficult = object.difficult;
    annotation.truncated = object.truncated;
    annotation.occluded = object.occluded;
    annotation.attributes = attributes_index(std::move(object.attributes), dataset_);
    dataset_.annotations.push_back(annotation);
  }

  const LabelTree& tree_;
  Dataset& dataset_;
  ProblemList& problems_;
  std::size_t known_ = 0;
  std::unordered_map<std::string, std::uint32_t> places_;
  std::unordered_map<std::string, std::string> label_of_image_;
};

}  // namespace

void read_voc_files(const LabelTree& tree, const KnownClasses& known,
                    const std::function<std::optional<std::string>(const std::string&, const std::string&)>& image_of,
                    const ReadLimits& limits, ReadResult& result) {
  ProblemList problems(limits.problems);
  NotKept not_kept;
  Joiner joiner(tree, known, result, problems);
  parse_in_order(tree, limits, [&](const std::string& file, Parsed&& parsed) {
    problems.append(std::move(parsed.problems));
    not_kept.add(parsed.not_kept);
    if (!parsed.voc) return;
    const auto image = image_of(file, parsed.voc->filename);
    if (image) {
      joiner.add(file, *image, std::move(*parsed.voc));
    } else {
      problems.add(ProblemKind::kUnsafePath, Severity::kError, file, 0,
                   "the image's name leads out of the data set: " + dataset::quoted(parsed.voc->filename) + "; left out");
    }
  });
  joiner.sort_classes();
  not_kept.list_in(problems, "");
  problems.move_to(result);
}

void add_unlabelled(const LabelTree& tree, const std::vector<std::string>& refused_names, Dataset& dataset) {
  std::unordered_set<std::string> known, folders;
  for (const auto& image : dataset.images) {
    known.insert(image.file);
    folders.insert(folder_of(image.file));
  }
  const std::unordered_set<std::string> refused(refused_names.begin(), refused_names.end());
  for (const auto& file : tree.images) {
    const std::string stem(without_extension(file_name_of(file)));
    if (known.contains(file) || !folders.contains(folder_of(file)) || refused.contains(stem)) continue;
    ImageEntry image;
    image.file = file;
    image.split = split_of_path(file);
    image.labelled = false;
    dataset.images.push_back(std::move(image));
  }
}

std::vector<std::string> refused_stems(const LabelTree& tree, const Dataset& dataset) {
  std::unordered_map<std::string, bool> read;
  for (const auto& image : dataset.images) read.emplace(image.labels, true);
  std::vector<std::string> stems;
  for (const auto& file : tree.xml) {
    if (!read.contains(file)) stems.emplace_back(without_extension(file_name_of(file)));
  }
  return stems;
}

bool has_voc_image_attributes_alone(const Dataset& dataset) {
  return std::all_of(dataset.images.begin(), dataset.images.end(), [&](const ImageEntry& image) {
    if (image.attributes < 0) return true;
    const auto& attributes = dataset.attributes[static_cast<std::size_t>(image.attributes)];
    return std::all_of(attributes.begin(), attributes.end(), [](const auto& a) { return is_voc_image_attribute(a.first); });
  });
}

VocFile voc_file_of(const Dataset& dataset, std::size_t image_index, std::size_t begin, std::size_t end) {
  const ImageEntry& image = dataset.images[image_index];
  VocFile voc;
  voc.width = image.width;
  voc.height = image.height;
  if (image.attributes >= 0) voc.attributes = dataset.attributes[static_cast<std::size_t>(image.attributes)];
  for (std::size_t i = begin; i < end; ++i) {
    const Annotation& annotation = dataset.annotations[i];
    if (annotation.crowd) continue;  // a region of many objects would be taken for one
    VocObject object;
    object.name = dataset.categories[annotation.category].name;
    object.rectangle = annotation.rectangle;
    object.difficult = annotation.difficult;
    object.truncated = annotation.truncated;
    object.occluded = annotation.occluded;
    if (annotation.attributes >= 0) object.attributes = dataset.attributes[static_cast<std::size_t>(annotation.attributes)];
    voc.objects.push_back(std::move(object));
  }
  return voc;
}

}  // namespace goshawk::dataset
