// What can be told of an ONNX file without loading it into ONNX Runtime: is it whole, is it safe, what does it say of
// itself.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace goshawk::runtime {

struct ModelFile {
  std::string sha256;                           // of the file itself
  std::map<std::string, std::string> metadata;  // metadata_props
  std::int64_t ir_version = 0;
  std::vector<std::filesystem::path> external_files;  // weights beside the model, each once, existing
};

/// Walks the protobuf framing of an ONNX file; weights are skipped, not read (except for the hash). Memory stays small
/// whatever the file's size. Source of the field numbers: onnx.proto of ONNX 1.23.
/// Throws Error{kNotFound} for a missing file or a folder, {kBadData} for anything that is not one whole ONNX model, for
/// external weights that are missing or lie outside of the model's folder, and for models that carry code compiled for
/// some machine (EPContext nodes), which must never be taken from outside.
ModelFile inspect_model(const std::filesystem::path& path);

}  // namespace goshawk::runtime
