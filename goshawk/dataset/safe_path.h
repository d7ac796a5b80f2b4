// Paths out of label files, which may come from anywhere.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace goshawk::dataset {

/// `text` as a path that stays below the folder it is joined to: '/' between folders (a '\' is taken for one, as Windows
/// tools write it), without "." and doubled separators. nullopt for what is empty, absolute or has a drive letter, a "..",
/// a NUL or other control character, or a part longer than 255 bytes, or is longer than 4,095 bytes as a whole. Says nothing
/// of symbolic links: FolderWriter does not follow any.
std::optional<std::string> safe_relative_path(std::string_view text);

/// Whether `path` is `root` or lies below it, by their parts alone; both absolute and without links, or both relative.
bool is_within(const std::filesystem::path& path, const std::filesystem::path& root);

/// The last part of a path, '/' or '\' before it; empty when it is no name ("", ".", "..").
std::string_view file_name_of(std::string_view path);

/// "images/a.b.jpg" -> "images/a.b"; a name that begins with its only dot keeps it.
std::string_view without_extension(std::string_view path);

}  // namespace goshawk::dataset
