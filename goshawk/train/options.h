// What a training is told to do.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "goshawk/train/augment.h"
#include "goshawk/train/schedule.h"

namespace goshawk::train {

/// All numbers of a training, with the names, meanings and defaults that users of Ultralytics 8.4 know. The settings of
/// section `train` (core/config_schema) are these fields by the same names.
struct TrainOptions {
  std::string data;  // data.yaml, instances.json, folder
  std::string model = "goshawk-n";
  std::string weights;                       // safetensors to start from (weights_files); empty: random
  std::string teacher;                       // ONNX model whose answers are learned beside the labels; empty: none
  std::vector<std::string> teacher_classes;  // that are learned from it; empty: all that it knows
  std::string device = "auto";               // auto (a GPU where there is one), cpu, cuda, cuda:N
  int epochs = 100;
  int patience = 100;     // epochs without a better fitness after which training ends; 0: never
  int batch = 16;         // images a step of the network, of all processes together; 0: what memory holds
  int imgsz = 640;        // side of the input, pixels; a multiple of the largest stride
  int workers = 0;        // threads that make batches; 0: as many as cores
  int threads = 0;        // threads of the network; 0: as many as cores
  int nbs = 64;           // nominal batch: gradients of about so many images are gathered before weights change
  int close_mosaic = 10;  // last epochs without mosaic and mix-up
  int freeze = 0;         // first layers that stay as they are
  std::int64_t seed = 0;
  double cache_gb = 2;             // memory for decoded pictures
  std::string cache = "ram";       // where decoded pictures are kept: ram, disk (what memory does not hold)
  bool amp = true;                 // half precision where the network allows it
  std::string half = "auto";       // which: bfloat16, float16 (with scaled losses); auto: see docs/training.md
  bool val = true;                 // evaluate after each epoch
  bool dynamic = false;            // the exported model takes any batch and size
  bool sync_bn = false;            // batch norms see the batches of all processes
  double multi_scale = 0;          // each batch's side varies by up to this fraction of imgsz
  std::string optimizer = "auto";  // auto, sgd, adamw
  std::string decay = "linear";    // of the learning rate: linear, cosine, step
  double lr0 = 0.01, lrf = 0.01, momentum = 0.937, weight_decay = 5e-4;
  double distill = 1;      // weight of the teacher's loss beside that of the labels
  double temperature = 1;  // at which the teacher's scores are learned; more: also how sure it is that nothing is there
  double warmup_epochs = 3, warmup_momentum = 0.8, warmup_bias_lr = 0.1;
  double box = 7.5, cls = 0.5, dfl = 1.5;  // weights of the loss's parts
  AugmentOptions augment;

  bool is_taught() const { return !teacher.empty() && distill > 0; }
  bool operator==(const TrainOptions&) const = default;
};

/// Calls `visit(name, member)` for every field, in the order of the documentation.
template <typename Options, typename Visit>
void for_each_field(Options& o, Visit visit) {
  visit("data", o.data), visit("model", o.model), visit("weights", o.weights);
  visit("teacher", o.teacher), visit("teacher_classes", o.teacher_classes), visit("distill", o.distill);
  visit("temperature", o.temperature);
  visit("device", o.device);
  visit("epochs", o.epochs), visit("patience", o.patience), visit("batch", o.batch), visit("imgsz", o.imgsz);
  visit("workers", o.workers), visit("threads", o.threads), visit("nbs", o.nbs), visit("close_mosaic", o.close_mosaic);
  visit("freeze", o.freeze), visit("seed", o.seed), visit("cache_gb", o.cache_gb), visit("cache", o.cache);
  visit("amp", o.amp), visit("half", o.half), visit("val", o.val), visit("dynamic", o.dynamic);
  visit("sync_bn", o.sync_bn), visit("multi_scale", o.multi_scale);
  visit("optimizer", o.optimizer), visit("decay", o.decay), visit("lr0", o.lr0), visit("lrf", o.lrf);
  visit("momentum", o.momentum), visit("weight_decay", o.weight_decay), visit("warmup_epochs", o.warmup_epochs);
  visit("warmup_momentum", o.warmup_momentum), visit("warmup_bias_lr", o.warmup_bias_lr);
  visit("box", o.box), visit("cls", o.cls), visit("dfl", o.dfl);
  visit("mosaic", o.augment.mosaic), visit("mixup", o.augment.mixup), visit("degrees", o.augment.degrees);
  visit("translate", o.augment.translate), visit("scale", o.augment.scale), visit("shear", o.augment.shear);
  visit("flipud", o.augment.flipud), visit("fliplr", o.augment.fliplr), visit("hsv_h", o.augment.hsv_h);
  visit("hsv_s", o.augment.hsv_s), visit("hsv_v", o.augment.hsv_v);
}

nlohmann::ordered_json to_json(const TrainOptions& options);
/// Fields that `document` does not have keep their defaults. Throws Error{kBadData} for unknown fields and wrong types.
TrainOptions options_from_json(const nlohmann::json& document, const std::string& where);

/// The files that TrainOptions::weights names: one, or several with commas between, whose mean is the beginning.
std::vector<std::string> weights_files(const std::string& weights);

/// The optimiser and rate of `optimizer: auto`: few steps (at most 10,000) go best with AdamW at a rate that falls with the
/// number of classes, many with SGD at 0.01. Source: the rule that Ultralytics has documented; its 8.4.190 takes MuSGD
/// instead of SGD. Other values stay.
TrainOptions settled(TrainOptions options, std::int64_t images, int classes);

ScheduleOptions schedule_of(const TrainOptions& options);

}  // namespace goshawk::train
