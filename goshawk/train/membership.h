// Which of several processes this one is.
#pragma once

#include <functional>
#include <string>

namespace goshawk::train {

/// A process among those that train one network together.
struct Membership {
  int rank = 0, world = 1;              // number of this process, and how many there are
  int local_rank = 0, local_world = 1;  // the same among those on this machine
  std::string address;                  // host of process 0
  int port = 29500;                     // at which it waits for the others

  bool alone() const { return world == 1; }
  bool first() const { return rank == 0; }
  /// The address is this machine's own loopback.
  bool on_loopback() const;
  bool operator==(const Membership&) const = default;
};

/// What RANK, WORLD_SIZE, MASTER_ADDR, MASTER_PORT, LOCAL_RANK and LOCAL_WORLD_SIZE say, as torchrun sets them; alone where
/// neither of the first two is set. `environment`: the value of a variable, nullptr for none. Throws Error{kUsage} for one
/// that is missing beside the others, or out of range.
Membership membership_of(const std::function<const char*(const char*)>& environment);

/// A TCP port on 127.0.0.1 that nobody listened at a moment ago. Throws Error{kUnavailable}.
int free_port();

/// A TCP socket that is bound to this machine's loopback (IPv6 for "::1", else IPv4) at `port`, where no other machine can
/// reach it. The caller listens and closes. Throws Error{kUnavailable} where something else listens there.
int bind_on_loopback(const std::string& address, int port);

}  // namespace goshawk::train
