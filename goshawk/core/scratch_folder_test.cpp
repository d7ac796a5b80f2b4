#include "goshawk/core/scratch_folder.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <optional>

#include "goshawk/core/testing.h"

namespace goshawk {
namespace {

/// TMPDIR of a test; as it was, afterwards.
class TemporaryPlace {
 public:
  explicit TemporaryPlace(const std::filesystem::path& folder) {
    if (const char* before = std::getenv("TMPDIR")) before_ = before;
    ::setenv("TMPDIR", folder.c_str(), 1);
  }
  ~TemporaryPlace() { before_ ? ::setenv("TMPDIR", before_->c_str(), 1) : ::unsetenv("TMPDIR"); }
  TemporaryPlace(const TemporaryPlace&) = delete;
  TemporaryPlace& operator=(const TemporaryPlace&) = delete;

 private:
  std::optional<std::string> before_;
};

TEST(ScratchFolder, IsOnesOwnAndGoesWithWhatIsInIt) {
  const TemporaryFolder folder;
  const TemporaryPlace place(folder.path());
  {
    const ScratchFolder one;
    const ScratchFolder other;
    EXPECT_EQ(one.path().parent_path(), folder.path());
    EXPECT_NE(one.path(), other.path());
    struct stat status {};
    ASSERT_EQ(::stat(one.path().c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0700U);
    std::ofstream(one.path() / "a") << "a";
    std::filesystem::create_directories(one.path() / "b/c");
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(ScratchFolder, NamesThePlaceThatIsMissing) {
  const TemporaryFolder folder;
  const TemporaryPlace place(folder / "none");
  const std::string text = text_of_error([] { const ScratchFolder scratch; }, ErrorCode::kIo);
  EXPECT_NE(text.find((folder / "none").string()), std::string::npos) << text;
  EXPECT_NE(text.find("TMPDIR"), std::string::npos) << text;
}

}  // namespace
}  // namespace goshawk
