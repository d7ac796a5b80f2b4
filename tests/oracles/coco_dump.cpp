// Evaluates COCO files and prints everything: a line of JSON with names and shapes, then the arrays as raw doubles.
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "goshawk/dataset/coco.h"
#include "goshawk/evaluate/boxes.h"

using namespace goshawk;  // NOLINT: a test program

namespace {

void put(const std::vector<double>& values) { std::fwrite(values.data(), sizeof(double), values.size(), stdout); }

int run(const std::string& labels, const std::string& detections, bool masks) {
  const auto parts = masks ? dataset::CocoParts::kBoxesAndMasks : dataset::CocoParts::kBoxes;
  const auto truth = dataset::read_coco_truth(labels, parts);
  auto results = dataset::read_coco_results(detections, parts);
  auto predictions = dataset::resolve(results, truth.dataset);
  for (const auto& problems : {truth.problems, results.problems}) {
    for (const auto& problem : problems) {
      if (problem.severity == dataset::Severity::kError) throw std::runtime_error(problem.message);
    }
  }
  evaluate::CocoOptions options;
  options.overlap = masks ? evaluate::Overlap::kMasks : evaluate::Overlap::kBoxes;
  options.id_zero_never_matches = true;
  evaluate::CocoEvaluator evaluator(truth.dataset, options);
  evaluator.add(std::move(predictions));
  const auto result = evaluator.evaluate();
  const auto s = result.summary();
  const std::size_t k = result.classes();
  std::printf("[[\"summary\",[12]],[\"precision\",[10,101,%zu,4,3]],[\"recall\",[10,%zu,4,3]]]\n", k, k);
  put({s.ap, s.ap50, s.ap75, s.ap_small, s.ap_medium, s.ap_large, s.ar[0], s.ar[1], s.ar[2], s.ar_small, s.ar_medium,
       s.ar_large});
  put(result.precision());
  put(result.recall());
  return 0;
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 4) return 64;
  try {
    return run(arguments[1], arguments[2], std::string(arguments[3]) == "segm");
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
