#include "goshawk/optimize/search_state.h"

#include <cmath>

#include "goshawk/core/error.h"
#include "goshawk/core/files.h"
#include "goshawk/core/json_text.h"
#include "goshawk/optimize/run_record.h"

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
  write_file_atomically(file, json_text(document));
}

SearchState read_state(const fs::path& file) {
  return read_run_record(file, "goshawk optimize", {.bytes = 16ULL << 20, .nodes = 1'000'000}, parse_state);
}

}  // namespace goshawk::optimize
