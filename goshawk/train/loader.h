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
  std::size_t whole = 0;              // pictures of the batches of all processes together
  std::size_t size() const { return targets.size(); }
};

struct LoaderOptions {
  int batch = 16;   // pictures a batch of this process; the last of an epoch may have fewer, with several processes none
  int workers = 2;  // threads; changes the speed, never the batches
  std::uint64_t seed = 0;
  AugmentOptions augment;
  bool shuffle = true;
  bool change = true;       // false: letterboxed only, in the order of the store
  int rank = 0, world = 1;  // this process takes every world-th picture of the common order, beginning with the rank-th
};

/// Side of the pictures of a batch when sizes vary: `side` times a factor between 1 - range and 1 + range, the nearest
/// multiple of `stride`, at least one. Follows from seed, epoch and batch alone.
int varied_side(int side, int stride, double range, std::uint64_t seed, std::int64_t epoch, std::int64_t batch);

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
  /// nullopt after the last. Another picture stands in for one that cannot be read. Throws Error{kBadData} where too many
  /// cannot be read (ImageStore), or the only one.
  std::optional<Batch> next();

 private:
  struct Slot {
    Batch batch;
    std::size_t missing = 0;
  };
  void work();
  Sample make(std::size_t place);
  Sample picture(std::size_t index, Random& random);
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
