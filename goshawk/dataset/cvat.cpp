// CVAT 1.1 XML, for images and for video; plain, in a folder with images/, or in CVAT's zip.
// Source: docs.cvat.ai, "XML annotation format", and the exports of CVAT 2.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <map>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "goshawk/core/error.h"
#include "goshawk/core/text.h"
#include "goshawk/dataset/cvat_video.h"
#include "goshawk/dataset/cvat_xml.h"
#include "goshawk/dataset/image_size.h"
#include "goshawk/dataset/readers.h"
#include "goshawk/dataset/safe_path.h"

namespace goshawk::dataset {
namespace {

namespace fs = std::filesystem;

constexpr XmlLimits kLimits{.bytes = 2ULL << 30, .nodes = 32'000'000, .depth = 32};

Split split_of_subset(const std::string& subset) {
  const std::string name = to_lower(subset);
  if (name == "train") return Split::kTrain;
  if (name == "val" || name == "valid" || name == "validation") return Split::kVal;
  if (name == "test") return Split::kTest;
  return Split::kNone;
}

/// Reads the <image> elements.
class ImagesReader {
 public:
  ImagesReader(const XmlFile& xml, const std::string& file, const ReadLimits& limits, Dataset& dataset,
               ProblemList& problems, NotKept& not_kept)
      : limits_(limits), dataset_(dataset), not_kept_(not_kept), shapes_(xml, file, dataset, problems, not_kept) {}

  void read(const pugi::xml_node& root) {
    shapes_.read_labels(root.child("meta"));
    for (const auto& node : root.children("image")) {
      if (limits_.stop.stop_requested()) throw Error(ErrorCode::kInterrupted, "stopped while the labels were read");
      if (dataset_.images.size() >= limits_.images) {
        shapes_.list(ProblemKind::kTooMany, node,
                     "more than " + std::to_string(limits_.images) + " images; the rest is left out");
        return;
      }
      read_image(node);
    }
    if (repeated_ids_) number_images();
  }

 private:
  void read_image(const pugi::xml_node& node) {
    const std::string name = node.attribute("name").value(), subset = node.attribute("subset").value();
    const auto safe = safe_relative_path(name);
    if (!safe) {
      return shapes_.list(ProblemKind::kUnsafePath, node,
                          "the image's name leads out of the data set: " + dataset::quoted(name) + "; left out");
    }
    ImageEntry image;
    image.file = file_of(*safe, subset);
    if (!files_.insert(image.file).second) {
      return shapes_.list(ProblemKind::kBadLine, node,
                          "the image " + dataset::quoted(image.file) + " is labelled twice; left out");
    }
    image.id = node.attribute("id").as_llong();
    repeated_ids_ |= !ids_.insert(image.id).second;
    image.split = split_of_subset(subset);
    if (!subset.empty() && image.split == Split::kNone && to_lower(subset) != "default")
      not_kept_.add("subsets " + dataset::quoted(subset));
    read_size(node, image);
    const std::size_t first = dataset_.annotations.size();
    read_shapes(node, image);
    join_parts(first);
    dataset_.images.push_back(std::move(image));
  }

  void read_size(const pugi::xml_node& node, ImageEntry& image) {
    const auto width = xml_number(node.attribute("width").value()), height = xml_number(node.attribute("height").value());
    const bool sound = width && height && *width >= 1 && *height >= 1 && *width <= 1e9 && *height <= 1e9;
    if (sound) {
      image.width = static_cast<std::uint32_t>(*width);
      image.height = static_cast<std::uint32_t>(*height);
      return;
    }
    const auto size = read_image_size(dataset_.root / image.file);
    if (!size)
      shapes_.list(ProblemKind::kSizeDiffers, node, "neither the labels nor an image say the image's size; taken as 1 x 1");
    image.width = size ? size->shown_width() : 1;
    image.height = size ? size->shown_height() : 1;
  }

  /// Where CVAT puts it: images/ of tasks, images/SUBSET/ of projects; else beside the XML.
  std::string file_of(const std::string& name, const std::string& subset) const {
    const auto safe_subset = safe_relative_path(subset);
    std::vector<std::string> folders{"images/", ""};
    if (safe_subset) folders.insert(folders.begin(), {"images/" + *safe_subset + "/", *safe_subset + "/"});
    std::error_code error;
    for (const auto& folder : folders) {
      if (fs::is_regular_file(dataset_.root / (folder + name), error)) return folder + name;
    }
    return folders[0] + name;
  }

  void read_shapes(const pugi::xml_node& node, ImageEntry& image) {
    std::uint64_t count = 0;
    Attributes tags;
    for (const auto& child : node.children()) {
      if (child.type() != pugi::node_element) continue;
      if (++count > limits_.objects_per_image) {
        shapes_.list(ProblemKind::kTooMany, child,
                     "more than " + std::to_string(limits_.objects_per_image) + " objects; the rest is left out");
        break;
      }
      if (std::strcmp(child.name(), "tag") == 0) read_tag(child, tags);
      else read_shape(child, image);
    }
    if (tags.empty()) return;
    image.attributes = static_cast<std::int32_t>(dataset_.attributes.size());
    dataset_.attributes.push_back(std::move(tags));
  }

