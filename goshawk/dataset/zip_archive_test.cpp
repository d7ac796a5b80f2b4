#include "goshawk/dataset/zip_archive.h"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <zip.h>

#include "goshawk/core/error.h"
#include "goshawk/dataset/testing.h"

namespace goshawk::dataset {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

struct Entry {
  std::string name, content;
  unsigned mode = S_IFREG | 0644U;
  const char* password = nullptr;
};

class ZipArchive : public testing::FolderTest {
 protected:
  std::filesystem::path zip(const std::vector<Entry>& entries) const {
    const auto path = folder_ / "a.zip";
    zip_t* archive = zip_open(path.c_str(), ZIP_CREATE | ZIP_TRUNCATE, nullptr);
    for (const auto& entry : entries) {
      zip_source_t* source = zip_source_buffer(archive, entry.content.data(), entry.content.size(), 0);
      const auto index = static_cast<zip_uint64_t>(zip_file_add(archive, entry.name.c_str(), source, ZIP_FL_ENC_UTF_8));
      zip_file_set_external_attributes(archive, index, 0, ZIP_OPSYS_UNIX, entry.mode << 16U);
      if (entry.password != nullptr) zip_file_set_encryption(archive, index, ZIP_EM_TRAD_PKWARE, entry.password);
    }
    EXPECT_EQ(zip_close(archive), 0);
    return path;
  }

  /// What `open` says to it; empty when it takes it.
  static std::string refusal(const std::filesystem::path& path, const ZipLimits& limits = {}) {
    try {
      ProblemList problems(100);
      UnpackedArchive::open(path, problems, limits);
    } catch (const Error& error) {
      return error.what();
    }
    return {};
  }

