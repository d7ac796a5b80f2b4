"""`goshawk eval-boxes`: figures counted by hand, and what is wrong with files."""
import json
import unittest

from program import BAD_DATA, NO_INPUT, OK, USAGE, ProgramTest


def annotation(number, image, category, box, iscrowd=0):
    return {"id": number, "image_id": image, "category_id": category, "bbox": box, "area": box[2] * box[3], "iscrowd": iscrowd}


def detection(image, category, box, score):
    return {"image_id": image, "category_id": category, "bbox": box, "score": score}


def runs(x, y, width, height):
    """A rectangle in an image of 640x480 as COCO's run lengths: 0s and 1s by columns, in turns."""
    counts = [x * 480 + y, *(height, 480 - height) * width]
    counts[-1] += 640 * 480 - sum(counts)
    return {"size": [480, 640], "counts": counts}


CAR, BUS = 3, 7
TRUTH = {
    "images": [{"id": 1, "file_name": "1.jpg", "width": 640, "height": 480},
               {"id": 2, "file_name": "2.jpg", "width": 640, "height": 480}],
    "categories": [{"id": CAR, "name": "car"}, {"id": BUS, "name": "bus"}],
    "annotations": [annotation(1, 1, CAR, [10, 10, 20, 20]),  # small
                    annotation(2, 2, CAR, [0, 0, 50, 40]),  # medium
                    annotation(3, 2, CAR, [300, 0, 100, 100], iscrowd=1),
                    annotation(4, 1, BUS, [100, 100, 100, 100])]}  # large, and nobody finds it
RESULTS = [detection(2, CAR, [310, 10, 20, 20], 0.99),  # within the crowd: counts neither way
           detection(2, CAR, [200, 200, 100, 100], 0.95),  # wrong
           detection(1, CAR, [10, 10, 20, 20], 0.9),  # right at every overlap
           detection(2, CAR, [0, 0, 50, 31], 0.8)]  # overlap 0.775: right up to 0.75, wrong at 0.80 to 0.95

# Cars. Up to 0.75: wrong, right, right; precision 2/3 at every recall. From 0.80 on: wrong, right, wrong; precision 1/2 at
# the 51 recalls from 0 to 0.5 of 101.
AP_CAR = (6 * 2 / 3 + 4 * (51 / 101 / 2)) / 10
BY_HAND = {
    "AP": AP_CAR / 2, "AP50": 1 / 3, "AP75": 1 / 3,  # the mean with the buses' 0
    "AP_small": 1, "AP_medium": 0.6, "AP_large": 0,  # only cars are small or medium, only a bus is large
    "AR_1": 0.5 / 2,  # the second image's one detection lies in the crowd
    "AR_10": (6 * 1 + 4 * 0.5) / 10 / 2, "AR_100": 0.8 / 2,
    "AR_small": 1, "AR_medium": 0.6, "AR_large": 0}


