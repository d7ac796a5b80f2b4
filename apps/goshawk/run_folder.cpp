#include "apps/goshawk/run_folder.h"

#include "apps/goshawk/option_values.h"
#include "goshawk/core/error.h"
#include "goshawk/core/files.h"
#include "goshawk/media/source.h"

namespace goshawk::cli {

namespace fs = std::filesystem;

RunFolder::RunFolder(const Invocation& call, const std::string& source)
    : path_(create_run_folder(call.project_folder(),
                              call.config.text_if_set("output.name").value_or(name_of_source(source)))) {}

RunFolder::~RunFolder() {
  std::error_code ignored;
  fs::remove(path_, ignored);  // only an empty folder goes
}

void refuse_other_folder(const Invocation& call, const fs::path& resumed) {
  const fs::path whole = fs::absolute(resumed / "").lexically_normal().parent_path();
  const auto refuse = [&](const char* key, const auto& is_this) {
    if (!is_this(call.config.text(key)))
      refuse_settings(call, {key}, "what is resumed goes on in its own folder", "Leave it out.");
  };
  std::error_code none;
  refuse("output.name", [&](const std::string& name) { return whole.filename() == name; });
  refuse("output.project", [&](const std::string& project) { return fs::equivalent(project, whole.parent_path(), none); });
}

std::string name_of_source(const std::string& source) {
  if (media::is_url(source)) return "stream";
  fs::path path(source);
  std::error_code ignored;
  if (!fs::exists(path, ignored)) {  // of a glob, the folder before it
    const auto wild = source.find_first_of("*?[");
    if (wild != std::string::npos) path = fs::path(source.substr(0, wild)).parent_path() / "";
  }
  const bool folder = !path.has_filename() || fs::is_directory(path, ignored);
  if (folder) path = (fs::current_path() / path / "").lexically_normal().parent_path();  // "." has a name too
  std::string name = (folder ? path.filename() : path.stem()).string();
  std::erase_if(name, [](char c) { return c == ':' || c == '*' || c == '?' || c == '/'; });
  constexpr std::size_t kLongest = 100;
  if (name.size() > kLongest) {
    std::size_t end = kLongest;
    while (end > 0 && (static_cast<unsigned char>(name[end]) & 0xC0U) == 0x80U) --end;  // not within a code point
    name.resize(end);
  }
  return name.empty() || name == "." || name == ".." ? "run" : name;
}

}  // namespace goshawk::cli
