"""goshawk data check, convert, merge and filter."""

import json
import os
import random
import shutil
import signal
import struct
import subprocess
import tempfile
import time
import unittest
import zlib

from program import BAD_DATA, CONFIG, IO, NO_INPUT, OK, SHARED, USAGE, ProgramTest

INTERRUPTED = 130


def png(width, height):
    """A small grey picture."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    rows = b"".join(b"\0" + b"\x80" * width for _ in range(height))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)) +
            chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


class DataTest(ProgramTest):
    def setUp(self):
        # Each set that is written is flushed to disk, which takes long where others write too.
        tempfile.tempdir = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        self.addCleanup(setattr, tempfile, "tempdir", None)
        super().setUp()

    def yolo_set(self, name, labels, names=("person", "car", "bus")):
        """`labels`: {"train/a": text or None (no label file)}."""
        root = self.folder / name
        for place, text in labels.items():
            image = root / "images" / (place + ".png")
            image.parent.mkdir(parents=True, exist_ok=True)
            image.write_bytes(png(40, 20))
            if text is not None:
                file = root / "labels" / (place + ".txt")
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text)
        splits = sorted({place.split("/")[0] for place in labels})
        self.write(f"{name}/data.yaml", "".join(f"{s}: images/{s}\n" for s in splits) + f"names: [{', '.join(names)}]\n")
        return root

    def report(self, *words):
        return json.loads(self.assert_prints("data", *words, "--json"))

    def tree(self, name):
        root = self.folder / name
        return sorted(str(path.relative_to(root)) for path in root.rglob("*") if not path.is_dir())


class Convert(DataTest):
    def test_yolo_to_yolo_keeps_all(self):
        self.yolo_set("a", {"train/1": "0 0.5 0.5 0.25 0.5\n1 0.5 0.5 0.125 0.123456\n", "val/2": "", "val/3": None})
        report = self.report("convert", "a", "--to", "yolo", "--out", "b")
        self.assertEqual(report["images"], {"train": 1, "val": 2, "total": 3})
        self.assertEqual(report["objects"]["total"], 2)
        self.assertEqual(report["dropped"], [])
        self.assertEqual(self.tree("b"), self.tree("a"))
        for name in ("labels/train/1.txt", "images/train/1.png"):
            self.assertEqual((self.folder / "a" / name).read_bytes(), (self.folder / "b" / name).read_bytes())

    def test_the_mapping_is_kept_in_data_yaml(self):
        self.yolo_set("a", {"train/1": "0 .5 .5 .5 .5\n1 .5 .5 .5 .5\n2 .5 .5 .5 .5\n"})
        self.report("convert", "a", "--to", "yolo", "--out", "b", "--map", "bus=car,person=")
        self.assertIn('class_mapping:', (self.folder / "b/data.yaml").read_text())
        self.assertEqual((self.folder / "b/labels/train/1.txt").read_text(), "0 0.5 0.5 0.5 0.5\n0 0.5 0.5 0.5 0.5\n")
        report = self.report("convert", "b", "--to", "yolo", "--out", "c", "--map", "car=vehicle")
        self.assertEqual(report["class_mapping"], {"person": "", "bus": "vehicle", "car": "vehicle"})

    def test_coco_numbers(self):
        self.yolo_set("a", {"train/1": "0 .5 .5 .5 .5\n2 .5 .5 .5 .5\n"})
        self.report("convert", "a", "--to", "yolo", "--out", "b", "--map", "coco80")
        self.assertEqual((self.folder / "b/labels/train/1.txt").read_text(), "0 0.5 0.5 0.5 0.5\n5 0.5 0.5 0.5 0.5\n")
        self.assertIn("nc: 80\n", (self.folder / "b/data.yaml").read_text())

    def test_a_set_of_which_no_image_is_left_is_an_error(self):
        self.write("a/instances.json", json.dumps({"categories": [], "annotations": [], "images": [
            {"id": 1, "file_name": "../../1.jpg", "width": 4, "height": 4}]}))
        result = self.goshawk("data", "convert", "a", "--to", "yolo", "--out", "b")
        self.assertEqual(result.returncode, BAD_DATA, result.stderr)
        self.assertIn("no image is left", result.stderr)
        self.assertFalse((self.folder / "b").exists())

    def test_links_and_no_images(self):
        root = self.yolo_set("a", {"train/1": ""})
        self.report("convert", "a", "--to", "yolo", "--out", "b", "--images", "link")
        self.assertTrue(os.path.samefile(root / "images/train/1.png", self.folder / "b/images/train/1.png"))
        self.report("convert", "a", "--to", "yolo", "--out", "c", "--images", "none")
        self.assertEqual(self.tree("c"), ["data.yaml", "labels/train/1.txt"])

    def test_table(self):
        self.yolo_set("a", {"train/1": "0 .5 .5 .5 .5\n", "val/2": ""})
        text = self.assert_prints("data", "convert", "a", "--to", "yolo", "--out", "b")
        self.assertIn("person", text)
        self.assertIn("(2 classes have no objects)", text)
        self.assertTrue(text.endswith("b (yolo)\n"), text)

    def test_bad_labels_are_named_with_file_and_line(self):
        self.yolo_set("a", {"train/1": "0 .5 .5 .5 .5\nx\n9 .5 .5 .5 .5\n"})
        result = self.goshawk("data", "convert", "a", "--to", "yolo", "--out", "b")
        self.assertEqual(result.returncode, OK)
        self.assertIn("labels/train/1.txt:2:", result.stderr)
        self.assertIn("labels/train/1.txt:3:", result.stderr)

    def test_labelimg_as_xml_and_as_text(self):
        self.yolo_set("a", {"train/1": "1 0.5 0.5 0.25 0.5\n"})
        self.report("convert", "a", "--to", "labelimg", "--out", "xml")
        self.assertTrue([name for name in self.tree("xml") if name.endswith("1.xml")], self.tree("xml"))
        self.report("convert", "a", "--to", "labelimg", "--out", "text", "--text")
        label, = (name for name in self.tree("text") if name.endswith("1.txt"))
        self.assertRegex((self.folder / "text" / label).read_text(), r"\A1 0\.50* 0\.50* 0\.250* 0\.50*\n\Z")
        classes, = (name for name in self.tree("text") if name.endswith("classes.txt"))
        self.assertEqual((self.folder / "text" / classes).read_text().split(), ["person", "car", "bus"])
        self.assertEqual(self.report("convert", "text", "--to", "yolo", "--out", "back")["objects"]["total"], 1)

    def test_refusals(self):
        self.yolo_set("a", {"train/1": ""})
        self.assert_fails(USAGE, "data", "convert", "a", "--to", "voc", "--out", "b", "--text", says="labelimg")
        self.assert_fails(USAGE, "data", "convert", "a", "--to", "yolo", says="--out")
        self.assert_fails(USAGE, "data", "convert", "a", "--out", "b", says="--to")
        self.assert_fails(USAGE, "data", "convert", "a", "--to", "yollo", "--out", "b", says="did you mean 'yolo'?")
        self.assert_fails(USAGE, "data", "convert", "a", "--to", "yolo", "--out", "a", says="exists already")
        self.assert_fails(USAGE, "data", "convert", "a", "--to", "yolo", "--out", "b", "--map", "cat=dog", says="'cat'")
        self.assert_fails(USAGE, "data", "convert", "a", "--to", "yolo", "--out", "b", "--split", "vla", says="train, val")
        self.assert_fails(USAGE, "data", "convert", "a", "--to", "yolo", "--out", "b", "--images", "move", says="copy, link")
        self.assert_fails(NO_INPUT, "data", "convert", "none.yaml", "--to", "yolo", "--out", "b", says="none.yaml")
        self.write("bad/data.yaml", "names: {a: [\n")
        self.assert_fails(CONFIG, "data", "convert", "bad", "--to", "yolo", "--out", "b", says="bad/data.yaml")
        self.assertFalse((self.folder / "b").exists())


    def test_targets_among_the_images_of_the_set_are_refused(self):
        root = self.yolo_set("a", {"train/x/a": "0 0.5 0.5 0.2 0.2\n", "train/x/b": None})
        for words in (("data", "filter", "a", "--limit", 1), ("data", "split", "a"), ("data", "preview", "a"),
                      ("data", "filter", "a/images"), ("data", "stats", "a")):
            self.assert_fails(USAGE, *words, "--out", "a/images/train/small", says="among the images")
        self.assertEqual([path.name for path in (root / "images/train").iterdir()], ["x"])
        self.assert_prints("data", "filter", "a", "--out", "a/small")

    def test_a_split_that_is_not_there_is_refused(self):
        self.yolo_set("a", {"train/1": "", "val/2": ""})
        for command in (("convert", "a", "--to", "voc"), ("filter", "a"), ("preview", "a")):
            self.assert_fails(USAGE, "data", *command, "--split", "test", "--out", "b", says=["no split 'test'", "train, val"])
        self.assertFalse((self.folder / "b").exists())

    def test_dropped_classes_are_told_in_one_line(self):
        self.yolo_set("a", {"train/1": "0 .5 .5 .5 .5\n"}, names=[f"c{i}" for i in range(40)])
        result = self.goshawk("data", "filter", "a", "--classes", "c0", "--out", "b")
        self.assertRegex(result.stdout, r"(?m)^classes dropped: c1, c2, .* and 29 more$")


class Unlabelled(DataTest):
    def test_a_folder_of_images_is_a_set_without_labels(self):
        for name in ("one.png", "deep/two.png"):
            (self.folder / "photos" / name).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / "photos" / name).write_bytes(png(40, 20))
        report = self.report("convert", "photos", "--to", "coco", "--out", "coco")
        self.assertEqual((report["images"]["total"], report["objects"]["total"]), (2, 0))
        self.report("convert", "photos", "--to", "yolo", "--out", "yolo")
        self.assertEqual(self.report("convert", "yolo", "--to", "voc", "--out", "voc")["images"]["total"], 2)
        kinds = {entry["kind"]: entry["count"] for entry in self.report("check", "photos")["kinds"]}
        self.assertEqual(kinds, {"missing_labels": 2, "duplicate_image": 1})

    def test_a_set_without_images_is_an_error(self):
        self.write("none/instances.json", '{"images": [], "annotations": [], "categories": []}')
        self.assert_fails(BAD_DATA, "data", "check", "none/instances.json", says="no images")
        self.assert_fails(BAD_DATA, "data", "convert", "none/instances.json", "--to", "yolo", "--out", "b", says="no image")
        (self.folder / "empty").mkdir()
        self.assert_fails(USAGE, "data", "check", "empty", says="cannot tell the format")

    def test_two_classes_of_one_name_are_told(self):
        self.yolo_set("a", {"train/1": "0 .5 .5 .5 .5\n"}, names=("car", "bus", "car"))
        self.assertEqual([(row["kind"], row["severity"]) for row in self.report("check", "a")["kinds"]],
                         [("duplicate_class", "warning")])

    def test_reports_beside_the_images_change_nothing(self):
        self.write("frames/a.png", "")
        (self.folder / "frames/a.png").write_bytes(png(40, 20))
        for _ in range(2):
            self.assert_prints("data", "check", "frames", "--out", "frames")
        self.assertTrue((self.folder / "frames/problems.json").exists())
        self.assertEqual(self.report("stats", "frames")["all"]["images"], 1)

    def test_labelme_is_told(self):
        self.write("lm/a.json", '{"version": "5.2.1", "shapes": [], "imagePath": "a.png"}')
        (self.folder / "lm/a.png").write_bytes(png(40, 20))
        for words in (("check", "lm"), ("check", "lm/a.json"), ("filter", "lm", "--out", "x"), ("label", "lm", "--out", "x")):
            self.assert_fails(USAGE, "data", *words, says="LabelMe")
        self.assert_fails(USAGE, "data", "check", "lm", "--from", "labelme", says="LabelMe's labels are not read")

    def test_damaged_archives_and_pipes_are_told_as_such(self):
        self.write("cut.zip", "PK\3\4 and no more")
        self.assert_fails(BAD_DATA, "data", "check", "cut.zip", says="no zip archive")
        os.mkfifo(self.folder / "pipe.json")
        self.assert_fails(NO_INPUT, "data", "check", "pipe.json", says="a pipe or a device")


class Archives(DataTest):
    def test_of_any_format_are_taken_as_their_folders(self):
        self.yolo_set("set/inner", {"train/a": "0 0.5 0.5 0.2 0.2\n", "val/b": None})
        self.assert_prints("data", "convert", "set/inner", "--to", "coco", "--out", "coco")
        for folder, name in (("set", "yolo"), ("coco", "coco")):
            shutil.make_archive(self.folder / folder, "zip", self.folder / folder)
            report = self.report("filter", f"{folder}.zip", "--out", f"{folder}-out")
            self.assertEqual((report["format"], report["images"]["total"], report["objects"]["total"]), (name, 2, 1))
        self.assert_fails(USAGE, "data", "split", "set.zip", "--in-place", says="an archive")


class Merge(DataTest):
    def test_classes_by_name_and_images_apart(self):
        self.yolo_set("a", {"train/1": "1 .5 .5 .5 .5\n"})
        self.yolo_set("b", {"train/1": "0 .5 .5 .25 .5\n", "val/1": "1 .5 .5 .5 .5\n"}, names=("car", "dog"))
        report = self.report("merge", "a", "b", "--out", "c")
        self.assertEqual([c["name"] for c in report["classes"]], ["person", "car", "bus", "dog"])
        self.assertEqual(report["images"], {"train": 2, "val": 1, "total": 3})
        self.assertEqual((self.folder / "c/labels/train/1.txt").read_text(), "1 0.5 0.5 0.5 0.5\n")
        self.assertEqual((self.folder / "c/labels/train/1-2.txt").read_text(), "1 0.5 0.5 0.25 0.5\n")
        self.assertEqual((self.folder / "c/labels/val/1.txt").read_text(), "3 0.5 0.5 0.5 0.5\n")
        self.assertTrue((self.folder / "c/images/train/1-2.png").exists())

    def test_what_all_sets_say_of_themselves_stays(self):
        for name in ("a", "b"):
            self.write(f"{name}/instances.json", json.dumps({
                "info": {"description": f"set {name}", "year": 2017}, "categories": [], "annotations": [],
                "images": [{"id": 1, "file_name": "1.jpg", "width": 4, "height": 4}]}))
        result = self.goshawk("data", "merge", "a", "b", "--out", "c", "--images", "none")
        self.assertEqual(json.loads((self.folder / "c/annotations/instances.json").read_text())["info"], {"year": 2017})
        self.assertIn("differ in what they say", result.stderr)


class Filter(DataTest):
    def test_classes_sizes_and_splits(self):
        self.yolo_set("a", {"train/1": "0 .5 .5 .5 .5\n1 .5 .5 .5 .5\n1 .5 .5 .05 .5\n", "val/2": "1 .5 .5 .5 .5\n",
                            "val/3": "0 .5 .5 .5 .5\n"})
        report = self.report("filter", "a", "--classes", "car", "--min-size", "4", "--out", "b")
        self.assertEqual(report["objects"], {"train": 1, "val": 1, "total": 2})
        self.assertEqual(report["images"]["total"], 3)
        report = self.report("filter", "a", "--drop", "person,bus", "--split", "val", "--with-objects", "--out", "c")
        self.assertEqual(report["images"], {"val": 1, "total": 1})
        self.assert_fails(USAGE, "data", "filter", "a", "--classes", "cra", "--out", "d", says="did you mean 'car'?")
        self.assert_fails(USAGE, "data", "filter", "a", "--min-size", "big", "--out", "d", says="'big'")
        self.assert_fails(USAGE, "data", "filter", "a", "--min-size", "9", "--max-size", "4", "--out", "d", says="--max-size")
        self.assert_fails(BAD_DATA, "data", "filter", "a", "--limit", "0", "--out", "d", "-q", says="no image is left")

    def test_a_seed_is_repeatable(self):
        self.yolo_set("a", {f"train/{i}": "" for i in range(30)})
        for out in ("b", "c"):
            self.report("filter", "a", "--limit", "7", "--seed", "5", "--out", out)
        self.report("filter", "a", "--limit", "7", "--seed", "6", "--out", "d")
        self.assertEqual(len(self.tree("b")), 15)
        self.assertEqual(self.tree("b"), self.tree("c"))
        self.assertNotEqual(self.tree("b"), self.tree("d"))


class Stats(DataTest):
    def test_classes_sizes_and_places_of_all_and_by_split(self):
        self.yolo_set("a", {"train/1": "0 .5 .5 .5 .5\n1 .9 .9 .1 .1\n", "train/2": "", "val/3": "1 .1 .1 .1 .1\n"})
        report = self.report("stats", "a", "--out", "out")
        self.assertEqual(json.loads((self.folder / "out/stats.json").read_text()), report)
        objects = lambda part: [one["objects"] for one in part["classes"]]
        self.assertEqual((objects(report), objects(report["splits"]["train"]), objects(report["splits"]["val"])),
                         ([1, 2, 0], [1, 1, 0], [0, 1, 0]))
        for part, places in ((report, {(16, 16): 1, (28, 28): 1, (3, 3): 1}), (report["splits"]["val"], {(3, 3): 1})):
            self.assertEqual({(x, y): n for y, row in enumerate(part["places"]) for x, n in enumerate(row) if n}, places)
        plots = ["box_shapes.png", "box_sizes.png", "classes.png", "objects_per_image.png", "places.png"]
        self.assertEqual(self.tree("out"), sorted([*plots, "stats.json", *(f"{s}/{p}" for s in ("train", "val") for p in plots)]))
        table = self.assert_prints("data", "stats", "a")
        self.assertRegex(table, r"car +2 +2 +2 +0 +0 +1 +1\n")

    def test_counts_are_kept_when_plots_cannot_be_drawn(self):
        self.yolo_set("a", {"train/1": "0 .5 .5 .5 .5\n", "val/2": "1 .1 .1 .1 .1\n"})
        result = self.goshawk("data", "stats", "a", "--out", "out", PLPLOT_DRV_DIR="/nonexistent")
        self.assertEqual((result.returncode, result.stderr.count("no plots")), (0, 1), result.stderr)
        self.assertIn("car", result.stdout)
        self.assertEqual(self.tree("out"), ["stats.json"])


class Check(DataTest):
    """Pictures of the stand-in sets differ by their size alone, so near duplicates are looked for in one test only."""

    def check(self, code, *words):
        result = self.goshawk("data", "check", *words)
        self.assertEqual(result.returncode, code, result.stderr + result.stdout)
        self.assertNotIn("error:", result.stderr)
        return result.stdout

    def problems(self, code, *words):
        report = json.loads(self.check(code, *words, "--json"))
        return report, [(p["severity"], p["kind"], p["file"], p["line"]) for p in report["problems"]]

    def test_a_sound_set(self):
        root = self.yolo_set("a", {"train/1": "0 .5 .5 .5 .5\n"})
        self.assertEqual(self.check(OK, "a"), "0 errors, 0 warnings and 0 notes in 1 image with 1 object\n")
        (root / "images/train/1.png").write_bytes(b"gone")
        self.assertEqual(self.problems(BAD_DATA, "a")[1], [("error", "unreadable_image", "images/train/1.png", None)])

    def test_errors_warnings_and_strict(self):
        self.yolo_set("a", {"train/1": "0 .5 .5 .5 .5\nx\n9 .5 .5 .5 .5\n0 .95 .5 .2 .5\n", "train/2": None})
        words = ("a", "--distance", "-1", "--no-images")
        report, problems = self.problems(BAD_DATA, *words)
        self.assertCountEqual(problems, [("error", "bad_line", "labels/train/1.txt", 2),
                                         ("error", "unknown_class", "labels/train/1.txt", 3),
                                         ("warning", "outside_image", "labels/train/1.txt", 4),
                                         ("warning", "missing_labels", "images/train/2.png", None)])
        self.assertEqual((report["errors"], report["warnings"], report["notes"]), (2, 2, 0))
        (self.folder / "a/labels/train/1.txt").write_text("0 .5 .5 .5 .5\n0 .95 .5 .2 .5\n")
        self.assertEqual(self.problems(OK, *words)[0]["warnings"], 2)
        self.check(BAD_DATA, *words, "--strict")
        self.assertIn("labels/train/1.txt:2", self.check(OK, *words))

    def test_a_picture_in_two_splits_is_an_error(self):
        root = self.yolo_set("a", {"train/1": "0 .5 .5 .5 .5\n", "val/2": "0 .5 .5 .5 .5\n"})
        report, problems = self.problems(BAD_DATA, "a")
        self.assertEqual(problems, [("error", "duplicate_image", "images/val/2.png", None)])
        self.assertEqual(report["problems"][0]["other_image"], "images/train/1.png")
        (root / "images/val/2.png").write_bytes(png(20, 10))
        self.assertEqual(self.problems(BAD_DATA, "a")[1], [("error", "near_duplicate", "images/val/2.png", None)])
        self.assertEqual(self.problems(OK, "a", "--distance", "-1")[1], [])

    def test_the_report_shows_the_worst(self):
        self.yolo_set("a", {"train/1": "0 .5 .5 .5 .5\n0 .95 .5 .2 .5\n", "train/2": "0 .5 .5 .5 .5\n"})
        self.assertTrue(self.check(OK, "a", "--out", "out/deep").endswith("out/deep/report.html\n"))
        self.assertEqual(self.tree("out"), ["deep/problems.json", "deep/report.html"])
        page = (self.folder / "out/deep/report.html").read_text().replace("<wbr>", "")
        self.assertEqual(page.count("<img "), 2)  # the box that reaches out, and the duplicates
        for text in ("The worst images", "labels/train/1.txt:2", "Duplicates", "images/train/2.png"):
            self.assertIn(text, page)
        self.assertEqual(json.loads((self.folder / "out/deep/problems.json").read_text())["warnings"], 2)

    def test_hostile_images_and_labels(self):
        root = self.yolo_set("a", {f"train/{name}": "0 .5 .5 .5 .5\n" for name in ("huge", "link", "cut", "many")})
        images = root / "images/train"
        (images / "huge.png").write_bytes(png(40, 20)[:16] + struct.pack(">II", 60000, 60000) + png(40, 20)[24:])
        (images / "cut.png").write_bytes(png(40, 20)[:50])
        (images / "link.png").unlink()
        (images / "link.png").symlink_to("/etc/hostname")
        (root / "labels/train/many.txt").write_text("0 .5 .5 .5 .5\n" * 1_000_000)
        report, problems = self.problems(BAD_DATA, "a", "--out", "out")
        self.assertEqual({(kind, file) for severity, kind, file, _ in problems if severity == "error"},
                         {("unreadable_image", "images/train/huge.png"), ("unreadable_image", "images/train/cut.png"),
                          ("unsafe_path", "images/train/link.png"), ("too_many", "labels/train/many.txt")})
        self.assertEqual([p["message"].split(") ")[1] for p in report["problems"] if p["kind"] == "duplicate_box"],
                         ["is there 100000 times, first in line 1"])

    def test_coco128(self):
        coco = SHARED / "data/coco128"
        if not coco.exists():
            self.skipTest("no shared data")
        images = {path.stem for path in (coco / "images").iterdir()}
        labels = {path.stem for path in (coco / "labels").glob("*.txt")}
        _, problems = self.problems(OK, coco, "--from", "yolo")
        self.assertCountEqual(
            problems, [("warning", "missing_labels", f"images/{name}.jpg", None) for name in images - labels] +
            [("warning", "orphan_labels", f"labels/{name}.txt", None) for name in labels - images])
        self.assertEqual(self.problems(OK, coco / "instances.json")[0]["warnings"], 0)

    COPIES = {"half": "scale=iw/2:-2", "larger": "scale=iw*1.7:-2", "square": "scale=416:416", "poor": "null",
              "bright": "eq=brightness=0.1", "dark": "eq=brightness=-0.1", "contrast": "eq=contrast=1.2",
              "cut": "crop=iw*0.98:ih*0.98", "cut more": "crop=iw*0.96:ih*0.96", "mirrored": "hflip"}

    def test_copies_of_photos_are_found_and_different_photos_are_not(self):
        photos = sorted((SHARED / "data/coco128/images").glob("*.jpg"))[::4]
        if not photos:
            self.skipTest("no shared data")
        images, copies = self.folder / "a/images", self.folder / "a/copies"  # in two splits: a copy is shown with its photo
        images.mkdir(parents=True)
        copies.mkdir()
        for photo in photos:
            shutil.copy(photo, images)
            outputs = [word for name, filters in self.COPIES.items()
                       for word in ("-vf", filters, "-q:v", "18" if name == "poor" else "3", copies / f"{photo.stem} {name}.jpg")]
            subprocess.run(["ffmpeg", "-v", "error", "-i", photo, *outputs], check=True, timeout=60)
        self.write("a/data.yaml", "train: images\nval: copies\nnames: [thing]\n")
        report, _ = self.problems(BAD_DATA, "a")
        found = set()
        for problem in report["problems"]:
            if problem["kind"] == "near_duplicate":
                names = sorted(os.path.splitext(os.path.basename(problem[key]))[0] for key in ("image", "other_image"))
                self.assertEqual(names[0].split()[0], names[1].split()[0], "two photos are one picture")
                found.add(tuple(names))
        shares = {name: sum((photo.stem, f"{photo.stem} {name}") in found for photo in photos) / len(photos) for name in self.COPIES}
        self.assertEqual([name for name, share in shares.items() if name != "cut more" and share < 0.95], [], shares)
        self.assertGreater(shares["cut more"], 0.75, shares)  # 2 % off each side changes the picture by more than the threshold for some

    def test_refusals(self):
        self.yolo_set("a", {"train/1": ""})
        self.assert_fails(USAGE, "data", "check", "a", "--distance", "17", says="from -1 to 16")
        self.assert_fails(USAGE, "data", "check", "a", "--distance", "1.5", says="whole number")
        self.assert_fails(USAGE, "data", "check", "a", "--from", "coc", says="did you mean 'coco'?")
        self.assert_fails(NO_INPUT, "data", "check", "none.yaml", says="none.yaml")
        self.write("file", "")
        self.assert_fails(IO, "data", "check", "a", "--out", "file/deep", says="cannot create the folder")

    def test_ctrl_c(self):
        self.yolo_set("a", {f"train/{i}": "0 .5 .5 .5 .5\n" for i in range(20)})
        big = png(3000, 2000)
        for i in range(20):
            (self.folder / f"a/images/train/{i}.png").write_bytes(big)
        process = subprocess.Popen([str(self.binary), "data", "check", "a", "--out", "out"], cwd=self.folder,
                                   env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        time.sleep(0.15)
        process.send_signal(signal.SIGINT)
        out, errors = process.communicate(timeout=60)
        self.assertIn(process.returncode, (INTERRUPTED, -signal.SIGINT), errors)
        self.assertEqual(out, b"")
        self.assertFalse((self.folder / "out").exists())


class Links(DataTest):
    """What links lead out of a data set to is never handed on unasked."""

    def setUp(self):
        super().setUp()
        self.write("secret", "root:x:0:0:secret\n")
        root = self.yolo_set("a", {f"train/{name}": "0 .5 .5 .5 .5\n" for name in ("good", "image", "other")})
        (root / "images/train/image.png").unlink()
        (root / "images/train/image.png").symlink_to(self.folder / "secret")
        (root / "labels/train/other.txt").unlink()
        (root / "labels/train/other.txt").symlink_to(self.folder / "secret")

    def test_what_is_written_has_none_of_them(self):
        for words in (("convert", "a", "--to", "yolo"), ("convert", "a", "--to", "coco", "--images", "link")):
            out = "-".join(words).replace("/", "")
            with self.subTest(words=words):
                result = self.goshawk("data", *words, "--out", out)
                self.assertEqual(result.returncode, 0, result.stderr)
                self.assertIn("images/train/image.png: the image is a link out of the data set", result.stderr)
                self.assertIn("labels/train/other.txt: a link leads to these labels", result.stderr)
                self.assertNotIn("root:x", result.stdout + result.stderr)
                made = [path for path in (self.folder / out).rglob("*") if path.is_file()]
                self.assertEqual(len([path for path in made if path.suffix == ".png"]), 2)
                for path in made:
                    self.assertFalse(path.is_symlink())
                    self.assertNotIn(b"secret", path.read_bytes())

    def test_they_are_taken_where_the_user_says_so(self):
        result = self.goshawk("data", "convert", "a", "--to", "yolo", "--out", "b", "--follow-links")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual((self.folder / "b/images/train/image.png").read_text(), "root:x:0:0:secret\n")

    def test_the_check_lists_them(self):
        report = json.loads(self.goshawk("data", "check", "a", "--json").stdout)
        found = {(p["severity"], p["file"]) for p in report["problems"] if p["kind"] == "unsafe_path"}
        self.assertEqual(found, {("error", "images/train/image.png"), ("error", "labels/train/other.txt")})


class Interrupted(DataTest):
    """Whatever ends the program, the target is whole or not there."""

    def test_signals_at_random_moments(self):
        self.yolo_set("a", {f"train/{i}": "0 .5 .5 .5 .5\n" for i in range(1500)})
        seed = random.randrange(10 ** 6)
        print("seed", seed)
        moments = random.Random(seed)
        start = time.monotonic()
        self.report("convert", "a", "--to", "yolo", "--out", "whole")
        whole, expected = time.monotonic() - start, self.tree("whole")
        cut = 0
        for attempt in range(16):
            kind = (signal.SIGINT, signal.SIGKILL, signal.SIGTERM)[attempt % 3]
            out = f"out{attempt}"
            process = subprocess.Popen([str(self.binary), "data", "convert", "a", "--to", "yolo", "--out", out], cwd=self.folder,
                                       env=self.environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
            time.sleep(moments.uniform(0, whole))
            process.send_signal(kind)
            _, errors = process.communicate(timeout=60)
            if (self.folder / out).exists():
                self.assertEqual(self.tree(out), expected, (attempt, kind))
            else:
                cut += 1
                self.assertIn(process.returncode, (INTERRUPTED, -signal.SIGKILL, -signal.SIGINT, -signal.SIGTERM), errors)
            if kind != signal.SIGKILL:
                left = [path.name for path in self.folder.iterdir() if path.name.startswith(f".{out}.part")]
                self.assertTrue(process.returncode < 0 or not left, left)
        self.assertGreater(cut, 0)


if __name__ == "__main__":
    unittest.main()
