#include "goshawk/train/loader.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <opencv2/imgproc.hpp>
#include <system_error>

#include "goshawk/core/error.h"

namespace goshawk::train {
namespace {

constexpr std::size_t kAhead = 3;  // batches that are made ahead

/// One seed out of several numbers; different for each combination.
std::uint64_t seed_of(std::uint64_t seed, std::uint64_t epoch, std::uint64_t place) {
  std::uint64_t value = Random(seed).next();
  value = Random(value ^ epoch).next();
  return Random(value ^ place).next();
}

}  // namespace

int varied_side(int side, int stride, double range, std::uint64_t seed, std::int64_t epoch, std::int64_t batch) {
  constexpr std::uint64_t kOwn = 0x5CA1E;  // not the numbers that pictures get
  Random random(seed_of(seed ^ kOwn, static_cast<std::uint64_t>(epoch), static_cast<std::uint64_t>(batch)));
  const double wanted = side * uniform(random, 1 - range, 1 + range);
  return std::max(1, static_cast<int>(std::lround(wanted / stride))) * stride;
}

EpochLoader::EpochLoader(ImageStore& store, const LoaderOptions& options, std::int64_t epoch, bool mosaic)
    : store_(store), options_(options), epoch_(epoch), mosaic_(mosaic), ring_(kAhead) {
  require(options.batch > 0 && options.workers > 0 && options.rank >= 0 && options.rank < options.world,
          "EpochLoader: options out of range");
  std::vector<std::uint32_t> all(store.size());
  std::iota(all.begin(), all.end(), 0U);
  if (options.shuffle) {
    Random random(seed_of(options.seed, static_cast<std::uint64_t>(epoch), ~std::uint64_t{0}));
    random.shuffle(all);
  }
  for (std::size_t i = static_cast<std::size_t>(options.rank); i < all.size();
       i += static_cast<std::size_t>(options.world)) {
    order_.push_back(all[i]);
  }
  // As many for every process: at the end some may find nothing left.
  const std::size_t whole = static_cast<std::size_t>(options.batch) * static_cast<std::size_t>(options.world);
  batches_ = (all.size() + whole - 1) / whole;
  try {
    for (int i = 0; i < options.workers; ++i) workers_.emplace_back([this] { work(); });
  } catch (const std::system_error&) {  // the system has no more threads: fewer do the same
    if (workers_.empty()) throw;
  }
}

EpochLoader::~EpochLoader() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  room_.notify_all();
}

std::size_t EpochLoader::size_of(std::size_t batch) const {
  const auto size = static_cast<std::size_t>(options_.batch);
  return std::min(size, order_.size() - std::min(order_.size(), batch * size));
}

std::optional<Batch> EpochLoader::next() {
  std::unique_lock lock(mutex_);
  if (consumed_ == batches_) return std::nullopt;
  const std::size_t whole = static_cast<std::size_t>(options_.batch) * static_cast<std::size_t>(options_.world);
  const std::size_t common = std::min(whole, store_.size() - consumed_ * whole);
  if (size_of(consumed_) == 0) {
    ++consumed_;
    Batch nothing;
    nothing.side = store_.side();
    nothing.whole = common;
    return nothing;
  }
  Slot& slot = ring_[consumed_ % ring_.size()];
  ready_.wait(lock, [&] { return failure_ || (!slot.batch.targets.empty() && slot.missing == 0); });
  if (failure_) std::rethrow_exception(failure_);
  Batch batch = std::exchange(slot.batch, {});
  batch.whole = common;
  ++consumed_;
  lock.unlock();
  room_.notify_all();
  return batch;
}

void EpochLoader::work() {
  const auto size = static_cast<std::size_t>(options_.batch);
  const int side = store_.side();
  const std::size_t bytes = static_cast<std::size_t>(side) * static_cast<std::size_t>(side) * 3;
  try {
    for (;;) {
      std::size_t place = 0;
      Slot* slot = nullptr;
      {
        std::unique_lock lock(mutex_);
        room_.wait(lock, [&] {
          return stopping_ || next_place_ == order_.size() || next_place_ / size < consumed_ + ring_.size();
        });
        if (stopping_ || next_place_ == order_.size()) return;
        place = next_place_++;
        slot = &ring_[place / size % ring_.size()];
        if (slot->batch.targets.empty()) {
          const std::size_t count = size_of(place / size);
          slot->batch.side = side;
          slot->batch.pixels.resize(count * bytes);
          slot->batch.targets.resize(count);
          slot->batch.images.resize(count);
          slot->missing = count;
        }
      }
      Sample sample = make(place);
      const std::size_t at = place % size;
      cv::Mat rgb(side, side, CV_8UC3, slot->batch.pixels.data() + at * bytes);
      cv::cvtColor(sample.image, rgb, cv::COLOR_BGR2RGB);
      slot->batch.targets[at] = std::move(sample.targets);
      slot->batch.images[at] = order_[place];
      const std::lock_guard lock(mutex_);
      if (--slot->missing == 0) ready_.notify_all();
    }
  } catch (...) {
    const std::lock_guard lock(mutex_);
    if (!failure_) failure_ = std::current_exception();
    stopping_ = true;
    ready_.notify_all();
    room_.notify_all();
  }
}

Sample EpochLoader::picture(std::size_t index, Random& random) {
  for (;;) {  // the store ends this when there is no hope
    if (auto sample = store_.get_if_readable(index)) return std::move(*sample);
    if (store_.size() == 1)
      throw Error(ErrorCode::kBadData, "the only picture cannot be read", store_.image(0).path.string());
    index = random.below(store_.size());
    const std::lock_guard lock(mutex_);
    if (stopping_) throw Error(ErrorCode::kInterrupted, "stopped");
  }
}

Sample EpochLoader::make(std::size_t place) {
  const std::size_t common_place =
      place * static_cast<std::size_t>(options_.world) + static_cast<std::size_t>(options_.rank);
  Random random(seed_of(options_.seed, static_cast<std::uint64_t>(epoch_), common_place));
  const Sample own = picture(order_[place], random);
  const int side = store_.side();
  if (!options_.change) return letterbox(own, side);

  const auto any_other = [&] { return picture(random.below(store_.size()), random); };
  const auto changed = [&](const Sample& first) {
    if (!mosaic_ || uniform(random, 0, 1) >= options_.augment.mosaic) return augment(first, side, options_.augment, random);
    const std::array<Sample, 3> others{any_other(), any_other(), any_other()};
    return mosaic({&first, &others[0], &others[1], &others[2]}, side, options_.augment, random);
  };
  Sample result = changed(own);
  if (mosaic_ && uniform(random, 0, 1) < options_.augment.mixup) result = mix(result, changed(any_other()), random);
  return result;
}

}  // namespace goshawk::train
