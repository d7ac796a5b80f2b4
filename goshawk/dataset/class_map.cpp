#include "goshawk/dataset/class_map.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <map>
#include <optional>

#include "goshawk/core/coco_names.h"
#include "goshawk/core/error.h"
#include "goshawk/core/text.h"
#include "goshawk/dataset/label_gaps.h"

namespace goshawk::dataset {
namespace {

constexpr std::int64_t kGreatestNumber = 9999;  // that --map gives

[[noreturn]] void reject(const std::string& message, const std::string& hint = {}) {
  throw Error(ErrorCode::kUsage, message, "--map", hint);
}

std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

std::optional<std::int64_t> whole_number(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

bool is_id_space(std::string_view word) { return word == "coco80" || word == "coco91"; }

std::string folded(std::string_view name) {
  std::string text;
  for (const char c : name) {
    if (c != ' ' && c != '_' && c != '-') text += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return text;
}

/// Place of a class in COCO's list; the other names are Pascal VOC's for the same things.
std::optional<std::size_t> coco_place(std::string_view name) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 5> kOther{{{"aeroplane", "airplane"},
                                                                                 {"motorbike", "motorcycle"},
                                                                                 {"sofa", "couch"},
                                                                                 {"tvmonitor", "tv"},
                                                                                 {"television", "tv"}}};
  std::string key = folded(name);
  for (const auto& [other, coco] : kOther) {
    if (key == other) key = coco;
  }
  const auto& names = coco_names();
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (folded(names[i]) == key) return i;
  }
  return std::nullopt;
}

/// What becomes of one old class.
struct Fate {
  std::string name;
  std::optional<std::int64_t> number;
  bool dropped = false;
  bool mapped = false;
};

std::size_t find_class(const std::vector<Category>& categories, const std::string& name) {
  for (std::size_t i = 0; i < categories.size(); ++i) {
    if (categories[i].name == name) return i;
  }
  const auto number = whole_number(name);
  for (std::size_t i = 0; number && i < categories.size(); ++i) {
    if (categories[i].id == *number) return i;
  }
  std::vector<std::string> names;
  for (const auto& category : categories) names.push_back(category.name);
  reject("there is no class '" + name + "' in this data set" + did_you_mean(name, names));
}

std::vector<Fate> decide(const std::vector<Category>& categories, const ClassMapping& mapping) {
  std::vector<Fate> fates;
  for (const auto& category : categories) fates.push_back({category.name, {}, false, false});
  for (const auto& [from, to] : mapping) {
    if (from.empty()) continue;  // an id space
    const std::size_t first = find_class(categories, from);
    for (std::size_t i = 0; i < categories.size(); ++i) {
      if (i != first && categories[i].name != categories[first].name) continue;
      Fate& fate = fates[i];
      if (fate.mapped) reject("the class '" + from + "' is named twice");
      fate.mapped = true;
      fate.dropped = to.empty();
      fate.number = whole_number(to);
      if (fate.number && (*fate.number < 0 || *fate.number > kGreatestNumber))
        reject("a class's number is from 0 to " + std::to_string(kGreatestNumber) + ", not " + to);
      if (!fate.dropped && !fate.number) fate.name = to;
    }
  }
  return fates;
}

/// New classes in the order of the old ones; the old class that has the new name already gives number, supercategory, colour
/// and rules of attributes.
class Regrouping {
 public:
  Regrouping(std::vector<Category> old, const std::vector<Fate>& fates) : place_of_(old.size(), -1) {
    for (std::size_t i = 0; i < old.size(); ++i) {
      if (!fates[i].dropped) add(i, old[i], fates[i]);
    }
  }

  /// Classes that were numbered by their places still are.
  void count() {
    for (std::size_t i = 0; i < groups_.size(); ++i) groups_[i].id = static_cast<std::int64_t>(i);
  }

  /// Keeps the numbers, and fills the gaps below them.
  void keep_numbers() {
    for (std::size_t i = 0; i < groups_.size(); ++i) {
      for (std::size_t k = 0; k < i; ++k) {
        if (groups_[i].id == groups_[k].id)
          reject("the classes '" + groups_[k].name + "' and '" + groups_[i].name + "' would both have the number " +
                     std::to_string(groups_[i].id),
                 "Give the other one a number too, or drop it.");
      }
    }
    std::map<std::int64_t, std::size_t> by_id;
    for (std::size_t i = 0; i < groups_.size(); ++i) by_id.emplace(groups_[i].id, i);
    if (by_id.empty() || by_id.begin()->first < 0 || by_id.rbegin()->first > kGreatestNumber) return;
    std::vector<Category> filled;
    std::vector<std::int32_t> moved(groups_.size());
    for (std::int64_t id = 0; id <= by_id.rbegin()->first; ++id) {
      const auto entry = by_id.find(id);
      if (entry != by_id.end()) moved[entry->second] = static_cast<std::int32_t>(id);
      filled.push_back(entry != by_id.end() ? groups_[entry->second] : Category{id, "class_" + std::to_string(id), {}});
    }
    replace(std::move(filled), moved);
  }

  void into_coco(bool by_file_number) {
    std::vector<Category> all = coco_categories();
    for (std::size_t i = 0; !by_file_number && i < all.size(); ++i) all[i].id = static_cast<std::int64_t>(i);
    std::vector<std::int32_t> moved(groups_.size());
    std::string unknown;
    for (std::size_t i = 0; i < groups_.size(); ++i) {
      const auto place = coco_place(groups_[i].name);
      if (place) moved[i] = static_cast<std::int32_t>(*place);
      else unknown += (unknown.empty() ? "'" : ", '") + groups_[i].name + "'";
    }
    if (!unknown.empty())
      reject("COCO has no class " + unknown, "Rename or drop what it does not have: --map \"van=car,background=,coco80\".");
    replace(std::move(all), moved);
  }

