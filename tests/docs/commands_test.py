"""Every `goshawk ...` line in the shell blocks of README.md and docs/ runs as it stands, on stand-ins for the files it names."""
import json
import re
import shlex
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "e2e"))
from harness import EndToEnd, ffmpeg, run, square_clip  # noqa: E402
import tiny_detector  # noqa: E402
from train_test import PLUGIN, squares  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent.parent
VIDEOS = (".mp4", ".mkv", ".avi", ".mov", ".webm", ".ts")
UNAVAILABLE = 69
NOTHING_PASSES = BAD_DATA = 65
OPTIMIZING = ("optimize", "quantize", "convert", "prune")


def documented_commands():
    """(page, line) of each goshawk command in a shell block."""
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        for block in re.findall(r"```(?:sh|bash|console)\n(.*?)```", page.read_text(), re.DOTALL):
            for line in re.sub(r"\\\n\s*", "", block).splitlines():
                line = line.removeprefix("$ ").strip()
                if line.startswith("goshawk "):
                    yield page.name, line


class DocumentedCommands(EndToEnd):
    def set_with_findings(self, path):
        """A data.yaml of pictures with one bright cell, which the tiny model finds."""
        for split in ("train", "val"):
            images, labels = (path.parent / kind / split for kind in ("images", "labels"))
            images.mkdir(parents=True, exist_ok=True)
            labels.mkdir(parents=True, exist_ok=True)
            ffmpeg("-f", "lavfi", "-i", "color=black:s=160x96,drawbox=x=80:y=48:w=8:h=8:color=white:t=fill", "-frames:v", "1",
                   images / "one.png")
            (labels / "one.txt").write_text("4 0.525 0.541667 0.15 0.25\n")
        path.write_text("train: images/train\nval: images/val\nnames: [person, car, bus, truck, square]\n")

    def stand_in(self, word):
        """Makes what a word of a command names, where it looks like a file of this folder."""
        path = self.folder / word
        if path.exists() or word.startswith(("-", "/", "~")) or "://" in word:
            return
        if path.suffix in VIDEOS:
            path.parent.mkdir(parents=True, exist_ok=True)
            square_clip(path, seconds=1)
        elif path.suffix in (".jpg", ".jpeg", ".png"):
            path.parent.mkdir(parents=True, exist_ok=True)
            ffmpeg("-f", "lavfi", "-i", "testsrc2=s=160x96", "-frames:v", "1", path)
        elif path.suffix == ".onnx":
            path.parent.mkdir(parents=True, exist_ok=True)
            tiny_detector.write(path)
        elif path.name == "data.yaml":
            self.set_with_findings(path)
        elif word.endswith("/"):
            path.mkdir(parents=True)
            ffmpeg("-f", "lavfi", "-i", "testsrc2=s=160x96", "-frames:v", "1", path / "one.png")

    def tracks_stand_in(self, words):
        """Two sequences as `eval-tracks` looks for them, and single files."""
        row = "1,1,10,10,20,40,1,1,1\n"
        for word in (words[words.index(flag) + 1] for flag in ("--gt", "--dt")):
            path = self.folder / word
            files = [path]
            if path.suffix != ".txt":
                names = ("MOT17-02", "MOT17-04")
                files = [path / name / "gt" / "gt.txt" for name in names] + [path / f"{name}.txt" for name in names]
            for file in files:
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(row)

    def boxes_stand_in(self, words):
        """Labels and results for `eval-boxes`, with masks that any kind of evaluation takes."""
        outline = {"segmentation": [[1, 1, 9, 1, 9, 9]], "bbox": [1, 1, 8, 8]}
        runs = {"segmentation": {"size": [48, 64], "counts": [49, 8, 3015]}, "bbox": [1, 1, 1, 8]}
        found = {"image_id": 1, "category_id": 1}
        labels = {"images": [{"id": 1, "file_name": "one.png", "width": 64, "height": 48}],
                  "categories": [{"id": 1, "name": "car"}], "annotations": [{"id": 1, "area": 64, "iscrowd": 0, **found, **outline}]}
        (self.folder / words[words.index("--gt") + 1]).write_text(json.dumps(labels))
        (self.folder / words[words.index("--dt") + 1]).write_text(json.dumps([{"score": 0.5, **found, **runs}]))

    def test_each_runs(self):
        self.environment["GOSHAWK_MODEL"] = str(self.model)
        commands = list(dict.fromkeys(documented_commands()))
        self.assertGreater(len(commands), 5)
        for page, line in commands:
            with self.subTest(page=page, command=line):
                words = shlex.split(line, comments=True)[1:]
                if words[:2] == ["models", "pull"]:
                    continue  # needs a network; tests/cli pulls from the loopback interface
                words = [re.sub(r"(rtsps?|https?)://[^/]+", r"\1://127.0.0.1:9", word) for word in words]
                if ">" in words:
                    words = words[:words.index(">")]
                if words[0] == "train":
                    if not (self.folder / "learn").exists():
                        squares(self.folder / "learn", 8, 4)
                    text = (self.folder / "learn" / "data.yaml").read_text()
                    (self.folder / "data.yaml").write_text(text.replace("path: .", "path: learn"))
                if words[0] == "eval-tracks":
                    self.tracks_stand_in(words)
                if words[0] == "eval-boxes":
                    self.boxes_stand_in(words)
                optimized = words[0] in OPTIMIZING and words[1].endswith(".onnx")
                if optimized or "--also" in words:
                    others = words[words.index("--average") + 1].split(",") if "--average" in words else []
                    for model in [words[1], *others]:  # of one network
                        tiny_detector.write(self.folder / model, convolutional=True)
                    self.set_with_findings(self.folder / "data.yaml")
                for before, word in zip(["", *words], words):
                    if before not in ("--output", "--out"):
                        self.stand_in(word)
                away = any("://" in word or word.startswith(("cuda", "tensorrt", "camera:")) for word in words)
                away = away or (words[0] == "train" and not PLUGIN.exists())
                expected = (0, UNAVAILABLE) if away else (0,)
                if "--fine-tune" in words:  # the stand-in is nobody's trained model; e2e.prune_steps has one
                    expected = (BAD_DATA,) if PLUGIN.exists() else (UNAVAILABLE,)
                if words[0] == "optimize":
                    expected = (0, NOTHING_PASSES)  # a network of two layers is as fast as it can be
                result = run(*words, timeout=300, cwd=self.folder, env=self.environment)
                self.assertIn(result.returncode, expected, result.stderr[-2000:])
                if optimized:
                    tiny_detector.write(self.folder / words[1])  # the other is too steep for another precision's answers


if __name__ == "__main__":
    unittest.main(verbosity=2)
