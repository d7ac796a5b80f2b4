"""Eight pictures learned by heart: a trainer that cannot do that learns nothing. Minutes; only `ctest -C slow -L slow` runs it."""
import json
import os
import unittest
from pathlib import Path

from harness import EndToEnd
from train_test import PLUGIN

COCO = Path(os.environ.get("GOSHAWK_SHARED_DATA", "")) / "data/coco128/instances.json"


@unittest.skipUnless(PLUGIN.exists(), "built without LibTorch")
@unittest.skipUnless(COCO.exists(), "needs GOSHAWK_SHARED_DATA")
class Overfit(EndToEnd):
    def test_eight_pictures_of_coco_are_learned_by_heart(self):
        whole = json.loads(COCO.read_text())
        images = whole["images"][:8]
        kept = {image["id"] for image in images}
        (self.folder / "set").mkdir()
        (self.folder / "set/images").symlink_to(COCO.parent / "images")
        (self.folder / "set/instances.json").write_text(json.dumps(
            {**whole, "images": images, "annotations": [a for a in whole["annotations"] if a["image_id"] in kept]}))
        result = self.goshawk("train", "set/instances.json", "--epochs", 250, "--imgsz", 320, "--batch", 8, "--nbs", 8, "--optimizer",
                              "adamw", "--lr0", 0.002, "--warmup-bias-lr", 0, "--mosaic", 0, "--scale", 0.1, "--translate", 0.05,
                              "--hsv-s", 0, "--hsv-v", 0, "--patience", 0, "--json", timeout=1700)
        self.assertGreaterEqual(json.loads(result.stdout)["metrics"]["mAP50"], 0.95)


if __name__ == "__main__":
    unittest.main()
