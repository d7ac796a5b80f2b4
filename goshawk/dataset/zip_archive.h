// Zip archives from outside, unpacked within limits; and folders packed into one.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "goshawk/core/scratch_folder.h"
#include "goshawk/dataset/problems.h"

namespace goshawk::dataset {

/// Bounds on an archive. An entry larger than `ratio_from` unpacked may be at most `ratio` times as large as its packed
/// bytes; so may all entries together, of the archive's.
struct ZipLimits {
  std::uint64_t entries = 2'000'000;
  std::uint64_t entry_bytes = 4ULL << 30;   // unpacked
  std::uint64_t total_bytes = 64ULL << 30;  // unpacked
  std::uint64_t ratio = 200;
  std::uint64_t ratio_from = 32ULL << 20;
};

/// The files of an archive in a temporary folder of their own, which the destructor removes.
/// Thread rule: immutable.
class UnpackedArchive {
 public:
  /// Every entry is judged before any is unpacked. Archives within the archive are not opened; each is listed in `problems`.
  /// Throws Error{kNotFound, kBadData} for what is no archive or is damaged, encrypted or beyond the limits, for entries
  /// with unsafe or equal names and for symbolic links; {kIo} when the disk is full; {kInterrupted}.
  static std::shared_ptr<const UnpackedArchive> open(const std::filesystem::path& archive, ProblemList& problems,
                                                     const ZipLimits& limits = {}, const std::stop_token& stop = {});
  UnpackedArchive(const UnpackedArchive&) = delete;
  UnpackedArchive& operator=(const UnpackedArchive&) = delete;

  const std::filesystem::path& folder() const { return folder_.path(); }

 private:
  UnpackedArchive() = default;

  ScratchFolder folder_;
};

/// True for a regular file that ends with ".zip" in any case.
bool is_zip_file(const std::filesystem::path& path);

/// Packs the files below `folder` into a new archive, in the order of their names and with one fixed time, so that equal
/// folders make equal archives. Pictures are stored, other files deflated. Throws Error{kIo, kInterrupted}.
void pack_folder(const std::filesystem::path& folder, const std::filesystem::path& archive,
                 const std::stop_token& stop = {});

}  // namespace goshawk::dataset
