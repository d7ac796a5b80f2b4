"""goshawk track from a file to its outputs."""
import csv
import json
import signal
import subprocess
import time
import unittest
from pathlib import Path

import harness
from harness import EndToEnd, ffmpeg, probe, square_clip


class Track(EndToEnd):
    def track(self, source, *flags, **options):
        return self.goshawk("track", source, "--model", self.model, "--device", "cpu", *flags, **options)

    def outputs(self, run="clip"):
        folder = self.folder / "runs" / "track" / run
        lines = [json.loads(line) for line in (folder / "tracks.jsonl").read_text().splitlines()]
        return folder, lines, json.loads((folder / "stats.json").read_text())

    def test_follows_one_square_through_the_whole_clip(self):
        clip = square_clip(self.folder / "clip.mp4")
        self.track(clip)
        folder, lines, stats = self.outputs()
        self.assertEqual(len(lines), 100)
        ids = {track["id"] for line in lines for track in line["tracks"]}
        self.assertEqual(len(ids), 1, "one object is one track")
        seen = [line for line in lines if line["tracks"]]
        self.assertGreater(len(seen), 90)
        for line in seen:
            x1, y1, x2, y2 = line["tracks"][0]["box"]
            self.assertAlmostEqual((x1 + x2) / 2, 22 + line["frame"], delta=10)
            self.assertAlmostEqual((y1 + y2) / 2, 48, delta=10)
        self.assertEqual(stats["frames"], 100)
        self.assertEqual(stats["unique_tracks"], 1)
        self.assertEqual(stats["classes"]["square"]["tracks"], 1)
        for stage in ("decode", "prepare", "inference", "postprocess", "track", "draw", "encode"):
            self.assertGreater(stats["stages"][stage]["count"], 0, stage)

    def test_video_has_every_frame_and_time_and_plays_in_browsers(self):
        clip = square_clip(self.folder / "clip.mp4", extra=("-bf", "3"))
        self.track(clip)
        folder, _, _ = self.outputs()
        before, after = probe(clip), probe(folder / "clip.mp4")
        video = after["streams"][0]
        self.assertEqual((video["codec_name"], video["pix_fmt"]), ("h264", "yuv420p"))
        times = [[float(frame["best_effort_timestamp_time"]) for frame in media["frames"]] for media in (before, after)]
        self.assertEqual(len(times[0]), len(times[1]))
        for expected, given in zip(*times):
            self.assertAlmostEqual(expected, given, delta=0.001)
        head = (folder / "clip.mp4").read_bytes()
        self.assertLess(head.find(b"moov"), head.find(b"mdat"), "faststart: the index comes first")

    def test_variable_frame_rate_is_kept(self):
        square_clip(self.folder / "steady.mp4")
        clip = self.folder / "clip.mkv"
        ffmpeg("-i", self.folder / "steady.mp4", "-vf", "select='not(eq(mod(n,5),3))'", "-fps_mode", "vfr", clip)
        self.track(clip)
        folder, lines, _ = self.outputs()
        expected = [float(frame["best_effort_timestamp_time"]) for frame in probe(clip)["frames"]]
        given = [float(frame["best_effort_timestamp_time"]) for frame in probe(folder / "clip.mp4")["frames"]]
        self.assertEqual(len(expected), 80)
        for a, b, line in zip(expected, given, lines):
            self.assertAlmostEqual(a, b, delta=0.002)
            self.assertAlmostEqual(a, line["time"], delta=0.002)

    def test_text_files_agree(self):
        self.track(square_clip(self.folder / "clip.mp4"), "--no-video")
        folder, lines, _ = self.outputs()
        tracks = [(line["frame"], track["id"], track["box"]) for line in lines for track in line["tracks"]]
        with open(folder / "tracks.csv", newline="") as file:
            rows = list(csv.DictReader(file))
        mot = [line.split(",") for line in (folder / "mot.txt").read_text().splitlines()]
        self.assertEqual(len(tracks), len(rows))
        self.assertEqual(len(tracks), len(mot))
        for (frame, identity, box), row, cells in zip(tracks, rows, mot):
            self.assertEqual((int(row["frame_index"]), int(row["tracker_id"])), (frame, identity))
            self.assertEqual((int(cells[0]), int(cells[1])), (frame + 1, identity))
            self.assertAlmostEqual(float(cells[2]) - 1 + float(cells[4]), box[2], delta=0.02)
        self.assertFalse(list(folder.glob("*.mp4")))
        (folder / "seqinfo.ini").write_text("[Sequence]\nname=clip\nseqLength=100\nimWidth=160\nimHeight=96\n")
        self.goshawk("data", "convert", folder / "mot.txt", "--from", "mot", "--to", "coco", "--out", "coco")
        boxes = [one["bbox"] for path in (self.folder / "coco").rglob("*.json") for one in json.loads(path.read_text())["annotations"]]
        self.assertEqual(len(boxes), len(tracks))
        for (_, _, box), (x, y, width, height) in zip(tracks, boxes):
            for given, expected in zip((x, y, x + width, y + height), box):
                self.assertAlmostEqual(given, expected, delta=0.02)

    def test_skipped_frames_are_predicted(self):
        self.track(square_clip(self.folder / "clip.mp4"), "--every", "4")
        _, lines, stats = self.outputs()
        self.assertEqual(stats["frames"], 100)
        self.assertEqual(stats["detected_frames"], 25)
        predicted = [line for line in lines[40:] if line["tracks"] and line["tracks"][0]["predicted"]]
        self.assertGreater(len(predicted), 40)
        for line in predicted:
            x1, _, x2, _ = line["tracks"][0]["box"]
            self.assertAlmostEqual((x1 + x2) / 2, 22 + line["frame"], delta=12)

    def test_line_and_zone_count_the_crossing_once(self):
        self.track(square_clip(self.folder / "clip.mp4"), "--line", "gate:80,0,80,95", "--zone", "room:90,0,159,0,159,95,90,95")
        folder, _, stats = self.outputs()
        gate, room = stats["zones"]
        self.assertEqual(gate["total"]["in"] + gate["total"]["out"], 1)
        self.assertEqual(room["total"]["in"], 1)
        events = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
        crossing = next(event for event in events if event["zone"] == "gate")
        self.assertAlmostEqual(crossing["time"], (92 - 10) / 25, delta=0.9)

    def test_start_end_and_max_frames(self):
        clip = square_clip(self.folder / "clip.mp4")
        self.track(clip, "--start", "1", "--end", "2", "--name", "part")
        _, lines, _ = self.outputs("part")
        self.assertEqual([line["frame"] for line in lines], list(range(25, 50)))
        self.track(clip, "--max-frames", "7", "--name", "few")
        self.assertEqual(len(self.outputs("few")[1]), 7)

    def test_a_range_without_frames_is_an_error_and_leaves_no_folder(self):
        result = self.track(square_clip(self.folder / "clip.mp4"), "--start", "100", code=64)
        self.assertIn("--start", result.stderr)
        self.assertFalse(list((self.folder / "runs" / "track").iterdir()))

    def images_with_damage(self, seconds, damaged):
        images = self.folder / "frames"
        images.mkdir()
        ffmpeg("-i", square_clip(self.folder / "clip.mp4", seconds=seconds), images / "%03d.png")
        (images / damaged).write_bytes(b"\x89PNG\r\n\x1a\nnot really")
        return images

    def test_a_folder_of_images_is_tracked_past_a_damaged_one(self):
        result = self.track(self.images_with_damage(2, "020.png"), code=65)
        self.assertIn("020.png", result.stderr)
        folder, lines, stats = self.outputs("frames")
        self.assertEqual(len(lines), 49)
        self.assertEqual(stats["unique_tracks"], 1)
        self.assertEqual(len(stats["unreadable"]), 1)
        self.assertEqual([line["image"] for line in lines], [f"{line['frame'] + 1:03}.png" for line in lines])
        self.assertEqual(len(probe(folder / "frames.mp4")["frames"]), 49)

    def test_damaged_images_before_the_first_good_one(self):
        result = self.track(self.images_with_damage(1, "001.png"), code=65)
        self.assertIn("(160x96)", result.stdout)
        _, lines, stats = self.outputs("frames")
        self.assertEqual([line["frame"] for line in lines], list(range(1, 25)))
        self.assertEqual((stats["source"]["width"], stats["source"]["height"]), (160, 96))

    def test_images_of_which_none_can_be_read_are_bad_data(self):
        images = self.folder / "frames"
        images.mkdir()
        for name in ("1.png", "2.png", "3.png"):
            (images / name).write_bytes(b"\x89PNG\r\n\x1a\nnot really")
        result = self.track(images, code=65)
        self.assertIn("none of the 3 images can be read", result.stderr)
        self.assertIn("1.png", result.stderr)
        self.assertFalse(list((self.folder / "runs" / "track").iterdir()))

    def test_signals_of_a_track_are_written(self):
        self.track(square_clip(self.folder / "clip.mp4"), "--signal", "track:1")
        folder, _, _ = self.outputs()
        with open(folder / "track-1.csv", newline="") as file:
            rows = list(csv.DictReader(file))
        middle = [float(row["speed"]) for row in rows[30:70]]
        self.assertAlmostEqual(sum(middle) / len(middle), 25, delta=8)
        self.assertIn("actions", json.loads((folder / "track-1.funscript").read_text()))

    def test_a_signal_of_what_was_never_seen_is_told(self):
        result = self.track(square_clip(self.folder / "clip.mp4", seconds=1), "--signal", "track:1", "--signal", "track:99")
        self.assertIn("track:99", result.stderr)
        self.assertNotIn("track:1 ", result.stderr)
        _, _, stats = self.outputs()
        self.assertEqual(stats["signals"], ["track-1.csv", "track-1.funscript"])
        self.assertEqual(stats["signals_unseen"], ["track:99"])

    def test_every_file_of_a_run_is_told_and_documented(self):
        result = self.track(square_clip(self.folder / "clip.mp4", seconds=1), "--line", "gate:20,0,20,95",
                            "--zone", "room:0,0,159,0,159,95,0,95", "--signal", "track:1", "--signal", "zone:room")
        folder, _, _ = self.outputs()
        self.assertIn("events.jsonl", result.stdout)
        page = (Path(__file__).resolve().parents[2] / "docs" / "tracking.md").read_text()
        for file in folder.iterdir():
            name = file.name.replace("clip.", "NAME.").replace("track-1", "track-ID").replace("zone-room", "zone-NAME")
            self.assertIn(f"`{name}`", page)

    def test_lost_tracks_are_kept_as_long_whatever_the_source_and_every(self):
        clip = self.folder / "clip.mp4"  # away for 45 frames, longer than the 30 of track_buffer
        ffmpeg("-f", "lavfi", "-i", "color=c=0x202020:s=160x96:r=30:d=4", "-vf",
               "drawbox=x=64:y=32:w=8:h=8:color=white:t=fill:enable='not(between(n,30,74))'", "-pix_fmt", "yuv420p", clip)
        images = self.folder / "frames"
        images.mkdir()
        ffmpeg("-i", clip, images / "%03d.png")
        for every in ("1", "5"):
            for source in (clip, images):
                result = self.track(source, "--every", every, "--no-video", "--json")
                self.assertEqual(json.loads(result.stdout)["unique_tracks"], 2, f"{source} --every {every}")

    def test_sort_takes_the_models_own_confidence(self):
        clip = square_clip(self.folder / "clip.mp4", seconds=2)
        ffmpeg("-i", clip, "-vf", "drawbox=x=120:y=64:w=24:h=24:color=0xB5B5B5:t=fill", self.folder / "weak.mp4")

        def stats(*flags):
            return json.loads(self.track(self.folder / "weak.mp4", "--no-video", "--json", *flags).stdout)

        own, given, weak = (stats("--tracker", "sort", *flags) for flags in ((), ("--conf", "0.3"), ("--conf", "0.1")))
        self.assertEqual((own["detections"], own["classes"]), (given["detections"], given["classes"]))
        self.assertEqual(own["unique_tracks"], 1)
        self.assertGreater(weak["unique_tracks"], 1, "the gray square is seen at 0.1")
        self.assertIsNone(own["config"]["detect"]["conf"])
        self.assertEqual(stats()["config"]["detect"]["conf"], 0.1)
        (self.folder / "low.yaml").write_text("tracker: sort\ndetection_threshold: 0.15\n")
        self.assertEqual(stats("--tracker", "low.yaml")["detections"], weak["detections"])

    def test_a_trackers_file_is_heard(self):
        (self.folder / "strict.yaml").write_text("tracker: bytetrack\nnew_track_threshold: 1.0\n")
        self.track(square_clip(self.folder / "clip.mp4"), "--tracker", "strict.yaml")
        self.assertEqual(self.outputs()[2]["unique_tracks"], 0)

    def test_a_trackers_name_as_ultralytics_writes_it(self):
        clip = square_clip(self.folder / "clip.mp4", seconds=1)
        result = self.track(clip, "--tracker", "botsort.yaml")
        self.assertIn("no file botsort.yaml", result.stderr)
        self.assertEqual(self.outputs()[2]["tracker"], "botsort")
        self.track(clip, "--tracker", "mine.yaml", code=66)

    def test_runs_count_up_and_never_overwrite(self):
        clip = square_clip(self.folder / "clip.mp4", seconds=1)
        for _ in range(3):
            self.track(clip)
        runs = sorted(path.name for path in (self.folder / "runs" / "track").iterdir())
        self.assertEqual(runs, ["clip", "clip2", "clip3"])

    def test_json_on_stdout_is_the_whole_of_it(self):
        result = self.track(square_clip(self.folder / "clip.mp4", seconds=1), "--json")
        self.assertEqual(json.loads(result.stdout)["frames"], 25)

    def test_interrupt_finishes_the_files(self):
        clip = square_clip(self.folder / "clip.mp4", seconds=4)
        long_clip = self.folder / "long.mp4"
        ffmpeg("-stream_loop", "200", "-i", clip, "-c", "copy", long_clip)
        process = subprocess.Popen([harness.GOSHAWK, "track", long_clip, "--model", self.model, "--device", "cpu"],
                                   cwd=self.folder, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        folder = self.folder / "runs" / "track" / "long"
        deadline = time.monotonic() + 30
        while not list(folder.glob(".*part*.jsonl")) and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(1)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
        self.assertEqual(process.returncode, 130)
        _, lines, stats = self.outputs("long")
        self.assertTrue(stats["interrupted"])
        self.assertGreater(len(lines), 0)
        self.assertEqual(len(probe(folder / "long.mp4")["frames"]), len(lines))
        self.assertFalse(list(folder.glob(".*")), "no temporary files are left")


if __name__ == "__main__":
    unittest.main(verbosity=2)
