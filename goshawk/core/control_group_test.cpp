#include "goshawk/core/control_group.h"

#include <gtest/gtest.h>

#include "goshawk/core/testing.h"

namespace goshawk {
namespace {

class ControlGroup : public ::testing::Test {
 protected:
  void put(const std::filesystem::path& name, const std::string& text) const {
    std::filesystem::create_directories((root_ / name).parent_path());
    root_.write(name, text);
  }
  GroupLimits limits() const { return control_group_limits(root_.path()); }

  const TemporaryFolder root_;
};

TEST_F(ControlGroup, NoneLimitsNothing) {
  EXPECT_FALSE(limits().cores);
  EXPECT_FALSE(limits().memory_bytes);
  put("proc/self/cgroup", "0::/a\nnonsense\n7:\n");
  put("sys/fs/cgroup/a/cpu.max", "max 100000\n");
  put("sys/fs/cgroup/a/memory.max", "max\n");
  put("sys/fs/cgroup/a/memory.current", "1000\n");
  EXPECT_FALSE(limits().cores);
  EXPECT_FALSE(limits().memory_bytes);
}

TEST_F(ControlGroup, TheLeastOfTheGroupAndThoseAboveCounts) {
  put("proc/self/cgroup", "0::/system.slice/a b.service\n");
  put("sys/fs/cgroup/system.slice/cpu.max", "150000 100000\n");
  put("sys/fs/cgroup/system.slice/a b.service/cpu.max", "400000 100000\n");
  put("sys/fs/cgroup/system.slice/memory.max", "5000\n");
  put("sys/fs/cgroup/system.slice/memory.current", "4000\n");
  put("sys/fs/cgroup/system.slice/memory.stat", "anon 900\ninactive_anon 100\ninactive_file 2500\n");
  put("sys/fs/cgroup/system.slice/a b.service/memory.max", "9000\n");
  put("sys/fs/cgroup/system.slice/a b.service/memory.current", "4000\n");
  EXPECT_EQ(limits().cores, 1.5);
  EXPECT_EQ(limits().memory_bytes, 3500U);
}

TEST_F(ControlGroup, VersionOneHasATreeForEachController) {
  put("proc/self/cgroup", "5:memory:/job\n4:cpuacct,cpu:/task\n3:cpuset:/job\n");
  put("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n");
  put("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
  put("sys/fs/cgroup/cpu/task/cpu.cfs_quota_us", "50000\n");
  put("sys/fs/cgroup/cpu/task/cpu.cfs_period_us", "100000\n");
  put("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  put("sys/fs/cgroup/memory/memory.usage_in_bytes", "1000\n");
  put("sys/fs/cgroup/memory/job/memory.limit_in_bytes", "2000\n");
  put("sys/fs/cgroup/memory/job/memory.usage_in_bytes", "2500\n");
  put("sys/fs/cgroup/memory/job/memory.stat", "cache 700\ninactive_file 1\ntotal_inactive_file 600\n");
  EXPECT_EQ(limits().cores, 0.5);
  EXPECT_EQ(limits().memory_bytes, 100U);
}

TEST_F(ControlGroup, APathOfTheHostLeavesTheTopOfTheMount) {
  put("proc/self/cgroup", "4:cpu:/docker/0123\n");
  put("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "200000\n");
  put("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(limits().cores, 2);
}

}  // namespace
}  // namespace goshawk
