// A map of a configuration file, read field by field with errors that say where.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace goshawk::track {

/// Reads a map whose keys are known. Every error is Error{kBadConfig} with `where` and the key. Not thread-safe.
class Fields {
 public:
  /// `where`: "file.yaml: zones[1]". Throws when `map` is not a map. The map must outlive this object.
  Fields(const nlohmann::json& map, std::string where);

  bool has(std::string_view key);
  /// The field's value, or null when it is absent; marks the key as known.
  const nlohmann::json& get(std::string_view key);
  /// These leave `value` as it is when the key is absent, and throw for another type or a number outside [least, most].
  void read(std::string_view key, float& value, double least, double most);
  void read(std::string_view key, double& value, double least, double most);
  void read(std::string_view key, int& value, int least, int most);
  void read(std::string_view key, bool& value);
  void read(std::string_view key, std::string& value);
  void read(std::string_view key, std::vector<std::string>& value);
  /// Throws for keys nobody asked for, with a "did you mean".
  void expect_no_others() const;
  /// "where.key"
  std::string path(std::string_view key) const;

 private:
  const nlohmann::json& map_;
  std::string where_;
  std::vector<std::string> known_;
};

/// What kind of value a document's node is, in words: "text", "a number", "a list", ...
std::string describe(const nlohmann::json& node);

}  // namespace goshawk::track
