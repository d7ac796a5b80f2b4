// Settings files, profiles, variables and the list of models.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "apps/goshawk/model_manifest.h"
#include "fuzz/scratch.h"
#include "goshawk/core/config.h"
#include "goshawk/core/document.h"
#include "goshawk/core/error.h"

namespace {

using namespace goshawk;  // NOLINT: a fuzzer
namespace fs = std::filesystem;

/// Settings that were accepted are saved and read back as the same.
void read_settings(const std::string& text) {
  Config config;
  config.set_document(parse_yaml(text, "fuzz"), ConfigLayer::kFile, [](const std::string& key) { return key; });
  Config again;
  again.set_document(parse_yaml(to_yaml(config.changes()), "again"), ConfigLayer::kFile,
                     [](const std::string& key) { return key; });
  require(again.changes() == config.changes(), "saved settings read back");
}

void read_variable(const std::string& text) {
  const std::size_t cut = text.find('\n');
  if (cut == std::string::npos || text.find('\0') != std::string::npos) return;
  ConfigInputs inputs;
  inputs.file = "none";
  inputs.environment = {{"GOSHAWK_" + text.substr(0, cut), text.substr(cut + 1)}};
  load_config(inputs);
}

void check_file(const std::string& text, const char* extension) {
  const fs::path path = scratch_folder() / (std::string("settings") + extension);
  std::ofstream(path, std::ios::binary) << text;
  for (const auto& problem : check_config_file(path, scratch_folder() / "none"))
    require(*problem.what() != '\0', "a problem has a message");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string text(reinterpret_cast<const char*>(data + 1), size - 1);
  try {
    switch (data[0] % 6) {
      case 0:
        read_settings(text);
        break;
      case 1:
        Config().set_profile(parse_profile("fuzz", parse_yaml(text, "fuzz"), "fuzz"));
        break;
      case 2:
        read_variable(text);
        break;
      case 3:
        check_file(text, ".yaml");
        break;
      case 4:
        check_file(text, ".json");
        break;
      default:
        cli::parse_manifest(text, "fuzz");
        break;
    }
  } catch (const Error&) {
    // The one way in which text may be refused.
  }
  return 0;
}
