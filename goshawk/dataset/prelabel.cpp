#include "goshawk/dataset/prelabel.h"

#include <algorithm>

#include "goshawk/core/error.h"

namespace goshawk::dataset {
namespace {

double intersection(const Rectangle& a, const Rectangle& b) {
  const double w = std::min(a.x + a.width, b.x + b.width) - std::max(a.x, b.x);
  const double h = std::min(a.y + a.height, b.y + b.height) - std::max(a.y, b.y);
  return w > 0 && h > 0 ? w * h : 0;
}

/// Intersection over union; over the detection alone where the other is a crowd.
double overlap(const Rectangle& detection, const Rectangle& other, bool crowd) {
  const double common = intersection(detection, other);
  const double all = crowd ? detection.area() : detection.area() + other.area() - common;
  return all > 0 ? common / all : 0;
}

/// In the unit of the image's annotations.
Rectangle rectangle_of(const Box& box, const ImagePredictions& of, const ImageEntry& image) {
  const double across = (image.width > 0 ? image.width : 1.0) / of.width;
  const double down = (image.height > 0 ? image.height : 1.0) / of.height;
  return {box.x1 * across, box.y1 * down, (box.x2 - box.x1) * across, (box.y2 - box.y1) * down};
}

/// Adds to one image what it does not have.
class ImageLabeller {
 public:
  ImageLabeller(Dataset& dataset, const PrelabelOptions& options, Prelabelled& result)
      : dataset_(dataset), options_(options), result_(result) {}

  void label(const ImagePredictions& of, std::size_t begin, std::size_t end) {
    added_.clear();
    for (const auto& detection : of.detections) {  // the surest first
      const auto model_class = static_cast<std::size_t>(detection.class_id);
      const int category = options_.to_category.at(model_class);
      if (category < 0) continue;
      if (!options_.least_score.empty() && detection.score < options_.least_score.at(model_class)) continue;
      const auto rectangle = rectangle_of(detection.box, of, dataset_.images[of.image]);
      if (rectangle.width <= 0 || rectangle.height <= 0 || said_by_another_class(rectangle, category, detection.class_id))
        continue;
      if (is_known(rectangle, begin, end)) ++result_.known;
      else add(of.image, category, detection, rectangle);
    }
    if (!added_.empty()) ++result_.images_with_new;
  }

 private:
  struct Added {
    int category, model_class;
    Rectangle rectangle;
  };

  bool is_known(const Rectangle& rectangle, std::size_t begin, std::size_t end) const {
    for (std::size_t i = begin; i < end; ++i) {
      const auto& known = dataset_.annotations[i];
      if (overlap(rectangle, known.rectangle, known.crowd) >= options_.same_object) return true;
    }
    return false;
  }

  bool said_by_another_class(const Rectangle& rectangle, int category, int model_class) const {
    return std::any_of(added_.begin(), added_.end(), [&](const Added& other) {
      return other.category == category && other.model_class != model_class &&
             overlap(rectangle, other.rectangle, false) >= options_.same_object;
    });
  }

  void add(std::size_t image, int category, const Detection& detection, const Rectangle& rectangle) {
    Annotation annotation;
    annotation.image = static_cast<std::uint32_t>(image);
    annotation.category = static_cast<std::uint32_t>(category);
    annotation.rectangle = rectangle;
    annotation.area = rectangle.area();
    annotation.score = std::clamp(detection.score, 0.0F, 1.0F);
    dataset_.annotations.push_back(annotation);
    dataset_.images[image].labelled = true;
    ++result_.added.at(static_cast<std::size_t>(category));
    added_.push_back({category, detection.class_id, rectangle});
  }

  Dataset& dataset_;
  const PrelabelOptions& options_;
  Prelabelled& result_;
  std::vector<Added> added_;  // to the image at hand
};

}  // namespace

std::vector<char> labelled_images(const Dataset& dataset) {
  std::vector<char> labelled(dataset.images.size());
  for (std::size_t i = 0; i < labelled.size(); ++i) {
    const auto& image = dataset.images[i];
    const bool own_file = !image.labels.empty() && image.sequence.empty();  // MOT: one for all frames
    labelled[i] = image.labelled && own_file ? 1 : 0;
  }
  for (const auto& annotation : dataset.annotations) labelled[annotation.image] = 1;
  return labelled;
}

std::uint64_t take_out_predictions(Dataset& dataset) {
  std::vector<char> predicted(dataset.images.size(), 0), of_people(dataset.images.size(), 0);
  for (const auto& annotation : dataset.annotations) {
    (annotation.score >= 0 ? predicted : of_people)[annotation.image] = 1;
  }
  std::uint64_t images = 0;
  for (std::size_t i = 0; i < dataset.images.size(); ++i) {
    if (of_people[i] != 0) predicted[i] = 0;
    if (predicted[i] == 0) continue;
    dataset.images[i].labelled = false;
    ++images;
  }
  std::erase_if(dataset.annotations, [&](const Annotation& annotation) { return predicted[annotation.image] != 0; });
  return images;
}

Prelabelled add_predictions(Dataset& dataset, std::span<const ImagePredictions> predictions,
                            const PrelabelOptions& options) {
  const auto begin = annotations_by_image(dataset);  // of those that are there: what is added comes behind all of them
  Prelabelled result;
  result.added.resize(dataset.categories.size());
  ImageLabeller labeller(dataset, options, result);
  for (const auto& of : predictions) {
    require(of.image < dataset.images.size() && of.width > 0 && of.height > 0, "add_predictions: no such image");
    labeller.label(of, begin[of.image], begin[of.image + 1]);
  }
  sort_by_image(dataset);
  return result;
}

}  // namespace goshawk::dataset
