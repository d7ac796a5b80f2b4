// A source whose frames libav decodes.
#pragma once

#include <memory>
#include <stop_token>
#include <string>

#include "goshawk/media/source.h"
#include "goshawk/media/source_kind.h"

namespace goshawk::media {

/// Throws as `open_source` does.
std::unique_ptr<Source> open_video(const std::string& spec, SourceKind kind, const SourceOptions& options,
                                   std::stop_token stop);

}  // namespace goshawk::media
