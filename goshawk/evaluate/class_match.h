// Which class of a model is which class of a data set.
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

namespace goshawk::evaluate {

/// From a model's class numbers to a data set's.
struct ClassMatch {
  std::vector<int> to_dataset;       // [model classes] index of the data set's class, -1: the data set has none such
  std::vector<std::string> unknown;  // classes of the data set that the model cannot name: they can never be found
  std::vector<std::string> unused;   // classes of the model that the data set does not have: left out
};

/// Place of a class in a list, -1 when it is not there: the very name, else the first one that differs in upper and lower
/// case, spaces, '_' and '-' alone.
int find_class(const std::string& name, std::span<const std::string> names);

/// By name, as `find_class` does. `renamed`: from names of the model to names of the data
/// set, before anything else; "" drops a class. Throws Error{kUsage} when a renamed class is in neither list, and {kBadData}
/// when no class fits, with both lists and what to do.
ClassMatch match_classes(std::span<const std::string> model, std::span<const std::string> dataset,
                         const std::map<std::string, std::string>& renamed = {});

}  // namespace goshawk::evaluate
