"""goshawk data split on frames of clips: nothing leaks, and what leaks is found."""
import json
import unittest

from harness import EndToEnd, ffmpeg


class Split(EndToEnd):
    def setUp(self):
        super().setUp()
        for number in range(3):  # a zoom into noise: no two of its frames are alike
            graph = f"cellauto=s=160x120:rate=25:rule=30:seed={number + 1}:start_full=1,scale=160:120,gblur=6"
            ffmpeg("-f", "lavfi", "-i", graph, "-t", "12", "-pix_fmt", "yuv420p", self.folder / f"clip{number}.mp4")
        images = self.folder / "set" / "images"
        self.goshawk("frames", *(self.folder / f"clip{n}.mp4" for n in range(3)), "--out", images, "--interval", "0.5")
        self.frames = json.loads((images / "frames.json").read_text())["frames"]
        labels = self.folder / "set" / "labels"
        labels.mkdir()
        for number, frame in enumerate(self.frames):
            (labels / frame["file"].replace(".jpg", ".txt")).write_text(f"{number % 2} 0.5 0.5 0.2 0.2\n")
        (self.folder / "set" / "data.yaml").write_text("train: images\nval: images\nnames: [a, b]\n")

    def split_of(self, out):
        return {path.name: path.parent.name for path in (self.folder / out / "images").rglob("*.jpg")}

    def test_a_new_data_set_that_does_not_leak(self):
        flags = ("--block", 2, "--distance", 0)
        result = json.loads(self.goshawk("data", "split", "set/data.yaml", "--out", "new", *flags, "--json").stdout)
        splits = self.split_of("new")
        self.assertEqual(sum(result["images"].values()), len(self.frames))
        self.assertEqual(len(splits), len(self.frames))
        self.assertEqual(set(splits.values()), {"train", "val", "test"})
        seen = {}
        for frame in self.frames:
            seen.setdefault((frame["source"], int(frame["time"] // 2)), set()).add(splits[frame["file"]])
        self.assertTrue(all(len(found) == 1 for found in seen.values()), seen)
        self.goshawk("data", "split", "new/data.yaml", "--check", *flags)
        self.goshawk("data", "split", "set/data.yaml", "--out", "again", *flags, "--images", "link")
        self.assertEqual(self.split_of("again"), splits)
        self.goshawk("data", "split", "set/data.yaml", "--out", "labels alone", *flags, "--images", "none")
        self.assertFalse(self.split_of("labels alone"))
        labels = {path.stem: path.parent.name for path in (self.folder / "labels alone" / "labels").rglob("*.txt")}
        self.assertEqual(labels, {name.removesuffix(".jpg"): split for name, split in splits.items()})
        self.goshawk("data", "split", "set/data.yaml", "--out", "new", *flags, code=64)

    def test_a_format_that_is_named(self):
        flags = ("--block", 2, "--distance", 0, "--images", "none")
        self.goshawk("data", "convert", "set/data.yaml", "--to", "coco", "--out", "coco")
        self.goshawk("data", "split", "set/data.yaml", "--out", "yolo split", *flags)
        self.goshawk("data", "split", "coco", "--from", "coco", "--out", "coco split", *flags)
        def labels(out):
            return {path.name: path.read_text() for path in (self.folder / out / "labels").rglob("*.txt")}
        self.assertEqual(labels("coco split").keys(), labels("yolo split").keys())
        self.goshawk("data", "split", "coco", "--from", "voc", "--out", "none", *flags, code=66)
        self.assertFalse((self.folder / "none").exists())

    def test_lists_in_place(self):
        self.goshawk("data", "split", "set", "--in-place", "--block", 2, "--distance", 0)
        lines = [line for name in ("train", "val", "test") for line in (self.folder / "set" / f"{name}.txt").read_text().splitlines()]
        self.assertEqual(sorted(lines), sorted("./images/" + frame["file"] for frame in self.frames))
        self.assertIn("train: train.txt", (self.folder / "set" / "data.yaml").read_text())
        self.goshawk("data", "split", "set/data.yaml", "--check", "--block", 2, "--distance", 0)

    def test_lists_in_place_are_named_in_the_users_own_file(self):
        for name in ("data.yml", "street.yaml"):
            config = self.folder / "set" / "data.yaml"
            config.rename(config.with_name(name))
            self.goshawk("data", "split", "set", "--in-place", "--block", 2, "--distance", 0)
            self.assertIn("train: train.txt", config.with_name(name).read_text())
            self.assertFalse(config.exists())
            config.with_name(name).rename(config)

    def test_frames_that_nobody_has_labelled(self):
        result = self.goshawk("data", "split", "set/images", "--out", "new", "--block", 2, "--distance", 0, "--ratio", "0.5/0.25/0.25")
        self.assertIn("train", result.stdout)
        splits = self.split_of("new")
        self.assertEqual(sorted(splits), sorted(frame["file"] for frame in self.frames))
        seen = {}
        for frame in self.frames:
            seen.setdefault((frame["source"], int(frame["time"] // 2)), set()).add(splits[frame["file"]])
        self.assertTrue(all(len(found) == 1 for found in seen.values()), seen)
        self.goshawk("data", "split", "new", "--check", "--block", 2, "--distance", 0)

    def test_lists_in_place_are_for_yolo(self):
        self.goshawk("data", "convert", "set/data.yaml", "--to", "voc", "--out", "voc")
        for source in ("voc", "set/images"):
            result = self.goshawk("data", "split", source, "--in-place", code=64)
            self.assertIn("--in-place is for YOLO data sets", result.stderr)
        self.assertFalse((self.folder / "voc" / "data.yaml").exists())

    def test_a_split_that_leaks_is_refused_with_the_pairs(self):
        root = self.folder / "leaky"
        for split in ("train", "val"):
            (root / "images" / split).mkdir(parents=True)
            (root / "labels" / split).mkdir(parents=True)
        original = self.folder / "set" / "images" / self.frames[0]["file"]
        (root / "images" / "train" / "one.jpg").write_bytes(original.read_bytes())
        ffmpeg("-i", original, "-vf", "scale=80:60", root / "images" / "val" / "copy.jpg")  # smaller, compressed again
        (root / "data.yaml").write_text("train: images/train\nval: images/val\nnames: [a]\n")
        result = self.goshawk("data", "split", "leaky/data.yaml", "--check", code=65)
        for text in ("one.jpg", "copy.jpg", "near duplicates"):
            self.assertIn(text, result.stdout)
        pairs = json.loads(self.goshawk("data", "split", "leaky/data.yaml", "--check", "--json", code=65).stdout)["pairs"]
        self.assertEqual([(pair["a_split"], pair["b_split"], pair["kind"]) for pair in pairs], [("train", "val", "near_duplicate")])
        self.assertLessEqual(pairs[0]["distance"], 6)

    def test_images_listed_twice_are_dealt_once(self):
        (self.folder / "set" / "some.txt").write_text("".join(f"images/{frame['file']}\n" for frame in self.frames[:9]))
        (self.folder / "set" / "data.yaml").write_text("train: images\nval: some.txt\nnames: [a, b]\n")
        flags = ("--distance", -1, "--by", "image")
        result = self.goshawk("data", "split", "set", "--out", "new", *flags)
        self.assertIn("9 images are listed more than once", result.stderr)
        self.assertEqual(len(self.split_of("new")), len(self.frames))
        self.goshawk("data", "split", "set", "--in-place", *flags)
        lines = [line for name in ("train", "val", "test") for line in (self.folder / "set" / f"{name}.txt").read_text().splitlines()]
        self.assertEqual(sorted(lines), sorted("./images/" + frame["file"] for frame in self.frames))

    def test_only_what_was_looked_at_is_told(self):
        for flags, says in ((("--distance", -1, "--block", 2), "no block of time in"), (("--distance", 0, "--by", "image"), "no near duplicates in"),
                            (("--distance", 0, "--by", "source"), "no near duplicates and no source in"),
                            (("--distance", -1, "--by", "image"), None)):
            with self.subTest(flags=flags):
                out = str(len(list(self.folder.iterdir())))
                told = self.goshawk("data", "split", "set", "--out", out, *flags).stdout
                self.assertIn(says or "", told)
                self.assertEqual(says is None, "in several splits" not in told)
                result = self.goshawk("data", "split", out, "--check", *flags, code=0 if says else 64)
                self.assertIn(says or "nothing to check", result.stdout + result.stderr)

    def test_what_makes_no_sense(self):
        for flags, code in (((), 64), (("--out", "x", "--check"), 64), (("--out", "x", "--ratio", "a/b"), 64),
                            (("--out", "x", "--ratio", "1/2/3/4"), 64), (("--out", "x", "--ratio", "0/0/0"), 64),
                            (("--out", "x", "--by", "moon"), 64), (("--out", "x", "--distance", "17"), 64),
                            (("--out", "x", "--images", "move"), 64), (("--out", "x", "--block", "0"), 64),
                            (("--out", "x", "--distance", "1.5"), 64), (("--out", "x", "--seed", "-1"), 64)):
            with self.subTest(flags=flags):
                self.goshawk("data", "split", "set/data.yaml", *flags, code=code)
        self.goshawk("data", "split", "nowhere/data.yaml", "--out", "x", code=66)
        self.assertFalse((self.folder / "x").exists())


if __name__ == "__main__":
    unittest.main(verbosity=2)
