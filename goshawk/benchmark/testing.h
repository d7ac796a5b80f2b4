// For the tests of this folder: small models on the CPU, measured briefly.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "goshawk/benchmark/models.h"
#include "goshawk/core/testing.h"
#include "goshawk/detect/testing_onnx.h"

namespace goshawk::benchmark::testing {

inline MeasureOptions brief() {
  MeasureOptions options;
  options.warm_up = 1;
  options.time = std::chrono::milliseconds(20);
  options.rounds = 4;
  return options;
}

/// Writes models into a folder that lasts as long as the test.
class SmallModels : public ::testing::Test {
 protected:
  Candidate candidate(const std::string& name, const std::string& onnx) const {
    Candidate candidate;
    candidate.model = folder.write(name + ".onnx", onnx);
    candidate.options.session.device = {runtime::DeviceKind::kCpu, 0};
    candidate.options.session.threads = 1;
    return candidate;
  }
  Candidate detector(const std::string& name, const detect::Dimensions& input) const {
    return candidate(name, detect::brightness_model(input, detect::ultralytics_metadata()));
  }
  TemporaryFolder folder;
};

}  // namespace goshawk::benchmark::testing
