"""goshawk verify: what it records, where, and what it says of a model that answers otherwise."""
import json
import re
import stat
import unittest

import tiny_detector
from harness import EndToEnd

BAD_DATA, USAGE = 65, 64


class Verify(EndToEnd):
    def tamper(self, pattern, by):
        """Changes the first vector in the model's file; its length stays."""
        content = self.model.read_bytes()
        changed = re.sub(pattern, by, content, count=1)
        self.assertEqual(len(changed), len(content))
        self.assertNotEqual(changed, content)
        self.model.write_bytes(changed)

    def test_says_what_does_not_fit(self):
        self.goshawk("verify", self.model, "--record", "--device", "cpu")
        self.tamper(rb'("outputs":\[\{"name":"[^"]*","shape":\[)1', rb"\g<1>9")
        result = self.goshawk("verify", self.model, "--device", "cpu", code=BAD_DATA)
        self.assertRegex(result.stdout, r"FAILED .* output '.*' is \[1, .*\], not \[9, ")
        told = json.loads(self.goshawk("verify", self.model, "--device", "cpu", "--json", code=BAD_DATA).stdout)
        self.assertIn(", not [9, ", told["vectors"][0]["why"])
        self.assertEqual(told["vectors"][1]["why"], "")
        self.tamper(rb'("threshold":[0-9.]*)[0-9]', rb"\g<1>e")
        self.goshawk("verify", self.model, "--device", "cpu", code=BAD_DATA)

    def test_tells_the_detections_that_are_missing_and_new(self):
        self.goshawk("verify", self.model, "--record", "--device", "cpu")
        self.tamper(rb'("detections":\[\[[^\]]*,)0\]', rb"\g<1>7]")  # of another class
        result = self.goshawk("verify", self.model, "--device", "cpu", code=BAD_DATA)
        self.assertRegex(result.stdout, r"1 of \d+ not found again; 1 not recorded")

    def test_flags_of_recording_are_refused_without_it(self):
        for flag in ("--recipe", "--names", "--output"):
            refused = self.goshawk("verify", self.model, flag, "none.yaml", "--device", "cpu", code=USAGE)
            self.assertIn("--record only", refused.stderr)
        before = self.model.read_bytes()
        self.goshawk("verify", "", "--record", "--device", "cpu", code=USAGE)
        self.goshawk("verify", self.model, "--record=false", "--device", "cpu", code=78)  # there is nothing to replay
        self.assertEqual(self.model.read_bytes(), before)

    def test_recording_in_place_leaves_links_and_permissions(self):
        self.model.chmod(0o600)
        link = self.folder / "link.onnx"
        link.symlink_to(self.model.name)
        self.goshawk("verify", link, "--record", "--device", "cpu")
        self.assertTrue(link.is_symlink())
        self.assertEqual(stat.S_IMODE(self.model.stat().st_mode), 0o600)
        self.goshawk("verify", self.model, "--device", "cpu")

    def test_a_model_does_not_leave_its_weights_behind(self):
        apart = self.folder / "apart"
        apart.mkdir()
        model = tiny_detector.write(apart / "m.onnx", convolutional=True, weights=apart / "m.onnx.data")
        self.goshawk("verify", model, "--record", "--device", "cpu", "--output", apart / "recorded.onnx")
        self.goshawk("verify", apart / "recorded.onnx", "--device", "cpu")
        refused = self.goshawk("verify", model, "--record", "--device", "cpu", "--output", "m.onnx", code=USAGE)
        self.assertIn("stay beside it", refused.stderr)
        self.assertFalse((self.folder / "m.onnx").exists())

    def test_a_link_finds_the_weights_beside_what_it_leads_to(self):
        (self.folder / "apart").mkdir()
        link = self.folder / "link.onnx"
        link.symlink_to(tiny_detector.write(self.folder / "apart" / "m.onnx", convolutional=True,
                                            weights=self.folder / "apart" / "m.onnx.data"))
        self.goshawk("convert", link, "--to", "fp32", "--output", "whole.onnx", "--device", "cpu")
        told = json.loads(self.goshawk("bench", link, "--device", "cpu", "--seconds", "0.05", "--warm-up", "0", "--json").stdout)
        self.assertTrue(told["layers"])


if __name__ == "__main__":
    unittest.main()
