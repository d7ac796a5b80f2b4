// Batches of changed pictures, made ahead of their use.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "goshawk/train/image_store.h"

namespace goshawk::train {

/// Pictures that go through the network together.
struct Batch {
  int side = 0;
  std::vector<std::uint8_t> pixels;   // [N, side, side, 3] RGB
  std::vector<ImageTargets> targets;  // [N], pixels of the batch's pictures
  std::vector<std::size_t> images;    // [N] index of the (first) picture in the store
  std::size_t size() const { return targets.size(); }
};

struct LoaderOptions {
  int batch = 16;   // pictures a batch; the last of an epoch may have fewer
  int workers = 2;  // threads; changes the speed, never the batches
  std::uint64_t seed = 0;
  AugmentOptions augment;
  bool shuffle = true;
  bool change = true;       // false: letterboxed only, in the order of the store
  int rank = 0, world = 1;  // this process takes every world-th picture of the common order, beginning with the rank-th
};

/// The batches of one epoch, in order. What a batch holds follows from seed, epoch and place alone, whatever the number of
/// workers. `next` is for one thread. The store must outlive it.
class EpochLoader {
 public:
  /// `mosaic`: false in the last epochs, when pictures are to look like those of use.
  EpochLoader(ImageStore& store, const LoaderOptions& options, std::int64_t epoch, bool mosaic);
  ~EpochLoader();
  EpochLoader(const EpochLoader&) = delete;
  EpochLoader& operator=(const EpochLoader&) = delete;

  std::size_t batches() const { return batches_; }
  /// nullopt after the last. Throws what reading a picture throws.
  std::optional<Batch> next();

 private:
  struct Slot {
    Batch batch;
    std::size_t missing = 0;
  };
  void work();
  Sample make(std::size_t place);
  std::size_t size_of(std::size_t batch) const;

  ImageStore& store_;
  LoaderOptions options_;
  std::int64_t epoch_;
  bool mosaic_;
  std::vector<std::uint32_t> order_;  // this process's pictures
  std::size_t batches_ = 0;

  std::mutex mutex_;
  std::condition_variable room_, ready_;
  std::vector<Slot> ring_;
  std::size_t next_place_ = 0;  // first picture that no worker has taken
  std::size_t consumed_ = 0;    // batches handed out
  bool stopping_ = false;
  std::exception_ptr failure_;
  std::vector<std::jthread> workers_;
};

}  // namespace goshawk::train
