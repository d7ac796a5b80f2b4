#include "goshawk/detect/recognize.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "goshawk/core/error.h"
#include "goshawk/core/files.h"
#include "goshawk/detect/recipe_io.h"
#include "goshawk/detect/testing.h"

namespace goshawk::detect {
namespace {

namespace fs = std::filesystem;
using runtime::ElementType;
using testing::HasSubstr;
using testing::Not;

const char* const kThree = "{0: 'car', 1: \"driver's van\", 2: 'b\\xe4r'}";

std::map<std::string, std::string> ultralytics(std::map<std::string, std::string> more = {}) {
  std::map<std::string, std::string> metadata = {
      {"task", "detect"}, {"stride", "32"}, {"imgsz", "[640, 640]"}, {"names", kThree}};
  for (auto& [key, value] : more) metadata[key] = value;
  return metadata;
}

std::string error_of(const ModelDescription& model, const RecipeChoices& choices = {}) {
  try {
    settle_recipe(model, choices);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kBadConfig);
    return error.describe();
  }
  return "no error";
}

/// A file that is removed at the end of the test.
class Written {
 public:
  Written(const std::string& name, const std::string& content)
      : path_(fs::temp_directory_path() / ("goshawk_" + std::to_string(::getpid()) + name)) {
    write_file_atomically(path_, content);
  }
  ~Written() { fs::remove(path_); }
  Written(const Written&) = delete;
  Written& operator=(const Written&) = delete;
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

TEST(ParsePythonNames, ReadsWhatReprWrites) {
  EXPECT_EQ(parse_python_names(kThree), (std::vector<std::string>{"car", "driver's van", "b\xc3\xa4r"}));
  EXPECT_EQ(parse_python_names("['a', 'b',]"), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(parse_python_names(R"({0: 'it\'s\n\\ \u20ac \U0001F600'})"),
            (std::vector<std::string>{"it's\n\\ \xe2\x82\xac \xf0\x9f\x98\x80"}));
}

TEST(ParsePythonNames, RejectsAnythingElse) {
  for (const char* text :
       {"", "{", "{}", "[]", "{1: 'a'}", "{0: 'a', 2: 'b'}", "{0: a}", "{0: 'a'", "{0: 'a'} x", "{0: ''}", "{0: '\\x4'}",
        "{0: '\\ud800'}", "{0 'a'}", "{0: 'a' 1: 'b'}", "['a', 1]", "{99999999999999999999: 'a'}", "{0: '\\"}) {
    EXPECT_EQ(parse_python_names(text), std::nullopt) << text;
  }
}

TEST(SettleRecipe, RecognisesUltralyticsLayouts) {
  const auto family_of = [](std::vector<std::int64_t> shape, std::map<std::string, std::string> more = {}) {
    return settle_recipe(described({info("output0", std::move(shape))}, ultralytics(std::move(more)))).family;
  };
  EXPECT_EQ(family_of({1, 7, 8400}), Family::kYoloV8);
  EXPECT_EQ(family_of({1, 25200, 8}), Family::kYoloV5);
  EXPECT_EQ(family_of({1, 300, 6}), Family::kYoloEnd2End);
  EXPECT_EQ(family_of({1, 300, 6}, {{"end2end", "True"}}), Family::kYoloEnd2End);
  EXPECT_EQ(family_of({1, 300, 6}, {{"args", "{'nms': True}"}}), Family::kYoloEnd2End);
  EXPECT_EQ(family_of({1, 300, 7}), Family::kDetr);
  // One class: 25200 x 6 is cx cy w h objectness score, 300 x 6 is boxes with a class.
  EXPECT_EQ(family_of({1, 25200, 6}, {{"names", "{0: 'x'}"}}), Family::kYoloV5);
  EXPECT_EQ(family_of({1, 300, 6}, {{"names", "{0: 'x'}"}}), Family::kYoloEnd2End);
  EXPECT_EQ(family_of({1, 6, 8400}, {{"names", "{0: 'x', 1: 'y'}"}}), Family::kYoloV8);
  // Two classes: six columns are boxes with a class, or an RT-DETR's boxes and scores.
  const auto of_two = [&](std::int64_t rows, const std::string& description) {
    return family_of({1, rows, 6}, {{"names", "{0: 'x', 1: 'y'}"}, {"description", description}});
  };
  EXPECT_EQ(of_two(300, "Ultralytics rtdetr-l model trained on two.yaml"), Family::kDetr);
  EXPECT_EQ(of_two(300, "Ultralytics RT-DETR-x model "), Family::kDetr);
  EXPECT_EQ(of_two(300, "Ultralytics YOLO26n model trained on rtdetr/two.yaml"), Family::kYoloEnd2End);
}

TEST(SettleRecipe, TheHeadTellsAnRtDetrOfAnyName) {
  const auto metadata =
      ultralytics({{"names", "{0: 'x', 1: 'y'}"}, {"head", "RTDETRDecoder"}, {"description", "Ultralytics my model"}});
  EXPECT_EQ(settle_recipe(described({info("output0", {1, 300, 6})}, metadata)).family, Family::kDetr);
}

TEST(SettleRecipe, MetadataTellsLayoutsWhoseShapesAreUnknown) {
  const auto family_of = [](std::map<std::string, std::string> metadata) {
    return settle_recipe(described({info("output0", {-1, -1, -1})}, std::move(metadata), -1, -1)).family;
  };
  EXPECT_EQ(family_of(ultralytics()), Family::kYoloV8);
  EXPECT_EQ(family_of(ultralytics({{"args", "{'nms': True}"}})), Family::kYoloEnd2End);
  EXPECT_EQ(family_of(ultralytics({{"end2end", "True"}})), Family::kYoloEnd2End);
  EXPECT_EQ(family_of(ultralytics({{"head", "RTDETRDecoder"}})), Family::kDetr);
  EXPECT_EQ(family_of({{"stride", "32"}, {"names", kThree}}), Family::kYoloV5);
}

TEST(SettleRecipe, SidesOfADynamicInputAreMultiplesOfTheStride) {
  const Recipe recipe =
      settle_recipe(described({info("output0", {1, 7, -1})}, ultralytics({{"imgsz", "[100, 640]"}}), -1, -1));
  EXPECT_EQ(recipe.input_height, 128);
  EXPECT_EQ(recipe.input_width, 640);
}

TEST(SettleRecipe, WholeNumbersArePixelsAsTheyAre) {
  auto model = described({info("output0", {1, 7, 8400})}, ultralytics());
  EXPECT_EQ(settle_recipe(model).deviation[0], 255);
  for (const auto type : {ElementType::kUint8, ElementType::kInt64}) {
    model.inputs[0].type = type;
    EXPECT_EQ(settle_recipe(model).deviation[0], 1);
    const Written family("family.yaml", "{family: yolov8, class_names: [a, b, c]}");
    EXPECT_EQ(settle_recipe(model, {family.path(), {}}).deviation[0], 1);
    const Written scaled("scaled.yaml", "std: [255, 255, 255]");
    EXPECT_THAT(error_of(model, {scaled.path(), {}}), HasSubstr("takes whole numbers"));
  }
}

TEST(SettleRecipe, NamesInTheMetadataAreTheClassesWhoeverWroteThem) {
  const auto model = described({info("output", {1, 7, 8400})}, {{"names", kThree}});
  EXPECT_EQ(settle_recipe(model).class_names.at(0), "car");
  const Written family("own.yaml", "family: yolov8");
  EXPECT_EQ(settle_recipe(model, {family.path(), {}}).class_names.size(), 3U);
  const Written names("own.txt", "a\nb\nc\n");
  EXPECT_EQ(settle_recipe(model, {{}, names.path()}).class_names.at(0), "a");
}

TEST(SettleRecipe, RejectsAnInputWithoutPixels) {
  EXPECT_THAT(error_of(described({info("output0", {1, 7, 8400})}, ultralytics(), 0, 0)), HasSubstr("has no pixels"));
}

TEST(SettleRecipe, TakesSizesOfDynamicExportsFromMetadata) {
  ModelDescription model = described({info("output0", {-1, 7, -1})}, ultralytics({{"imgsz", "[480, 800]"}}), -1, -1);
  model.inputs[0].shape[0] = -1;
  const Recipe recipe = settle_recipe(model);
  EXPECT_EQ(recipe.family, Family::kYoloV8);
  EXPECT_TRUE(recipe.dynamic_size);
  EXPECT_EQ(recipe.input_height, 480);
  EXPECT_EQ(recipe.input_width, 800);
  EXPECT_EQ(recipe.class_names.size(), 3U);
}

TEST(SettleRecipe, OneSideThatVariesIsTakenFromMetadataOrTheOther) {
  const auto of = [](std::int64_t height, std::int64_t width, const std::string& imgsz, const std::string& recipe = "") {
    const ModelDescription model = described({info("output0", {1, 7, -1})}, ultralytics({{"imgsz", imgsz}}), height, width);
    const Written file("recipe.yaml", recipe);
    return settle_recipe(model, {recipe.empty() ? std::nullopt : std::optional(file.path()), {}});
  };
  const auto size = [](const Recipe& recipe) {
    EXPECT_FALSE(recipe.dynamic_size);
    return std::pair(recipe.input_height, recipe.input_width);
  };
  EXPECT_EQ(size(of(64, -1, "[64, 128]")), std::pair(64, 128));
  EXPECT_EQ(size(of(64, -1, "[640, 640]")), std::pair(64, 640));
  EXPECT_EQ(size(of(-1, 96, "[32, 640]")), std::pair(32, 96));
  EXPECT_EQ(size(of(64, -1, "")), std::pair(64, 64));
  EXPECT_EQ(size(of(-1, 96, "")), std::pair(96, 96));
  EXPECT_EQ(size(of(64, -1, "", "input_width: 256")), std::pair(64, 256));
  EXPECT_EQ(size(of(64, -1, "", "dynamic_size: true")), std::pair(64, 64)) << "the model says otherwise";
}

TEST(SettleRecipe, ChannelsThatVaryAreWhereTheRecipeSaysOrFirst) {
  ModelDescription model = described({info("output0", {-1, 7, -1})}, ultralytics(), -1, -1);
  model.inputs[0].shape = {-1, -1, -1, -1};
  EXPECT_EQ(settle_recipe(model).layout, Layout::kNchw);
  EXPECT_TRUE(settle_recipe(model).dynamic_size);
  const Written nhwc("recipe.yaml", "layout: nhwc");
  EXPECT_EQ(settle_recipe(model, {nhwc.path(), {}}).layout, Layout::kNhwc);
  Recipe stored = settle_recipe(model, {nhwc.path(), {}});
  model.metadata[kRecipeKey] = to_json(stored).dump();
  EXPECT_EQ(settle_recipe(model), stored);

  model = described({info("output0", {1, 7, 8400})}, ultralytics());
  model.inputs[0].shape = {1, -1, 640, 640};
  EXPECT_EQ(settle_recipe(model).layout, Layout::kNchw);
  EXPECT_THAT(error_of(model, {nhwc.path(), {}}), HasSubstr("layout does not fit"));
  model.inputs[0].shape = {1, 640, 640, -1};
  EXPECT_THAT(error_of(model), HasSubstr("no image detector"));
  EXPECT_EQ(settle_recipe(model, {nhwc.path(), {}}).input_width, 640);
  model.inputs[0] = info("tokens", {-1, -1, -1, -1}, ElementType::kInt64);
  EXPECT_THAT(error_of(model), HasSubstr("no image detector"));
}

TEST(SettleRecipe, RejectsOtherUltralyticsTasksAndLayouts) {
  EXPECT_THAT(error_of(described({info("output0", {1, 39, 8400})}, ultralytics({{"task", "segment"}}))),
              HasSubstr("'segment'"));
  EXPECT_THAT(error_of(described({info("output0", {1, 9, 8400})}, ultralytics())), HasSubstr("3 names"));
  EXPECT_THAT(error_of(described({info("output0", {1, 7, 8400})}, ultralytics({{"names", "{0: x}"}}))),
              HasSubstr("'names'"));
}

TEST(SettleRecipe, RecognisesSingleOutputsByTheirGrid) {
  const auto of = [](std::vector<std::int64_t> shape, std::int64_t side) {
    return settle_recipe(described({info("output", std::move(shape))}, {}, side, side));
  };
  EXPECT_EQ(of({1, 3549, 85}, 416).family, Family::kYolox);
  EXPECT_EQ(of({1, 3549, 85}, 416).class_names, coco_names());
  EXPECT_EQ(of({1, 25200, 85}, 640).family, Family::kYoloV5);
  EXPECT_EQ(of({1, 84, 8400}, 640).family, Family::kYoloV8);
  EXPECT_EQ(of({1, 2100, 112}, 320).family, Family::kNanoDet);
  EXPECT_EQ(of({1, 2125, 112}, 320).family, Family::kNanoDet);
  EXPECT_EQ(of({1, 2125, 112}, 320).stride, 64);
}

TEST(SettleRecipe, AsksWhereTheClassesAreUnknown) {
  EXPECT_THAT(error_of(described({info("output", {1, 10, 8400})})),
              HasSubstr("yolov8 with 6 classes, whose names the model does not say"));
  const std::string error = error_of(described({info("output", {1, 8400, 112})}));
  EXPECT_EQ(error, "no error") << "112 columns are NanoDet's 80 classes";
  EXPECT_THAT(error_of(described({info("output", {1, 8400, 50})})),
              HasSubstr("could be yolox with 45 classes or nanodet with 18 classes"));
}

TEST(SettleRecipe, ClassNamesOfTheUserTellTheFamily) {
  const ModelDescription model = described({info("output", {1, 8400, 50})});
  std::string names;
  for (int i = 0; i < 18; ++i) names += "class" + std::to_string(i) + "\n";
  const Written file("18.txt", names);
  const Recipe recipe = settle_recipe(model, {{}, file.path()});
  EXPECT_EQ(recipe.family, Family::kNanoDet);
  EXPECT_EQ(recipe.class_names.size(), 18U);
  const Written wrong("2.txt", "a\nb\n");
  EXPECT_THAT(error_of(model, {{}, wrong.path()}), HasSubstr("but 2 class names were given"));
}

TEST(SettleRecipe, KnowsADecodedYoloxByItsOperators) {
  ModelDescription model = described({info("output", {1, 8400, 85})});
  model.operators = {"Conv", "Exp", "Concat"};
  const Recipe recipe = settle_recipe(model);
  EXPECT_EQ(recipe.family, Family::kYoloV5);
  EXPECT_EQ(recipe.resize, Resize::kLetterboxTopLeft);
  EXPECT_EQ(recipe.deviation[0], 1);
  model.operators = {"Conv", "Concat"};
  EXPECT_EQ(settle_recipe(model).family, Family::kYolox);
  model.operators = {"Conv", "Sub", "Concat"};  // YOLOv6: boxes, from distances
  EXPECT_THAT(error_of(model), HasSubstr("does not tell which"));
}

TEST(SettleRecipe, RecognisesModelsByNamesOfOutputs) {
  std::vector<runtime::TensorInfo> yunet;
  for (const char* kind : {"cls_", "obj_", "bbox_", "kps_"}) {
    for (const char* stride : {"8", "16", "32"}) yunet.push_back(info(kind + std::string(stride), {1, -1, 1}));
  }
  const Recipe faces = settle_recipe(described(yunet, {}, -1, -1));
  EXPECT_EQ(faces.family, Family::kYuNet);
  EXPECT_EQ(faces.class_names, std::vector<std::string>{"face"});

  const auto rt_detr = described({info("logits", {1, 300, 80}), info("pred_boxes", {1, 300, 4})});
  EXPECT_EQ(settle_recipe(rt_detr).activation, Activation::kSigmoid);
  const Written coco("80.yaml", "names: " + nlohmann::json(coco_names()).dump());
  EXPECT_EQ(settle_recipe(rt_detr, {{}, coco.path()}).activation, Activation::kSigmoid);
  const Written names("91.yaml", [] {
    std::string text = "class_names: [";
    for (int i = 0; i < 91; ++i) text += "c" + std::to_string(i) + ",";
    return text + "]";
  }());
  EXPECT_EQ(settle_recipe(described({info("logits", {1, 100, 92}), info("pred_boxes", {1, 100, 4})}), {names.path(), {}})
                .activation,
            Activation::kSoftmax);
  EXPECT_THAT(error_of(described({info("logits", {1, 300, 7}), info("pred_boxes", {1, 300, 4})})), HasSubstr("activation"));
  const Recipe rf = settle_recipe(described({info("dets", {1, 300, 4}), info("labels", {1, 300, 91})}), {names.path(), {}});
  EXPECT_FLOAT_EQ(rf.mean[0], 123.675F);
}

TEST(SettleRecipe, RecognisesSuppressedOutputs) {
  const Written names("2.yaml", "class_names: [a, b]");
  const auto boxes = {info("boxes", {-1, 4}), info("labels", {-1}, ElementType::kInt64), info("scores", {-1})};
  ModelDescription torchvision = described(boxes);
  torchvision.inputs[0].shape = {3, -1, -1};
  EXPECT_THAT(error_of(torchvision), HasSubstr("torchvision detector, which does not say the names"));
  EXPECT_EQ(settle_recipe(torchvision, {names.path(), {}}).first_class, 1);

  ModelDescription rt_detr =
      described({info("labels", {-1, 300}, ElementType::kInt64), info("boxes", {-1, 300, 4}), info("scores", {-1, 300})});
  rt_detr.inputs.push_back(info("orig_target_sizes", {-1, 2}, ElementType::kInt64));
  EXPECT_EQ(settle_recipe(rt_detr, {names.path(), {}}).first_class, 0);

  EXPECT_THAT(error_of(described(boxes), {names.path(), {}}), HasSubstr("not what they mean"));

  ModelDescription tensorflow = described({info("detection_boxes", {1, 100, 4}), info("detection_scores", {1, 100}),
                                           info("detection_classes", {1, 100}), info("num_detections", {1})});
  tensorflow.inputs[0] = info("input_tensor", {1, -1, -1, 3}, ElementType::kUint8);
  const Recipe recipe = settle_recipe(tensorflow, {names.path(), {}});
  EXPECT_EQ(recipe.layout, Layout::kNhwc);
  EXPECT_EQ(recipe.box_format, BoxFormat::kYxyx);
}

TEST(SettleRecipe, PrefersTheModelsOwnRecipeAndPutsTheUsersFieldsOverIt) {
  Recipe own = family_defaults(Family::kYoloV8);
  own.class_names = {"a", "b", "c"};
  own.confidence = 0.4F;
  const ModelDescription model = described({info("output0", {1, 7, 8400})}, {{kRecipeKey, recipe_text(own)}});
  EXPECT_EQ(settle_recipe(model), own);
  const Written over("over.yaml", "confidence: 0.1\nresize: stretch\n");
  own.confidence = 0.1F;
  own.resize = Resize::kStretch;
  EXPECT_EQ(settle_recipe(model, {over.path(), {}}), own);
}

TEST(SettleRecipe, AFamilyInTheFileSwitchesRecognitionOff) {
  const Written file("family.yaml", "family: yolov5\nclass_names: [a]\n");
  const Recipe recipe = settle_recipe(described({info("mystery", {1, 10, 6})}, {}, 320, 416), {file.path(), {}});
  EXPECT_EQ(recipe.family, Family::kYoloV5);
  EXPECT_EQ(recipe.input_height, 320);
  EXPECT_EQ(recipe.input_width, 416);
}

TEST(SettleRecipe, RejectsWhatDoesNotFitTheInput) {
  const Written file("size.yaml", "family: yolov5\nclass_names: [a]\ninput_width: 32\n");
  EXPECT_THAT(error_of(described({info("o", {1, 10, 6})}), {file.path(), {}}),
              HasSubstr("does not fit the model's input images [1, 3, 640, 640]"));
}

TEST(SettleRecipe, RejectsModelsThatAreNoDetectors) {
  ModelDescription sound;
  sound.inputs = {info("input", {-1, -1}), info("state", {2, -1, 128}), info("sr", {}, ElementType::kInt64)};
  sound.outputs = {info("output", {-1, 1}), info("stateN", {-1, -1, -1})};
  sound.name = "vad.onnx";
  EXPECT_THAT(error_of(sound), HasSubstr("no image detector"));
  EXPECT_THAT(error_of(described({info("output", {1, 512})}, {}, 256, 128)),
              HasSubstr("no detector that goshawk knows: its outputs are output [1, 512]"));
  EXPECT_THAT(error_of(described({})), HasSubstr("no outputs"));
}

}  // namespace
}  // namespace goshawk::detect
