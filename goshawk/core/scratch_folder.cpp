#include "goshawk/core/scratch_folder.h"

#include <cerrno>
#include <cstdlib>
#include <string>
#include <system_error>

#include "goshawk/core/error.h"

namespace goshawk {

ScratchFolder::ScratchFolder() {
  const char* chosen = std::getenv("TMPDIR");
  const std::filesystem::path parent = chosen != nullptr && *chosen != '\0' ? chosen : "/tmp";
  std::string name = (parent / "goshawk-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) {
    throw Error(ErrorCode::kIo, "no folder for temporary files: " + std::generic_category().message(errno), parent.string(),
                "Set TMPDIR to a folder that can be written.");
  }
  path_ = name;
}

ScratchFolder::~ScratchFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace goshawk
