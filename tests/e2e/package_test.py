"""goshawk package: what it holds, and that the check of it finds every change."""
import json
import os
import subprocess
import unittest
from pathlib import Path
import zipfile

import tiny_detector
from eval_test import HEIGHT, WIDTH, png
from harness import EndToEnd

ROOT = Path(__file__).resolve().parent.parent.parent
CPU = ("--device", "cpu")


class Package(EndToEnd):
    def package(self, out="street", *more):
        return json.loads(self.goshawk("package", self.model, "--out", out, *CPU, "--json", *more).stdout)

    def test_holds_everything_and_passes_its_own_check(self):
        info = self.package("street", "--conf", "0.4", "--licence", "MIT")
        folder = self.folder / "street"
        self.assertEqual(set(info["files"]), {"models/squares.onnx", "recipes/squares.yaml", "goshawk.yaml", "README.md",
                                              "example/main.cpp", "example/CMakeLists.txt", "systemd/street.service"})
        self.assertTrue((folder / "package_info.json").exists())
        self.assertEqual(info["models"][0]["licence"], "MIT")
        self.assertGreater(info["models"][0]["speed"]["p50_ms"], 0)
        self.assertIn("conf: 0.4", (folder / "goshawk.yaml").read_text())
        self.assertIn("models/squares.onnx", (folder / "README.md").read_text())
        self.assertIn("/opt/street/models/squares.onnx", (folder / "systemd" / "street.service").read_text())
        checked = json.loads(self.goshawk("package", "verify", folder, *CPU, "--json").stdout)
        self.assertTrue(checked["passed"])
        self.assertEqual(len(checked["checks"]), len(info["files"]) + 1)
        self.goshawk("config", "check", folder / "goshawk.yaml")
        self.assertFalse([path for path in self.folder.iterdir() if path.name.startswith(".")])

    def test_licences(self):
        """As stated, as of the bundled model, as the exporter wrote it into the file."""
        def told(model, out):
            info = json.loads(self.goshawk("package", model, "--out", out, *CPU, "--json").stdout)
            return info["models"][0]["licence"]
        self.assertEqual(told(self.model, "a"), "not stated")
        entry = b"\x0a\x07license\x12\x08AGPL-3.0"  # StringStringEntryProto
        with self.model.open("ab") as file:
            file.write(b"\x72" + bytes([len(entry)]) + entry)  # ModelProto.metadata_props
        self.assertEqual(told(self.model, "b"), "AGPL-3.0")
        self.assertEqual(told("goshawk-n", "c"), "Apache-2.0")
        listed = {model["name"]: model["licence"] for model in json.loads(self.goshawk("models", "list", "--json").stdout)}
        self.assertEqual(listed["goshawk-n"], "Apache-2.0")

    def test_a_name_with_a_space_is_one_word_of_the_commands(self):
        self.goshawk("package", self.model.rename(self.folder / "my squares.onnx"), "--out", "street", *CPU)
        readme = (self.folder / "street" / "README.md").read_text()
        self.assertIn("--model 'models/my squares.onnx'", readme)
        self.assertIn("iou: 0.1\n", (self.folder / "street" / "recipes" / "my squares.yaml").read_text())

    def test_example_is_the_one_that_is_built_and_finds_the_square(self):
        self.package()
        folder = self.folder / "street"
        for name in ("main.cpp", "CMakeLists.txt"):
            self.assertEqual((folder / "example" / name).read_text(), (ROOT / "examples" / "detect" / name).read_text())
        png(self.folder / "one.png", [(24, 24)])
        result = subprocess.run([os.environ["DETECT_EXAMPLE"], folder / "models" / "squares.onnx", self.folder / "one.png"],
                                capture_output=True, text=True, timeout=60, env=self.environment)
        self.assertEqual(result.returncode, 0, result.stderr)
        _, name, score, *box = result.stdout.splitlines()[0].split()
        self.assertEqual(name, "square")
        for found, is_ in zip(box, (24, 24, 48, 48)):
            self.assertAlmostEqual(float(found), is_, delta=1)

    def data_set(self, train=6, val=4):
        root = self.folder / "set"
        for split, count in (("train", train), ("val", val)):
            for kind in ("images", "labels"):
                (root / kind / split).mkdir(parents=True)
            for i in range(count):
                x, y = 8 * i + 16, 8 * i + (16 if split == "val" else 24)
                png(root / "images" / split / f"{split}{i}.png", [(x, y)])
                (root / "labels" / split / f"{split}{i}.txt").write_text(
                    f"0 {(x + 12) / WIDTH} {(y + 12) / HEIGHT} {24 / WIDTH} {24 / HEIGHT}\n")
        (root / "data.yaml").write_text("path: .\ntrain: images/train\nval: images/val\nnames: [square]\n")
        return root / "data.yaml"

    def test_makes_smaller_forms_that_prove_themselves(self):
        tiny_detector.write(self.model, convolutional=True)
        before = self.model.read_bytes()
        info = self.package("street", "--also", "int8,fp16", "--data", self.data_set(), "--conf", "1")
        self.assertEqual(self.model.read_bytes(), before)
        given, half, eight = info["models"]
        self.assertEqual([model["file"] for model in info["models"]],
                         [f"models/squares{form}.onnx" for form in ("", "-fp16", "-int8")])
        self.assertNotIn("made", given)
        self.assertEqual(half["made"]["to"], "fp16")
        self.assertEqual(eight["made"]["calibration_images"], 6)
        self.assertEqual(eight["made"]["evaluation_images"], 4)
        for model in info["models"]:
            self.assertEqual(model["accuracy"]["images"], 4)
            self.assertEqual(model["accuracy"]["data"], "data.yaml")  # folders may name whom it is from
            self.assertGreater(model["accuracy"]["AP"], 0.5)  # --conf is the package's, not the evaluation's
            self.assertAlmostEqual(model["accuracy"]["AP"], given["accuracy"]["AP"], delta=0.011)
        self.assertLess(info["files"][half["file"]]["bytes"], info["files"][given["file"]]["bytes"])
        self.assertIn(b"QuantizeLinear", (self.folder / "street" / eight["file"]).read_bytes())
        checked = json.loads(self.goshawk("package", "verify", "street", *CPU, "--json").stdout)
        self.assertEqual(sum("same answers" in check["result"] for check in checked["checks"]), 3)

    def test_int8_is_judged_with_the_classes_that_eval_takes(self):
        tiny_detector.write(self.model, convolutional=True)
        data = self.data_set()
        data.write_text(data.read_text().replace("[square]", "[box, other]"))
        words = ("package", self.model, "--out", "street", "--also", "int8", "--data", data, *CPU)
        self.assertIn("class", self.goshawk(*words, code=65).stderr)
        info = json.loads(self.goshawk(*words, "--map", "square=box", "--json").stdout)
        for model in info["models"]:
            self.assertGreater(model["accuracy"]["AP"], 0.5)
        self.assertLessEqual(info["models"][1]["made"]["drop"], 1)

    def test_a_form_that_cannot_be_made_ends_it(self):
        self.goshawk("package", self.model, "--out", "new", "--also", "int8", "--data", self.data_set(), *CPU, code=78)
        self.assertFalse((self.folder / "new").exists())  # the plain tiny network has no convolution

    def test_settings_of_this_machine_stay_here(self):
        (self.folder / "names.txt").write_text("thing\n")
        (self.folder / "goshawk.yaml").write_text("output: {project: /home/me/runs}\nruntime: {threads: 2}\n")
        self.package("street", "--names", "names.txt", "--iou", "0.6")
        text = (self.folder / "street" / "goshawk.yaml").read_text()
        self.assertIn("iou: 0.6", text)
        self.assertIn("threads: 2", text)
        self.assertNotIn("names", text)
        self.assertNotIn("/home/me", text)
        self.assertIn("thing", (self.folder / "street" / "recipes" / "squares.yaml").read_text())

    def test_archive(self):
        self.package("street.zip")
        self.assertEqual({path.name for path in self.folder.glob("street*")}, {"street.zip"})
        self.goshawk("package", "verify", "street.zip", *CPU)
        with zipfile.ZipFile(self.folder / "street.zip", "a") as archive:
            archive.writestr("more.txt", "text")
        self.assertIn("not of the package", self.goshawk("package", "verify", "street.zip", *CPU, code=65).stdout)

    def test_every_change_is_found(self):
        self.package()
        folder = self.folder / "street"
        for name in ("models/squares.onnx", "README.md", "goshawk.yaml"):
            content = (folder / name).read_bytes()
            (folder / name).write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
            self.assertIn("changed", self.goshawk("package", "verify", folder, *CPU, code=65).stdout)
            (folder / name).unlink()
            self.assertIn("missing", self.goshawk("package", "verify", folder, *CPU, code=65).stdout)
            (folder / name).write_bytes(content)
        self.goshawk("package", "verify", folder, *CPU)
        (folder / "more").symlink_to(self.folder)
        self.assertIn("a symbolic link", self.goshawk("package", "verify", folder, *CPU, code=65).stdout)

    def test_hostile_lists_are_refused(self):
        self.package()
        path = self.folder / "street" / "package_info.json"
        good = json.loads(path.read_text())
        (self.folder / "secret").write_text("x")
        for change in ({"files": {"../secret": {"bytes": 1, "sha256": "0" * 64}}}, {"files": {"/etc/passwd": {"bytes": 1, "sha256": ""}}},
                       {"files": {"README.md": {}}}, {"files": {"README.md": 7}}, {"models": [{"file": "../secret"}]},
                       {"models": [7]}, {"format": "else"}, {"files": []}):
            path.write_text(json.dumps({**good, **change}))
            self.goshawk("package", "verify", "street", *CPU, code=65)
        path.write_text("{")
        self.goshawk("package", "verify", "street", *CPU, code=78)

    def test_refuses_early_and_leaves_nothing(self):
        before = {path.name for path in self.folder.iterdir()}
        self.goshawk("package", self.model, *CPU, code=64)
        self.goshawk("package", "none.onnx", "--out", "new", *CPU, code=66)
        self.goshawk("package", self.model, self.model, "--out", "new", *CPU, code=64)
        self.goshawk("package", self.model, "--out", "new", "--data", "none.yaml", *CPU, code=66)
        self.goshawk("package", self.model, "--out", "new", "--also", "int4", *CPU, code=64)
        self.goshawk("package", self.model, "--out", "new", "--also", "int8", *CPU, code=64)
        self.goshawk("package", self.model, "--out", "new", "--max-drop", "1", *CPU, code=64)
        self.goshawk("package", self.model, "--out", "new", "--split", "val", *CPU, code=64)
        self.goshawk("package", "verify", "none", code=66)
        self.assertEqual({path.name for path in self.folder.iterdir()} - {"cache"}, before - {"cache"})
        (self.folder / "here").mkdir()
        self.goshawk("package", self.model, "--out", "here", *CPU, code=64)


if __name__ == "__main__":
    unittest.main(verbosity=2)
