// What an ONNX file would become in memory, told before anything is made of it. Private to onnx/.
#pragma once

#include <string>
#include <string_view>

#include "goshawk/onnx/model.h"

namespace goshawk::onnx {

/// Walks the framing of a ModelProto with all that is nested in it (subgraphs, functions, types). Throws Error{kBadData}
/// beyond the limits, for two graphs (protobuf would join them), for nesting that protobuf would refuse, and for what is no
/// protobuf message. Memory: none to speak of.
void check_item_counts(std::string_view bytes, const std::string& where, const ReadLimits& limits);

}  // namespace goshawk::onnx
