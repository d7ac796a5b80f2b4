// Stands in for a header of gloo, which LibTorch holds compiled but does not ship (docs/decisions/081-data-parallel.md).
#pragma once

#include <chrono>

namespace gloo {

class Context {
 public:
  void setTimeout(std::chrono::milliseconds timeout);
};

namespace transport {
class Device;
class UnboundBuffer;
}  // namespace transport

}  // namespace gloo
