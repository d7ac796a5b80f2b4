// One model from several trainings of the same network: the mean of their weights.
#pragma once

#include <string>
#include <vector>

#include "goshawk/onnx/model.h"

namespace goshawk::optimize {

/// The first of `models` with the mean of all their FP32 constants, as often as each is there. What differs otherwise is an
/// error: the nodes, their attributes, other constants, inputs and outputs. `names`: of the models, for messages, as many.
/// Means of models that were trained on from the same weights are often better than each: Wortsman et al., "Model soups",
/// ICML 2022. Throws Error{kBadData} with the first difference, {kUsage} for no models.
onnx::Model average(const std::vector<onnx::Model>& models, const std::vector<std::string>& names);

}  // namespace goshawk::optimize
