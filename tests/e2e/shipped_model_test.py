"""The model that goshawk ships: taken when none is named, true to its recorded answers, and as good as its card says."""
import json
import os
import unittest
from pathlib import Path

from harness import EndToEnd

MODEL = Path(__file__).resolve().parents[2] / "models/goshawk-n.onnx"
SHARED = Path(os.environ.get("GOSHAWK_SHARED_DATA", ""))
CLASSES = ["person", "bicycle", "car", "motorcycle", "bus", "truck"]


class ShippedModel(EndToEnd):
    def test_gives_the_answers_that_were_recorded(self):
        self.assertLessEqual(MODEL.stat().st_size, 8_000_000)
        result = self.goshawk("verify", "goshawk-n", "--device", "cpu", "--json")
        self.assertTrue(json.loads(result.stdout)["passed"])

    def test_is_the_default(self):
        info = json.loads(self.goshawk("models", "info", "--json").stdout)
        self.assertEqual(Path(info["path"]).name, MODEL.name)
        self.assertEqual(info["recipe"]["class_names"], CLASSES)
        self.assertEqual((info["recipe"]["input_width"], info["recipe"]["input_height"]), (416, 416))

    @unittest.skipUnless((SHARED / "data/coco128/instances.json").exists(), "needs the shared data")
    def test_finds_people_and_vehicles_on_photographs_it_never_saw(self):
        result = json.loads(self.goshawk("eval", "--data", SHARED / "data/coco128/instances.json", "--classes", ",".join(CLASSES),
                                         "--precision", "fp32", "--json", timeout=120).stdout)
        ap50 = {one["class"]: one["AP50"] for one in result["classes"]}
        self.assertGreater(ap50["person"], 0.44)
        self.assertGreater(result["coco"]["AP50"], 0.35)

    @unittest.skipUnless((SHARED / "data/coco128/instances.json").exists(), "needs the shared data")
    def test_pruned_on_pictures_it_still_finds_nearly_all(self):
        """Without a training: refitted weights do the work of the channels that are gone."""
        words = ("prune", "goshawk-n", "--keep", 0.6, "--data", SHARED / "data/coco128/instances.json", "--classes", ",".join(CLASSES),
                 "--images", 24, "--precision", "fp32", "--output", "p.onnx", "--json")
        told = json.loads(self.goshawk(*words, timeout=240).stdout)
        self.assertLess(told["multiply_adds_after"], 0.62 * told["multiply_adds_before"])
        self.assertGreater(told["refitted"], 40)
        self.assertGreater(told["AP_after"], 0.8 * told["AP_before"])


if __name__ == "__main__":
    unittest.main()
