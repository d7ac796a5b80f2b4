// A bounded, closable queue between two stages of a pipeline.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <utility>

#include "goshawk/core/error.h"

namespace goshawk {

/// What a full queue does with one more item.
enum class WhenFull {
  kWait,        // the producer waits: nothing is lost (files)
  kDropOldest,  // the oldest item makes room and is counted as dropped (live streams: newest frame wins)
};

/// First in, first out, of at most `capacity` items. Any number of producers and consumers.
/// After `close`, `push` refuses and `pop` hands out what is left, then nullopt. `cancel` also discards what is left.
template <typename T>
class BoundedQueue {
 public:
  explicit BoundedQueue(std::size_t capacity, WhenFull when_full = WhenFull::kWait)
      : capacity_(capacity), when_full_(when_full) {
    require(capacity > 0, "BoundedQueue needs room for one item");
  }

  /// Blocks while the queue is full (kWait). False when the queue is closed: the item was not taken.
  bool push(T item) {
    std::unique_lock lock(mutex_);
    if (when_full_ == WhenFull::kDropOldest && !closed_ && items_.size() == capacity_) {
      items_.pop_front();
      ++dropped_;
    }
    room_.wait(lock, [&] { return closed_ || items_.size() < capacity_; });
    if (closed_) return false;
    items_.push_back(std::move(item));
    lock.unlock();
    filled_.notify_one();
    return true;
  }

  /// Blocks until there is an item. nullopt when the queue is closed and empty.
  std::optional<T> pop() {
    std::unique_lock lock(mutex_);
    filled_.wait(lock, [&] { return closed_ || !items_.empty(); });
    return take(lock);
  }

  /// Never blocks; nullopt when there is nothing now.
  std::optional<T> try_pop() {
    std::unique_lock lock(mutex_);
    return take(lock);
  }

  void close() {
    {
      const std::lock_guard lock(mutex_);
      closed_ = true;
    }
    room_.notify_all();
    filled_.notify_all();
  }

  void cancel() {
    {
      const std::lock_guard lock(mutex_);
      items_.clear();
      closed_ = true;  // under the same lock: an item pushed in between would be handed out after all
    }
    room_.notify_all();
    filled_.notify_all();
  }

  std::size_t size() const {
    const std::lock_guard lock(mutex_);
    return items_.size();
  }

  /// Items that kDropOldest threw away so far.
  std::uint64_t dropped() const {
    const std::lock_guard lock(mutex_);
    return dropped_;
  }

 private:
  std::optional<T> take(std::unique_lock<std::mutex>& lock) {
    if (items_.empty()) return std::nullopt;
    std::optional<T> item(std::move(items_.front()));
    items_.pop_front();
    lock.unlock();
    room_.notify_one();
    return item;
  }

  const std::size_t capacity_;
  const WhenFull when_full_;
  mutable std::mutex mutex_;
  std::condition_variable room_;
  std::condition_variable filled_;
  std::deque<T> items_;
  std::uint64_t dropped_ = 0;
  bool closed_ = false;
};

}  // namespace goshawk
