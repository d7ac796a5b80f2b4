#include "goshawk/dataset/statistics.h"

#include <algorithm>
#include <cmath>

namespace goshawk::dataset {
namespace {

std::size_t size_class(double area) { return area < 32.0 * 32 ? 0 : area < 96.0 * 96 ? 1 : 2; }

std::size_t place(double fraction) {
  return static_cast<std::size_t>(std::clamp(fraction * kPlaces, 0.0, static_cast<double>(kPlaces - 1)));
}

void add_box(Statistics& result, const ImageEntry& image, const Rectangle& box) {
  const bool pixels = image.width > 0 && image.height > 0;
  const double width = pixels ? image.width : 1, height = pixels ? image.height : 1;
  result.widths.push_back(box.width / width);
  result.heights.push_back(box.height / height);
  if (pixels) result.side.push_back(std::sqrt(std::max(0.0, box.width) * std::max(0.0, box.height)));
  const std::size_t row = place((box.y + box.height / 2) / height), column = place((box.x + box.width / 2) / width);
  ++result.places[row * kPlaces + column];
}

}  // namespace

Statistics statistics(const Dataset& dataset, std::optional<Split> only) {
  const auto counts_here = [&](const ImageEntry& image) { return !only || image.split == *only; };
  Statistics result;
  result.classes.resize(dataset.categories.size());
  result.places.resize(kPlaces * kPlaces);
  std::vector<std::size_t> last(dataset.categories.size(), dataset.images.size());  // image that last had the class
  std::vector<std::size_t> objects(dataset.images.size());
  for (const auto& image : dataset.images) {
    if (!counts_here(image)) continue;
    ++result.splits[static_cast<std::size_t>(image.split)].images;
    ++result.all.images;
    ++result.image_sizes[{image.width, image.height}];
  }
  for (const auto& object : dataset.annotations) {
    const auto& image = dataset.images[object.image];
    if (!counts_here(image)) continue;
    const auto& box = object.rectangle;
    auto& of_class = result.classes[object.category];
    if (last[object.category] != object.image) ++of_class.images;
    last[object.category] = object.image;
    ++objects[object.image];
    const bool finite =
        std::isfinite(box.x) && std::isfinite(box.y) && std::isfinite(box.width) && std::isfinite(box.height);
    const bool sized = finite && image.width > 0 && image.height > 0;
    const double area = object.area > 0 ? object.area : box.area();
    for (auto* counts : {&of_class, &result.splits[static_cast<std::size_t>(image.split)], &result.all}) {
      ++counts->objects;
      if (sized) ++counts->sizes[size_class(area)];
    }
    if (finite) add_box(result, image, box);
  }
  for (std::size_t i = 0; i < dataset.images.size(); ++i) {
    if (!counts_here(dataset.images[i])) continue;
    result.objects_per_image.push_back(objects[i]);
    if (!dataset.images[i].labelled) ++result.unlabelled;
    else if (objects[i] == 0) ++result.background;
  }
  return result;
}

std::size_t object_count(const Dataset& dataset) {
  const auto& all = dataset.annotations;
  return static_cast<std::size_t>(
      std::count_if(all.begin(), all.end(), [](const Annotation& a) { return !a.crowd && a.score < 0; }));
}

std::size_t scored_count(const Dataset& dataset) {
  const auto& all = dataset.annotations;
  return static_cast<std::size_t>(std::count_if(all.begin(), all.end(), [](const Annotation& a) { return a.score >= 0; }));
}

std::string scored_note(std::size_t count) {
  return std::to_string(count) + (count == 1 ? " object carries" : " objects carry") + " a confidence (a model's) and " +
         (count == 1 ? "is no label" : "are no labels") + "; `goshawk data convert --to yolo` makes labels of them";
}

}  // namespace goshawk::dataset
