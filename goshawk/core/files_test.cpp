#include "goshawk/core/files.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <nlohmann/json.hpp>
#include <thread>

#include "goshawk/core/error.h"
#include "goshawk/core/testing.h"

namespace goshawk {
namespace fs = std::filesystem;
namespace {

class FilesTest : public testing::Test {
 protected:
  FilesTest() : folder_(fs::path(testing::TempDir()) / ("goshawk_files_" + std::to_string(::getpid()))) {
    fs::create_directories(folder_);
  }
  ~FilesTest() override { fs::remove_all(folder_); }
  std::size_t entries() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()));
  }
  fs::path folder_;
};

TEST_F(FilesTest, AtomicFolderHasItsNameOnlyWhenItIsWhole) {
  {
    AtomicFolder folder(folder_ / "new/a");
    std::ofstream(folder.temporary_path() / "x.txt") << "x";
    EXPECT_FALSE(std::filesystem::exists(folder_ / "new/a"));
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder_ / "new"));
  AtomicFolder folder(folder_ / "new/a/");
  std::ofstream(folder.temporary_path() / "x.txt") << "x";
  folder.commit();
  EXPECT_EQ(read_file(folder_ / "new/a/x.txt"), "x");
  EXPECT_THROW(AtomicFolder(folder_ / "new/a"), Error);
}

TEST_F(FilesTest, AtomicFolderReplacesNothing) {
  AtomicFolder folder(folder_ / "a");
  std::filesystem::create_directory(folder_ / "a");
  EXPECT_THROW(folder.commit(), Error);
  EXPECT_TRUE(std::filesystem::is_empty(folder_ / "a"));
}

TEST_F(FilesTest, AtomicFileKeepsLinksAndPermissions) {
  write_file_atomically(folder_ / "a.txt", "old");
  fs::permissions(folder_ / "a.txt", fs::perms::owner_read | fs::perms::owner_write);
  fs::create_symlink("a.txt", folder_ / "link.txt");
  write_file_atomically(folder_ / "link.txt", "new");
  EXPECT_TRUE(fs::is_symlink(folder_ / "link.txt"));
  EXPECT_EQ(read_file(folder_ / "a.txt"), "new");
  EXPECT_EQ(fs::status(folder_ / "a.txt").permissions(), fs::perms::owner_read | fs::perms::owner_write);
  EXPECT_EQ(entries(), 2U);
}

TEST_F(FilesTest, AtomicFileLeavesNothingWithoutCommit) {
  {
    AtomicFile file(folder_ / "a.txt");
    file.stream() << "half";
    EXPECT_EQ(entries(), 1U);
  }
  EXPECT_EQ(entries(), 0U);
}

TEST_F(FilesTest, CommitReplacesAndReadFileReadsBack) {
  write_file_atomically(folder_ / "a.txt", "one");
  write_file_atomically(folder_ / "a.txt", "two");
  EXPECT_EQ(read_file(folder_ / "a.txt"), "two");
  EXPECT_EQ(entries(), 1U);
}

