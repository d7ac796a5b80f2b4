"""goshawk engine: compiled ahead of time, listed, cleared. Where no device compiles, that is what is checked."""
import json
import shutil
import unittest

from harness import EndToEnd, run

UNAVAILABLE = 69


class Engine(EndToEnd):
    def compiles(self):
        """Whether a device of this machine compiles; else the tests that need one are skipped."""
        result = run("engine", "build", self.model, "--streams", "1", cwd=self.folder, env=self.environment)
        if result.returncode == UNAVAILABLE:
            self.skipTest(result.stderr)
        self.assertEqual(result.returncode, 0, result.stderr)

    def listed(self):
        return json.loads(self.goshawk("engine", "list", "--json").stdout)

    def test_builds_what_track_then_finds(self):
        self.compiles()
        engines = self.listed()
        self.assertEqual(len(engines), 1)
        self.assertEqual(engines[0]["about"]["file"], "squares.onnx")
        self.assertTrue(engines[0]["sound"])
        again = json.loads(self.goshawk("engine", "build", self.model, "--streams", "1", "--json").stdout)
        self.assertTrue(again[0]["was_there"])
        self.assertEqual(len(self.listed()), 1)

    def test_holds_what_was_built_against_the_vectors(self):
        self.compiles()
        self.goshawk("verify", self.model, "--record")
        built = json.loads(self.goshawk("engine", "build", self.model, "--streams", "1", "--json").stdout)
        self.assertEqual(built[0]["check"], "passed")

    def test_takes_folders_and_clears_by_name(self):
        self.compiles()
        (self.folder / "many").mkdir()
        for name in ("a", "b"):
            shutil.copy(self.model, self.folder / "many" / f"{name}.onnx")
        with (self.folder / "many" / "b.onnx").open("ab") as file:  # another model: an entry of metadata more
            file.write(b"\x72\x06\x0a\x01k\x12\x01v")
        self.goshawk("engine", "build", "many", "--streams", "1")
        self.assertEqual(len(self.listed()), 2)  # a is the model that was compiled already
        self.goshawk("engine", "clear", "nothing", code=66)
        self.goshawk("engine", "clear", "b")
        self.assertEqual(len(self.listed()), 1)
        removed = json.loads(self.goshawk("engine", "clear", "--json").stdout)
        self.assertEqual(removed["removed"], 1)
        self.assertEqual(self.listed(), [])

    def test_damage_is_shown(self):
        self.compiles()
        entry = next((self.folder / "cache" / "goshawk" / "compiled").iterdir())
        file = max((f for f in entry.iterdir() if f.name != "manifest.json"), key=lambda f: f.stat().st_size)
        file.write_bytes(file.read_bytes()[:-1])
        self.assertFalse(self.listed()[0]["sound"])
        self.assertIn("damaged", self.goshawk("engine", "list").stdout)

    def test_says_what_is_missing(self):
        result = self.goshawk("engine", "build", self.model, "--device", "cpu", code=UNAVAILABLE)
        self.assertIn("compiles nothing", result.stderr)
        result = run("engine", "build", self.model, "--device", "tensorrt", cwd=self.folder, env=self.environment)
        self.assertIn(result.returncode, (0, UNAVAILABLE))
        self.goshawk("engine", "build", "none.onnx", code=66)
        (self.folder / "empty").mkdir()
        self.goshawk("engine", "build", "empty", "--device", "openvino", code=66)
        self.assertIn("No compiled models", self.goshawk("engine", "list").stdout)


if __name__ == "__main__":
    unittest.main(verbosity=2)
