// A finished detector that a network learns from beside the labels.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "goshawk/runtime/session.h"
#include "goshawk/train/network.h"
#include "goshawk/train/torch/loss.h"

namespace goshawk::train {

/// Looks at the changed pictures themselves, the same ones as the student (Beyer et al., "Knowledge distillation: A good
/// teacher is patient and consistent", CVPR 2022), and answers at every cell of the student's grid, so that the student
/// learns also how sure it may be (Hinton et al., "Distilling the Knowledge in a Neural Network", 2015).
class Teacher {
 public:
  /// `classes`: the student's; those that the teacher does not know by name it says nothing of, nor of those that are not
  /// among `taught`, unless that is empty. `side`: of the pictures, pixels. Throws Error{kUsage} for a model whose input has
  /// another size, {kBadConfig} for one that does not answer cell by cell with as many cells as the student or knows none of
  /// the classes or not one of `taught`, and what loading a detector throws.
  Teacher(const std::filesystem::path& model, const std::vector<std::string>& classes,
          const std::vector<std::string>& taught, const Network& student, int side, const runtime::SessionOptions& session);
  ~Teacher();

  /// Of pictures [count, side, side, 3] RGB. On the CPU. Not thread-safe.
  Taught look(const std::vector<std::uint8_t>& pixels, std::size_t count);
  /// The classes that it teaches.
  std::size_t known() const;

 private:
  class Lane;
  std::vector<std::unique_ptr<Lane>> lanes_;
  std::vector<std::int64_t> own_class_;  // the teacher's number of each of the student's classes; -1: not known
  torch::Tensor known_;                  // Taught::known
  std::int64_t cells_ = 0;
  int side_ = 0;
};

/// Where a teacher runs beside a training on `device`: on that GPU where ONNX Runtime can use it, else on the CPU, in as
/// many runs at once as there are threads.
runtime::SessionOptions session_beside(const torch::Device& device, int threads);

}  // namespace goshawk::train
