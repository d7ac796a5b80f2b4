#include "goshawk/train/membership.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <map>

#include "goshawk/core/error.h"

namespace goshawk::train {
namespace {

Membership of(const std::map<std::string, std::string>& variables) {
  return membership_of([&](const char* name) {
    const auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  });
}

TEST(Membership, IsAloneWithoutVariables) {
  EXPECT_TRUE(of({}).alone());
  EXPECT_TRUE(of({{"MASTER_ADDR", "host"}}).alone());
}

TEST(Membership, ReadsWhatTorchrunSets) {
  const auto self = of({{"RANK", "5"},
                        {"WORLD_SIZE", "8"},
                        {"LOCAL_RANK", "1"},
                        {"LOCAL_WORLD_SIZE", "4"},
                        {"MASTER_ADDR", "node0"},
                        {"MASTER_PORT", "1234"}});
  EXPECT_EQ(self, (Membership{5, 8, 1, 4, "node0", 1234}));
  EXPECT_FALSE(self.first());
  EXPECT_FALSE(self.on_loopback());
  EXPECT_TRUE(of({{"RANK", "0"}, {"WORLD_SIZE", "2"}, {"MASTER_ADDR", "127.0.0.1"}}).on_loopback());
}

TEST(Membership, RefusesHalvesAndNonsense) {
  EXPECT_THROW(of({{"RANK", "0"}}), Error);
  EXPECT_THROW(of({{"WORLD_SIZE", "2"}}), Error);
  EXPECT_THROW(of({{"RANK", "0"}, {"WORLD_SIZE", "2"}}), Error) << "no address";
  EXPECT_THROW(of({{"RANK", "2"}, {"WORLD_SIZE", "2"}, {"MASTER_ADDR", "a"}}), Error);
  EXPECT_THROW(of({{"RANK", "x"}, {"WORLD_SIZE", "2"}, {"MASTER_ADDR", "a"}}), Error);
  EXPECT_THROW(of({{"RANK", "0"}, {"WORLD_SIZE", "2"}, {"MASTER_ADDR", "a"}, {"MASTER_PORT", "70000"}}), Error);
}

TEST(FreePort, IsAPort) { EXPECT_GT(free_port(), 1023); }

TEST(BindOnLoopback, KeepsToThatAddressAndSaysWhenThePortIsTaken) {
  const int port = free_port();
  const int file = bind_on_loopback("127.0.0.1", port);
  sockaddr_in own{};
  socklen_t size = sizeof own;
  ASSERT_EQ(::getsockname(file, reinterpret_cast<sockaddr*>(&own), &size), 0);
  EXPECT_EQ(ntohl(own.sin_addr.s_addr), INADDR_LOOPBACK);
  EXPECT_EQ(ntohs(own.sin_port), port);
  ASSERT_EQ(::listen(file, 1), 0);
  EXPECT_THROW(bind_on_loopback("localhost", port), Error);
  ::close(file);
}

}  // namespace
}  // namespace goshawk::train
