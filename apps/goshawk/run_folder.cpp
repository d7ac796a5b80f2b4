#include "apps/goshawk/run_folder.h"

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

void make_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) throw Error(ErrorCode::kIo, "the folder cannot be made: " + error.message(), folder.string());
}

std::string name_of_source(const std::string& source) {
  if (media::is_url(source)) return "stream";
  std::string name = fs::path(source).filename().stem().string();
  if (name.empty()) name = fs::path(source).parent_path().filename().string();  // "folder/"
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