class EvalBoxes(ProgramTest):
    def setUp(self):
        super().setUp()
        self.put("gt.json", TRUTH)
        self.put("dt.json", RESULTS)

    def put(self, name, value):
        return self.write(name, value if isinstance(value, str) else json.dumps(value))

    def evaluate(self, *flags, results="dt.json"):
        return json.loads(self.assert_prints("eval-boxes", "--gt", "gt.json", "--dt", results, "--json", *flags))

    def fails(self, code, says, truth="gt.json", results="dt.json", flags=()):
        self.assert_fails(code, "eval-boxes", "--gt", truth, "--dt", results, *flags, says=says)

    def test_figures_are_those_counted_by_hand(self):
        figures = self.evaluate()
        self.assertEqual((figures["type"], figures["images"]), ("bbox", 2))
        for name, value in BY_HAND.items():
            self.assertAlmostEqual(figures[name], value, places=9, msg=name)

    def test_classes(self):
        car, bus = self.evaluate("--per-class")["classes"]
        self.assertEqual((car["id"], car["name"], car["objects"], car["detections"]), (CAR, "car", 2, 4))
        self.assertAlmostEqual(car["AP"], AP_CAR, places=9)
        self.assertEqual((bus["objects"], bus["detections"], bus["AP"], bus["AR"]), (1, 0, 0, 0))

    def test_limits_on_detections(self):
        figures = self.evaluate("--max-dets", "1,3")
        self.assertAlmostEqual(figures["AR_1"], 0.25, places=9)
        self.assertAlmostEqual(figures["AR_3"], 0.4, places=9)
        self.assertNotIn("AR_100", figures)

    def test_the_table_has_cocos_lines(self):
        text = self.assert_prints("eval-boxes", "--gt", "gt.json", "--dt", "dt.json", "--per-class")
        self.assertIn(" Average Precision  (AP) @[ IoU=0.50:0.95 | area=   all | maxDets=100 ] = 0.250\n", text)
        self.assertIn(" Average Recall     (AR) @[ IoU=0.50:0.95 | area=medium | maxDets=100 ] = 0.600\n", text)
        self.assertEqual(text.count("Average"), 12)
        self.assertRegex(text, r"(?m)^\W*car\W+2\W+4\W+0\.501\b")

    def test_masks(self):
        def as_mask(item):
            return {**item, "segmentation": runs(*item["bbox"])}
        self.put("gt.json", {**TRUTH, "annotations": [as_mask(item) for item in TRUTH["annotations"]]})
        self.put("masks.json", [{key: value for key, value in as_mask(item).items() if key != "bbox"} for item in RESULTS])
        figures = self.evaluate("--type", "segm", results="masks.json")
        self.assertEqual(figures["type"], "segm")
        for name, value in BY_HAND.items():
            self.assertAlmostEqual(figures[name], value, places=9, msg=name)

    def test_nothing_found_and_nothing_there(self):
        self.put("none.json", [])
        figures = self.evaluate(results="none.json")
        self.assertEqual({figures[name] for name in BY_HAND}, {0})
        self.put("gt.json", {**TRUTH, "annotations": []})
        self.assertEqual({self.evaluate()[name] for name in BY_HAND}, {-1})

    def test_detections_of_unknown_categories_are_left_out_with_a_warning(self):
        self.put("more.json", [*RESULTS, detection(1, 99, [1, 1, 5, 5], 0.5)])
        result = self.goshawk("eval-boxes", "--gt", "gt.json", "--dt", "more.json", "--json")
        self.assertEqual(result.returncode, OK, result.stderr)
        self.assertRegex(result.stderr, r"\Awarning: more\.json: .*99")
        self.assertAlmostEqual(json.loads(result.stdout)["AP"], BY_HAND["AP"], places=9)

    def test_wrong_detections_end_it_with_their_place(self):
        first = json.dumps(RESULTS[0])
        for text, says in [
                (first.replace("0.99", "NaN"), "detection 1: its score is not finite"),
                (first.replace("0.99", "1e999"), "detection 1: its score is not finite"),
                (first.replace("0.99", '"high"'), "score"),
                (first.replace("[310, 10, 20, 20]", "[310, 10, 20]"), "bbox"),
                (first.replace("[310, 10, 20, 20]", "[310, 10, 1e999, 20]"), ""),
                (first.replace('"image_id": 2, ', ""), "image_id"),
                ("7", "")]:
            with self.subTest(text=text):
                self.put("bad.json", f"[{first},\n{text}]\n")
                self.fails(BAD_DATA, ["bad.json:2", says], results="bad.json")

    def test_a_detection_of_an_unknown_image_ends_it_with_its_number(self):
        self.put("bad.json", [*RESULTS, detection(99, CAR, [1, 1, 5, 5], 0.5)])
        self.fails(BAD_DATA, ["detection 4 names image 99", "bad.json"], results="bad.json")

    def test_what_is_no_such_json_is_one_error(self):
        whole = json.dumps(RESULTS)
        for text in ("", "[", whole[:-1], whole[:len(whole) // 2], whole + "]", "{}", "[" * 100_000, '[{"a":' * 50_000,
                     "\x89PNG\r\n\x1a\n", "null", "// no\n[]"):
            with self.subTest(text=text[:40]):
                self.put("bad.json", text)
                self.fails(BAD_DATA, "bad.json", results="bad.json")
        for text in (whole[:-1], whole[:len(whole) // 2]):
            self.put("bad.json", text)
            self.fails(BAD_DATA, ["cut off", "bad.json"], results="bad.json")
        truth = json.dumps(TRUTH)
        self.put("bad.json", truth[:-1])
        self.fails(BAD_DATA, ["cut off", "bad.json"], truth="bad.json")
        for text in ("", truth[:-1], truth[:len(truth) // 2], "[]", '{"images":' + "[" * 100_000, "{}"):
            with self.subTest(truth=text[:40]):
                self.put("bad.json", text)
                self.fails(BAD_DATA, "bad.json", truth="bad.json")

    def test_wrong_labels_end_it_with_their_place(self):
        for wrong, says in [({"bbox": [1, 2, 3]}, "bbox"), ({"image_id": "one"}, "image_id")]:
            with self.subTest(wrong=wrong):
                bad = [TRUTH["annotations"][0], {**TRUTH["annotations"][1], **wrong}]
                text = json.dumps({**TRUTH, "annotations": bad}).replace('{"id": 2, "image_id"', '\n{"id": 2, "image_id"', 1)
                place = text[:text.index('\n{"id": 2') + 1].count("\n") + 1
                self.put("bad.json", text)
                self.fails(BAD_DATA, [f"bad.json:{place}", says], truth="bad.json")

    def test_usage(self):
        self.fails(NO_INPUT, "nowhere.json", truth="nowhere.json")
        self.fails(NO_INPUT, "nowhere.json", results="nowhere.json")
        self.fails(USAGE, "--type must be bbox or segm", flags=("--type", "boxes"))
        for limits in ("0", "10,1", "1,,10", "many", "1,2,3,4,5,6,7,8,9"):
            self.fails(USAGE, "--max-dets", flags=("--max-dets", limits))
        self.assert_fails(USAGE, "eval-boxes", "--gt", "gt.json", says="--dt")


if __name__ == "__main__":
    unittest.main(verbosity=2)
