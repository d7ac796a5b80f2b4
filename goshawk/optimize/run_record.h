// What runs that can go on after an interruption share: reading their records, and telling whether they are still the same.
#pragma once

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "goshawk/core/document.h"
#include "goshawk/core/error.h"
#include "goshawk/dataset/dataset.h"

namespace goshawk::optimize {

/// Throws Error{kNotFound}, {kBadConfig} for what is no JSON. `command` made the run.
nlohmann::json read_record_document(const std::filesystem::path& file, const std::string& command,
                                    const DocumentLimits& limits);
/// Throws Error{kBadData}.
[[noreturn]] void refuse_record(const std::filesystem::path& file, const std::string& why);

/// What `parse` makes of a record's JSON. Throws as the two above; what `parse` throws (Error, nlohmann's exceptions) tells
/// why a record is refused.
template <typename Parse>
auto read_run_record(const std::filesystem::path& file, const std::string& command, const DocumentLimits& limits,
                     Parse parse) {
  const auto document = read_record_document(file, command, limits);
  try {
    return parse(document);
  } catch (const nlohmann::json::exception& error) {
    refuse_record(file, error.what());
  } catch (const Error& error) {
    refuse_record(file, error.what());
  }
}

/// Throws Error{kBadConfig} that names what differs between what a run was begun with and `now`. `file` tells of the former.
void require_same(const std::map<std::string, std::string>& begun, const std::map<std::string, std::string>& now,
                  const std::filesystem::path& file);

/// SHA-256 over the contents of pictures, in order; of those that cannot be read, over their names.
std::string content_hash(const std::vector<std::filesystem::path>& pictures);
/// The same with the labels: classes, boxes, crowds.
std::string content_hash(const dataset::Dataset& truth);

}  // namespace goshawk::optimize
