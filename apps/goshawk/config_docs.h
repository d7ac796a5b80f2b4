// The page docs/configuration.md, made from the schema, the profiles and the registry.
#pragma once

#include <string>

namespace goshawk::cli {

/// Markdown. The same on every machine: nothing of the user's is in it.
std::string configuration_page();

}  // namespace goshawk::cli
