// Whether a device can be used, before any model is loaded.
#pragma once

#include "goshawk/runtime/device.h"

namespace goshawk::runtime {

/// Throws Error{kUnavailable} with what is missing where this machine has no such device (not kAuto), or the device not this
/// precision. Loads the provider's library.
void check_device(const Device& device, Precision precision);

}  // namespace goshawk::runtime
