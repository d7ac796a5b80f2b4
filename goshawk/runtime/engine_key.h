// What a compiled model belongs to. Private: it includes ONNX Runtime's header.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "goshawk/runtime/model_file.h"
#include "goshawk/runtime/provider.h"

namespace goshawk::runtime {

/// Everything that a compiled model depends on, to make its key in the cache from. Reads the external weights.
nlohmann::json describe_engine(const ModelFile& model, const Provider& provider, int threads);

}  // namespace goshawk::runtime
