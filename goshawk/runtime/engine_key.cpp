#include "goshawk/runtime/engine_key.h"

#include <nlohmann/json.hpp>

#include "goshawk/core/files.h"

namespace goshawk::runtime {

nlohmann::json describe_engine(const ModelFile& model, const Provider& provider, int threads) {
  nlohmann::json about{{"model", model.sha256},
                       {"provider", provider.name},
                       {"onnxruntime", Ort::GetVersionString()},
                       {"device", to_string(provider.device)},
                       {"hardware", provider.hardware},
                       {"driver", provider.driver},
                       {"library", provider.library},
                       {"precision", to_string(provider.precision)},
                       {"settings", provider.settings},
                       {"threads", threads}};
  for (const auto& file : model.external_files) about["weights"].push_back(sha256_of_file(file));
  return about;
}

}  // namespace goshawk::runtime
