#include "goshawk/evaluate/class_map.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>

#include "goshawk/core/error.h"
#include "goshawk/core/text.h"

namespace goshawk::evaluate {
namespace {

/// Names that mean the same look the same.
std::string folded(const std::string& name) {
  std::string text;
  for (const char c : name) {
    if (c == '_' || c == '-' || c == ' ') continue;
    text += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return text;
}

int index_of(const std::string& name, std::span<const std::string> names) {
  const auto exact = std::find(names.begin(), names.end(), name);
  if (exact != names.end()) return static_cast<int>(exact - names.begin());
  const std::string wanted = folded(name);
  const auto found = std::find_if(names.begin(), names.end(), [&](const auto& other) { return folded(other) == wanted; });
  return found == names.end() ? -1 : static_cast<int>(found - names.begin());
}

void check_renamed(const std::map<std::string, std::string>& renamed, std::span<const std::string> model,
                   std::span<const std::string> dataset) {
  for (const auto& [from, to] : renamed) {
    if (index_of(from, model) < 0) {
      throw Error(ErrorCode::kUsage, fmt::format("the model has no class '{}'{}", from, did_you_mean(from, model)), "--map");
    }
    if (!to.empty() && index_of(to, dataset) < 0) {
      throw Error(ErrorCode::kUsage, fmt::format("the data set has no class '{}'{}", to, did_you_mean(to, dataset)),
                  "--map");
    }
  }
}

/// The first few names, for a message.
std::string some_of(std::span<const std::string> names) {
  constexpr std::size_t kShown = 8;
  const auto shown = names.first(std::min(names.size(), kShown));
  return fmt::format("{}{}", fmt::join(shown, ", "),
                     names.size() > kShown ? fmt::format(" and {} more", names.size() - kShown) : "");
}

}  // namespace

ClassMap map_classes(std::span<const std::string> model, std::span<const std::string> dataset,
                     const std::map<std::string, std::string>& renamed) {
  check_renamed(renamed, model, dataset);
  std::map<int, std::string> target;  // of the model's classes that have another name
  for (const auto& [from, to] : renamed) target[index_of(from, model)] = to;

  ClassMap map;
  std::vector<bool> named(dataset.size());
  for (std::size_t c = 0; c < model.size(); ++c) {
    const auto other = target.find(static_cast<int>(c));
    const std::string& name = other == target.end() ? model[c] : other->second;
    const int index = name.empty() ? -1 : index_of(name, dataset);
    map.to_dataset.push_back(index);
    if (index >= 0) named[static_cast<std::size_t>(index)] = true;
    else map.unused.push_back(model[c]);
  }
  for (std::size_t c = 0; c < dataset.size(); ++c) {
    if (!named[c]) map.unknown.push_back(dataset[c]);
  }
  if (map.unknown.size() == dataset.size()) {
    throw Error(ErrorCode::kBadData,
                fmt::format("model and data set have no class in common: the model knows {}; the data set has {}",
                            some_of(model), some_of(dataset)),
                {}, "Say which is which: --map MODEL_CLASS=DATA_SET_CLASS,...");
  }
  return map;
}

}  // namespace goshawk::evaluate
