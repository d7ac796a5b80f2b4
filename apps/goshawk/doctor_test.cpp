#include "apps/goshawk/doctor.h"

#include <gtest/gtest.h>

namespace goshawk::cli {
namespace {

TEST(DoctorExitCode, TellsWhetherModelsRunAndVideosAreWritten) {
  runtime::DeviceStatus cuda, cpu;
  cpu.available = true;
  media::Capabilities media;
  media.encoder = "mpeg4";
  EXPECT_EQ(doctor_exit_code({cuda, cpu}, media), 0);
  EXPECT_EQ(doctor_exit_code({cuda}, media), 69);
  EXPECT_EQ(doctor_exit_code({}, media), 69);
  media.encoder.clear();
  EXPECT_EQ(doctor_exit_code({cuda, cpu}, media), 69);
}

}  // namespace
}  // namespace goshawk::cli
