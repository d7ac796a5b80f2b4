// What `goshawk data check` tells: as table, as JSON and as a page with pictures.
#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <stop_token>
#include <string>

#include "goshawk/dataset/check.h"

namespace goshawk::cli {

/// A data set and what was found in it; all must outlive it.
struct CheckResult {
  std::string source;  // as the user named it
  const dataset::Dataset& set;
  const dataset::FindingList& list;
  bool images_opened = true;
};

/// A table by kind with the first places, the first messages of each kind, and a line of sums.
std::string check_text(const CheckResult& result);
nlohmann::ordered_json check_json(const CheckResult& result);
/// One line of sums: "2 errors, 1 warning and 3 notes in 128 images with 929 objects".
std::string check_sums(const CheckResult& result);
/// "missing image" for kMissingImage.
std::string words(dataset::ProblemKind kind);
/// "labels/a.txt:3".
std::string place(const dataset::Problem& problem);

/// Rows of kinds: worst severity first, then the most frequent.
struct CheckRow {
  dataset::ProblemKind kind;
  dataset::Severity severity;
  std::uint64_t count;
  std::vector<const dataset::Finding*> listed;
};
std::vector<CheckRow> check_rows(const dataset::FindingList& list);

/// The page with key figures, table, pictures of the worst images with their boxes, and duplicates side by side.
/// Throws Error{kInterrupted}, {kIo}.
void write_check_page(const CheckResult& result, const std::filesystem::path& path, const std::stop_token& stop);

}  // namespace goshawk::cli
