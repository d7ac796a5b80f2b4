#include "goshawk/train/torch/teacher.h"

#include <fmt/format.h>
#include <torch/torch.h>

#include <algorithm>
#include <opencv2/imgproc.hpp>

#include "goshawk/core/error.h"
#include "goshawk/core/parallel.h"
#include "goshawk/core/text.h"
#include "goshawk/detect/inference.h"
#include "goshawk/train/assignment.h"
#include "goshawk/train/augment.h"

namespace goshawk::train {

namespace fs = std::filesystem;

constexpr std::size_t kMostAtOnce = 8;  // pictures: the network needs the memory

/// The teacher as one thread uses it.
class Teacher::Lane {
 public:
  Lane(const fs::path& model, const runtime::SessionOptions& options) : inference_(model, options, {}) {}
  Lane(const fs::path& model, std::shared_ptr<runtime::Session> session) : inference_(model, std::move(session), {}) {}
  detect::Inference& inference() { return inference_; }

  /// Calls `take(i, answers)` for the pictures from `first` to before `last`.
  template <typename Take>
  void look(const std::vector<std::uint8_t>& pixels, int side, std::size_t first, std::size_t last, Take take) {
    const std::size_t bytes = static_cast<std::size_t>(side) * static_cast<std::size_t>(side) * 3;
    const std::size_t most = std::min(inference_.max_batch(), kMostAtOnce);
    for (std::size_t begin = first; begin < last; begin += most) {
      const std::size_t count = std::min(last - begin, most);
      images_.resize(std::max(images_.size(), count));
      std::vector<const cv::Mat*> views;
      for (std::size_t i = 0; i < count; ++i) {
        const cv::Mat rgb(side, side, CV_8UC3, const_cast<std::uint8_t*>(pixels.data() + (begin + i) * bytes));
        cv::cvtColor(rgb, images_[i], cv::COLOR_RGB2BGR);
        views.push_back(&images_[i]);
      }
      const detect::InputSize size{side, side};
      const auto inferred = inference_.run(inference_.fill(views, size), size);
      for (std::size_t i = 0; i < count; ++i)
        take(begin + i, inference_.cells(inferred, i).value_or(detect::CellAnswers{}));  // of other families: none
    }
  }

 private:
  detect::Inference inference_;
  std::vector<cv::Mat> images_;  // BGR
};

Teacher::Teacher(const fs::path& model, const std::vector<std::string>& classes, const std::vector<std::string>& taught,
                 const Network& student, int side, const runtime::SessionOptions& options)
    : cells_(static_cast<std::int64_t>(make_anchors(side, side, student.strides).size())), side_(side) {
  lanes_.push_back(std::make_unique<Lane>(model, options));
  const auto session = lanes_[0]->inference().shared_session();
  for (int i = 1; i < session->parallel_runs(); ++i) lanes_.push_back(std::make_unique<Lane>(model, session));
  const Recipe& recipe = lanes_[0]->inference().recipe();
  if (!recipe.dynamic_size && (recipe.input_width != side || recipe.input_height != side)) {
    throw Error(ErrorCode::kUsage,
                fmt::format("the teacher looks at pictures of {} x {}, and the training has {}", recipe.input_width,
                            recipe.input_height, side),
                model.string(),
                fmt::format("`goshawk convert {} --imgsz {}` makes one of this size.", model.string(), side));
  }
  for (auto& lane : lanes_) lane->inference().set_image_size(side);

  const auto& names = recipe.class_names;
  for (const auto& name : taught) {
    const auto needs = [&](const std::vector<std::string>& known, const char* who) {
      if (std::ranges::find(known, name) == known.end())
        throw Error(ErrorCode::kUsage, fmt::format("{} has no class '{}'{}", who, name, did_you_mean(name, known)),
                    "--teacher-classes");
    };
    needs(classes, "the data set");
    needs(names, "the teacher");
  }
  for (const auto& name : classes) {
    const auto found = std::ranges::find(names, name);
    const bool teaches = found != names.end() && (taught.empty() || std::ranges::find(taught, name) != taught.end());
    own_class_.push_back(teaches ? found - names.begin() : -1);
  }
  known_ = torch::zeros({static_cast<std::int64_t>(classes.size())});
  for (std::size_t c = 0; c < classes.size(); ++c) known_[static_cast<std::int64_t>(c)] = own_class_[c] >= 0 ? 1 : 0;
  if (known() == 0)
    throw Error(ErrorCode::kBadConfig, "the teacher knows none of the data set's classes by name", model.string());

  const std::vector<std::uint8_t> gray(static_cast<std::size_t>(side) * static_cast<std::size_t>(side) * 3, kPadding);
  lanes_[0]->look(gray, side, 0, 1, [&](std::size_t, const detect::CellAnswers& answers) {
    if (static_cast<std::int64_t>(answers.boxes.size()) == cells_) return;
    throw Error(ErrorCode::kBadConfig,
                fmt::format("the teacher answers at {} places, and the network at {}", answers.boxes.size(), cells_),
                model.string(), "A teacher has one box a cell on the same strides: YOLOX, YOLOv8, 11, goshawk.");
  });
}

Teacher::~Teacher() = default;

std::size_t Teacher::known() const {
  return own_class_.size() - static_cast<std::size_t>(std::count(own_class_.begin(), own_class_.end(), -1));
}

Taught Teacher::look(const std::vector<std::uint8_t>& pixels, std::size_t count) {
  const auto images = static_cast<std::int64_t>(count), classes = static_cast<std::int64_t>(own_class_.size());
  Taught taught{torch::zeros({images, classes, cells_}), torch::zeros({images, cells_, 4}), known_};
  auto* const scores = taught.scores.data_ptr<float>();
  auto* const boxes = taught.boxes.data_ptr<float>();
  static_assert(sizeof(Box) == 4 * sizeof(float));
  const auto take = [&](std::size_t image, const detect::CellAnswers& answers) {
    const auto i = static_cast<std::int64_t>(image);
    const auto all = static_cast<std::int64_t>(answers.scores.size()) / cells_;
    std::copy_n(&answers.boxes.data()->x1, 4 * cells_, boxes + i * 4 * cells_);
    for (std::int64_t c = 0; c < classes; ++c) {
      const std::int64_t own = own_class_[static_cast<std::size_t>(c)];
      if (own < 0) continue;
      float* const row = scores + (i * classes + c) * cells_;
      for (std::int64_t a = 0; a < cells_; ++a) row[a] = answers.scores[static_cast<std::size_t>(a * all + own)];
    }
  };
  parallel_blocks(
      lanes_.size(), 1,
      [&](std::size_t lane, std::size_t) {
        const auto part = [&](std::size_t l) { return count * l / lanes_.size(); };
        lanes_[lane]->look(pixels, side_, part(lane), part(lane + 1), take);
      },
      [](std::size_t) {}, lanes_.size());
  return taught;
}

runtime::SessionOptions session_beside(const torch::Device& device, int threads) {
  runtime::SessionOptions options;
  options.threads = options.parallel_runs = threads;
  for (const auto& status : runtime::list_devices()) {
    const bool same = status.device.kind == runtime::DeviceKind::kCuda && device.is_cuda();
    if (!status.available || (!same && runtime::is_gpu(status.device.kind))) continue;
    options.device = status.device;
    if (same) options.device.index = device.index();
    break;
  }
  return options;
}

}  // namespace goshawk::train
