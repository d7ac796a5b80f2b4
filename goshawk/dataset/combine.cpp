#include "goshawk/dataset/combine.h"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <limits>
#include <map>
#include <memory>
#include <numeric>
#include <set>
#include <tuple>
#include <utility>

#include "goshawk/core/error.h"
#include "goshawk/core/random.h"
#include "goshawk/dataset/label_gaps.h"

namespace goshawk::dataset {
namespace {

/// Joins the parts' classes by name.
class Classes {
 public:
  std::uint32_t take(const Category& category) {
    const auto [entry, is_new] = by_name_.try_emplace(category.name, static_cast<std::uint32_t>(all_.size()));
    if (!is_new) return entry->second;
    Category taken = category;
    if (ids_.contains(taken.id)) taken.id = free_id();
    ids_.insert(taken.id);
    all_.push_back(std::move(taken));
    return entry->second;
  }
  std::vector<Category> all() && { return std::move(all_); }

 private:
  std::int64_t free_id() {
    if (*ids_.rbegin() < std::numeric_limits<std::int64_t>::max()) return *ids_.rbegin() + 1;
    while (ids_.contains(least_)) ++least_;
    return least_;
  }

  std::vector<Category> all_;
  std::map<std::string, std::uint32_t> by_name_;
  std::set<std::int64_t> ids_;
  std::int64_t least_ = 0;  // no free number lies below
};

/// Gives a part's sequences names that no earlier part has.
class Sequences {
 public:
  void rename(Dataset& part) {
    std::map<std::string, std::string> names;
    for (auto& image : part.images) {
      if (image.sequence.empty()) continue;
      const auto [entry, is_new] = names.try_emplace(image.sequence);
      if (is_new) entry->second = free_name(image.sequence);
      image.sequence = entry->second;
    }
    for (const auto& [old, name] : names) taken_.insert(name);
  }

 private:
  std::string free_name(const std::string& wanted) const {
    std::string name = wanted;
    for (int number = 2; taken_.contains(name); ++number) name = wanted + "-" + std::to_string(number);
    return name;
  }

  std::set<std::string> taken_;
};

void make_absolute(Dataset& part, const std::filesystem::path& root) {
  if (part.root == root) return;
  for (auto& image : part.images) {
    image.file = std::filesystem::absolute(part.path_of(image)).lexically_normal().string();
    if (!image.labels.empty())
      image.labels = std::filesystem::absolute(part.root / image.labels).lexically_normal().string();
  }
}

/// Where an image names the classes that are labelled in full, those that its part does not have are none of them.
void move_gaps(Dataset& part, const std::vector<std::uint32_t>& place, std::size_t classes) {
  move_gap_classes(part, [&](std::uint32_t c) { return std::int64_t{place[c]}; });
  for (auto& gap : part.gaps) {
    for (std::uint32_t c = 0; !gap.classes.empty() && c < classes; ++c) {
      if (std::find(place.begin(), place.end(), c) == place.end()) gap.classes.push_back(c);
    }
  }
}

template <typename T>
void append(std::vector<T>& to, std::vector<T>& from) {
  to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

bool within(double side, double image_side, const SizeLimit& limit, bool as_least) {
  const double value = limit.fraction && image_side > 0 ? side / image_side : side;
  return as_least ? value >= limit.value : value <= limit.value;
}

bool size_fits(const Rectangle& r, const ImageEntry& image, const std::optional<SizeLimit>& limit, bool as_least) {
  if (!limit || (!limit->fraction && image.width == 0)) return true;
  return within(r.width, image.width, *limit, as_least) && within(r.height, image.height, *limit, as_least);
}

/// `count` of the places that are set in `keep`, at random: a partial Fisher-Yates shuffle.
void keep_at_random(std::vector<char>& keep, std::size_t count, std::uint64_t seed) {
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < keep.size(); ++i) {
    if (keep[i] != 0) places.push_back(i);
  }
  if (places.size() <= count) return;
  Random random(seed);
  for (std::size_t i = 0; i < count; ++i) std::swap(places[i], places[i + random.below(places.size() - i)]);
  std::fill(keep.begin(), keep.end(), 0);
  for (std::size_t i = 0; i < count; ++i) keep[places[i]] = 1;
}

/// Moves the items that `used` marks to the front; new places by old ones, -1 for those that are gone.
template <typename T>
std::vector<std::int32_t> compact(std::vector<T>& items, const std::vector<char>& used) {
  std::vector<std::int32_t> place(items.size(), -1);
  std::size_t count = 0;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (used[i] == 0) continue;
    if (count != i) items[count] = std::move(items[i]);
    place[i] = static_cast<std::int32_t>(count++);
  }
  items.resize(count);
  return place;
}

}  // namespace

