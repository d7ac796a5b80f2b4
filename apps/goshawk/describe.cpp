#include "apps/goshawk/describe.h"

#include "apps/goshawk/version.h"
#include "goshawk/core/machine.h"
#include "goshawk/runtime/memory.h"

namespace goshawk::cli {

using nlohmann::json;

json describe_model(const std::filesystem::path& path, const detect::Detector& detector) {
  const auto& session = detector.session();
  const auto statistics = session.statistics();
  return {{"file", path.string()},
          {"sha256", session.model_hash()},
          {"device", runtime::to_string(session.device())},
          {"precision", runtime::to_string(session.precision())},
          {"load_ms", statistics.load_ms},
          {"from_cache", statistics.from_cache}};
}

nlohmann::ordered_json describe_versions() {
  nlohmann::ordered_json versions{
      {"goshawk", kVersion}, {"revision", kRevision}, {"compiler", kCompiler}, {"build", kBuildType}};
  for (const auto& [library, version] : library_versions()) versions[library] = version;
  return versions;
}

json describe_this_machine() {
  const Machine machine = describe_machine();
  json gpus = json::array();
  for (const auto& gpu : runtime::gpus()) gpus.push_back({{"name", gpu.name}, {"memory_bytes", gpu.total_bytes}});
  return {{"processor", machine.processor},
          {"cores", machine.cores},
          {"memory_bytes", machine.memory_bytes},
          {"gpus", gpus},
          {"system", machine.system}};
}

}  // namespace goshawk::cli
