// The commands, one file each.
#pragma once

#include "apps/goshawk/command.h"

namespace goshawk::cli {

Command version_command();

}  // namespace goshawk::cli
