#include "goshawk/train/safetensors.h"

#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <random>

#include "goshawk/core/error.h"
#include "goshawk/core/files.h"

namespace goshawk::train {
namespace {

namespace fs = std::filesystem;

class Safetensors : public testing::Test {
 protected:
  ~Safetensors() override { fs::remove(path_); }
  fs::path path_ = fs::temp_directory_path() / ("goshawk-tensors-" + std::to_string(::getpid()) + ".safetensors");

  StoredTensors sample() const {
    StoredTensors content;
    content.tensors["a.weight"] = {StoredType::kFloat32, {2, 3}, std::string(24, 'x')};
    content.tensors["b"] = {StoredType::kInt64, {}, std::string(8, 'y')};
    content.tensors["none"] = {StoredType::kBFloat16, {0, 4}, ""};
    content.metadata["epoch"] = "7";
    return content;
  }

  ErrorCode code_of_reading() const {
    try {
      read_safetensors(path_);
    } catch (const Error& error) {
      return error.code();
    }
    return ErrorCode::kInternal;
  }
};

TEST_F(Safetensors, ComeBackAsTheyWere) {
  const auto content = sample();
  write_safetensors(path_, content);
  const auto back = read_safetensors(path_);
  ASSERT_EQ(back.tensors.size(), 3U);
  EXPECT_EQ(back.tensors.at("a.weight").shape, (std::vector<std::int64_t>{2, 3}));
  EXPECT_EQ(back.tensors.at("a.weight").bytes, content.tensors.at("a.weight").bytes);
  EXPECT_EQ(back.tensors.at("b").type, StoredType::kInt64);
  EXPECT_EQ(back.metadata.at("epoch"), "7");
}

TEST_F(Safetensors, DamageIsFoundWhereverItIs) {
  write_safetensors(path_, sample());
  const std::string good = read_file(path_);
  std::mt19937 random(4);
  for (std::size_t cut = 0; cut < good.size(); cut += 3) {
    std::ofstream(path_, std::ios::binary) << good.substr(0, cut);
    EXPECT_EQ(code_of_reading(), ErrorCode::kBadData) << cut;
  }
  const std::size_t values = good.size() - 32;
  for (std::size_t at = values; at < good.size(); ++at) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ (1 << (random() % 8)));
    std::ofstream(path_, std::ios::binary) << bad;
    EXPECT_EQ(code_of_reading(), ErrorCode::kBadData) << at;
  }
}

TEST_F(Safetensors, RefusesEntriesThatLie) {
  const auto file = [&](const std::string& header, const std::string& data) {
    const std::uint64_t length = header.size();
    std::string bytes(8, '\0');
    std::memcpy(bytes.data(), &length, 8);
    std::ofstream(path_, std::ios::binary) << bytes << header << data;
    return code_of_reading();
  };
  EXPECT_EQ(file(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,400]}})", "12345678"), ErrorCode::kBadData);
  EXPECT_EQ(file(R"({"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}})", "12345678"), ErrorCode::kBadData);
  EXPECT_EQ(file(R"({"a":{"dtype":"F99","shape":[2],"data_offsets":[0,8]}})", "12345678"), ErrorCode::kBadData);
  EXPECT_EQ(file(R"({"a":{"dtype":"F32","shape":[4611686018427387904,8],"data_offsets":[0,8]}})", "12345678"),
            ErrorCode::kBadData);
  EXPECT_EQ(
      file(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})",
           "1234"),
      ErrorCode::kBadData);
  EXPECT_EQ(file(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})", "12345678"), ErrorCode::kBadData);
  EXPECT_EQ(file(R"([1,2])", ""), ErrorCode::kBadData);
  EXPECT_EQ(file(R"({"a":5})", ""), ErrorCode::kBadData);
  EXPECT_EQ(file(R"({})", "more"), ErrorCode::kBadData);
  fs::remove(path_);
  EXPECT_EQ(code_of_reading(), ErrorCode::kNotFound);
}

}  // namespace
}  // namespace goshawk::train
