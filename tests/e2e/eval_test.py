"""goshawk eval: figures, files and faults, on generated pictures of bright squares."""
import csv
import json
import struct
import unittest
import zlib
from pathlib import Path

import tiny_detector
from harness import EndToEnd

WIDTH, HEIGHT = 160, 96


def png(path, squares):
    """Dark grey; of each square of 24 pixels the middle third is white, which is where the tiny model finds such a square."""
    rows = bytearray()
    for y in range(HEIGHT):
        rows.append(0)
        for x in range(WIDTH):
            white = any(sx + 8 <= x < sx + 16 and sy + 8 <= y < sy + 16 for sx, sy in squares)
            rows += (b"\xff" if white else b"\x20") * 3

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 2, 0, 0, 0))
                     + chunk(b"IDAT", zlib.compress(bytes(rows))) + chunk(b"IEND", b""))


class Eval(EndToEnd):
    def data_set(self, images, names="[square]", split="val"):
        """images: {name: (squares drawn, squares labelled)}; returns data.yaml."""
        root = self.folder / "set"
        for kind in ("images", "labels"):
            (root / kind / split).mkdir(parents=True)
        for name, (drawn, labelled) in images.items():
            png(root / "images" / split / f"{name}.png", drawn)
            lines = [f"0 {(x + 12) / WIDTH} {(y + 12) / HEIGHT} {24 / WIDTH} {24 / HEIGHT}\n" for x, y in labelled]
            (root / "labels" / split / f"{name}.txt").write_text("".join(lines))
        (root / "data.yaml").write_text(f"path: .\ntrain: images/{split}\n{split}: images/{split}\nnames: {names}\n"
                                        if split != "train" else f"path: .\ntrain: images/train\nnames: {names}\n")
        return root / "data.yaml"

    def mixed(self):
        """Squares at multiples of 8, which the model finds exactly; one is not labelled, one not drawn."""
        at = [(24, 24), (104, 56), (64, 8)]
        return self.data_set({"right": ([at[0], at[1]], [at[0], at[1]]), "invented": ([at[0], at[2]], [at[0]]),
                              "missed": ([at[1]], [at[1], at[2]])})

    def test_figures_are_those_counted_by_hand(self):
        result = json.loads(self.goshawk("eval", self.model, "--data", self.mixed(), "--device", "cpu", "--json").stdout)
        self.assertEqual(result["images"], 3)
        fixed = result["at_fixed_confidence"]
        self.assertAlmostEqual(fixed["precision"], 4 / 5)  # five squares are drawn, four of them are labelled
        self.assertAlmostEqual(fixed["recall"], 4 / 5)     # five are labelled, four of them are drawn
        self.assertEqual(result["mistakes"], {"missed": 1, "wrong_class": 0, "poor_box": 0, "duplicate": 0, "background": 1})
        self.assertEqual(result["confusion_matrix"]["counts"], [[4, 1], [1, 0]])

    def test_leaves_every_file(self):
        data = self.mixed()
        printed = self.goshawk("eval", self.model, "--data", data, "--device", "cpu", "--name", "all").stdout
        self.assertIn(f"squares on 3 images, 5 objects of {data} (all); goshawk ", printed.splitlines()[0])
        run = self.folder / "runs" / "eval" / "all"
        for name in ("BoxPR_curve", "BoxP_curve", "BoxR_curve", "BoxF1_curve", "confusion_matrix", "confusion_matrix_normalized"):
            self.assertEqual((run / f"{name}.png").read_bytes()[:4], b"\x89PNG")
        self.assertTrue(list((run / "mistakes" / "missed").glob("*_missed.jpg")))
        self.assertTrue(list((run / "mistakes" / "background").glob("*_invented.jpg")))
        page = (run / "report.html").read_text()
        self.assertIn(f"3 images, 5 objects of {data} (all)", page.replace("<wbr>", ""))
        self.assertNotIn("src=\"http", page)
        self.assertIn("Mistakes: missed (1)", page)
        with (run / "classes.csv").open() as file:
            rows = list(csv.DictReader(file))
        self.assertEqual(rows[0]["class"], "square")
        predictions = json.loads((run / "predictions.json").read_text())
        self.assertEqual({p["file_name"].split("/")[-1] for p in predictions}, {"right.png", "invented.png", "missed.png"})
        self.assertEqual(len(predictions[0]["bbox"]), 4)
        metrics = json.loads((run / "metrics.json").read_text())
        self.assertGreaterEqual(metrics["coco"]["AP50"], 0)
        self.assertEqual((metrics["data"], metrics["split"], metrics["map"]), (str(data), "all", {}))
        self.assertEqual(metrics["versions"]["goshawk"].count("."), 2)

    def test_says_which_split_was_taken_and_which_classes_were_renamed(self):
        data = self.data_set({"a": ([(24, 24)], [(24, 24)])}, names="[cat]", split="test")
        flags = (self.model, "--data", data, "--map", "square=cat", "--device", "cpu", "--json")
        text = data.read_text()
        data.write_text(text.replace("train: images/test", "train: images/train"))
        (self.folder / "set" / "images" / "train").mkdir()
        (self.folder / "set" / "labels" / "train").mkdir()
        png(self.folder / "set" / "images" / "train" / "b.png", [])
        result = json.loads(self.goshawk("eval", *flags, "--name", "x").stdout)
        self.assertEqual((result["images"], result["split"], result["map"]), (1, "test", {"square": "cat"}))
        self.assertIn("(test), classes square=cat; goshawk", (self.folder / "runs/eval/x/report.html").read_text())
        result = json.loads(self.goshawk("eval", self.model, *flags, "--compare", "--draws", "0").stdout)
        self.assertEqual((result["data"], result["split"], result["map"]), (str(data), "test", {"square": "cat"}))
        data.write_text("path: .\ntrain: images/train\nnames: [cat]\n")
        (self.folder / "set" / "labels" / "train" / "b.txt").write_text("0 .5 .5 .2 .2\n")
        self.assertEqual(json.loads(self.goshawk("eval", *flags).stdout)["split"], "train")

    def test_predictions_are_results_that_eval_boxes_judges_alike(self):
        data = self.mixed()
        result = json.loads(self.goshawk("eval", self.model, "--data", data, "--device", "cpu", "--json", "--name", "x").stdout)
        self.goshawk("data", "convert", data, "--to", "coco", "--out", "coco", "--images", "none")
        truth = next((self.folder / "coco").rglob("*.json"))
        boxes = json.loads(self.goshawk("eval-boxes", "--gt", truth, "--dt", "runs/eval/x/predictions.json", "--json").stdout)
        self.assertTrue(any(abs(value - result["coco"]["AP"]) < 1e-9 for value in numbers(boxes)), boxes)

    def test_compares_models_with_intervals(self):
        blind = tiny_detector.write(self.folder / "other.onnx", classes=("square", "circle"))
        result = json.loads(self.goshawk("eval", self.model, blind, "--compare", "--data", self.mixed(), "--device", "cpu",
                                         "--draws", "50", "--json").stdout)
        first, second = result["models"]
        self.assertLessEqual(first["intervals"]["AP"]["low"], first["coco"]["AP"])
        self.assertEqual(second["against_first"]["AP"]["value"], 0)
        self.assertEqual(second["against_first"]["AP"]["share_better"], 0.5)

    def test_compared_files_of_one_name_are_told_apart(self):
        for run in ("a", "b"):
            (self.folder / run).mkdir()
            tiny_detector.write(self.folder / run / "best.onnx")
        result = json.loads(self.goshawk("eval", "a/best.onnx", "b/best.onnx", "--compare", "--data", self.mixed(), "--device",
                                         "cpu", "--draws", "0", "--json").stdout)
        self.assertEqual([one["name"] for one in result["models"]], ["a/best.onnx", "b/best.onnx"])
        self.assertEqual([one["model"]["file"] for one in result["models"]], ["a/best.onnx", "b/best.onnx"])

    def test_no_figure_is_of_a_confidence_below_that_of_what_is_kept(self):
        flags = ("eval", self.model, "--data", self.mixed(), "--device", "cpu", "--json")
        result = self.goshawk(*flags, "--conf", "0.5")
        self.assertIn("confidence 0.5", result.stderr)
        self.assertEqual(json.loads(result.stdout)["at_fixed_confidence"]["confidence"], 0.5)
        result = self.goshawk(*flags, "--conf", "0.5", "--at", "0.6")
        self.assertEqual((json.loads(result.stdout)["at_fixed_confidence"]["confidence"], result.stderr.count("confidence")), (0.6, 0))
        self.assertIn("--at", self.goshawk(*flags, "--conf", "0.5", "--at", "0.4", code=64).stderr)

    def test_figures_are_kept_when_plots_cannot_be_drawn(self):
        self.environment["PLPLOT_DRV_DIR"] = "/nonexistent"
        arguments = ("--data", self.mixed(), "--device", "cpu", "--name", "x")
        compared = [self.model, self.model, "--compare", "--draws", "0"]
        for models, document in (([self.model], "metrics.json"), (compared, "comparison.json")):
            with self.subTest(document):
                result = self.goshawk("eval", *models, *arguments)
                self.assertEqual(result.stderr.count("no plots"), 1, result.stderr)
                self.assertIn("AP50-95", result.stdout)
                folder = self.folder / Path(result.stdout.splitlines()[-1]).parent
                self.assertIn("coco", (folder / document).read_text())
                self.assertIn("AP50-95", (folder / "report.html").read_text())
                self.assertEqual(list(folder.glob("*.png")), [])

    def test_says_what_is_wrong(self):
        data = self.mixed()
        for arguments, code, words in (
                (["--data", "nowhere.yaml"], 66, "nowhere.yaml"),
                ([], 64, "--data"),
                (["--data", data, "--split", "test"], 64, "no split 'test'"),
                (["--data", data, "--map", "sqare=square"], 64, "did you mean 'square'"),
                (["--data", data, "--compare"], 64, "two models"),
                (["none.onnx", "--data", data, "--compare", "--name", "a/b"], 64, "a/b"),  # before any model is looked for
                ([self.model, "--data", data, "--compare", "--draws", "1"], 64, "2 to 1,000,000"),
                ([self.model, "--data", data, "--compare", "--draws", "4294967297"], 64, "2 to 1,000,000")):
            with self.subTest(arguments):
                result = self.goshawk("eval", self.model, *arguments, code=code)
                self.assertIn(words, result.stderr)
        self.assertFalse((self.folder / "runs").exists() and list((self.folder / "runs" / "eval").iterdir()))

    def test_classes_that_do_not_fit(self):
        result = self.goshawk("eval", self.model, "--data", self.data_set({"a": ([(24, 24)], [(24, 24)])}, names="[cat]"), code=65)
        self.assertIn("no class in common", result.stderr)
        data = self.folder / "set" / "data.yaml"
        named = json.loads(self.goshawk("eval", self.model, "--data", data, "--map", "square=cat", "--json").stdout)
        self.assertAlmostEqual(named["at_fixed_confidence"]["recall"], 1)

    def test_classes_can_be_chosen(self):
        data = self.data_set({"a": ([(24, 24), (64, 8)], [(24, 24)])}, names="[cat, dog]")
        with (self.folder / "set" / "labels" / "val" / "a.txt").open("a") as labels:
            labels.write("1 0.6 0.6 0.2 0.2\n")
        flags = ("eval", self.model, "--data", data, "--map", "square=cat", "--json")
        self.assertEqual(len(json.loads(self.goshawk(*flags).stdout)["classes"]), 2)
        for word in ("cat", "0"):
            result = json.loads(self.goshawk(*flags, "--classes", word).stdout)
            self.assertEqual([(one["class"], one["id"], one["objects"]) for one in result["classes"]], [("cat", 0, 1)])
            self.assertEqual(sum(result["mistakes"].values()), 1)  # the square that nobody labelled
        self.assertIn("did you mean 'cat'", self.goshawk(*flags, "--classes", "cats", code=64).stderr)

    def test_answers_of_a_model_are_no_labels(self):
        data = self.mixed()
        labels = self.folder / "set" / "labels" / "val"
        first, second = (labels / "right.txt").read_text().splitlines()
        (labels / "right.txt").write_text(f"{first} 0.7\n{second}\n")
        result = self.goshawk("eval", self.model, "--data", data, "--device", "cpu", "--json")
        self.assertIn("1 object carries a confidence", result.stderr)
        self.assertEqual(json.loads(result.stdout)["objects"], 4)
        for path in labels.glob("*.txt"):
            path.write_text("".join(" ".join(line.split()[:5]) + " 0.7\n" for line in path.read_text().splitlines()))
        result = self.goshawk("eval", self.model, "--data", data, "--device", "cpu", code=65)
        self.assertIn("5 objects carry a confidence", result.stderr)
        self.goshawk("data", "convert", data, "--to", "yolo", "--out", "labels")  # what the message advises
        result = json.loads(self.goshawk("eval", self.model, "--data", "labels", "--device", "cpu", "--json").stdout)
        self.assertEqual(result["objects"], 5)

    def test_an_unreadable_image_is_left_out_and_told(self):
        data = self.mixed()
        (self.folder / "set" / "images" / "val" / "missed.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
        result = self.goshawk("eval", self.model, "--data", data, "--device", "cpu", "--json", code=65)
        self.assertIn("missed.png", result.stderr)
        figures = json.loads(result.stdout)
        self.assertEqual(figures["images"], 2)
        self.assertAlmostEqual(figures["at_fixed_confidence"]["recall"], 1)
        self.assertAlmostEqual(figures["at_fixed_confidence"]["precision"], 3 / 4)

    def test_comparison_without_draws_has_no_intervals(self):
        result = json.loads(self.goshawk("eval", self.model, self.model, "--compare", "--data", self.mixed(), "--device", "cpu",
                                         "--draws", "0", "--json").stdout)
        self.assertEqual(result["draws"], 0)
        self.assertNotIn("intervals", result["models"][0])

    def test_difficult_objects_count_neither_way(self):
        at = [(24, 24), (104, 56), (64, 8)]
        self.goshawk("data", "convert", self.data_set({"a": (at[:2], at)}), "--to", "voc", "--out", "voc")
        file = next((self.folder / "voc").rglob("a.xml"))
        first, *others = file.read_text().split("<difficult>0</difficult>")
        self.assertEqual(len(others), 3)
        file.write_text(first + "<difficult>0</difficult>" + "<difficult>1</difficult>".join(others))
        result = self.goshawk("eval", self.model, "--data", "voc", "--device", "cpu", "--json")
        self.assertIn("2 objects are difficult", result.stderr)
        figures = json.loads(result.stdout)
        self.assertEqual(figures["objects"], 1)
        self.assertEqual((figures["at_fixed_confidence"]["precision"], figures["at_fixed_confidence"]["recall"]), (1, 1))
        self.assertEqual(sum(figures["mistakes"].values()), 0)

    def labelled_for(self, sizes):
        """COCO's labels of one square in each picture, as if the picture had the size {name: (width, height)}; returns the file."""
        at, images, objects = (24, 24), [], []
        self.data_set({name: ([at], [at]) for name in sizes})
        for number, (name, (width, height)) in enumerate(sizes.items(), 1):
            x, y = width / WIDTH, height / HEIGHT
            images.append({"id": number, "file_name": f"{name}.png", "width": width, "height": height})
            objects.append({"id": number, "image_id": number, "category_id": 1, "iscrowd": 0, "area": 24 * x * 24 * y,
                            "bbox": [at[0] * x, at[1] * y, 24 * x, 24 * y]})
        file = self.folder / "set" / "images" / "val" / "instances.json"
        file.write_text(json.dumps({"images": images, "annotations": objects, "categories": [{"id": 1, "name": "square"}]}))
        return file

    def test_pictures_may_have_another_size_than_their_labels_state(self):
        data = self.labelled_for({"as_labelled": (WIDTH, HEIGHT), "halved": (2 * WIDTH, 2 * HEIGHT), "doubled": (80, 48)})
        result = self.goshawk("eval", self.model, "--data", data, "--device", "cpu", "--at", "0.1", "--name", "x", "--json")
        self.assertIn("2 images are of another size", result.stderr)
        figures = json.loads(result.stdout)
        self.assertEqual(figures["scaled_images"], 2)
        self.assertAlmostEqual(figures["coco"]["AP50"], 1)
        self.assertEqual(sum(figures["mistakes"].values()), 0)
        found = json.loads((self.folder / "runs/eval/x/predictions.json").read_text())
        best = max((one for one in found if one["image_id"] == 2), key=lambda one: one["score"])
        self.assertAlmostEqual(best["bbox"][2], 48, delta=2)  # in the labels' pixels

    def test_a_picture_of_another_shape_than_its_labels_is_left_out(self):
        data = self.labelled_for({"as_labelled": (WIDTH, HEIGHT), "turned": (HEIGHT, WIDTH)})
        result = self.goshawk("eval", self.model, "--data", data, "--device", "cpu", "--json", code=65)
        self.assertIn("turned.png: it has 160 x 96 pixels", result.stderr)
        figures = json.loads(result.stdout)
        self.assertEqual((figures["images"], figures["scaled_images"]), (1, 0))
        self.assertAlmostEqual(figures["coco"]["AP50"], 1)


def numbers(value):
    """All numbers of a JSON tree."""
    if isinstance(value, bool):
        return []
    if isinstance(value, (int, float)):
        return [value]
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else []
    return [number for child in children for number in numbers(child)]


if __name__ == "__main__":
    unittest.main()
