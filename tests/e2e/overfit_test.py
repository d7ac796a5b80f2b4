"""Eight pictures learned by heart: a trainer that cannot do that learns nothing. A minute or two of one core."""
import json
import os
import shutil
import unittest
from pathlib import Path

from harness import EndToEnd
from train_test import PLUGIN

COCO = Path(os.environ.get("GOSHAWK_SHARED_DATA", "")) / "data/coco128"


@unittest.skipUnless(PLUGIN.exists(), "built without LibTorch")
@unittest.skipUnless(COCO.exists(), "needs GOSHAWK_SHARED_DATA")
class Overfit(EndToEnd):
    def write_set(self, copies):
        """Each of the first eight pictures so many times to learn from, so that an epoch holds as many steps, and once to judge."""
        whole = json.loads((COCO / "instances.json").read_text())
        names = [Path(image["file_name"]).stem for image in whole["images"][:8]]
        for split, count in (("train", copies), ("val", 1)):
            for kind, suffix in (("images", ".jpg"), ("labels", ".txt")):
                folder = self.folder / "set" / kind / split
                folder.mkdir(parents=True)
                for name in names:
                    for i in range(count):
                        shutil.copyfile(COCO / kind / (name + suffix), folder / f"{name}_{i}{suffix}")
        classes = json.dumps([category["name"] for category in whole["categories"]])
        data = self.folder / "set/data.yaml"
        data.write_text(f"train: images/train\nval: images/val\nnames: {classes}\n")
        return data

    def test_eight_pictures_of_coco_are_learned_by_heart(self):
        # One thread: several that wait for one another take ten times as long beside other tests.
        result = self.goshawk("train", self.write_set(copies=8), "--epochs", 30, "--imgsz", 320, "--batch", 8, "--nbs", 8,
                              "--optimizer", "adamw", "--lr0", 0.002, "--warmup-epochs", 1, "--warmup-bias-lr", 0, "--patience", 0,
                              "--mosaic", 0, "--scale", 0, "--translate", 0, "--fliplr", 0, "--hsv-h", 0, "--hsv-s", 0, "--hsv-v", 0,
                              "--threads", 1, "--workers", 1, "--json", timeout=1100)
        self.assertGreaterEqual(json.loads(result.stdout)["metrics"]["mAP50"], 0.95)


if __name__ == "__main__":
    unittest.main()
