// Decimal numbers as label files hold them.
#pragma once

#include <string>

namespace goshawk::dataset {

/// `value` to the nearest 1e-9, which undoes the rounding of sums: 10.3 + (20.7 - 10.3) is 20.7 again. From 1e6 on as it is.
double nearest_decimal(double value);

/// The shortest text that reads back as `value` (finite), without exponent.
std::string decimal_text(double value);

}  // namespace goshawk::dataset
