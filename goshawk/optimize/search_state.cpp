#include "goshawk/optimize/search_state.h"

#include <fmt/format.h>

#include <cmath>

#include "goshawk/core/document.h"
#include "goshawk/core/error.h"
#include "goshawk/core/files.h"

namespace goshawk::optimize {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using nlohmann::ordered_json;

constexpr int kFormat = 2;

double share(const json& value) {
  const auto number = value.get<double>();
  if (!std::isfinite(number) || number < -1 || number > 1) throw Error(ErrorCode::kBadData, "an accuracy is out of range");
  return number;
}

SearchState parse_state(const json& document) {
  if (document.at("format").get<int>() != kFormat) {
    throw Error(ErrorCode::kBadData, "it was written by another version of goshawk");
  }
  SearchState state;
  state.begun_with = document.at("begun_with").get<std::map<std::string, std::string>>();
  for (const auto& [way, figures] : document.at("accuracy").items()) {
    state.accuracy[way] = {share(figures.at("AP")), share(figures.at("AP50"))};
  }
  for (const auto& [name, done] : document.at("made").items()) {
    if (!done.is_object()) throw Error(ErrorCode::kBadData, "a candidate's entry is no object");
    state.made[name] = done;
  }
  return state;
}

}  // namespace

void write_state(const SearchState& state, const fs::path& file) {
  ordered_json accuracy = ordered_json::object();
  for (const auto& [way, figures] : state.accuracy) accuracy[way] = {{"AP", figures.ap}, {"AP50", figures.ap50}};
  const ordered_json document{
      {"format", kFormat}, {"begun_with", state.begun_with}, {"accuracy", accuracy}, {"made", state.made}};
  write_file_atomically(file, document.dump(2, ' ', false, ordered_json::error_handler_t::replace));
}

SearchState read_state(const fs::path& file) {
  std::error_code ignored;
  if (!fs::exists(file, ignored)) {
    throw Error(ErrorCode::kNotFound, "no search was begun in this folder", file.string(),
                "Name the folder that an interrupted `goshawk optimize` left, or leave --resume out.");
  }
  const json document = read_document(file, {.bytes = 16ULL << 20, .nodes = 1'000'000});
  const auto damaged = [&](const std::string& why) {
    return Error(ErrorCode::kBadData, "this is no state of a search that could go on: " + why, file.string(),
                 "Leave --resume out to begin anew.");
  };
  try {
    return parse_state(document);
  } catch (const json::exception& error) {
    throw damaged(error.what());
  } catch (const Error& error) {
    throw damaged(error.what());
  }
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