  void read_shape(const pugi::xml_node& node, const ImageEntry& image) {
    auto annotation = shapes_.shape(node, image);
    if (!annotation) return;
    const auto category = shapes_.category(node.attribute("label").value(), node);
    if (!category) return;
    annotation->category = *category;
    annotation->image = static_cast<std::uint32_t>(dataset_.images.size());
    dataset_.annotations.push_back(*annotation);
  }

  void read_tag(const pugi::xml_node& node, Attributes& tags) {
    const std::string label = node.attribute("label").value();
    if (!shapes_.category(label, node)) return;
    if (node.first_child()) not_kept_.add("attributes of tags");
    const std::string name = kCvatTag + label;
    const bool known = std::any_of(tags.begin(), tags.end(), [&](const auto& t) { return t.first == name; });
    if (!known) tags.emplace_back(name, node.attribute("source").value());
  }

  /// Polygons of one object, which goshawk writes one by one, are one again.
  void join_parts(std::size_t first) {
    std::unordered_map<std::string, std::size_t> objects;
    auto& all = dataset_.annotations;
    std::size_t kept = first;
    for (std::size_t i = first; i < all.size(); ++i) {
      const auto number = take_part_of(all[i]);
      if (!number) {
        all[kept++] = all[i];
        continue;
      }
      const auto [it, is_new] = objects.emplace(*number, kept);
      if (is_new) all[kept++] = all[i];
      else join(all[it->second], all[i]);
    }
    all.resize(kept);
  }

  std::optional<std::string> take_part_of(Annotation& annotation) {
    if (annotation.attributes < 0 || annotation.mask < 0) return std::nullopt;
    if (!std::holds_alternative<Polygons>(dataset_.masks[static_cast<std::size_t>(annotation.mask)])) return std::nullopt;
    auto& attributes = dataset_.attributes[static_cast<std::size_t>(annotation.attributes)];
    const auto it = std::find_if(attributes.begin(), attributes.end(), [](const auto& a) { return a.first == kCvatPartOf; });
    if (it == attributes.end()) return std::nullopt;
    std::string number = it->second;
    attributes.erase(it);
    if (attributes.empty()) annotation.attributes = -1;
    return number;
  }

  void join(Annotation& object, const Annotation& part) {
    auto& polygons = std::get<Polygons>(dataset_.masks[static_cast<std::size_t>(object.mask)]);
    auto& more = std::get<Polygons>(dataset_.masks[static_cast<std::size_t>(part.mask)]);
    for (auto& polygon : more) polygons.push_back(std::move(polygon));
    more.clear();
    object.area += part.area;
    const Rectangle a = object.rectangle, b = part.rectangle;
    object.rectangle =
        extent(std::vector<double>{a.x, a.y, a.x + a.width, a.y + a.height, b.x, b.y, b.x + b.width, b.y + b.height});
  }

  /// Tasks of one project may each count from 0.
  void number_images() {
    for (std::size_t i = 0; i < dataset_.images.size(); ++i) dataset_.images[i].id = static_cast<std::int64_t>(i) + 1;
  }

  const ReadLimits& limits_;
  Dataset& dataset_;
  NotKept& not_kept_;
  CvatShapes shapes_;
  bool repeated_ids_ = false;
  std::unordered_set<std::int64_t> ids_;
  std::unordered_set<std::string> files_;
};

fs::path xml_in(const fs::path& folder) {
  std::error_code error;
  if (fs::is_regular_file(folder / "annotations.xml", error)) return folder / "annotations.xml";
  std::vector<fs::path> found;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    if (to_lower(it->path().extension().string()) == ".xml") found.push_back(it->path());
  }
  if (found.size() == 1) return found[0];
  throw Error(ErrorCode::kNotFound, "there is no annotations.xml", folder.string());
}

void read_xml(const fs::path& path, const ReadLimits& limits, ReadResult& result) {
  Dataset& dataset = result.dataset;
  dataset.root = path.has_parent_path() ? path.parent_path() : fs::path(".");
  dataset.source = path.filename().string();
  XmlLimits xml_limits = kLimits;
  xml_limits.bytes = std::min(xml_limits.bytes, limits.file_bytes);
  const XmlFile xml = XmlFile::read(path, path.filename().string(), xml_limits);
  const auto root = xml.root();
  if (std::strcmp(root.name(), "annotations") != 0) {
    throw XmlError("no CVAT file: its outermost element is " + dataset::quoted(root.name()) + ", not 'annotations'",
                   dataset.source, xml.line_of(root));
  }
  ProblemList problems(limits.problems);
  NotKept not_kept;
  if (root.child("track")) read_cvat_tracks(xml, dataset.source, limits, dataset, problems, not_kept);
  else ImagesReader(xml, dataset.source, limits, dataset, problems, not_kept).read(root);
  not_kept.list_in(problems, dataset.source);
  problems.move_to(result);
}

}  // namespace

ReadResult read_cvat(const fs::path& path, const ReadLimits& limits) {
  ReadResult result;
  std::error_code error;
  read_xml(fs::is_directory(path, error) ? xml_in(path) : path, limits, result);
  return result;
}

}  // namespace goshawk::dataset
