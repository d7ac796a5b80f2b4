#include "goshawk/train/torch/unreadable.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "goshawk/core/files.h"

namespace goshawk::train {

Unreadable::Unreadable(const TrainRequest& request, Peers& peers, std::vector<std::string> lines)
    : request_(request), peers_(peers), lines_(std::move(lines)) {}

void Unreadable::note(const std::string& line) {
  if (std::ranges::find(lines_, line) == lines_.end()) lines_.push_back(line);
}

void Unreadable::note_all_of(ImageStore& store) {
  auto bad = store.unreadable();
  if (!peers_.alone()) {
    std::vector<double> flags(store.size());
    for (const auto& [image, why] : bad) flags[image] = 1;
    flags = peers_.sum(flags);
    for (std::size_t i = 0; i < flags.size(); ++i) {
      // Looked at here too, for the reason.
      if (flags[i] > 0 && store.get_if_readable(i)) store.mark_unreadable(i, "another process could not read it");
    }
    bad = store.unreadable();
  }
  for (const auto& [image, why] : bad) note(fmt::format("{}: {}", store.image(image).path.string(), why));
}

void Unreadable::tell() {
  if (!peers_.first() || lines_.size() == told_) return;
  constexpr std::size_t kShown = 5;
  std::string text;
  for (std::size_t i = 0; i < lines_.size(); ++i) {
    text += lines_[i] + "\n";
    if (request_.warn && i >= told_ && i < told_ + kShown) request_.warn("left out: " + lines_[i]);
  }
  told_ = lines_.size();
  write_file_atomically(request_.folder / "unreadable.txt", text);
}

}  // namespace goshawk::train