void keep_common(Attributes& about, const Attributes& other) {
  const std::set<std::pair<std::string, std::string>> said(other.begin(), other.end());
  std::erase_if(about, [&](const auto& pair) { return !said.contains(pair); });
}

Dataset merge(std::vector<Dataset> parts) {
  Dataset whole;
  if (parts.empty()) return whole;
  whole.root = parts.front().root;
  whole.about = parts.front().about;
  Classes classes;
  Sequences sequences;
  std::vector<std::shared_ptr<const void>> unpacked;
  std::vector<std::vector<std::uint32_t>> places;  // of each part's classes
  for (const auto& part : parts) {
    auto& place = places.emplace_back();
    for (const auto& category : part.categories) place.push_back(classes.take(category));
  }
  whole.categories = std::move(classes).all();
  for (std::size_t p = 0; p < parts.size(); ++p) {
    Dataset& part = parts[p];
    const auto& place = places[p];
    if (part.unpacked) unpacked.push_back(part.unpacked);
    keep_common(whole.about, part.about);
    sequences.rename(part);
    make_absolute(part, whole.root);
    const auto images = static_cast<std::uint32_t>(whole.images.size());
    const auto masks = static_cast<std::int32_t>(whole.masks.size());
    const auto attributes = static_cast<std::int32_t>(whole.attributes.size());
    const auto gaps = static_cast<std::int32_t>(whole.gaps.size());
    for (auto& image : part.images) {
      if (image.attributes >= 0) image.attributes += attributes;
      if (image.gaps >= 0) image.gaps += gaps;
    }
    move_gaps(part, place, whole.categories.size());
    for (auto& a : part.annotations) {
      a.image += images;
      a.category = place[a.category];
      if (a.mask >= 0) a.mask += masks;
      if (a.attributes >= 0) a.attributes += attributes;
      a.id = 0;
    }
    append(whole.images, part.images);
    append(whole.annotations, part.annotations);
    append(whole.masks, part.masks);
    append(whole.attributes, part.attributes);
    append(whole.gaps, part.gaps);
    for (auto& pair : part.class_mapping) {
      if (std::find(whole.class_mapping.begin(), whole.class_mapping.end(), pair) == whole.class_mapping.end())
        whole.class_mapping.push_back(std::move(pair));
    }
    part = {};
  }
  if (!unpacked.empty()) whole.unpacked = std::make_shared<decltype(unpacked)>(std::move(unpacked));
  // What one part dropped may be a class of another.
  std::erase_if(whole.class_mapping, [&](const auto& pair) {
    return std::any_of(whole.categories.begin(), whole.categories.end(),
                       [&](const auto& c) { return c.name == pair.first; });
  });
  for (std::size_t i = 0; i < whole.images.size(); ++i) whole.images[i].id = static_cast<std::int64_t>(i) + 1;
  return whole;
}

SizeLimit parse_size_limit(std::string_view text) {
  const std::string whole(text);
  SizeLimit limit;
  const bool percent = text.ends_with('%'), pixels = text.ends_with("px");
  text.remove_suffix(percent ? 1 : pixels ? 2 : 0);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), limit.value);
  if (error != std::errc() || end != text.data() + text.size() || !(limit.value >= 0 && limit.value < 1e9))
    throw Error(ErrorCode::kUsage, "'" + whole + "' is no size", "", "Sizes are pixels (16, 16px) or fractions (0.05, 5%).");
  limit.fraction = percent || (!pixels && limit.value < 1);
  if (percent) limit.value /= 100;
  return limit;
}

Filtered filter(Dataset& dataset, const Filter& filter) {
  const std::size_t images = dataset.images.size(), objects = dataset.annotations.size();
  std::erase_if(dataset.annotations, [&](const Annotation& a) {
    const ImageEntry& image = dataset.images[a.image];
    return !size_fits(a.rectangle, image, filter.min_size, true) || !size_fits(a.rectangle, image, filter.max_size, false) ||
           (a.score >= 0 && a.score < filter.min_score);
  });
  std::vector<char> keep(images, 1), has_objects(images, 0);
  for (const auto& a : dataset.annotations) has_objects[a.image] = 1;
  for (std::size_t i = 0; i < images; ++i) {
    const ImageEntry& image = dataset.images[i];
    const bool wanted = (!filter.split || image.split == *filter.split) && (!filter.with_objects || has_objects[i] != 0) &&
                        (!filter.labelled_only || image.labelled || has_objects[i] != 0);
    keep[i] = wanted ? 1 : 0;
  }
  if (filter.limit) keep_at_random(keep, *filter.limit, filter.seed);
  keep_images(dataset, keep);
  drop_unused(dataset);
  return {images - dataset.images.size(), objects - dataset.annotations.size()};
}