  std::vector<Category>& categories() { return groups_; }
  std::int32_t place_of(std::uint32_t old) const { return place_of_[old]; }

 private:
  void add(std::size_t i, const Category& old, const Fate& fate) {
    const auto [entry, is_new] = by_name_.try_emplace(fate.name, groups_.size());
    if (is_new) {
      groups_.push_back(old);
      groups_.back().name = fate.name;
      numbered_.push_back(false);
    }
    const std::size_t group = entry->second;
    place_of_[i] = static_cast<std::int32_t>(group);
    if (old.name == fate.name && !fate.number && !numbered_[group]) {
      groups_[group] = old;
    }
    if (!fate.number) return;
    if (numbered_[group] && groups_[group].id != *fate.number) reject("the class '" + fate.name + "' is given two numbers");
    groups_[group].id = *fate.number;
    numbered_[group] = true;
  }

  void replace(std::vector<Category> categories, const std::vector<std::int32_t>& moved) {
    groups_ = std::move(categories);
    for (auto& place : place_of_) {
      if (place >= 0) place = moved[static_cast<std::size_t>(place)];
    }
  }

  std::vector<Category> groups_;
  std::vector<bool> numbered_;
  std::map<std::string, std::size_t> by_name_;
  std::vector<std::int32_t> place_of_;  // by old place, -1: dropped
};

bool are_places(const std::vector<Category>& categories) {
  for (std::size_t i = 0; i < categories.size(); ++i) {
    if (categories[i].id != static_cast<std::int64_t>(i)) return false;
  }
  return true;
}

/// What was done before, seen through what is done now: van=car and then car=vehicle is van=vehicle.
void record(ClassMapping& history, const ClassMapping& mapping) {
  const auto is_name = [](const std::string& to) { return !whole_number(to); };
  std::map<std::string, std::string> names;  // a class is looked up once, as names may be exchanged
  for (const auto& [from, to] : mapping) {
    if (!from.empty() && is_name(to)) names.emplace(from, to);
  }
  std::map<std::string, std::size_t> places;
  for (std::size_t i = 0; i < history.size(); ++i) places.emplace(history[i].first, i);
  const std::size_t before = history.size();
  std::vector<char> has_other_name(before, 0);  // so that its old name now means another class
  for (std::size_t i = 0; i < before; ++i) {
    auto& [from, to] = history[i];
    has_other_name[i] = !from.empty() && is_name(to) && to != from ? 1 : 0;
    if (const auto renamed = names.find(to); !from.empty() && renamed != names.end()) to = renamed->second;
  }
  for (const auto& pair : mapping) {
    const auto same = places.find(pair.first);
    if (same == places.end()) history.push_back(pair);
    else if (has_other_name[same->second] == 0) history[same->second].second = pair.second;
  }
}

}  // namespace

const std::vector<Category>& coco_categories() {
  static const std::vector<Category> kCategories = [] {
    constexpr std::array<std::int64_t, 10> kNotUsed{12, 26, 29, 30, 45, 66, 68, 69, 71, 83};
    std::vector<Category> categories;
    std::int64_t id = 0;
    for (const auto& name : coco_names()) {
      do ++id;
      while (std::binary_search(kNotUsed.begin(), kNotUsed.end(), id));
      categories.push_back({id, name, {}});
    }
    return categories;
  }();
  return kCategories;
}

ClassMapping parse_class_mapping(std::string_view text) {
  ClassMapping mapping;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(','), text.size());
    const std::string_view pair = trimmed(text.substr(0, end));
    text.remove_prefix(std::min(text.size(), end + 1));
    if (pair.empty()) continue;
    const std::size_t equals = pair.rfind('=');
    if (equals == std::string_view::npos) {
      if (!is_id_space(pair))
        reject("'" + std::string(pair) + "' is neither old=new nor an id space",
               "Id spaces are coco80 and coco91; a class is dropped by \"" + std::string(pair) + "=\".");
      mapping.emplace_back("", pair);
      continue;
    }
    const std::string from(trimmed(pair.substr(0, equals))), to(trimmed(pair.substr(equals + 1)));
    if (from.empty()) reject("'" + std::string(pair) + "' names no class");
    const bool twice = std::any_of(mapping.begin(), mapping.end(), [&](const auto& other) { return other.first == from; });
    if (twice) reject("the class '" + from + "' is named twice");
    mapping.emplace_back(from, to);
  }
  return mapping;
}

void map_classes(Dataset& dataset, const ClassMapping& mapping) {
  if (mapping.empty()) return;
  const auto fates = decide(dataset.categories, mapping);
  Regrouping regrouping(dataset.categories, fates);
  const bool numbered = std::any_of(fates.begin(), fates.end(), [](const Fate& fate) { return fate.number.has_value(); });
  if (numbered) regrouping.keep_numbers();
  else if (are_places(dataset.categories)) regrouping.count();
  for (const auto& [from, to] : mapping) {
    if (from.empty()) regrouping.into_coco(to == "coco91");
  }
  dataset.categories = std::move(regrouping.categories());
  std::erase_if(dataset.annotations, [&](const Annotation& a) { return regrouping.place_of(a.category) < 0; });
  for (auto& a : dataset.annotations) a.category = static_cast<std::uint32_t>(regrouping.place_of(a.category));
  move_gap_classes(dataset, [&](std::uint32_t c) { return std::int64_t{regrouping.place_of(c)}; });
  record(dataset.class_mapping, mapping);
}

}  // namespace goshawk::dataset
