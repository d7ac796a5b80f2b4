"""goshawk data label: what a model adds and what it leaves alone, on generated pictures of bright squares."""
import json
import unittest

import tiny_detector
from eval_test import HEIGHT, WIDTH, png
from harness import EndToEnd

A, B, C = (24, 24), (104, 56), (64, 8)  # corners of squares that the model finds exactly


def line(corner, category=0):
    x, y = corner
    return f"{category} {(x + 12) / WIDTH} {(y + 12) / HEIGHT} {24 / WIDTH} {24 / HEIGHT}\n"


class Label(EndToEnd):
    def frames(self, **pictures):
        folder = self.folder / "frames"
        folder.mkdir()
        for name, squares in pictures.items():
            png(folder / f"{name}.png", squares)
        return folder

    def data_set(self, images, names="[square]"):
        """images: {name: (squares drawn, squares labelled or None)}; returns data.yaml."""
        root = self.folder / "set"
        for kind in ("images", "labels"):
            (root / kind / "train").mkdir(parents=True)
        for name, (drawn, labelled) in images.items():
            png(root / "images/train" / f"{name}.png", drawn)
            if labelled is not None:
                (root / "labels/train" / f"{name}.txt").write_text("".join(line(corner) for corner in labelled))
        (root / "data.yaml").write_text(f"train: images/train\nnames: {names}\n")
        return root / "data.yaml"

    def label(self, *words, code=0):
        result = self.goshawk("data", "label", *words, "--model", self.model, "--device", "cpu", code=code)
        return json.loads(result.stdout)["label"] if "--json" in words else result

    def boxes(self, path):
        """[[x, y, width, height, score]] by image's name, of a COCO file."""
        document = json.loads(next((self.folder / path).rglob("*.json")).read_text())
        found = {image["id"]: [] for image in document["images"]}
        for one in document["annotations"]:
            found[one["image_id"]].append([round(v) for v in one["bbox"]] + [one.get("score")])
        return {image["file_name"].split("/")[-1][:-4]: sorted(found[image["id"]], key=str) for image in document["images"]}

    def test_folder_of_images(self):
        frames = self.frames(one=[A], two=[A, B], none=[])
        (frames / "frames.json").write_text("{}")  # where they came from, which makes no data set of them
        report = self.label(frames, "--to", "coco", "--out", "out", "--json")
        self.assertEqual(report["objects_added"], {"square": 3})
        self.assertEqual((report["images"], report["labelled_now"], report["without_labels"]), (3, 2, 1))
        boxes = self.boxes("out")
        self.assertEqual([box[:4] for box in boxes["two"]], [[104, 56, 24, 24], [24, 24, 24, 24]])
        self.assertTrue(all(0.3 <= box[4] <= 1 for box in boxes["one"] + boxes["two"]))
        self.assertEqual(boxes["none"], [])

    def test_every_format_is_read_back(self):
        frames = self.frames(one=[A], two=[A, B])
        for form in ("yolo", "coco", "voc", "cvat", "cvat-yolo", "labelimg", "mot"):
            self.label(frames, "--to", form, "--out", form)
            stats = json.loads(self.goshawk("data", "stats", form, "--json").stdout)
            self.assertEqual((stats["all"]["objects"], stats["all"]["images"]), (3, 2), form)
        self.assertTrue((self.folder / "labelimg" / "one.xml").exists() or list((self.folder / "labelimg").rglob("one.xml")))
        self.assertIn("score", (self.folder / "cvat" / "annotations.xml").read_text())

    def test_labels_of_people_stay(self):
        data = self.data_set({"done": ([A, B], [A]), "empty": ([A], []), "new": ([C], None)})
        report = self.label(data, "--out", "out", "--json")
        self.assertEqual((report["labelled_before"], report["labelled_now"]), (2, 1))
        labels = self.folder / "out/labels/train"
        self.assertEqual((labels / "done.txt").read_text().split(), line(A).split())
        self.assertEqual((labels / "empty.txt").read_text(), "")
        self.assertEqual(len((labels / "new.txt").read_text().splitlines()), 1)

    def test_empty_files_of_cvat_say_nothing(self):
        data = self.data_set({"done": ([A, B], [A]), "empty": ([A], [])})
        self.goshawk("data", "convert", data, "--to", "cvat-yolo", "--out", "cvat")
        report = self.label("cvat", "--out", "out", "--json")
        self.assertEqual((report["labelled_before"], report["labelled_now"]), (1, 1))

    def test_add_puts_new_objects_beside_them(self):
        data = self.data_set({"done": ([A, B], [(A[0] + 4, A[1])]), "empty": ([A], []), "new": ([C], None)})
        report = self.label(data, "--out", "out", "--add", "--to", "coco", "--json")
        self.assertEqual(report["known_objects"], 1)
        boxes = self.boxes("out")
        self.assertIn([28, 24, 24, 24, None], boxes["done"])
        self.assertEqual(len(boxes["done"]), 2)
        self.assertEqual([len(boxes["empty"]), len(boxes["new"])], [1, 1])

    def test_redo_replaces_what_a_model_said_and_nothing_else(self):
        frames = self.frames(one=[A, B], two=[A], three=[C])
        self.label(frames, "--to", "coco", "--out", "first")
        file = next((self.folder / "first").rglob("*.json"))
        document = json.loads(file.read_text())
        for one in document["annotations"]:  # the earlier model was worse; on one image a person has added an object
            one["bbox"][2] += 6
        person = {**document["annotations"][0], "id": 99, "bbox": [1, 1, 9, 9]}
        del person["score"]
        document["annotations"].append(person)
        file.write_text(json.dumps(document))
        touched = next(i["file_name"] for i in document["images"] if i["id"] == person["image_id"]).split("/")[-1][:-4]

        kept = self.label("first", "--out", "kept", "--json")
        self.assertEqual((kept["labelled_before"], kept["objects_added"]), (3, {}))
        redone = self.label("first", "--redo", "--out", "second", "--json")
        self.assertEqual((redone["redone"], redone["labelled_before"], redone["labelled_now"]), (2, 1, 2))
        for name, boxes in self.boxes("second").items():
            widths = {box[2] for box in boxes}
            self.assertEqual(widths, {30, 9} if name == touched else {24}, name)

    def test_classes_are_matched_renamed_and_added(self):
        self.model = tiny_detector.write(self.folder / "two.onnx", classes=("Square", "disc"))
        data = self.data_set({"new": ([A], None)}, "[plate, square]")
        self.label(data, "--out", "by_name")
        self.assertTrue((self.folder / "by_name/labels/train/new.txt").read_text().startswith("1 "))
        self.label(data, "--out", "renamed", "--map", "Square=plate")
        self.assertTrue((self.folder / "renamed/labels/train/new.txt").read_text().startswith("0 "))
        report = self.label(data, "--out", "added", "--map", "Square=tile", "--json")
        self.assertEqual(report["objects_added"], {"tile": 1})
        self.assertIn("tile", (self.folder / "added/data.yaml").read_text())
        self.label(data, "--out", "dropped", "--map", "Square=,disc=square")
        self.assertFalse((self.folder / "dropped/labels/train/new.txt").exists())

    def test_thresholds_by_class(self):
        frames = self.frames(one=[A])
        self.assertEqual(self.label(frames, "--class-conf", "square=1", "--out", "none", "--json")["objects_added"], {})
        low = self.label(frames, "--conf", "1", "--class-conf", "square=0.2", "--out", "low", "--json")
        self.assertEqual(low["objects_added"], {"square": 1})

    def test_mistakes_are_told_and_leave_nothing(self):
        frames = self.frames(one=[A])
        for words, code, says in ((("--class-conf", "squar=0.5"), 64, "did you mean 'square'"),
                                  (("--class-conf", "square=2"), 64, "a number from 0 to 1"),
                                  (("--classes", "squares"), 64, "no class 'squares'"),
                                  (("--map", "cube=box"), 64, "no class 'cube'")):
            result = self.label(frames, "--out", "out", *words, code=code)
            self.assertIn(says, result.stderr)
            self.assertFalse((self.folder / "out").exists())
        data = self.data_set({"new": ([A], None)}, "[plate]")
        self.assertIn("no class in common", self.label(data, "--out", "out", code=65).stderr)
        (self.folder / "empty").mkdir()
        self.assertIn("neither a labelled data set nor an image", self.label("empty", "--out", "out", code=65).stderr)

    def test_unreadable_images_are_told(self):
        frames = self.frames(one=[A], two=[B])
        (frames / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
        result = self.label(frames, "--out", "out", code=65)
        self.assertIn("broken.png", result.stderr)
        self.assertEqual(len(list((self.folder / "out").rglob("*.txt"))), 2)

    def test_preview_shows_what_was_added(self):
        data = self.data_set({str(i): ([A], [A] if i % 2 else None) for i in range(6)})
        self.label(data, "--to", "coco", "--out", "out")
        one = json.loads(self.goshawk("data", "preview", "out", "--out", "one.png", "--json").stdout)
        self.assertEqual((one["images"], one["objects"], one["sheets"]), (6, 6, ["one.png"]))
        self.assertEqual(json.loads(self.goshawk("data", "preview", "out", "--out", "many", "--columns", "2", "--tile", "80",
                                                 "--json").stdout)["sheets"], ["many/sheet-01.jpg", "many/sheet-02.jpg"])
        first, second = ((self.folder / "many" / f"sheet-0{i}.jpg").read_bytes() for i in (1, 2))
        self.assertEqual((first[:2], second[:2]), (b"\xff\xd8", b"\xff\xd8"))

    def test_preview_chooses_by_seed_class_and_split(self):
        data = self.data_set({str(i): ([A], [A]) for i in range(9)}, "[square, disc]")
        pictures = []
        for number, seed in enumerate((1, 1, 2)):
            self.goshawk("data", "preview", data, "--number", "3", "--seed", seed, "--out", f"{number}.png")
            pictures.append((self.folder / f"{number}.png").read_bytes())
        self.assertEqual(pictures[0], pictures[1])
        self.assertNotEqual(pictures[0], pictures[2])
        for words, code, says in ((("--classes", "disc"), 65, "no image"), (("--split", "val"), 64, "no split 'val'"),
                                  (("--classes", "dics"), 64, "did you mean 'disc'"), (("--columns", "0"), 64, "--columns"),
                                  (("--out", "0.png"), 64, "exists already"), (("--out", "sheet.webp"), 64, ".jpg or .png"),
                                  (("--out", "sheet.gif"), 64, ".jpg or .png")):
            extra = () if "--out" in words else ("--out", "sheets")
            self.assertIn(says, self.goshawk("data", "preview", data, *words, *extra, code=code).stderr)
            self.assertFalse((self.folder / "sheets").exists())

    def test_preview_marks_images_that_cannot_be_read(self):
        data = self.data_set({"one": ([A], [A]), "two": ([B], [B])})
        (self.folder / "set/images/train/two.png").write_bytes(b"\x89PNG\r\n\x1a\n")
        self.assertIn("two.png", self.goshawk("data", "preview", data, "--out", "sheet.jpg", code=65).stderr)
        self.assertTrue((self.folder / "sheet.jpg").exists())


if __name__ == "__main__":
    unittest.main()
