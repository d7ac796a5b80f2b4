// The one door of the shared object.

#include "goshawk/train/plugin.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <malloc.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <limits>
#include <nlohmann/json.hpp>

#include "goshawk/core/descriptor.h"
#include "goshawk/core/document.h"
#include "goshawk/core/files.h"
#include "goshawk/core/machine.h"
#include "goshawk/dataset/formats.h"
#include "goshawk/train/torch/trainer.h"

namespace goshawk::train {
namespace {

namespace fs = std::filesystem;

/// Keeps others out of a run's folder, also after a crash of theirs: the system lets go of it with the process.
class FolderLock {
 public:
  explicit FolderLock(const fs::path& folder)
      : folder_(folder), file_(::open((folder / ".lock").c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0644)) {
    if (!file_.is_open()) throw Error(ErrorCode::kIo, "cannot write into the run's folder", folder.string());
    if (::flock(file_.get(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
      throw Error(ErrorCode::kUsage, "another training is using this folder", folder.string());
  }  // a file system without locks is used without them
  /// A folder that holds nothing else is left empty, for whoever made it to remove.
  ~FolderLock() {
    std::error_code ignored;
    if (std::distance(fs::directory_iterator(folder_, ignored), {}) == 1) fs::remove(folder_ / ".lock", ignored);
  }
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  fs::path folder_;
  Descriptor file_;
};

/// The data set with what is wrong with it told in a few lines.
TrainingSet read_set(const TrainRequest& request, const std::string& data) {
  dataset::ReadLimits limits;
  limits.stop = request.stop;
  const auto read = dataset::read_dataset(data, {}, limits);
  constexpr std::size_t kShown = 5;
  std::size_t shown = 0, bad = 0;
  for (const auto& problem : read.problems) {
    if (problem.severity == dataset::Severity::kNote) continue;
    ++bad;
    if (!request.warn || shown++ >= kShown) continue;
    request.warn(
        fmt::format("{}{}: {}", problem.file, problem.line > 0 ? fmt::format(":{}", problem.line) : "", problem.message));
  }
  if (request.warn && bad > kShown) {
    const std::size_t more = bad - kShown + read.problems_left_out;
    request.warn(fmt::format("and {} more problem{}; `goshawk data check` lists {}", more, more == 1 ? "" : "s",
                             more == 1 ? "it" : "them"));
  }
  auto set = make_training_set(read.dataset);
  for (const auto& line : set.notes) {
    if (request.warn) request.warn(line);
  }
  return set;
}

/// The checkpoint's options, but for those that the request changes.
TrainOptions resumed(const TrainOptions& before, const TrainRequest& request) {
  auto options = to_json(before);
  const auto now = to_json(request.options);
  for (const auto& name : request.changed) options[name] = now.at(name);
  return options_from_json(options, "options");
}

/// A sum of gradients of different networks means nothing, and who has fewer batches is waited for for ever.
void check_peers_train_the_same(Peers& peers, const TrainOptions& options, const TrainingSet& set,
                                const torch::Device& device, const std::optional<Checkpoint>& checkpoint) {
  if (peers.alone()) return;
  auto same = to_json(options);
  for (const char* own : {"data", "device", "workers", "threads", "cache", "cache_gb"}) same.erase(own);
  same["data set"] = set.fingerprint;
  same["numbers"] = numbers_of(compute_of(options, device));
  if (!checkpoint) {
    same["weights"] = nlohmann::json::array();
    for (const auto& file : weights_files(options.weights)) same["weights"].push_back(sha256_of_file(file));
  }
  if (checkpoint) same["checkpoint"] = {checkpoint->standing.epochs_done, checkpoint->standing.best_fitness};
  const std::string own = sha256_of_bytes(same.dump());
  if (peers.any(peers.of_first(own) != own)) {
    throw Error(ErrorCode::kUsage,
                "the processes have different data sets, options, weights or checkpoints, or compute in different numbers",
                "",
                "All must find the same files and be started with the same options; on unlike machines also with --no-amp.");
  }
}

/// What the run was: for people, and for whoever repeats it.
void write_description(const fs::path& folder, const TrainOptions& options, const TrainingSet& set, int processes) {
  write_file_atomically(folder / "args.yaml", to_yaml(nlohmann::json::parse(to_json(options).dump())));
  const auto machine = describe_machine();
  const nlohmann::ordered_json run{
      {"goshawk", GOSHAWK_VERSION},
      {"data",
       {{"sha256", set.fingerprint}, {"train", set.train.size()}, {"val", set.val.size()}, {"classes", set.classes}}},
      {"processes", processes},
      {"machine",
       {{"processor", machine.processor},
        {"cores", machine.cores},
        {"memory_bytes", machine.memory_bytes},
        {"system", machine.system}}}};
  write_file_atomically(folder / "run.json", run.dump(2) + "\n");
}

/// Each step frees and takes again the same maps of some megabytes. By its own rule malloc hands them back to the system
/// each time, which then clears every page anew: a tenth of the processor time.
void keep_freed_memory() {
  constexpr int kNever = std::numeric_limits<int>::max(), kAtOnce = 256 << 20;
  ::mallopt(M_MMAP_THRESHOLD, kNever);
  ::mallopt(M_TRIM_THRESHOLD, kNever);
  ::mallopt(M_TOP_PAD, kAtOnce);
}

/// Files that a killed run was writing, each as large as what it would have become.
void remove_unfinished(const fs::path& folder) {
  std::error_code ignored;
  std::vector<fs::path> found;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    if (!target_of_temporary(entry.path()).empty()) found.push_back(entry.path());
  }
  for (const auto& file : found) fs::remove(file, ignored);
}

void train(TrainRequest request, TrainOutcome& outcome) {
  keep_freed_memory();
  std::optional<FolderLock> lock;
  if (request.self.first()) {
    lock.emplace(request.folder);
    remove_unfinished(request.folder / "weights");
  }
  std::optional<Checkpoint> checkpoint;
  if (request.resume) checkpoint = read_checkpoint(request.folder / "weights" / "last.safetensors");
  if (checkpoint) checkpoint->options = resumed(checkpoint->options, request);
  const TrainOptions& options = checkpoint ? checkpoint->options : request.options;
  const TrainingSet set = read_set(request, options.data);
  const auto device = choose_device(options.device, request.self.local_rank);
  Peers peers(request.self, device);
  request.folder = peers.of_first(request.folder.string());
  check_peers_train_the_same(peers, options, set, device, checkpoint);
  if (device.is_cuda() && !peers.alone() && !Peers::has_nccl() && request.warn)
    request.warn("this goshawk was built without NCCL: gradients travel over the CPU, which is slow");
  Trainer trainer(request, set, checkpoint, device, peers);
  if (peers.first()) {
    make_folder(request.folder / "weights");
    if (!checkpoint) write_description(request.folder, trainer.options(), set, peers.world());
  }
  trainer.run(outcome);
}

}  // namespace
}  // namespace goshawk::train

extern "C" __attribute__((visibility("default"))) void goshawk_train_6(const goshawk::train::TrainRequest& request,
                                                                       goshawk::train::TrainOutcome& outcome) noexcept {
  using goshawk::ErrorCode;
  const auto fail = [&](ErrorCode code, std::string message, std::string where, std::string hint) {
    outcome.error = code;
    outcome.message = std::move(message);
    outcome.where = std::move(where);
    outcome.hint = std::move(hint);
  };
  try {
    goshawk::train::train(request, outcome);
  } catch (const goshawk::Error& error) {
    fail(error.code(), error.what(), error.where(), error.hint());
  } catch (const c10::Error& error) {
    fail(ErrorCode::kInternal, std::string("LibTorch: ") + error.what_without_backtrace(), "", "");
  } catch (const std::bad_alloc&) {
    fail(ErrorCode::kInternal, "out of memory", "", "Train with a smaller --batch or --imgsz.");
  } catch (const std::exception& error) {
    fail(ErrorCode::kInternal, std::string("defect in goshawk: ") + error.what(), "",
         "please report it, with the command line");
  }
}
