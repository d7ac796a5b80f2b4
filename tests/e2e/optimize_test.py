"""goshawk quantize, convert, prune and optimize on a tiny network: what they write runs, proves itself and tells its story."""
import hashlib
import json
import os
import unittest
from pathlib import Path

import tiny_detector
from eval_test import HEIGHT, WIDTH, png
from harness import EndToEnd

USAGE, BAD_DATA, NO_INPUT, IO, BAD_CONFIG = 64, 65, 66, 74, 78
SHARED = Path(os.environ.get("GOSHAWK_SHARED_DATA", ""))


class Optimize(EndToEnd):
    def setUp(self):
        super().setUp()
        self.model = tiny_detector.write(self.folder / "conv.onnx", convolutional=True)
        self.before = hashlib.sha256(self.model.read_bytes()).hexdigest()
        self.data = self.data_set()

    def tearDown(self):
        self.assertEqual(hashlib.sha256(self.model.read_bytes()).hexdigest(), self.before, "the original was touched")
        left = [str(p) for p in self.folder.glob("*") if "tmp" in p.name or "candidate" in p.name]
        self.assertEqual(left, [])

    def data_set(self, names="[square]", count=6):
        root = self.folder / "set"
        for split in ("train", "val"):
            for kind in ("images", "labels"):
                (root / kind / split).mkdir(parents=True)
            for i in range(count):
                x, y = 8 * (i % 12) + 16, 8 * (i % 6) + (16 if split == "val" else 24)
                png(root / "images" / split / f"{split}{i}.png", [(x, y)])
                (root / "labels" / split / f"{split}{i}.txt").write_text(
                    f"0 {(x + 12) / WIDTH} {(y + 12) / HEIGHT} {24 / WIDTH} {24 / HEIGHT}\n")
        (root / "data.yaml").write_text(f"path: .\ntrain: images/train\nval: images/val\nnames: {names}\n")
        return root / "data.yaml"

    def result(self, *arguments, **options):
        return json.loads(self.goshawk(*arguments, "--device", "cpu", "--json", **options).stdout)

    def metadata(self, model):
        return json.loads(self.goshawk("models", "info", model, "--json").stdout)

    def test_quantized_model_verifies_and_is_as_accurate(self):
        out = self.folder / "small.onnx"
        told = self.result("quantize", self.model, "--data", self.data, "--output", out)
        self.assertEqual(told["layers"], 2)
        self.assertLessEqual(told["drop"], 1.0)
        self.assertEqual(len(told["trials"]), 4)
        self.goshawk("verify", out, "--device", "cpu")
        self.assertIn(b"QuantizeLinear", out.read_bytes())
        self.assertIn(b"goshawk.optimize", out.read_bytes())

    def test_symmetric_values_are_right_on_processors_without_amx(self):
        self.goshawk("quantize", "goshawk-n", "--data", self.folder / "set" / "images" / "train", "--device", "openvino",
                     "--activations", "symmetric", "--calibrate", "mse", "--output", "small.onnx", timeout=300)
        self.environment["ONEDNN_MAX_CPU_ISA"] = "AVX512_CORE_VNNI"
        self.goshawk("verify", "small.onnx", "--device", "openvino", "--precision", "fp32")
        self.goshawk("verify", "small.onnx", "--device", "cpu")

    def test_weights_have_as_many_bits_as_is_asked_for(self):
        for bits in (7, 8):
            told = self.result("quantize", self.model, "--data", self.data, "--calibrate", "minmax", "--weights", bits,
                               "--output", f"{bits}.onnx")
            self.assertEqual(told["chosen"]["weights_bits"], bits)
            self.goshawk("verify", f"{bits}.onnx", "--device", "cpu")
        self.goshawk("quantize", self.model, "--data", self.data, "--weights", "9", "--device", "cpu", code=USAGE)

    def test_pictures_without_labels_do(self):
        told = self.result("quantize", self.model, "--data", self.folder / "set" / "images" / "train", "--calibrate", "mse")
        self.assertNotIn("drop", told)
        self.assertTrue((self.folder / "conv-int8.onnx").exists())

    def test_a_quantized_model_can_be_evaluated_like_any_other(self):
        self.result("quantize", self.model, "--data", self.data, "--output", "q.onnx")
        figures = [json.loads(self.goshawk("eval", m, "--data", self.data, "--device", "cpu", "--json").stdout)["coco"]["AP50"]
                   for m in (self.model, "q.onnx")]
        self.assertAlmostEqual(*figures, delta=0.02)

    def test_fp16_bf16_and_tidied_models_verify(self):
        for to in ("fp16", "fp16-storage", "bf16", "fp32"):
            self.goshawk("convert", self.model, "--to", to, "--output", f"{to}.onnx", "--device", "cpu")
            self.goshawk("verify", f"{to}.onnx", "--device", "cpu")
        self.goshawk("convert", self.model, "--keep", "Conv", "--data", self.data, "--output", "kept.onnx", "--device", "cpu")
        self.assertIn(b"kept by wish", (self.folder / "kept.onnx").read_bytes())

    def test_mean_of_trainings_is_one_network(self):
        brighter = tiny_detector.write(self.folder / "brighter.onnx", convolutional=True)
        told = self.result("convert", self.model, "--average", f"{brighter},{self.model}", "--iou", "0.3", "--output", "mean.onnx")
        self.assertEqual(told["to"], "fp32")
        recipe = self.metadata("mean.onnx")["recipe"]
        self.assertAlmostEqual(recipe["iou"], 0.3, places=6)
        self.goshawk("verify", "mean.onnx", "--device", "cpu")
        found = [json.loads(self.goshawk("eval", m, "--data", self.data, "--device", "cpu", "--json").stdout)["coco"]["AP"]
                 for m in (self.model, "mean.onnx")]
        self.assertAlmostEqual(*found, places=6)  # the mean of a model with itself
        failed = self.goshawk("convert", self.model, "--average", "goshawk-n", "--output", "no.onnx", "--device", "cpu", code=BAD_DATA)
        self.assertIn("its classes are not those of the first model", failed.stderr)
        other = tiny_detector.write(self.folder / "other.onnx")
        failed = self.goshawk("convert", self.model, "--average", other, "--output", "no.onnx", "--device", "cpu", code=BAD_DATA)
        self.assertIn("it is not the same network as the first model", failed.stderr)
        self.assertFalse((self.folder / "no.onnx").exists())

    def test_fp16_models_are_changed_like_others(self):
        """Also one that takes and gives FP16: what is made of it does so too, but for --to fp32."""
        half = self.folder / "half.onnx"
        self.result("convert", self.model, "--to", "fp16", "--output", half)
        ends = self.folder / "ends.onnx"  # its inputs and outputs in FP16: a byte each, and one of the cast at the end
        data = half.read_bytes()
        for before, between in ((b"\x0a\x06images\x12", 4), (b"\x0a\x06output\x12", 4), (b"\x0a\x02to\x18", 0)):
            place = data.rindex(before) + len(before) + between
            self.assertEqual(data[place - 1:place + 1], b"\x08\x01" if between else b"\x18\x01")
            data = data[:place] + b"\x0a" + data[place + 1:]
        ends.write_bytes(data)
        for model, type_ in ((half, "float32"), (ends, "float16")):
            types = lambda file: [v["type"] for ends in ("inputs", "outputs") for v in self.metadata(file)[ends]]
            self.assertEqual(types(model), [type_, type_])
            for words in (("prune", "--keep", "0.6", "--multiple", "4"), ("convert", "--to", "bf16"), ("convert", "--to", "fp16"),
                          ("quantize", "--data", self.data, "--calibrate", "minmax")):
                self.result(words[0], model, *words[1:], "--output", "made.onnx")
                self.assertEqual(types("made.onnx"), [type_, type_], words)
            self.goshawk("verify", "made.onnx", "--device", "cpu")
            told = self.result("convert", model, "--to", "fp32", "--output", "whole.onnx")
            self.assertEqual(types("whole.onnx"), ["float32", "float32"])
            self.assertGreater(told["bytes_after"], 1.3 * told["bytes_before"])
            found = [json.loads(self.goshawk("eval", m, "--data", self.data, "--device", "cpu", "--json").stdout)["coco"]["AP"]
                     for m in (model, "whole.onnx")]
            self.assertAlmostEqual(*found, delta=0.02)

    def test_models_of_two_pictures_a_call_or_of_one_without_that_dimension_see_pictures(self):
        for batch in (2, 0):
            model = tiny_detector.write(self.folder / f"{batch}.onnx", convolutional=True, batch=batch, opset=13 if batch else 12)
            for words in (("prune", "--keep", "0.6", "--multiple", "4", "--by", "activation"), ("convert",),
                          ("quantize", "--calibrate", "minmax")):
                self.result(words[0], model, *words[1:], "--data", self.data, "--output", "made.onnx")
            self.goshawk("verify", "made.onnx", "--device", "cpu")

    def test_old_operator_sets_end_what_needs_a_newer_one_alone(self):
        old = tiny_detector.write(self.folder / "old.onnx", convolutional=True, opset=10)
        self.result("prune", old, "--keep", "0.6", "--multiple", "4", "--output", "pruned.onnx")
        self.result("convert", old, "--to", "fp16-storage", "--output", "small.onnx")
        for what, words in (("INT8", ("quantize", old, "--data", self.data)), ("BF16", ("convert", old, "--to", "bf16"))):
            told = self.goshawk(*words, "--device", "cpu", code=BAD_CONFIG).stderr
            self.assertIn(f"operator set 10 cannot be brought to 13, which {what} needs", told)
        told = json.loads(self.goshawk("optimize", old, "--data", self.data, "--devices", "cpu", "--time", "0.1",
                                       "--min-speedup", "500", "--device", "cpu", "--json", code=BAD_DATA).stdout)
        self.assertEqual([way["name"] for way in told["ways"]], ["original", "fp32 file, fp32 on cpu"])
        self.assertIn("which INT8 needs", " ".join(told["not_tried"]))

    def test_a_detector_of_matrix_products_has_vectors_after_dynamic_quantization(self):
        model = tiny_detector.write(self.folder / "product.onnx", product=True)
        self.goshawk("verify", model, "--record", "--device", "cpu")
        self.result("quantize", model, "--dynamic", "--output", "q.onnx")
        self.goshawk("verify", "q.onnx", "--device", "cpu")
        self.assertIn("goshawk.optimize", self.metadata("q.onnx")["metadata"])
        bare = tiny_detector.write(self.folder / "bare.onnx", product=True, recipe=False)
        recipe = self.folder / "recipe.yaml"
        recipe.write_text("family: yolox\nclass_names: [thing]\nstd: 255\n")
        self.result("quantize", bare, "--dynamic", "--recipe", recipe, "--output", "told.onnx")
        self.assertEqual(self.metadata("told.onnx")["recipe"]["class_names"], ["thing"])
        self.goshawk("quantize", bare, "--dynamic", "--recipe", "nothing.yaml", "--device", "cpu", code=NO_INPUT)

    def test_names_may_be_any_bytes(self):
        model = self.folder / "odd.onnx"
        model.write_bytes(self.model.read_bytes().replace(b"channels", b"channel\xff").replace(b"output", b"outpu\xff"))
        for command, *words in (("convert", "--keep", "Conv"), ("prune", "--keep", "0.6", "--multiple", "4"),
                                ("quantize", "--data", self.data, "--float", os.fsdecode(b"channel\xff"))):
            told = self.result(command, model, *words, "--output", f"{command}.onnx")
            self.assertIn("channel\ufffd", json.dumps(told, ensure_ascii=False), command)
            self.goshawk("verify", f"{command}.onnx", "--device", "cpu")

    def test_sizes_are_with_the_weights_in_other_files(self):
        weights = self.folder / "apart.onnx.data"
        model = tiny_detector.write(self.folder / "apart.onnx", convolutional=True, weights=weights)
        with weights.open("ab") as file:
            file.write(bytes(100_000))  # in megabytes of two digits the weights alone would not show
        size = model.stat().st_size + weights.stat().st_size
        told = self.result("convert", model, "--to", "fp32", "--output", "whole.onnx")
        self.assertEqual(told["imgsz"], [96, 160])  # height and width, where they differ
        self.assertEqual((told["bytes_before"], told["bytes_after"]), (size, (self.folder / "whole.onnx").stat().st_size))
        self.assertEqual(self.metadata(model)["bytes"], size)
        for words in (("quantize",), ("prune", "--keep", "0.6", "--multiple", "4", "--output", "pruned.onnx")):
            told = self.goshawk(words[0], model, "--data", self.data, *words[1:], "--device", "cpu").stdout
            self.assertIn(f"{size / 1e6:.2f} MB", told)
        told = json.loads(self.goshawk("optimize", model, "--data", self.data, "--devices", "cpu", "--time", "0.1",
                                       "--min-speedup", "500", "--device", "cpu", "--json", code=BAD_DATA).stdout)
        self.assertEqual(told["ways"][0]["bytes"], size)

    @unittest.skipUnless((SHARED / "models/yolox_nano.onnx").exists(), "needs the shared models")
    def test_a_model_of_another_size_verifies_and_says_so(self):
        told = self.result("convert", SHARED / "models/yolox_nano.onnx", "--imgsz", 160)
        self.assertEqual((told["written"], told["imgsz"]), ("yolox_nano-fp32-160.onnx", 160))
        self.goshawk("verify", told["written"], "--device", "cpu")
        info = self.metadata(told["written"])
        self.assertEqual(info["inputs"][0]["shape"], [1, 3, 160, 160])
        self.assertEqual((info["recipe"]["input_width"], info["recipe"]["class_names"][0]), (160, "person"))

    def test_a_model_that_was_exported_for_one_size_takes_another(self):
        told = self.result("convert", "goshawk-n", "--imgsz", 320)
        self.goshawk("verify", told["written"], "--device", "cpu")
        self.assertEqual(self.metadata(told["written"])["outputs"][0]["shape"], [1, 10, 2100])

    def test_a_size_that_the_graph_cannot_have_is_refused(self):
        self.assertIn("multiple of 32", self.goshawk("convert", self.model, "--imgsz", 100, code=USAGE).stderr)

    @unittest.skipUnless((SHARED / "models/foreign").exists(), "needs the shared models")
    def test_constants_that_cannot_follow_a_size_are_refused(self):
        told = self.goshawk("convert", SHARED / "models/foreign/yolo26n-tiny.onnx", "--imgsz", 64, code=BAD_CONFIG).stderr
        self.assertIn("constants made for its own size", told)  # it answers with the best 300 of 84
        self.assertEqual(list(self.folder.glob("yolo26n*")), [])

    def test_pruned_model_is_smaller_and_verifies(self):
        told = self.result("prune", self.model, "--keep", "0.6", "--multiple", "4", "--output", "pruned.onnx")
        self.assertLess(told["multiply_adds_after"], 0.65 * told["multiply_adds_before"])
        self.assertEqual(told["layers"][0]["before"], 16)
        self.goshawk("verify", "pruned.onnx", "--device", "cpu")

    def test_search_writes_a_report_whatever_comes_out(self):
        arguments = ("optimize", self.model, "--data", self.data, "--devices", "cpu", "--time", "0.2", "--name", "s", "--json",
                     "--min-speedup", "500", "--device", "cpu")
        told = json.loads(self.goshawk(*arguments, code=BAD_DATA).stdout)
        folder = self.folder / "runs" / "optimize" / "s"
        self.assertIsNone(told["best"])
        for name in ("report.json", "report.html", "ways.csv", "pareto.png", "search.json"):
            self.assertTrue((folder / name).exists(), name)
        for way in told["ways"]:
            self.assertTrue(way["refused"])
        self.assertEqual(len(told["ways"]), 3)
        self.assertFalse((folder / "conv-optimized.onnx").exists())
        # Going on measures the time again, not the accuracy; float files are cheap, and an earlier program's may differ.
        (folder / "candidates" / "fp32.onnx").write_bytes(b"an earlier program's")
        (folder / "conv-optimized.onnx").write_bytes(b"what an earlier search found")
        again = json.loads(self.goshawk(*arguments, "--resume", folder, code=BAD_DATA).stdout)
        self.assertFalse((folder / "conv-optimized.onnx").exists())
        other = self.goshawk(*arguments, "--resume", folder, "--name", "other", code=USAGE)
        self.assertIn("its own folder", other.stderr)
        self.assertEqual([w.get("AP") for w in told["ways"]], [w.get("AP") for w in again["ways"]])

    def test_models_of_two_pictures_a_call_are_timed_with_two(self):
        two = tiny_detector.write(self.folder / "two.onnx", convolutional=True, batch=2)
        told = json.loads(self.goshawk("optimize", two, "--data", self.data, "--devices", "cpu", "--time", "0.1",
                                       "--min-speedup", "500", "--device", "cpu", "--json", code=BAD_DATA).stdout)
        self.assertGreater(told["ways"][0]["latency_ms"], 0)
        bench = ("bench", two, "--seconds", "0.05", "--no-layers")
        self.assertEqual(self.result(*bench)["results"][0]["batch"], 2)
        self.goshawk(*bench, "--batch", 1, "--device", "cpu", code=USAGE)

    def test_a_device_that_cannot_be_used_is_a_way_less(self):
        told = json.loads(self.goshawk("optimize", self.model, "--data", self.data, "--devices", "cpu,tensorrt:77", "--time", "0.1",
                                       "--min-speedup", "500", "--device", "cpu", "--json", code=BAD_DATA).stdout)
        self.assertTrue(any(note.startswith("int8-fused") for note in told["not_tried"]), told["not_tried"])
        self.assertIn("int8 file (asymmetric), fp32 on cpu", [way["name"] for way in told["ways"]])

    def test_auto_means_the_devices_that_are_here(self):
        told = json.loads(self.goshawk("optimize", self.model, "--data", self.data, "--devices", "auto", "--time", "0.1",
                                       "--min-speedup", "500", "--device", "cpu", "--json", code=BAD_DATA).stdout)
        devices = {way["device"] for way in told["ways"]}
        self.assertIn("cpu", devices)
        self.assertNotIn("auto", devices)

    def test_going_on_with_another_search_is_refused(self):
        arguments = ["optimize", self.model, "--data", self.data, "--devices", "cpu", "--time", "0.2", "--name", "s",
                     "--min-speedup", "500", "--device", "cpu"]
        self.goshawk(*arguments, code=BAD_DATA)
        folder = self.folder / "runs" / "optimize" / "s"
        state = folder / "search.json"
        before = state.read_bytes()

        def refused(says, *more, code=BAD_CONFIG):
            told = self.goshawk(*arguments, "--resume", folder, *more, code=code).stderr
            self.assertIn(says, told)
            self.assertIn("search.json", told)

        refused("--max-drop (1 then, 0.5 now)", "--max-drop", "0.5")
        refused("pictures to judge on", "--eval-images", "3")
        refused("pictures to calibrate with", "--images", "3")
        refused("--map", "--map", "square=square")
        label = next((self.folder / "set" / "labels" / "val").iterdir())
        text = label.read_text()
        label.write_text(text.replace("0 ", "0 0.5 0.5 0.1 0.1\n0 ", 1))
        refused("pictures to judge on, their labels and classes")
        label.write_text(text)
        (self.folder / "goshawk.yaml").write_text("detect: {iou: 0.3}\n")
        refused("--iou (0.1 then, 0.3 now)")
        (self.folder / "goshawk.yaml").unlink()
        self.assertEqual(state.read_bytes(), before)
        for text in ("[]", "{}", '{"format": 1}', '{"format": 2, "begun_with": 7}'):
            state.write_text(text)
            refused("no record of a run", code=BAD_DATA)
        state.write_text("{")
        refused("")
        state.unlink()
        refused("nothing was begun", code=NO_INPUT)

    def test_classes_are_named_and_chosen_as_for_eval(self):
        self.data.write_text(self.data.read_text().replace("[square]", "[box]"))
        data = ("--data", self.data)
        for words in (("quantize", self.model, "--output", "q.onnx"), ("prune", self.model, "--keep", "0.6", "--multiple", "4"),
                      ("optimize", self.model, "--devices", "cpu", "--time", "0.1", "--min-speedup", "500")):
            self.assertIn("class", self.goshawk(*words, *data, "--device", "cpu", code=BAD_DATA).stderr)
        told = self.result("quantize", self.model, *data, "--map", "square=box", "--output", "q.onnx")
        figures = json.loads(self.goshawk("eval", self.model, *data, "--map", "square=box", "--device", "cpu", "--json").stdout)
        self.assertAlmostEqual(told["original_AP"], figures["coco"]["AP"], places=6)
        self.result("prune", self.model, "--keep", "0.6", "--multiple", "4", *data, "--map", "square=box", "--classes", "box")
        self.assertIn("no class 'zebra'", self.goshawk("quantize", self.model, *data, "--map", "square=box", "--classes", "zebra",
                                                       "--device", "cpu", code=USAGE).stderr)

    def test_a_model_that_finds_nothing_has_nothing_to_hold(self):
        for label in (self.folder / "set" / "labels" / "val").iterdir():
            label.write_text("0 0.02 0.02 0.02 0.02\n")
        for words in (("quantize",), ("optimize", "--devices", "cpu", "--time", "0.1")):
            told = self.goshawk(words[0], self.model, "--data", self.data, *words[1:], "--device", "cpu", code=BAD_DATA).stderr
            self.assertIn("finds nothing", told)
        self.assertEqual(list(self.folder.glob("conv-*")), [])
        self.assertEqual(list(self.folder.glob("runs/optimize/*/conv-*")), [])

    def test_flags_that_would_do_nothing_are_refused(self):
        refused = lambda flag, *words: self.assertIn(flag, self.goshawk(*words, "--device", "cpu", code=USAGE).stderr)
        for flag in ("data", "from", "map", "calibrate", "images", "eval-images", "max-drop", "placement", "activations", "float"):
            refused(f"--{flag}", "quantize", self.model, "--dynamic", f"--{flag}", "1")
        for flag, value in (("classes", "square"), ("precision", "fp32")):
            refused(f"--{flag}", "quantize", self.model, "--dynamic", f"--{flag}", value)
        for to in ("bf16", "fp16-storage", "fp32"):
            refused("--data", "convert", self.model, "--to", to, "--data", self.data)
        refused("--keep", "convert", self.model, "--to", "fp32", "--keep", "Conv")
        refused("--keep", "convert", self.model, "--imgsz", 64, "--keep", "Conv")
        for flag, value in (("images", 3), ("from", "yolo")):
            refused(f"--{flag}", "convert", self.model, f"--{flag}", value)
        refused("--steps", "prune", self.model, "--steps", 2)
        refused("--teacher", "prune", self.model, "--teacher", "none")
        refused("--name", "prune", self.model, "--name", "x")
        for flag, value in (("images", 3), ("from", "yolo"), ("map", "a=b")):
            refused(f"--{flag}", "prune", self.model, f"--{flag}", value)
        for multiple in (0, 65):
            refused("--multiple", "prune", self.model, "--multiple", multiple)
        self.assertEqual(list(self.folder.glob("conv-*")), [])

    def test_bad_input_is_one_clear_error(self):
        fails = lambda code, says, *words: self.assertIn(says, self.goshawk(*words, "--device", "cpu", code=code).stderr)
        fails(USAGE, "--data", "quantize", self.model)
        fails(USAGE, "did you mean 'mse'", "quantize", self.model, "--data", self.data, "--calibrate", "mes")
        fails(USAGE, "over itself", "quantize", self.model, "--data", self.data, "--output", self.model)
        fails(USAGE, "--output needs a value", "convert", self.model, "--output", "")
        blocked = self.folder / "blocked"
        blocked.touch()
        fails(IO, "cannot create the folder", "quantize", self.model, "--data", self.data, "--output", blocked / "q.onnx")
        fails(USAGE, "no layer 'nothing'", "quantize", self.model, "--data", self.data, "--float", "nothing")
        fails(USAGE, "no convolution 'channel'; did you mean 'channels'", "prune", self.model, "--whole", "channel")
        fails(USAGE, "no node or operator 'Cov'", "convert", self.model, "--keep", "Cov")
        fails(BAD_CONFIG, "gains nothing", "quantize", self.model, "--dynamic")
        empty = self.folder / "empty"
        empty.mkdir()
        fails(NO_INPUT, "", "quantize", self.model, "--data", empty)
        plain = tiny_detector.write(self.folder / "plain.onnx")
        fails(BAD_CONFIG, "no convolution", "quantize", plain, "--data", self.data)
        fails(BAD_CONFIG, "no channel", "prune", plain)
        fails(USAGE, "no precision", "convert", self.model, "--to", "fp61")
        fails(BAD_CONFIG, "labelled", "optimize", self.model, "--data", self.folder / "set" / "images" / "train")
        good = self.data.read_text()
        self.data.write_text(good.replace("[square]", "[zebra]"))
        fails(BAD_DATA, "class", "quantize", self.model, "--data", self.data)
        # A broken data set is no folder of pictures, with which nothing would be judged.
        self.data.write_text(good.replace("[square]", "[square"))
        fails(BAD_CONFIG, "data.yaml", "quantize", self.model, "--data", self.data.parent)
        self.assertEqual(list(self.folder.glob("*-int8.onnx")), [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
