// What can be told of an ONNX file without loading it into ONNX Runtime (is it whole, is it safe, what does it say of
// itself), and writing what it says of itself.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace goshawk::runtime {

struct ModelFile {
  std::string sha256;                                 // of the file itself
  std::map<std::string, std::string> metadata;        // metadata_props
  std::set<std::string> operators;                    // of the main graph's nodes: "Conv", "Sigmoid"
  std::vector<std::filesystem::path> external_files;  // weights beside the model, each once, existing

  bool has_eight_bits() const { return operators.contains("QuantizeLinear"); }
};

/// Walks the protobuf framing of an ONNX file; weights are skipped, not read (except for the hash). Memory stays small
/// whatever the file's size: at most 4,096 entries of metadata, and 64 MiB of texts. Source of the field numbers: onnx.proto
/// of ONNX 1.23.
/// Throws Error{kNotFound} for a missing file or a folder, {kBadData} for anything that is not one whole ONNX model, for
/// external weights that are missing or lie outside of the model's folder, and for models that carry code compiled for
/// some machine (EPContext nodes), which must never be taken from outside.
ModelFile inspect_model(const std::filesystem::path& path);

/// Bytes of the file and of the files beside it that hold its weights. Throws as `inspect_model` does.
std::uint64_t model_bytes(const std::filesystem::path& path);

/// Copies `model` to `target` (which may be the same path) with the entries of `changes` set, or removed where nullopt.
/// All other bytes stay as they are. Atomic: `target` is either whole or untouched. Weights in external files are neither
/// looked for nor copied; they are found as long as `target` is in the same folder.
/// Throws as `inspect_model` does, Error{kUsage} for more metadata than it reads, and {kIo}.
void write_metadata(const std::filesystem::path& model, const std::filesystem::path& target,
                    const std::map<std::string, std::optional<std::string>>& changes);

}  // namespace goshawk::runtime