TEST_F(FilesTest, AFullDiskIsOneErrorAndLeavesTheOldFile) {
  write_file_atomically(folder_ / "a.txt", "old");
  rlimit old_limit{};
  getrlimit(RLIMIT_FSIZE, &old_limit);
  std::signal(SIGXFSZ, SIG_IGN);
  const rlimit tiny{1000, old_limit.rlim_max};
  setrlimit(RLIMIT_FSIZE, &tiny);
  ErrorCode code = ErrorCode::kInternal;
  try {
    write_file_atomically(folder_ / "a.txt", std::string(100'000, 'x'));
  } catch (const Error& error) {
    code = error.code();
  }
  setrlimit(RLIMIT_FSIZE, &old_limit);
  EXPECT_EQ(code, ErrorCode::kIo);
  EXPECT_EQ(read_file(folder_ / "a.txt"), "old");
  EXPECT_EQ(entries(), 1U);
}

TEST_F(FilesTest, ReadFileRefusesFoldersMissingFilesAndTooManyBytes) {
  write_file_atomically(folder_ / "a.txt", "12345");
  EXPECT_THROW(read_file(folder_), Error);
  EXPECT_THROW(read_file(folder_ / "none"), Error);
  EXPECT_THROW(read_file(folder_ / "a.txt", 4), Error);
}

TEST_F(FilesTest, APipeIsReadOnlyWhereTheCallerOpenedIt) {
  ASSERT_EQ(::mkfifo((folder_ / "pipe").c_str(), 0600), 0);
  EXPECT_THROW(read_file(folder_ / "pipe"), Error);  // and does not wait for a writer
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  std::jthread writer([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    EXPECT_EQ(::write(ends[1], "text", 4), 4);
    ::close(ends[1]);
  });
  EXPECT_EQ(read_file("/dev/fd/" + std::to_string(ends[0])), "text");
  ::close(ends[0]);
  EXPECT_EQ(read_file("/dev/null"), "");
}

TEST_F(FilesTest, NamesAsLongAsTheFileSystemAllowsCanBeWritten) {
  std::string accents = "x";
  while (accents.size() + 2 <= 251) accents += "é";
  for (const std::string& name : {std::string(251, 'a') + ".csv", accents + ".csv", "a." + std::string(250, 'b')}) {
    write_file_atomically(folder_ / name, "content");
    EXPECT_EQ(read_file(folder_ / name), "content");
  }
  const std::string temporary = temporary_beside(folder_ / (accents + ".csv")).filename();
  EXPECT_NO_THROW(static_cast<void>(nlohmann::json(temporary).dump())) << "no half code point";
  EXPECT_TRUE(temporary.ends_with(".csv"));
}

TEST_F(FilesTest, TemporaryNamesTellWhatTheyAreOf) {
  for (const std::string name : {"last.safetensors", "a.part-b.onnx", "plain"})
    EXPECT_EQ(target_of_temporary(temporary_beside(folder_ / name)), name);
  for (const std::string name :
       {"last.onnx", ".last.onnx", ".last.part-1.onnx", ".last.part-1-x.onnx", "last.part-1-2.onnx"})
    EXPECT_EQ(target_of_temporary(folder_ / name), "") << name;
}

TEST_F(FilesTest, RunFoldersCountUp) {
  EXPECT_EQ(create_run_folder(folder_, "track"), folder_ / "track");
  EXPECT_EQ(create_run_folder(folder_, "track"), folder_ / "track2");
  EXPECT_EQ(create_run_folder(folder_, "track"), folder_ / "track3");
  EXPECT_THROW(create_run_folder(folder_, "../escape"), Error);
}

TEST_F(FilesTest, Sha256OfKnownText) {  // FIPS 180-2, appendix B.1
  const std::string expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
  EXPECT_EQ(sha256_of_bytes("abc"), expected);
  write_file_atomically(folder_ / "abc", "abc");
  EXPECT_EQ(sha256_of_file(folder_ / "abc"), expected);
}

TEST_F(FilesTest, NoFileTakesThePlaceOfADeviceOrPipe) {
  ASSERT_EQ(::mkfifo((folder_ / "pipe").c_str(), 0600), 0);
  fs::create_symlink("pipe", folder_ / "link");
  std::ofstream(folder_ / "made") << "x";
  for (const char* name : {"pipe", "link"}) {
    EXPECT_EQ(code_of([&] { write_file_atomically(folder_ / name, "x"); }), ErrorCode::kUsage);
    EXPECT_EQ(code_of([&] { rename_durably(folder_ / "made", folder_ / name); }), ErrorCode::kUsage);
  }
  EXPECT_TRUE(fs::is_fifo(folder_ / "pipe"));
  EXPECT_EQ(entries(), 3U);
}

TEST(WithoutSecrets, HidesUserAndQuery) {
  EXPECT_EQ(without_secrets("rtsp://user:pw@cam/1?token=x"), "rtsp://***@cam/1?***");
  EXPECT_EQ(without_secrets("plain/file?.mp4"), "plain/file?.mp4");
  for (const char* password : {"pa#ss", "p/w", "p?w", "p@w", "a/b@c"})
    EXPECT_EQ(without_secrets(std::string("rtsp://user:") + password + "@cam:554/1"), "rtsp://***@cam:554/1") << password;
  for (const char* open : {"http://host:80/a@1/b.ts", "http://host/a@1", "http://[::1]/a@1", "http://[::1]:80/a@1"})
    EXPECT_EQ(without_secrets(open), open);
}

}  // namespace
}  // namespace goshawk
