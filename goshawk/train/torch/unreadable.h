// The pictures that a training has to do without.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "goshawk/train/image_store.h"
#include "goshawk/train/plugin.h"
#include "goshawk/train/torch/peers.h"

namespace goshawk::train {

/// Each is told once and listed in the run's folder (unreadable.txt), by process 0. One thread.
class Unreadable {
 public:
  /// Both must outlive it. `lines`: those known already.
  Unreadable(const TrainRequest& request, Peers& peers, std::vector<std::string> lines);

  /// "path: reason"; what is noted already is left out.
  void note(const std::string& line);
  /// Notes what this process or a peer could not read so far; the store then knows the peers' too. All processes at once.
  /// Throws Error{kBadData} where too many cannot be read.
  void note_all_of(ImageStore& store);
  /// Tells what has come since. Throws Error{kIo}.
  void tell();
  const std::vector<std::string>& lines() const { return lines_; }

 private:
  const TrainRequest& request_;
  Peers& peers_;
  std::vector<std::string> lines_;
  std::size_t told_ = 0;
};

}  // namespace goshawk::train
