#include "goshawk/core/descriptor.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <cerrno>

namespace goshawk {
namespace {

bool is_open(int number) { return ::fcntl(number, F_GETFD) >= 0; }

Descriptor null_device() { return Descriptor(::open("/dev/null", O_RDONLY | O_CLOEXEC)); }

TEST(Descriptor, ClosesAtTheEndOfItsLife) {
  int number = -1;
  {
    const Descriptor file = null_device();
    number = file.get();
    ASSERT_TRUE(file.is_open());
    EXPECT_TRUE(is_open(number));
  }
  EXPECT_FALSE(is_open(number));
}

TEST(Descriptor, GoesOnToAnotherOwner) {
  Descriptor first = null_device();
  const int number = first.get();
  Descriptor second = null_device();
  const int replaced = second.get();
  second = std::move(first);
  EXPECT_EQ(second.get(), number);
  EXPECT_TRUE(is_open(number));
  EXPECT_FALSE(is_open(replaced));
  const Descriptor third = std::move(second);
  EXPECT_EQ(third.get(), number);
}

TEST(Descriptor, TellsWhetherClosingWorked) {
  Descriptor file = null_device();
  EXPECT_EQ(file.close(), 0);
  EXPECT_FALSE(file.is_open());
  EXPECT_EQ(file.close(), 0);  // nothing left to close

  Descriptor taken_away = null_device();
  ::close(taken_away.get());
  EXPECT_EQ(taken_away.close(), -1);
  EXPECT_EQ(errno, EBADF);
}

TEST(Descriptor, KeepsTheReasonOfAFailedOpen) {
  errno = 0;
  const Descriptor none(::open("/no/such/file", O_RDONLY));
  EXPECT_FALSE(none.is_open());
  EXPECT_EQ(errno, ENOENT);
}

}  // namespace
}  // namespace goshawk