std::size_t join_entries(Dataset& dataset) {
  std::vector<std::uint32_t> first(dataset.images.size());  // entry of the same file
  std::vector<char> keep(dataset.images.size(), 0), has_copies(dataset.images.size(), 0);
  std::map<std::filesystem::path, std::uint32_t> entries;
  for (std::uint32_t i = 0; i < first.size(); ++i) {
    ImageEntry& image = dataset.images[i];
    const auto [entry, is_new] = entries.emplace(dataset.path_of(image).lexically_normal(), i);
    first[i] = entry->second;
    keep[i] = is_new ? 1 : 0;
    if (is_new) continue;
    has_copies[first[i]] = 1;
    if (image.labelled) dataset.images[first[i]].labelled = true;
  }
  const std::size_t copies = first.size() - entries.size();
  if (copies == 0) return 0;
  std::set<std::tuple<std::uint32_t, std::uint32_t, double, double, double, double>> known;
  std::erase_if(dataset.annotations, [&](Annotation& a) {
    const bool copy = a.image != first[a.image];
    a.image = first[a.image];
    if (has_copies[a.image] == 0) return false;
    const Rectangle& r = a.rectangle;
    return !known.emplace(a.image, a.category, r.x, r.y, r.width, r.height).second && copy;
  });
  sort_by_image(dataset);
  keep_images(dataset, keep);
  return copies;
}

void keep_images(Dataset& dataset, std::span<const char> keep) {
  require(keep.size() == dataset.images.size(), "keep_images: one mark for each image");
  bool counted = true;  // 1, 2, 3, ...: no numbers of the user's
  for (std::size_t i = 0; i < dataset.images.size(); ++i)
    counted = counted && dataset.images[i].id == static_cast<std::int64_t>(i) + 1;
  const auto place = compact(dataset.images, std::vector<char>(keep.begin(), keep.end()));
  std::erase_if(dataset.annotations, [&](const Annotation& a) { return place[a.image] < 0; });
  for (auto& a : dataset.annotations) a.image = static_cast<std::uint32_t>(place[a.image]);
  for (std::size_t i = 0; counted && i < dataset.images.size(); ++i) dataset.images[i].id = static_cast<std::int64_t>(i) + 1;
}

void keep_classes(Dataset& dataset, std::span<const char> keep) {
  require(keep.size() == dataset.categories.size(), "keep_classes: one mark for each class");
  const auto place = compact(dataset.categories, std::vector<char>(keep.begin(), keep.end()));
  std::erase_if(dataset.annotations, [&](const Annotation& a) { return place[a.category] < 0; });
  for (auto& a : dataset.annotations) a.category = static_cast<std::uint32_t>(place[a.category]);
  move_gap_classes(dataset, [&](std::uint32_t c) { return std::int64_t{place[c]}; });
}

void drop_unused(Dataset& dataset) {
  std::vector<char> masks(dataset.masks.size(), 0), attributes(dataset.attributes.size(), 0);
  for (const auto& a : dataset.annotations) {
    if (a.mask >= 0) masks[static_cast<std::size_t>(a.mask)] = 1;
    if (a.attributes >= 0) attributes[static_cast<std::size_t>(a.attributes)] = 1;
  }
  for (const auto& image : dataset.images) {
    if (image.attributes >= 0) attributes[static_cast<std::size_t>(image.attributes)] = 1;
  }
  const auto mask_place = compact(dataset.masks, masks), attribute_place = compact(dataset.attributes, attributes);
  for (auto& a : dataset.annotations) {
    if (a.mask >= 0) a.mask = mask_place[static_cast<std::size_t>(a.mask)];
    if (a.attributes >= 0) a.attributes = attribute_place[static_cast<std::size_t>(a.attributes)];
  }
  for (auto& image : dataset.images) {
    if (image.attributes >= 0) image.attributes = attribute_place[static_cast<std::size_t>(image.attributes)];
  }
}

}  // namespace goshawk::dataset
