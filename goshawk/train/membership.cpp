#include "goshawk/train/membership.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <optional>
#include <string_view>

#include "goshawk/core/error.h"

namespace goshawk::train {
namespace {

constexpr int kMostProcesses = 4096, kMostPort = 65535;
constexpr const char* kHint = "torchrun sets RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT; --nproc N needs none of them.";

/// This machine's own address, for `bind`; port 0 is any that is free.
struct Loopback {
  sockaddr_storage storage{};
  socklen_t size = 0;
  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }

  static Loopback v4(std::uint32_t address, int port) {
    Loopback result;
    auto& in = reinterpret_cast<sockaddr_in&>(result.storage);
    in.sin_family = AF_INET;
    in.sin_addr.s_addr = htonl(address);
    in.sin_port = htons(static_cast<std::uint16_t>(port));
    result.size = sizeof in;
    return result;
  }
  static Loopback v6(int port) {
    Loopback result;
    auto& in = reinterpret_cast<sockaddr_in6&>(result.storage);
    in.sin6_family = AF_INET6;
    in.sin6_addr = in6addr_loopback;
    in.sin6_port = htons(static_cast<std::uint16_t>(port));
    result.size = sizeof in;
    return result;
  }
};

}  // namespace

bool Membership::on_loopback() const { return address == "localhost" || address == "::1" || address.starts_with("127."); }

Membership membership_of(const std::function<const char*(const char*)>& environment) {
  const auto number = [&](const char* name, int least, int most) -> std::optional<int> {
    const char* text = environment(name);
    if (text == nullptr) return std::nullopt;
    const std::string_view digits = text;
    int value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error != std::errc() || end != digits.data() + digits.size() || value < least || value > most)
      throw Error(ErrorCode::kUsage, fmt::format("must be a number from {} to {}, not '{}'", least, most, text), name,
                  kHint);
    return value;
  };
  Membership self;
  const auto world = number("WORLD_SIZE", 1, kMostProcesses);
  const auto rank = number("RANK", 0, world.value_or(kMostProcesses) - 1);
  if (!world && !rank) return self;
  if (!world || !rank)
    throw Error(ErrorCode::kUsage, "missing, while the other is set", world ? "RANK" : "WORLD_SIZE", kHint);
  self.world = *world;
  self.rank = *rank;
  self.local_world = number("LOCAL_WORLD_SIZE", 1, self.world).value_or(1);
  self.local_rank = number("LOCAL_RANK", 0, self.local_world - 1).value_or(0);
  self.port = number("MASTER_PORT", 1, kMostPort).value_or(self.port);
  if (const char* address = environment("MASTER_ADDR"); address != nullptr) self.address = address;
  if (self.address.empty() && self.world > 1) throw Error(ErrorCode::kUsage, "missing", "MASTER_ADDR", kHint);
  return self;
}

int free_port() {
  Loopback any = Loopback::v4(INADDR_LOOPBACK, 0);
  const int file = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const bool found = file >= 0 && ::bind(file, any.get(), any.size) == 0 && ::getsockname(file, any.get(), &any.size) == 0;
  if (file >= 0) ::close(file);
  if (!found) throw Error(ErrorCode::kUnavailable, "no port is free on this machine's loopback", "127.0.0.1");
  return ntohs(reinterpret_cast<const sockaddr_in&>(any.storage).sin_port);
}

int bind_on_loopback(const std::string& address, int port) {
  in_addr given{};
  const bool numbers = ::inet_pton(AF_INET, address.c_str(), &given) == 1;
  Loopback own = address == "::1" ? Loopback::v6(port) : Loopback::v4(numbers ? ntohl(given.s_addr) : INADDR_LOOPBACK, port);
  const int file = ::socket(own.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int yes = 1;  // a port that the last training has just left
  if (file >= 0 && ::setsockopt(file, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) == 0 &&
      ::bind(file, own.get(), own.size) == 0)
    return file;
  const std::string why = std::strerror(errno);
  if (file >= 0) ::close(file);
  throw Error(ErrorCode::kUnavailable, "process 0 cannot wait there for the others: " + why,
              fmt::format("{}:{}", address, port));
}

}  // namespace goshawk::train
