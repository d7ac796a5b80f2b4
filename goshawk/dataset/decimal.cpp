#include "goshawk/dataset/decimal.h"

#include <array>
#include <charconv>
#include <cmath>

namespace goshawk::dataset {

double nearest_decimal(double value) {
  return std::abs(value) < 1e6 ? std::round(value * 1e9) / 1e9 + 0.0 : value;  // + 0.0: no negative zero
}

std::string decimal_text(double value) {
  std::array<char, 400> buffer{};
  const auto result = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::fixed);
  return {buffer.data(), result.ptr};
}

}  // namespace goshawk::dataset
