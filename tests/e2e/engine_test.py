"""goshawk engine: compiled ahead of time, listed, cleared. Where no device compiles, that is what is checked."""
import hashlib
import json
import os
import shutil
import unittest
from pathlib import Path

from harness import EndToEnd, run

BAD_DATA, UNAVAILABLE, IO = 65, 69, 74
SHARED = Path(os.environ.get("GOSHAWK_SHARED_DATA", ""))


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

    def test_builds_what_each_resolution_asks_for(self):
        self.compiles()
        built = json.loads(self.goshawk("engine", "build", self.model, "--threads", "16", "--json").stdout)
        if built[0]["device"] == "openvino":
            self.assertEqual([engine["streams"] for engine in built], [1, 2, 4, 8])  # live; 8K, 4K, 1080p

    @unittest.skipUnless((SHARED / "models/silero_vad.onnx").exists(), "needs the shared models")
    def test_a_model_that_the_device_cannot_load_does_not_stop_the_others(self):
        self.compiles()
        (self.folder / "many").mkdir()
        shutil.copy(SHARED / "models/silero_vad.onnx", self.folder / "many" / "a.onnx")  # no picture: OpenVINO refuses it
        shutil.copy(self.model, self.folder / "many" / "b.onnx")
        (self.folder / "many" / "c.onnx").write_bytes(b"no model")
        result = run("engine", "build", "many", "--streams", "1", "--json", cwd=self.folder, env=self.environment)
        a, b, c = json.loads(result.stdout)
        self.assertTrue(b["was_there"])
        self.assertIn("error", c)
        self.assertEqual(result.returncode, UNAVAILABLE if "error" in a else BAD_DATA)
        self.assertIn("not built", run("engine", "build", "many", "--streams", "1", cwd=self.folder, env=self.environment).stdout)

    def test_nothing_is_compiled_where_nothing_can_be_kept(self):
        self.compiles()
        compiled = self.folder / "cache" / "goshawk" / "compiled"
        shutil.rmtree(compiled)
        compiled.write_text("in the way")
        result = self.goshawk("engine", "build", self.model, "--streams", "1", code=IO)
        self.assertIn(str(compiled), result.stderr)
        self.assertNotIn("compiling", result.stderr + result.stdout)

    def test_damage_is_shown(self):
        self.compiles()
        entry = next((self.folder / "cache" / "goshawk" / "compiled").iterdir())
        file = max((f for f in entry.iterdir() if f.name != "manifest.json"), key=lambda f: f.stat().st_size)
        file.write_bytes(file.read_bytes()[:-1])
        self.assertFalse(self.listed()[0]["sound"])
        self.assertIn("damaged", self.goshawk("engine", "list").stdout)

    def test_wraps_an_engine_for_other_programs(self):
        engine = self.folder / "street.engine"
        engine.write_bytes(b"ftrt" + bytes(range(256)))
        wrap = ("engine", "wrap", engine, "--model", self.model)
        self.goshawk(*wrap, "--output", "out/apart.onnx")
        self.assertEqual((self.folder / "out" / "apart.engine").read_bytes(), engine.read_bytes())
        apart = (self.folder / "out" / "apart.onnx").read_bytes()
        for word in (b"EPContext", b"com.microsoft", b"ep_cache_context", b"apart.engine", b"TensorrtExecutionProvider",
                     hashlib.sha256(engine.read_bytes()).hexdigest().encode(),
                     hashlib.sha256(self.model.read_bytes()).hexdigest().encode()):
            self.assertIn(word, apart)
        self.assertNotIn(engine.read_bytes(), apart)
        self.goshawk(*wrap, "--output", "out/whole.onnx", "--embed", "--device", "tensorrt-rtx")
        whole = (self.folder / "out" / "whole.onnx").read_bytes()
        self.assertIn(engine.read_bytes(), whole)
        self.assertIn(b"NvTensorRTRTXExecutionProvider", whole)
        self.assertFalse((self.folder / "out" / "whole.engine").exists())
        # Compiled code is never taken as a model.
        self.assertIn("EPContext", self.goshawk("models", "info", "out/whole.onnx", code=65).stderr)

    def test_wrapping_refuses_what_it_cannot_do(self):
        engine = self.folder / "street.engine"
        engine.write_bytes(b"")
        self.goshawk("engine", "wrap", engine, "--model", self.model, code=65)
        engine.write_bytes(b"ftrt")
        self.goshawk("engine", "wrap", engine, code=64)
        self.goshawk("engine", "wrap", "none.engine", "--model", self.model, code=66)
        self.goshawk("engine", "wrap", engine, "--model", self.model, "--device", "openvino", code=64)
        self.goshawk("engine", "wrap", engine, "--model", self.model, "--embed", code=64)
        self.goshawk("engine", "wrap", engine, "--model", self.model, "--output", self.model, code=64)
        # Neither an engine of another content nor a folder is taken for one's own file.
        (self.folder / "other.engine").write_bytes(b"another")
        self.assertIn("another engine", self.goshawk("engine", "wrap", engine, "--model", self.model, "--output", "other.onnx",
                                                     code=64).stderr)
        self.assertEqual((self.folder / "other.engine").read_bytes(), b"another")
        (self.folder / "folder").mkdir()
        self.goshawk("engine", "wrap", engine, "--model", self.model, "--output", "folder")
        self.assertEqual({path.name for path in (self.folder / "folder").iterdir()},
                         {"squares-engine.onnx", "squares-engine.engine"})
        result = run("engine", "wrap", engine, "--model", self.model, cwd=self.folder, env=self.environment)
        self.assertIn(result.returncode, (65, UNAVAILABLE))  # by whether there is TensorRT
        if result.returncode == UNAVAILABLE:
            self.assertRegex(result.stderr, "NVIDIA driver|libonnxruntime_providers")
        self.assertEqual(self.listed(), [])

    def test_profiles_that_make_no_sense_are_refused(self):
        build = ("engine", "build", self.model)
        self.assertIn("together", self.goshawk(*build, "--min-shapes", "images:1x3x320x320", code=78).stderr)
        self.assertIn("larger", self.goshawk(*build, "--min-shapes", "images:1x3x640x640", "--opt-shapes", "images:1x3x320x320",
                                             "--max-shapes", "images:1x3x640x640", code=78).stderr)
        self.goshawk(*build, "--workspace", "-1", code=64)
        self.goshawk(*build, "--device", "openvino", "--streams", "2.9", code=64)

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
