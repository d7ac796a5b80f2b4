"""goshawk bench: figures, files, baseline, profile and faults, on a tiny model."""
import csv
import json
import os
import shutil
import signal
import subprocess
import time
import unittest
from pathlib import Path

import harness
import tiny_detector
from harness import EndToEnd

SHARED = Path(os.environ.get("GOSHAWK_SHARED_DATA", ""))
BRIEF = ("--device", "cpu", "--seconds", "0.1", "--warm-up", "1")


class Bench(EndToEnd):
    def bench(self, *arguments, **options):
        return json.loads(self.goshawk("bench", *arguments, *BRIEF, "--json", **options).stdout)

    def test_writes_every_file_and_figures_that_fit_together(self):
        document = self.bench(self.model, "--name", "all", "--batches", "1,2", "--thread-counts", "1,2")
        folder = self.folder / "runs" / "bench" / "all"
        self.assertEqual(document["folder"], "runs/bench/all")
        for name in ("results.json", "results.csv", "report.html", "latency.png", "latency_by_threads.png", "layers.png"):
            self.assertTrue((folder / name).stat().st_size > 0, name)
        main = document["results"][0]
        latency = main["latency_ms"]
        self.assertLessEqual(latency["min"], latency["p50"])
        self.assertLessEqual(latency["p50"], latency["p90"])
        self.assertLessEqual(latency["p99"], latency["max"])
        self.assertGreater(latency["calls"], 19)
        stages = sum(stage["mean"] for stage in main["stages_ms"].values())
        self.assertLessEqual(stages, latency["mean"] * 1.001)
        self.assertGreater(stages, latency["mean"] * 0.8)
        self.assertGreater(main["memory_bytes"]["resident"]["peak"], 1e7)
        self.assertEqual(document["record"]["versions"]["goshawk"].count("."), 2)
        self.assertTrue(document["record"]["machine"]["cores"] >= 1)
        self.assertEqual({layer["provider"] for layer in document["layers"][0]["layers"]}, {"CPUExecutionProvider"})
        self.assertEqual(json.loads((folder / "results.json").read_text())["results"], document["results"])
        rows = list(csv.DictReader((folder / "results.csv").read_text().splitlines()))
        self.assertEqual(len(rows), len(document["results"]))
        self.assertEqual(rows[0]["versions goshawk"], document["record"]["versions"]["goshawk"])

    def test_compares_in_turns(self):
        other = self.folder / "other.onnx"
        shutil.copy(self.model, other)
        document = self.bench(self.model, other, "--compare", "--no-layers")
        change = document["comparison"][0]
        self.assertEqual(change["model"], "other")
        self.assertLess(change["speed_up"]["low"], change["speed_up"]["high"])
        self.assertGreater(change["speed_up"]["value"], 0.3)
        self.assertLess(change["speed_up"]["value"], 3)
        self.assertEqual(change["bytes"], 1)
        self.assertEqual(document["layers"], [])

    def test_baseline_holds_and_fails(self):
        self.bench(self.model, "--name", "old", "--no-layers")
        old = self.folder / "runs" / "bench" / "old" / "results.json"
        held = self.bench(self.model, "--no-layers", "--baseline", old, "--tolerance", "1000")
        self.assertFalse(held["baseline"]["failed"])
        document = json.loads(old.read_text())
        for round_ in document["results"][0]["rounds"]:  # as if that run had been a hundred times as fast
            round_["ms"] = [time / 100 for time in round_["ms"]]
        old.write_text(json.dumps(document))
        failed = self.bench(self.model, "--no-layers", "--baseline", old, code=65)
        self.assertTrue(failed["baseline"]["failed"])
        self.assertGreater(failed["baseline"]["changes"][0]["slowdown"]["low"], 5)

    def test_what_was_measured_is_kept_when_the_baseline_has_nothing_of_it(self):
        self.bench(self.model, "--name", "old", "--no-layers")
        old = self.folder / "runs" / "bench" / "old" / "results.json"
        document = json.loads(old.read_text())
        document["results"][0]["model"] = "another"
        (self.folder / "old.json").write_text(json.dumps(document))
        result = self.goshawk("bench", self.model, *BRIEF, "--no-layers", "--name", "new", "--baseline", "old.json", code=65)
        self.assertIn("nothing of the earlier run", result.stderr)
        self.assertTrue((self.folder / "runs" / "bench" / "new" / "report.html").exists())

    def test_what_was_measured_is_kept_when_plots_cannot_be_drawn(self):
        self.environment["PLPLOT_DRV_DIR"] = "/nonexistent"
        result = self.goshawk("bench", self.model, *BRIEF, "--no-layers", "--name", "plain", "--json")
        self.assertEqual(result.stderr.count("no plots"), 1, result.stderr)
        folder = self.folder / "runs" / "bench" / "plain"
        self.assertEqual(json.loads((folder / "results.json").read_text())["results"], json.loads(result.stdout)["results"])
        self.assertEqual({path.name for path in folder.iterdir()}, {"results.json", "results.csv", "report.html"})

    def test_baselines_that_do_not_fit(self):
        for text in ("", "{}", "[1, 2", '{"results": [7]}', '{"results": []}'):
            (self.folder / "old.json").write_text(text)
            result = self.goshawk("bench", self.model, *BRIEF, "--baseline", "old.json", code=78 if text in ("", "[1, 2") else 65)
            self.assertIn("old.json", result.stderr)
        self.goshawk("bench", self.model, *BRIEF, "--baseline", "none.json", code=66)

    def test_apply_saves_a_profile_that_other_commands_take(self):
        self.goshawk("bench", self.model, *BRIEF, "--no-layers", "--thread-counts", "1", "--apply", "fast")
        shown = json.loads(self.goshawk("config", "show", "--profile", "fast", "--json").stdout)
        self.assertEqual(shown["runtime.device"], "cpu")
        self.assertEqual(shown["runtime.precision"], "fp32")
        path = self.folder / "config" / "goshawk" / "profiles" / "fast.yaml"
        path.write_text(path.read_text() + "resolutions:\n  4k: {runtime: {batch: 2}}\n")
        self.goshawk("bench", self.model, *BRIEF, "--no-layers", "--apply", "fast", "--prefer", "latency")
        self.assertIn("4k", path.read_text())

    @unittest.skipUnless((SHARED / "models/silero_vad.onnx").exists(), "needs the shared data")
    def test_apply_never_saves_another_models_setting(self):
        # OpenVINO cannot load the first model, and there is no other device: it is left out.
        result = harness.run("bench", SHARED / "models/silero_vad.onnx", self.model, "--devices", "openvino,tensorrt", *BRIEF[2:],
                             "--no-layers", "--apply", "fast", cwd=self.folder, env=self.environment)
        self.assertEqual(result.returncode, 69, result.stderr)
        if "squares" not in result.stderr and "profile is for the first model" not in result.stderr:
            self.skipTest("nothing could be measured at all: " + result.stderr)
        self.assertIn("profile is for the first model", result.stderr)
        self.assertFalse((self.folder / "config").exists())

    def test_refuses_early_and_leaves_nothing(self):
        for arguments, code in ((("none.onnx",), 66), ((self.model, "--batches", "0"), 64), ((self.model, "--batches", "x"), 64),
                                ((self.model, "--batches", "257"), 64), ((self.model, "--compare"), 64), ((self.model, self.model), 64), ((self.model, "--devices", "abacus"), 64),
                                ((self.model, "--tolerance", "3"), 64), ((self.model, "--prefer", "speed", "--apply", "x"), 64),
                                ((self.model, "--apply", "edge"), 78), ((self.model, "--source", "none.mp4"), 66),
                                ((self.model, "--data", "none.yaml", "--no-layers"), 66), ((self.model, "--seconds", "0"), 64), ((self.model, "--warm-up", "2.7"), 64),
                                ((self.model, "--devices", "tensorrt"), 69)):
            with self.subTest(arguments=arguments):
                self.goshawk("bench", *BRIEF[2:], *arguments, code=code)
        (self.folder / "broken.onnx").write_bytes(b"\x08\x07 no model")
        self.goshawk("bench", "broken.onnx", *BRIEF, code=65)
        self.assertIn("a/b", self.goshawk("bench", "broken.onnx", *BRIEF, "--name", "a/b", code=64).stderr)
        self.assertEqual(list((self.folder / "runs").glob("bench/*")), [])

    def test_interrupt_ends_at_once_and_leaves_nothing(self):
        process = subprocess.Popen([harness.GOSHAWK, "bench", str(self.model), "--device", "cpu", "--seconds", "600"],
                                   cwd=self.folder, env=self.environment, stderr=subprocess.PIPE, stdout=subprocess.PIPE)
        time.sleep(1.5)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)
        self.assertEqual(process.returncode, 130)
        self.assertEqual(list((self.folder / "runs").glob("bench/*")), [])

    def test_accuracy_goes_with_speed(self):
        from eval_test import png
        (self.folder / "set" / "images").mkdir(parents=True)
        (self.folder / "set" / "labels").mkdir()
        png(self.folder / "set" / "images" / "a.png", [(24, 24)])
        (self.folder / "set" / "labels" / "a.txt").write_text(f"0 {36 / 160} {36 / 96} {24 / 160} {24 / 96}\n")
        (self.folder / "set" / "data.yaml").write_text("path: .\nval: images\ntrain: images\nnames: [square]\n")
        document = self.bench(self.model, "--data", "set/data.yaml", "--no-layers")
        self.assertAlmostEqual(document["results"][0]["AP"], 1, places=2)
        self.assertEqual(document["pareto_front"], [0])


if __name__ == "__main__":
    unittest.main(verbosity=2)
