// What the checks of `goshawk doctor` come to.
#pragma once

#include <vector>

#include "goshawk/media/capabilities.h"
#include "goshawk/runtime/device.h"

namespace goshawk::cli {

/// 0 where models run and videos can be written, else that of ErrorCode::kUnavailable.
int doctor_exit_code(const std::vector<runtime::DeviceStatus>& devices, const media::Capabilities& media);

}  // namespace goshawk::cli
