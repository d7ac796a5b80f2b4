#include "goshawk/dataset/text_file.h"

#include <algorithm>
#include <string_view>

#include "goshawk/core/error.h"
#include "goshawk/core/files.h"
#include "goshawk/dataset/problems.h"

namespace goshawk::dataset {

std::string read_utf8_file(const std::filesystem::path& path, std::uint64_t max_bytes) {
  std::string text = read_file(path, max_bytes);
  if (text.starts_with("\xEF\xBB\xBF")) text.erase(0, 3);
  const std::size_t broken = std::min(find_broken_utf8(text), text.find('\0'));
  if (broken == std::string::npos) return text;
  const auto line = 1 + std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(broken), '\n');
  throw Error(ErrorCode::kBadData, "the text is not UTF-8", path.string() + ":" + std::to_string(line),
              "Save the file as UTF-8.");
}

}  // namespace goshawk::dataset