  /// The same length of bytes in the whole file, so that no offset moves.
  static void replace_all(const std::filesystem::path& path, const std::string& from, const std::string& to) {
    std::ifstream in(path, std::ios::binary);
    std::string bytes{std::istreambuf_iterator<char>(in), {}};
    for (std::size_t at = 0; (at = bytes.find(from, at)) != std::string::npos; at += to.size())
      bytes.replace(at, from.size(), to);
    std::ofstream(path, std::ios::binary) << bytes;
  }
};

TEST_F(ZipArchive, UnpacksAndCleansUp) {
  const auto path = zip({{"images/", "", S_IFDIR | 0755U},
                         {"images/a b.jpg", "jpeg"},
                         {"Zürich/x.txt", std::string(100'000, 'x')},
                         {"empty", ""}});
  std::filesystem::path folder;
  {
    ProblemList problems(100);
    const auto unpacked = UnpackedArchive::open(path, problems);
    folder = unpacked->folder();
    EXPECT_TRUE(problems.empty());
    EXPECT_EQ(std::filesystem::file_size(folder / "images/a b.jpg"), 4U);
    EXPECT_EQ(std::filesystem::file_size(folder / "Zürich/x.txt"), 100'000U);
    EXPECT_EQ(std::filesystem::file_size(folder / "empty"), 0U);
  }
  EXPECT_FALSE(std::filesystem::exists(folder));
}

TEST_F(ZipArchive, RefusesNamesThatLeadOut) {
  for (const char* name : {"../x", "a/../../x", "/etc/x", "C:/x", "..\\x", "a\\..\\..\\x"}) {
    EXPECT_THAT(refusal(zip({{name, "x"}})), HasSubstr("leads out of the archive")) << name;
  }
}

TEST_F(ZipArchive, RefusesLinksAndEncryption) {
  EXPECT_THAT(refusal(zip({{"x", "/etc/passwd", S_IFLNK | 0777U}})), HasSubstr("symbolic link"));
  EXPECT_THAT(refusal(zip({{"x", "secret", S_IFREG | 0644U, "key"}})), HasSubstr("encrypted"));
}

TEST_F(ZipArchive, RefusesDuplicates) {
  const auto path = zip({{"labels/a.txt", "1"}, {"labels/b.txt", "2"}});
  replace_all(path, "labels/b.txt", "labels/a.txt");
  EXPECT_THAT(refusal(path), HasSubstr("two entries of one name"));
  EXPECT_THAT(refusal(zip({{"a", "x"}, {"a/b", "x"}})), HasSubstr("a file and a folder at once"));
}

TEST_F(ZipArchive, HoldsItsLimits) {
  const auto bomb = zip({{"a", std::string(4 << 20, '\0')}, {"b", "x"}});
  EXPECT_EQ(refusal(bomb), "");
  EXPECT_THAT(refusal(bomb, {.entries = 1}), HasSubstr("more than 1 entries"));
  EXPECT_THAT(refusal(bomb, {.entry_bytes = 1 << 20}), HasSubstr("larger than 1048576 bytes"));
  EXPECT_THAT(refusal(bomb, {.total_bytes = 4 << 20}), HasSubstr("archive is larger than 4194304 bytes"));
  EXPECT_THAT(refusal(bomb, {.ratio_from = 1 << 20}), HasSubstr("grows by more than 200 times"));
}

TEST_F(ZipArchive, RefusesABombOfManyEntries) {
  std::vector<Entry> entries;
  for (int i = 0; i < 8; ++i) entries.push_back({"a" + std::to_string(i), std::string(1 << 20, '\0')});
  const auto bomb = zip(entries);
  EXPECT_EQ(refusal(bomb), "");
  EXPECT_THAT(refusal(bomb, {.ratio_from = 2 << 20}), HasSubstr("the archive grows by more than 200 times"));
}

TEST_F(ZipArchive, RefusesWhatIsDamaged) {
  const auto path = zip({{"a.txt", "0123456789012345678901234567890123456789"}, {"b", std::string(5000, 'b')}});
  const auto whole = read("a.zip");
  for (std::size_t size = 0; size < whole.size(); size += 7) {
    write("cut.zip", whole.substr(0, size));
    EXPECT_NE(refusal(folder_ / "cut.zip"), "") << size;
  }
  write("text.zip", "no archive at all");
  EXPECT_THAT(refusal(folder_ / "text.zip"), HasSubstr("no zip archive"));
  EXPECT_THAT(refusal(folder_ / "none.zip"), HasSubstr("no such file"));
  write("wrong.zip", whole);
  auto bytes = whole;
  bytes[40] = static_cast<char>(bytes[40] ^ 1);  // within the first entry's packed bytes
  write("wrong.zip", bytes);
  EXPECT_THAT(refusal(folder_ / "wrong.zip"), HasSubstr("damaged"));
}

TEST_F(ZipArchive, ListsArchivesWithinAndPassesOverThem) {
  const auto path = zip({{"inner.ZIP", "PK"}, {"a.txt", "x"}});
  ProblemList problems(100);
  const auto unpacked = UnpackedArchive::open(path, problems);
  ReadResult result;
  problems.move_to(result);
  EXPECT_THAT(testing::brief(result.problems), ::testing::ElementsAre("bad_line inner.ZIP:0"));
  EXPECT_FALSE(std::filesystem::exists(unpacked->folder() / "inner.ZIP"));
}

TEST_F(ZipArchive, PacksTheSameFolderToTheSameBytes) {
  write("in/b/x.txt", std::string(1000, 'x'));
  write("in/a.jpg", "jpeg");
  pack_folder(folder_ / "in", folder_ / "one.zip");
  pack_folder(folder_ / "in", folder_ / "two.zip");
  EXPECT_EQ(read("one.zip"), read("two.zip"));
  EXPECT_LT(read("one.zip").size(), 500U);
  ProblemList problems(100);
  const auto unpacked = UnpackedArchive::open(folder_ / "one.zip", problems);
  EXPECT_EQ(std::filesystem::file_size(unpacked->folder() / "b/x.txt"), 1000U);
}

}  // namespace
}  // namespace goshawk::dataset
