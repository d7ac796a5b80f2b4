// The outer layer of an ONNX file: its metadata, read and written without touching the weights.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>

namespace goshawk::detect {

/// metadata_props by key. Reads the file's outermost fields only and seeks over the graph, so a model of gigabytes costs
/// nothing. At most 4,096 entries and 64 MiB of them.
/// Throws Error{kNotFound}, and {kBadData} when the file is truncated or no ONNX model.
/// Source: onnx.proto of ONNX 1.23 (ModelProto), protobuf wire format.
std::map<std::string, std::string> read_onnx_metadata(const std::filesystem::path& model);

/// Copies `model` to `target` (which may be the same path) with the entries of `changes` set, or removed where nullopt.
/// All other bytes stay as they are. Atomic: `target` is either whole or untouched. Weights in external files are not
/// copied; they are found as long as `target` is in the same folder. Throws as `read_onnx_metadata` does, and Error{kIo}.
void write_onnx_metadata(const std::filesystem::path& model, const std::filesystem::path& target,
                         const std::map<std::string, std::optional<std::string>>& changes);

/// The operators that the main graph's nodes use ("Conv", "Sigmoid"). Throws as `read_onnx_metadata` does.
std::set<std::string> read_onnx_operators(const std::filesystem::path& model);

}  // namespace goshawk::detect
