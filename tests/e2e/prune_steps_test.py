"""goshawk prune --fine-tune from end to end: pruned, trained on and judged step by step, on squares and discs drawn here."""
import csv
import json
import shutil
import signal
import tempfile
import unittest
from pathlib import Path

from harness import EndToEnd, run
from train_test import PLUGIN, squares

USAGE, BAD_DATA, NO_INPUT, BAD_CONFIG, INTERRUPTED = 64, 65, 66, 78, 130
TRAINING = ["--batch", "8", "--workers", "1", "--seed", "3"]
EPOCHS = 5


@unittest.skipUnless(PLUGIN.exists(), "built without LibTorch")
class PruneSteps(EndToEnd):
    @classmethod
    def setUpClass(cls):
        """A data set, and a model that knows it, stored in FP16."""
        scratch = tempfile.TemporaryDirectory()
        cls.addClassCleanup(scratch.cleanup)
        cls.shared = Path(scratch.name)
        squares(cls.shared / "set", 48, 16)
        cls.settings = "train: {nbs: 8, mosaic: 0, scale: 0.1, threads: 1, patience: 0, warmup_epochs: 0}\n"
        (cls.shared / "goshawk.yaml").write_text(cls.settings)
        for words in (("train", "set/data.yaml", "--name", "whole", "--epochs", "16", "--imgsz", "64", "--optimizer", "adamw", "--lr0",
                       "0.002", "--warmup-bias-lr", "0", "--json", *TRAINING),
                      ("convert", "runs/train/whole/weights/best.onnx", "--to", "fp16-storage", "--output", "whole.onnx", "--device",
                       "cpu")):
            done = run(*words, timeout=300, cwd=cls.shared)
            assert done.returncode == 0, done.stderr
        cls.wide = cls.shared / "runs/train/whole/weights/best.onnx"

    def setUp(self):
        super().setUp()
        shutil.copytree(self.shared / "set", self.folder / "set")
        shutil.copyfile(self.shared / "whole.onnx", self.folder / "whole.onnx")
        (self.folder / "goshawk.yaml").write_text(self.settings)

    def arguments(self, *more, keep=0.5, steps=2, drop=100):
        return ["prune", "whole.onnx", "--data", "set/data.yaml", "--keep", keep, "--steps", steps, "--fine-tune", EPOCHS, "--max-drop",
                drop, "--device", "cpu", "--name", "s", "--output", "small.onnx", "--time", 0.2, *TRAINING, *more]

    def record(self):
        return json.loads((self.folder / "runs/prune/s/steps.json").read_text())

    def epochs_of(self, step):
        path = self.folder / f"runs/prune/s/step{step}/results.csv"
        if not path.exists():
            return []
        with open(path, newline="") as file:
            return [int(row["epoch"]) for row in csv.DictReader(file)]

    def wait_for_epoch(self, process, step, epoch):
        self.wait_for(lambda: len(self.epochs_of(step)) >= epoch, process)

    def test_multiplications_fall_step_by_step_and_the_result_runs(self):
        result = self.goshawk(*self.arguments("--json"), timeout=300)
        self.assertIn("whole.onnx teaches 2 of 2 classes", result.stderr)
        told = json.loads(result.stdout)
        costs = [told["original"]["multiply_adds"], *(step["multiply_adds"] for step in told["steps"])]
        self.assertEqual(len(costs), 3)
        self.assertAlmostEqual(costs[1] / costs[0], 0.5 ** 0.5, delta=0.04)
        self.assertLess(costs[2], 0.51 * costs[0])
        for step in told["steps"]:
            self.assertGreater(step["after_training"]["AP"], step["before_training"]["AP"])
            self.assertGreater(step["speed_up"]["value"], 0)
        self.assertEqual((told["best"], told["written"]), (2, "small.onnx"))
        folder = self.folder / "runs/prune/s"
        for name in ("steps.png", "step1/model.onnx", "step2/model.onnx", "step2/results.csv"):
            self.assertTrue((folder / name).is_file(), name)
        small = self.folder / "small.onnx"
        self.assertLess(small.stat().st_size, 0.6 * (self.folder / "whole.onnx").stat().st_size, "it is stored as the original was")
        self.goshawk("verify", small, "--device", "cpu")
        self.goshawk("predict", "set/images/val/0.png", "--model", small, "--device", "cpu")
        figures = json.loads(self.goshawk("eval", small, "--data", "set/data.yaml", "--device", "cpu", "--json").stdout)
        self.assertAlmostEqual(figures["coco"]["AP"], told["steps"][1]["after_training"]["AP"], places=6)

    def test_the_gate_ends_it_and_says_why(self):
        self.environment["GOSHAWK_TRAIN_LR0"] = "0.000001"  # which brings nothing back
        failed = self.goshawk(*self.arguments("--least", 0.01, "--multiple", 1, keep=0.05, steps=1, drop=0), code=BAD_DATA, timeout=300)
        self.assertIn("nothing passes: step 1 loses", failed.stderr)
        self.assertIn("loses too much", failed.stdout)
        record = self.record()
        self.assertEqual(len(record["steps"]), 1)
        self.assertIsNone(record["best"])
        self.assertIn("0.00 are allowed", record["ended"])
        self.assertFalse((self.folder / "small.onnx").exists())

    def test_what_was_killed_or_stopped_goes_on(self):
        process = self.start(*self.arguments())
        self.wait_for_epoch(process, 1, epoch=2)  # so that the first one is surely kept
        process.send_signal(signal.SIGKILL)
        process.wait()
        begun = self.epochs_of(1)
        self.assertLess(len(begun), EPOCHS, "it was killed too late to tell anything")

        self.environment["GOSHAWK_TRAIN_LR0"] = "0.5"
        self.assertIn("train.lr0", self.goshawk(*self.arguments("--resume", "runs/prune/s"), code=BAD_CONFIG).stderr)
        alone = self.arguments("--resume", "runs/prune/s", "--distill", 0)
        self.assertIn("--teacher", self.goshawk(*alone, code=BAD_CONFIG).stderr)
        del self.environment["GOSHAWK_TRAIN_LR0"]
        process = self.start(*self.arguments("--resume", "runs/prune/s"))
        self.wait_for_epoch(process, 2, epoch=1)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=120)
        self.assertEqual(process.returncode, INTERRUPTED, errors)
        self.assertIn("--resume runs/prune/s", errors)
        self.assertNotIn("epoch 1/5  box", errors.split("step2")[0], "the first epoch was trained again")
        self.assertEqual(self.epochs_of(1), [1, 2, 3, 4, 5])
        first = (self.folder / "runs/prune/s/step1/model.onnx").stat().st_mtime_ns

        self.goshawk(*self.arguments("--resume", "runs/prune/s"), timeout=300)
        self.assertEqual((self.folder / "runs/prune/s/step1/model.onnx").stat().st_mtime_ns, first)
        self.assertEqual(self.epochs_of(2), [1, 2, 3, 4, 5])
        self.assertEqual(self.record()["best"], 2)
        self.assertEqual([p.name for p in (self.folder / "runs/prune").iterdir()], ["s"])
        self.goshawk("verify", "small.onnx", "--device", "cpu")

    def test_bad_input_is_one_clear_error(self):
        def fails(code, says, *words):
            self.assertIn(says, self.goshawk(*words, code=code).stderr)

        for flag in (("--steps", 2), ("--max-drop", 1), ("--resume", "x")):
            fails(USAGE, "--fine-tune", "prune", "whole.onnx", *flag)
        fails(USAGE, "--data", "prune", "whole.onnx", "--fine-tune", 1)
        fails(USAGE, "from 1 to 100", *self.arguments(steps=0))
        fails(USAGE, "--map", *self.arguments("--map", "square=box"))
        fails(NO_INPUT, "no such run", *self.arguments("--resume", "nowhere"))
        fails(BAD_DATA, "does not say how its network is built", "prune", self.model, *self.arguments()[2:])
        data = self.folder / "set/data.yaml"
        text = data.read_text()
        data.write_text(text.replace("[square, disc]", "[disc, square]"))
        fails(BAD_DATA, "in their order", *self.arguments())
        data.write_text(text.replace("val: images/val\n", ""))
        fails(BAD_CONFIG, "no val split", *self.arguments())
        self.assertFalse((self.folder / "runs/prune").exists())

    def test_other_commands_keep_the_form_of_storage_too(self):
        def size(*words, model):
            self.goshawk(*words[:1], model, *words[1:], "--output", "out.onnx", "--device", "cpu", timeout=120)
            return (self.folder / "out.onnx").stat().st_size

        pruned = json.loads(self.goshawk("prune", self.wide, "--keep", 0.5, "--output", "p.onnx", "--device", "cpu", "--json").stdout)
        layers = ",".join(layer["layer"] for layer in pruned["layers"])
        for words in (("prune", "--keep", 0.5), ("convert", "--to", "fp16", "--keep", "Conv"),
                      ("quantize", "--data", "set/data.yaml", "--max-drop", 100, "--calibrate", "minmax", "--float", layers)):
            with self.subTest(command=words[0]):
                self.assertLess(size(*words, model="whole.onnx"), 0.6 * size(*words, model=self.wide))
                self.goshawk("verify", "out.onnx", "--device", "cpu")
        fp32 = size("convert", "--to", "fp32", model="whole.onnx")
        self.assertGreater(fp32, 1.9 * (self.folder / "whole.onnx").stat().st_size, "what is asked for is done")


if __name__ == "__main__":
    unittest.main(verbosity=2)
