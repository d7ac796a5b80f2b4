// Which class of a model is which class of a data set.
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

namespace goshawk::evaluate {

/// From a model's class numbers to a data set's.
struct ClassMap {
  std::vector<int> to_dataset;       // [model classes] index of the data set's class, -1: the data set has none such
  std::vector<std::string> unknown;  // classes of the data set that the model cannot name: they can never be found
  std::vector<std::string> unused;   // classes of the model that the data set does not have: left out
};

/// By name; upper and lower case, spaces, '_' and '-' are alike. `renamed`: from names of the model to names of the data
/// set, before anything else; "" drops a class. Throws Error{kUsage} when a renamed class is in neither list, and {kBadData}
/// when no class fits, with both lists and what to do.
ClassMap map_classes(std::span<const std::string> model, std::span<const std::string> dataset,
                     const std::map<std::string, std::string>& renamed = {});

}  // namespace goshawk::evaluate
