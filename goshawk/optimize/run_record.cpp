#include "goshawk/optimize/run_record.h"

#include <fmt/format.h>

#include "goshawk/core/error.h"
#include "goshawk/core/files.h"

namespace goshawk::optimize {

namespace fs = std::filesystem;

nlohmann::json read_record_document(const fs::path& file, const std::string& command, const DocumentLimits& limits) {
  std::error_code ignored;
  if (!fs::exists(file, ignored)) {
    throw Error(ErrorCode::kNotFound, "nothing was begun in this folder that could go on", file.string(),
                "Name the folder that an interrupted `" + command + "` left, or leave --resume out.");
  }
  return read_document(file, limits);
}

void refuse_record(const fs::path& file, const std::string& why) {
  throw Error(ErrorCode::kBadData, "this is no record of a run that could go on: " + why, file.string(),
              "Leave --resume out to begin anew.");
}

void require_same(const std::map<std::string, std::string>& begun, const std::map<std::string, std::string>& now,
                  const fs::path& file) {
  constexpr std::size_t kShort = 40;  // hashes tell nobody anything
  std::string differences;
  const auto add = [&](const std::string& what, const std::string& was, const std::string& is) {
    differences += (differences.empty() ? "" : ", ") + what;
    if (was.size() < kShort && is.size() < kShort) differences += fmt::format(" ({} then, {} now)", was, is);
  };
  for (const auto& [what, is] : now) {
    const auto was = begun.find(what);
    if (was == begun.end()) add(what, "not told", is);
    else if (was->second != is) add(what, was->second, is);
  }
  if (differences.empty()) return;
  throw Error(ErrorCode::kBadConfig, "the run was begun with other settings: " + differences, file.string(),
              "What was measured does not hold for these. Go on with the same ones, or leave --resume out.");
}

std::string content_hash(const std::vector<fs::path>& pictures) {
  std::string all;
  for (const auto& picture : pictures) {
    try {
      all += sha256_of_file(picture);
    } catch (const Error&) {  // left out later
      all += picture.filename().string() + "\n";
    }
  }
  return sha256_of_bytes(all);
}

std::string content_hash(const dataset::Dataset& truth) {
  std::vector<fs::path> pictures;
  for (const auto& image : truth.images) pictures.push_back(truth.path_of(image));
  std::string all = content_hash(pictures);
  for (const auto& category : truth.categories) all += category.name + "\n";
  for (const auto& a : truth.annotations) {
    const auto& box = a.rectangle;
    all += fmt::format("{} {} {} {} {} {} {}\n", a.image, a.category, box.x, box.y, box.width, box.height, a.crowd);
  }
  return sha256_of_bytes(all);
}

}  // namespace goshawk::optimize
