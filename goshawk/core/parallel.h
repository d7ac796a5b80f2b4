// The same work over many items, on all cores.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "goshawk/core/machine.h"

namespace goshawk {

/// Calls `work(begin, end)` for blocks of at most `block` items that together are [0, count): from `threads` threads at once
/// (0: as many as cores), the caller's among them. `after_block(items_done)` is called in the caller's thread only, now and
/// then and at the end. The first exception stops the handing out of blocks and is thrown here when all threads are done.
template <typename Work, typename AfterBlock>
void parallel_blocks(std::size_t count, std::size_t block, Work work, AfterBlock after_block, std::size_t threads = 0) {
  if (threads == 0) threads = static_cast<std::size_t>(usable_cores());
  threads = std::min(threads, (count + block - 1) / block);
  std::atomic<std::size_t> next{0}, done{0};
  std::atomic<bool> failed{false};
  std::exception_ptr failure;
  std::mutex mutex;
  const auto run = [&](bool is_caller) {
    try {
      for (;;) {
        const std::size_t begin = next.fetch_add(block);
        if (begin >= count || failed) return;
        const std::size_t end = std::min(count, begin + block);
        work(begin, end);
        done += end - begin;
        if (is_caller) after_block(done.load());
      }
    } catch (...) {
      const std::lock_guard lock(mutex);
      if (!failure) failure = std::current_exception();
      failed = true;
    }
  };
  {
    std::vector<std::jthread> others;
    for (std::size_t i = 1; i < threads; ++i) others.emplace_back(run, false);
    run(true);
  }
  if (failure) std::rethrow_exception(failure);
  after_block(count);
}

template <typename Work>
void parallel_blocks(std::size_t count, std::size_t block, Work work) {
  parallel_blocks(count, block, work, [](std::size_t) {});
}

}  // namespace goshawk
