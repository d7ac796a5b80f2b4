#include "goshawk/core/queue.h"

#include <gtest/gtest.h>

#include <chrono>
#include <thread>

namespace goshawk {
namespace {

TEST(BoundedQueue, HandsOutWhatIsLeftAfterClose) {
  BoundedQueue<int> queue(4);
  EXPECT_TRUE(queue.push(1));
  EXPECT_TRUE(queue.push(2));
  queue.close();
  EXPECT_FALSE(queue.push(3));
  EXPECT_EQ(queue.pop(), 1);
  EXPECT_EQ(queue.pop(), 2);
  EXPECT_EQ(queue.pop(), std::nullopt);
}

TEST(BoundedQueue, ProducerWaitsForRoomAndLosesNothing) {
  BoundedQueue<int> queue(2);
  std::jthread producer([&] {
    for (int i = 0; i < 1000; ++i) ASSERT_TRUE(queue.push(i));
    queue.close();
  });
  int expected = 0;
  while (const auto item = queue.pop()) EXPECT_EQ(*item, expected++);
  EXPECT_EQ(expected, 1000);
  EXPECT_EQ(queue.dropped(), 0U);
}

TEST(BoundedQueue, CloseWakesAWaitingProducerAndAWaitingConsumer) {
  BoundedQueue<int> full(1);
  ASSERT_TRUE(full.push(1));
  std::jthread producer([&] { EXPECT_FALSE(full.push(2)); });
  BoundedQueue<int> empty(1);
  std::jthread consumer([&] { EXPECT_EQ(empty.pop(), std::nullopt); });
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  full.close();
  empty.close();
}

TEST(BoundedQueue, DropOldestKeepsTheNewestAndCounts) {
  BoundedQueue<int> queue(2, WhenFull::kDropOldest);
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(queue.push(i));
  EXPECT_EQ(queue.dropped(), 3U);
  EXPECT_EQ(queue.pop(), 3);
  EXPECT_EQ(queue.pop(), 4);
}

TEST(BoundedQueue, CancelDiscardsWhatIsLeft) {
  BoundedQueue<int> queue(2);
  ASSERT_TRUE(queue.push(1));
  queue.cancel();
  EXPECT_EQ(queue.pop(), std::nullopt);
}

}  // namespace
}  // namespace goshawk
