"""The library's model store through its example: models by name, the last few used stay loaded."""
import os
import re
import shutil
import subprocess

from eval_test import png
from harness import EndToEnd, unittest


class SeveralModels(EndToEnd):
    def answers(self, keep, requests):
        result = subprocess.run([os.environ["EXAMPLE"], self.folder, str(keep)], input="".join(requests),
                                capture_output=True, text=True, timeout=50, env=self.environment)
        self.assertEqual(result.returncode, 0, result.stderr)
        *errors, summary = result.stderr.splitlines()
        loads, hits, saved, evictions = re.fullmatch(
            r"(\d+) loads, (\d+) hits that saved ([\d.e+]+) ms, (\d+) evictions", summary).groups()
        return [line.split() for line in result.stdout.splitlines()], errors, (int(loads), int(hits), int(evictions)), float(saved)

    def test_the_models_used_last_stay_loaded(self):
        for name in ("left-hand", "other"):
            shutil.copy(self.model, self.folder / f"{name}.onnx")
        png(self.folder / "one.png", [(24, 24)])
        picture = self.folder / "one.png"
        names = ["squares", "left_hand", "squares", "other", "squares", "left-hand.onnx", self.model]
        lines, errors, counts, saved = self.answers(2, [f"{name} {picture}\n" for name in names])
        self.assertEqual(errors, [])
        self.assertEqual(counts, (4, 3, 2))  # left-hand twice: `other` took its place
        self.assertGreater(saved, 0)
        self.assertEqual([line[0] for line in lines], [str(name) for name in names])
        for line in lines:
            self.assertEqual(line[1], "square")
            for found, is_ in zip(line[3:], (24, 24, 48, 48)):
                self.assertAlmostEqual(float(found), is_, delta=1)

    def test_a_request_that_fails_leaves_the_others(self):
        png(self.folder / "one.png", [(24, 24)])
        (self.folder / "broken.onnx").write_bytes(b"no model")
        picture = self.folder / "one.png"
        lines, errors, counts, _ = self.answers(
            1, [f"squares {picture}\n", f"sqares {picture}\n", f"broken {picture}\n", f"squares {picture}\n"])
        self.assertEqual(len(lines), 2)
        self.assertIn("did you mean 'squares'?", errors[0])
        self.assertIn("broken.onnx", errors[1])
        self.assertEqual(counts, (2, 1, 0), "a model that does not load takes no place")


if __name__ == "__main__":
    unittest.main()
