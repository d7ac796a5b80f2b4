"""goshawk predict from images to its outputs."""
import json
import unittest

from harness import EndToEnd, ffmpeg


class Predict(EndToEnd):
    def picture(self, name, x, y, size="160x96"):
        graph = f"color=c=0x202020:s={size}[ground];color=c=white:s=24x24[square];[ground][square]overlay=x={x}:y={y}"
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        ffmpeg("-f", "lavfi", "-i", graph, "-frames:v", "1", path)
        return path

    def predict(self, source, *flags, **options):
        device = () if "--device" in flags else ("--device", "cpu")
        return self.goshawk("predict", source, "--model", self.model, *device, *flags, **options)

    def predictions(self, run="one"):
        return json.loads((self.folder / "runs" / "predict" / run / "predictions.json").read_text())

    def test_one_image_gives_picture_json_labels_and_crops(self):
        self.predict(self.picture("one.png", 60, 28), "--txt", "--crops")
        folder = self.folder / "runs" / "predict" / "one"
        (entry,) = self.predictions()
        self.assertEqual((entry["image"], entry["width"], entry["height"]), ("one.png", 160, 96))
        (found,) = entry["detections"]
        self.assertEqual(found["class"], "square")
        for given, expected in zip(found["box"], (60, 28, 84, 52)):
            self.assertAlmostEqual(given, expected, delta=9)
        self.assertTrue((folder / "one.png").exists())
        cells = (folder / "labels" / "one.txt").read_text().split()
        self.assertEqual(cells[0], "0")
        self.assertAlmostEqual(float(cells[1]), sum(found["box"][0::2]) / 2 / 160, delta=1e-3)
        self.assertEqual(len(list((folder / "crops" / "square").iterdir())), 1)

    def test_a_batch_changes_nothing(self):
        for i in range(11):
            self.picture(f"many/{i:02}.png", 8 * i, 4 * i, size="160x96" if i % 2 else "200x150")
        for device in ("cpu", "openvino"):  # OpenVINO runs several at once
            flags = ("--device", device, "--precision", "fp32")
            try:
                self.predict(self.folder / "many", "--batch", "1", "--name", f"{device}-one", *flags)
            except AssertionError:
                if device == "cpu":
                    raise
                self.skipTest("OpenVINO is not here")
            self.predict(self.folder / "many", "--batch", "8", "--name", f"{device}-eight", *flags)
            one, eight = self.predictions(f"{device}-one"), self.predictions(f"{device}-eight")
            self.assertEqual(len(one), 11)
            self.assertEqual(one, eight)
            self.assertTrue(any(entry["detections"] for entry in one))

    def test_images_of_one_name_in_several_folders_are_told_apart(self):
        for i, folder in enumerate("abc"):
            self.picture(f"many/{folder}/same.png", 8 + 40 * i, 28)
        self.predict(self.folder / "many" / "*" / "same.png", "--name", "all", "--txt")
        entries = self.predictions("all")
        self.assertEqual([entry["path"] for entry in entries],
                         [str(self.folder / "many" / folder / "same.png") for folder in "abc"])
        self.assertEqual([entry["output"] for entry in entries], ["same.png", "same_2.png", "same_3.png"])
        folder = self.folder / "runs" / "predict" / "all"
        for i, entry in enumerate(entries):
            self.assertTrue((folder / entry["output"]).exists())
            left = float((folder / entry["labels"]).read_text().split()[1]) * 160 - 12
            self.assertAlmostEqual(left, 8 + 40 * i, delta=9)

    def test_a_damaged_image_among_many_is_named_and_the_others_are_done(self):
        self.picture("some/a.png", 64, 32)
        (self.folder / "some" / "b.png").write_bytes(b"\x89PNG\r\n\x1a\nnot really")
        self.picture("some/c.png", 64, 32)
        result = self.predict(self.folder / "some", code=65)
        self.assertIn("b.png", result.stderr)
        self.assertEqual([entry["image"] for entry in self.predictions("some")], ["a.png", "c.png"])

    def test_images_that_are_all_damaged_leave_nothing(self):
        for name in ("bad/a.png", "bad/b.png"):
            path = self.picture(name, 64, 32)
            path.write_bytes(path.read_bytes()[:60])
        result = self.predict(self.folder / "bad", code=65)
        self.assertIn("none of the 2 images can be read", result.stderr)
        self.assertEqual(result.stdout, "")
        self.assertEqual(list((self.folder / "runs" / "predict").iterdir()), [])

    def test_json_tells_of_the_run(self):
        self.picture("some/a.png", 64, 32)
        (self.folder / "some" / "b.png").write_bytes(b"\x89PNG\r\n\x1a\nnot really")
        result = self.predict(self.folder / "some", "--json", "--txt", code=65)
        self.assertTrue(result.stdout.endswith("}\n"))
        told = json.loads(result.stdout)
        self.assertEqual((told["folder"], told["images"], told["interrupted"]), ("runs/predict/some", 1, False))
        self.assertEqual(len(told["unreadable"]), 1)
        self.assertIn("b.png", told["unreadable"][0])
        self.assertEqual(told["predictions"], self.predictions("some"))
        for kind in ("output", "labels"):
            self.assertTrue((self.folder / told["folder"] / told["predictions"][0][kind]).exists())

    def test_png_stays_png_however_it_is_written(self):
        for name in ("c.PNG", "d.png", "e.jpg"):
            self.picture(f"kinds/{name}", 64, 32)
        self.predict(self.folder / "kinds")
        self.assertEqual([entry["output"] for entry in self.predictions("kinds")], ["c.png", "d.png", "e.jpg"])

    def test_a_font_that_is_named_must_be_one(self):
        picture = self.picture("one.png", 64, 32)
        self.environment["GOSHAWK_FONT"] = str(picture)
        self.assertIn("GOSHAWK_FONT", self.predict(picture, code=78).stderr)
        self.assertEqual(list((self.folder / "runs" / "predict").iterdir()), [])
        self.environment["GOSHAWK_FONT"] = ""
        self.predict(picture)

    def test_settings_of_videos_do_not_concern_it(self):
        self.environment["GOSHAWK_SOURCE_START"] = "10"
        self.predict(self.picture("still.png", 60, 28))
        self.assertEqual(len(self.predictions("still")), 1)

    def test_a_video_is_sent_to_track(self):
        ffmpeg("-f", "lavfi", "-i", "testsrc2=s=160x96:d=1", self.folder / "clip.mp4")
        result = self.predict(self.folder / "clip.mp4", code=64)
        self.assertIn("goshawk track", result.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
