"""goshawk frames: the frame asked for is the frame written, with ffmpeg and ffprobe as judges; resuming, and what goes wrong."""
import hashlib
import http.server
import json
import os
import resource
import signal
import subprocess
import threading
import time
import unittest

import harness
from harness import EndToEnd, ffmpeg, probe

# A picture that differs from frame to frame, with its number in it as a colour.
MOVING = "testsrc2=s=176x144:r=25:d={seconds}"


def pixels_of(*source):
    """A checksum of the pixels of each picture, as ffmpeg decodes and converts them."""
    raw = subprocess.run(["ffmpeg", "-v", "error", *source, "-map", "0:v:0", "-vsync", "passthrough", "-f", "framemd5", "-pix_fmt",
                          "bgr24", "-"], check=True, capture_output=True, text=True, timeout=60).stdout
    return [line.split(",")[-1].strip() for line in raw.splitlines() if not line.startswith("#")]


def times_of(video):
    """Presentation times in seconds from the start of the video stream; a frame without one follows its predecessor."""
    told = probe(video)
    start = float(next(stream for stream in told["streams"] if stream["codec_type"] == "video").get("start_time", 0))
    times = []
    for frame in told["frames"]:
        if frame["media_type"] == "video":
            known = frame.get("best_effort_timestamp_time")
            times.append(float(known) - start if known else times[-1] + 0.04)
    return times


class Frames(EndToEnd):
    def clip(self, name, *encoding, seconds=4, graph=MOVING):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        ffmpeg("-f", "lavfi", "-i", graph.format(seconds=seconds), "-pix_fmt", "yuv420p", *encoding, path)
        return path

    def frames(self, *arguments, code=0, out="out", **options):
        return self.goshawk("frames", *arguments, "--out", out, code=code, **options)

    def listed(self, out="out"):
        return json.loads((self.folder / out / "frames.json").read_text())

    def files(self, out="out"):
        return sorted(path.name for path in (self.folder / out).iterdir() if path.name != "frames.json")

    def written_pixels(self, out="out"):
        """Of the PNG files, in the order of their names."""
        return pixels_of("-pattern_type", "glob", "-i", f"{self.folder / out}/*.png")

    def check_list(self, out="out"):
        """frames.json and the files agree."""
        listed = self.listed(out)["frames"]
        self.assertEqual(sorted(frame["file"] for frame in listed), self.files(out))
        for frame in listed:
            self.assertEqual(hashlib.sha256((self.folder / out / frame["file"]).read_bytes()).hexdigest(), frame["sha256"])
        return listed


class Exact(Frames):
    """Each written PNG has the pixels of the frame that ffmpeg decodes at that place."""

    CLIPS = {
        "b-frames.mp4": ("-c:v", "libx264", "-bf", "3", "-b_strategy", "0", "-g", "12"),
        "open-gop.mp4": ("-c:v", "libx264", "-bf", "3", "-g", "12", "-x264-params", "open-gop=1:b-adapt=0:scenecut=0"),
        "open-gop.mkv": ("-c:v", "libx264", "-bf", "3", "-g", "12", "-x264-params", "open-gop=1:b-adapt=0:scenecut=0"),
        "open-gop-hevc.mp4": ("-c:v", "libx265", "-x265-params", "open-gop=1:keyint=12:bframes=4:log-level=error"),
        "variable.mkv": ("-c:v", "libx264", "-bf", "2", "-vf", "select='not(mod(n,7)*mod(n,3))',setpts=PTS-STARTPTS", "-vsync", "vfr"),
        "variable.mp4": ("-c:v", "libx264", "-bf", "2", "-vf", "select='not(mod(n,7)*mod(n,3))'", "-vsync", "vfr"),
        "transport.ts": ("-c:v", "libx264", "-bf", "2", "-g", "25"),
        "mpeg2.mpg": ("-c:v", "mpeg2video", "-bf", "2", "-g", "12"),
        "vp9.webm": ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-g", "25"),
    }

    def agree(self, video, expected, *choice):
        """`expected`: indexes of the frames that must be written."""
        out = f"{video.name}{''.join(map(str, choice))}".replace("/", "_").replace(":", "_")
        self.frames(video, "--format", "png", *choice, out=out)
        listed = self.check_list(out)
        pixels, times = pixels_of("-i", video), times_of(video)
        self.assertEqual([frame["index"] for frame in listed], expected, (video.name, choice))
        self.assertEqual(self.written_pixels(out), [pixels[i] for i in expected], (video.name, choice))
        for frame in listed:
            self.assertAlmostEqual(frame["time"], times[frame["index"]], delta=2e-6, msg=(video.name, choice, frame))

    def check(self, video):
        times = times_of(video)
        count = len(times)
        self.assertGreater(count, 20, video)
        self.agree(video, list(range(0, count, 7)), "--every", 7)
        periods = [int(t / 0.5 + 1e-7) for t in times]
        self.agree(video, [i for i in range(count) if i == 0 or periods[i] > periods[i - 1]], "--interval", 0.5)
        # So far apart that what lies between is not decoded.
        self.agree(video, list(range(0, count, 45)), "--every", 45)
        periods = [int(t / 1.3 + 1e-7) for t in times]
        self.agree(video, [i for i in range(count) if i == 0 or periods[i] > periods[i - 1]], "--interval", 1.3)
        self.agree(video, [i for i in range(count) if times[i] >= 2.6 - 1e-7][::15], "--every", 15, "--start", 2.6)
        late = [i for i in range(count) if 1.7 - 1e-7 <= times[i] < 2.9 - 1e-7]
        self.agree(video, late[::3], "--every", 3, "--start", 1.7, "--end", 2.9)
        periods = {i: int((times[i] - 1.7) / 0.3 + 1e-7) for i in late}
        self.agree(video, [i for i in late if i == late[0] or periods[i] > periods[i - 1]], "--interval", 0.3, "--start", 1.7,
                   "--duration", 1.2)

    def test_whatever_the_order_of_coding(self):
        for name, encoding in self.CLIPS.items():
            with self.subTest(clip=name):
                self.check(self.clip(name, *encoding))

    def test_a_cut_that_an_edit_list_hides(self):
        whole = self.clip("whole.mp4", "-c:v", "libx264", "-bf", "2", "-g", "50", seconds=6)
        cut = self.folder / "cut.mp4"
        ffmpeg("-ss", "1.3", "-i", whole, "-c", "copy", cut)  # from the key frame before; an edit list begins at 1.3 s
        self.check(cut)

    def test_times_that_begin_late(self):
        late = self.clip("late.ts", "-c:v", "libx264", "-bf", "2", "-output_ts_offset", "3600")
        self.check(late)
        self.check(self.clip("old.avi", "-c:v", "mpeg4", "-g", "12"))  # times of decoding alone

    def test_a_turned_video_is_written_upright(self):
        flat = self.clip("flat.mp4", "-c:v", "libx264", "-bf", "2")
        turned = self.folder / "turned.mp4"
        ffmpeg("-i", flat, "-c", "copy", "-metadata:s:v:0", "rotate=90", turned)
        self.check(turned)

    def test_random_frames_are_the_frames_they_are_named_after(self):
        self.check_random(self.clip("chance.mkv", "-c:v", "libx264", "-bf", "3", "-g", "12"))

    def test_random_frames_of_a_codec_that_hides_pictures(self):
        self.check_random(self.clip("chance.webm", "-c:v", "libvpx", "-auto-alt-ref", "1", "-lag-in-frames", "16"))

    def check_random(self, video):
        self.frames(video, "--format", "png", "--random", 9, "--seed", 5)
        listed = self.check_list()
        self.assertEqual(len(listed), 9)
        pixels = pixels_of("-i", video)
        self.assertEqual(len(pixels), 100)
        self.assertEqual(self.written_pixels(), [pixels[frame["index"]] for frame in listed])
        self.frames(video, "--format", "png", "--random", 9, "--seed", 5, out="again")
        self.assertEqual(self.listed("again")["frames"], listed)
        self.frames(video, "--random", 9, "--seed", 6, out="other")
        self.assertNotEqual([f["index"] for f in self.listed("other")["frames"]], [f["index"] for f in listed])
        self.frames(video, "--random", 1000, out="all")
        self.assertEqual(len(self.listed("all")["frames"]), 100)

    def test_scenes_begin_where_the_clip_was_joined(self):
        graph = ";".join(f"testsrc2=s=176x144:r=25:d=1,hue=h={90 * i}[t{i}];{source}=s=176x144:r=25:d=1[s{i}]"
                         for i, source in enumerate(("smptebars", "rgbtestsrc", "yuvtestsrc")))
        graph += ";" + "".join(f"[t{i}][s{i}]" for i in range(3)) + "concat=n=6"
        video = self.clip("scenes.mp4", "-c:v", "libx264", graph=graph)
        self.frames(video, "--scenes")
        self.assertEqual([frame["index"] for frame in self.listed()["frames"]], [0, 25, 50, 75, 100, 125])


class Choice(Frames):
    def test_a_frame_a_second_without_more_words(self):
        result = self.frames(self.clip("a.mp4"), "--json")
        self.assertEqual(self.files(), ["a_000000.jpg", "a_000025.jpg", "a_000050.jpg", "a_000075.jpg"])
        row = json.loads(result.stdout)["sources"][0]
        self.assertEqual((row["name"], row["state"], row["written"], row["read"]), ("a", "complete", 4, 100))
        self.check_list()

    def test_still_pictures_are_passed_over(self):
        still = self.clip("still.mp4", graph="color=c=gray:s=96x64:r=25:d={seconds}")
        self.frames(still, "--every", 5, "--min-change", 1)
        self.assertEqual(self.files(), ["still_000000.jpg"])
        self.assertEqual(self.listed()["sources"][0]["similar"], 19)

    def test_most_frames(self):
        self.frames(self.clip("a.mp4"), "--every", 2, "--max-frames", 3)
        self.assertEqual(self.files(), ["a_000000.jpg", "a_000002.jpg", "a_000004.jpg"])

    def test_a_folder_of_videos_and_two_of_one_name(self):
        self.clip("one/clip.mp4", seconds=1)
        self.clip("two/clip.mp4", seconds=2)
        self.clip("two/other.mkv", seconds=1)
        (self.folder / "two" / "notes.txt").write_text("no video")
        self.frames("one/clip.mp4", "two", "--every", 25)
        self.assertEqual(self.files(), ["clip-2_000000.jpg", "clip-2_000025.jpg", "clip_000000.jpg", "other_000000.jpg"])
        self.check_list()

    def test_a_video_that_is_given_twice_is_taken_once(self):
        self.clip("clips/a.mp4", seconds=1)
        (self.folder / "link.mp4").symlink_to("clips/a.mp4")
        result = self.frames("clips", "clips/a.mp4", "link.mp4", "--every", 5, "--json")
        self.assertIn("link.mp4 is given more than once", result.stderr)
        self.assertEqual([row["written"] for row in json.loads(result.stdout)["sources"]], [5])
        self.assertEqual(len(self.check_list()), 5)

    def test_the_quality_of_jpeg(self):
        video = self.clip("a.mp4", seconds=1)
        self.frames(video, "--every", 25, "--quality", 95, out="fine")
        self.frames(video, "--every", 25, "--quality", 20, out="rough")
        size = lambda out: (self.folder / out / "a_000000.jpg").stat().st_size
        self.assertGreater(size("fine"), 2 * size("rough"))


class Live(Frames):
    """A stream over loopback in real time: the picture is told by its colour, which ffmpeg draws a new one of each second."""

    def stream(self, seconds=60):
        """The URL of an endless transport stream; whoever connects gets it from the moment of connecting on."""
        graph = (f"color=c=red:s=96x64:r=25:d={seconds},geq=lum='60+20*mod(floor(T)\\,6)':cb=128:cr=128,format=yuv420p")

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.send_header("Content-Type", "video/mp2t")
                self.end_headers()
                source = subprocess.Popen(["ffmpeg", "-v", "error", "-re", "-f", "lavfi", "-i", graph, "-c:v", "libx264", "-preset",
                                           "ultrafast", "-tune", "zerolatency", "-g", "25", "-f", "mpegts", "-flush_packets", "1", "-"],
                                          stdout=subprocess.PIPE)
                try:
                    while block := source.stdout.read1(1 << 16):
                        self.wfile.write(block)
                except OSError:
                    pass  # the reader has enough
                finally:
                    source.kill()
                    source.communicate()

            def log_message(self, *arguments):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        return f"http://127.0.0.1:{server.server_address[1]}/cam.ts"

    def test_a_bounded_time_of_it(self):
        begun = time.monotonic()
        self.frames(self.stream(), "--interval", 0.5, "--duration", 3, "--format", "png")
        self.assertGreater(time.monotonic() - begun, 2.5, "it comes in real time")
        self.assertLess(time.monotonic() - begun, 30)
        listed = self.check_list()
        self.assertEqual(len(listed), 6)
        for k, frame in enumerate(listed):
            self.assertEqual(frame["time"], frame["index"] / 25, frame)
            self.assertAlmostEqual(frame["time"], k / 2, delta=0.021)
        raw = subprocess.run(["ffmpeg", "-v", "error", "-pattern_type", "glob", "-i", f"{self.folder}/out/*.png", "-vf",
                              "scale=1:1,format=gray", "-f", "rawvideo", "-"], check=True, capture_output=True, timeout=60).stdout
        levels = [round((level - raw[0]) / (20 * 255 / 219)) for level in raw]
        self.assertEqual(levels, [int(frame["time"] + 1e-6) for frame in listed], "the pictures are of the times they state")
        source = self.listed()["sources"][0]
        self.assertEqual((source["state"], source["bytes"]), ("complete", 0))

    def test_a_number_of_frames_of_it_under_a_new_name_each_time(self):
        url = self.stream()
        for _ in range(2):
            self.frames(url, "--every", 5, "--max-frames", 3)
        listed = self.check_list()
        self.assertEqual([frame["index"] for frame in listed], [0, 5, 10] * 2)
        self.assertEqual(len({frame["source"] for frame in listed}), 2)

    def test_ctrl_c_ends_it_and_keeps_what_has_come(self):
        process = subprocess.Popen([harness.GOSHAWK, "frames", self.stream(), "--every", "5", "--duration", "50", "--out", "out"],
                                   cwd=self.folder, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(process.kill)
        deadline = time.monotonic() + 30
        while len(list((self.folder / "out").glob("[!.]*.jpg"))) < 3:
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        stderr = process.communicate(timeout=10)[1]
        self.assertEqual(process.returncode, 0, stderr)
        self.assertGreaterEqual(len(self.check_list()), 3)

    def test_bounds_and_choices_that_make_no_sense_for_it(self):
        url = self.stream()
        self.assertIn("--duration", self.frames(url, code=64).stderr)
        self.assertIn("live", self.frames(url, "--random", 3, "--duration", 1, code=64).stderr)


class Resume(Frames):
    def test_what_is_finished_is_left_alone(self):
        self.clip("one.mp4")
        self.frames("one.mp4", "--every", 10)
        before = {name: os.stat(self.folder / "out" / name).st_mtime_ns for name in self.files()}
        self.clip("two.mp4")
        result = json.loads(self.frames("one.mp4", "two.mp4", "--every", 10, "--json").stdout)
        self.assertEqual([(row["written"], row["earlier"], row["read"]) for row in result["sources"]], [(0, 10, 0), (10, 0, 100)])
        self.assertEqual({name: os.stat(self.folder / "out" / name).st_mtime_ns for name in before}, before)
        self.assertEqual(len(self.check_list()), 20)

    def test_a_source_that_changed_is_taken_anew(self):
        video = self.clip("a.mp4")
        self.frames(video, "--every", 10)
        self.clip("a.mp4", seconds=2)
        self.frames(video, "--every", 10)
        self.assertEqual(len(self.check_list()), 5)

    def test_a_refused_command_changes_nothing(self):
        self.clip("a.mp4")
        self.clip("b.mp4", seconds=1)
        self.frames("a.mp4", "--every", 10)
        self.frames("b.mp4", "--every", 5)
        before = self.check_list()
        self.clip("a.mp4", seconds=2)
        self.assertIn("b.mp4", self.frames("a.mp4", "b.mp4", "--every", 10, code=64).stderr)
        self.assertEqual(self.check_list(), before)

    def test_images_stay_while_their_source_cannot_be_read(self):
        video = self.clip("a.mp4")
        self.clip("b.mp4", seconds=1)
        self.frames(video, "--every", 10)
        before = self.check_list()
        video.write_text("no video\n" * 500)
        result = self.frames("a.mp4", "b.mp4", "--every", 10, "--json", code=65)
        self.assertEqual([(row["state"], row["written"], row["earlier"]) for row in json.loads(result.stdout)["sources"]],
                         [("failed", 0, 10), ("complete", 3, 0)])
        self.assertEqual([frame for frame in self.check_list() if frame["source"] == "a"], before)
        self.clip("a.mp4", seconds=2)
        self.assertIn("a.mp4 has changed: its 10 images are taken anew", self.frames("a.mp4", "--every", 10).stderr)
        self.assertEqual(len(self.check_list()), 5 + 3)

    def test_a_choice_that_gave_nothing_is_said_and_may_be_another(self):
        video = self.clip("a.mp4")
        for _ in range(2):
            self.assertIn("a gave no image", self.frames(video, "--start", 100).stderr)
        self.assertEqual(self.files(), [])
        self.assertNotIn("gave no image", self.frames(video).stderr)
        self.assertEqual(len(self.check_list()), 4)

    def test_another_choice_is_refused_and_restart_takes_it(self):
        video = self.clip("a.mp4")
        self.frames(video, "--every", 10)
        self.assertIn("every 10 frames", self.frames(video, "--every", 20, code=64).stderr)
        self.assertEqual(len(self.check_list()), 10)
        self.frames(video, "--every", 20, "--restart")
        self.assertEqual(len(self.check_list()), 5)

    def long_clip(self):
        short = self.clip("short.mp4", "-c:v", "libx264", "-bf", "2", "-g", "25")
        path = self.folder / "long.mp4"
        ffmpeg("-stream_loop", "30", "-i", short, "-c", "copy", path)
        return path

    def start(self, *arguments):
        return super().start("frames", *arguments, "--out", "out")

    def wait_for_images(self, process, count):
        self.wait_for(lambda: len(list((self.folder / "out").glob("[!.]*.png"))) >= count, process, seconds=30)

    def compare_with_one_run(self, video, *choice):
        self.goshawk("frames", video, *choice, "--out", "once", timeout=120)
        self.goshawk("frames", video, *choice, "--out", "out", timeout=120)
        self.assertEqual(self.listed()["frames"], self.listed("once")["frames"])
        self.assertEqual(self.listed()["sources"], self.listed("once")["sources"])
        self.assertEqual(list((self.folder / "out").glob(".*")), [], "a killed run's remains are gone")
        self.check_list()

    def test_a_kill_at_any_moment(self):
        video = self.long_clip()
        for choice, waits in ((("--every", 9, "--format", "png"), (1, 60, 200)),
                              (("--every", 9, "--format", "png", "--min-change", 2), (80, 160))):
            for images in waits:
                process = self.start(video, *choice)
                self.wait_for_images(process, images)
                process.kill()
                process.communicate(timeout=10)
                listed = self.listed()
                for path in (self.folder / "out").glob("[!.]*.png"):
                    self.assertEqual(path.read_bytes()[-8:-4], b"IEND", "a file is whole or not there")
                there = set(self.files())
                for frame in listed["frames"]:
                    self.assertIn(frame["file"], there)
            self.compare_with_one_run(video, *choice)
            subprocess.run(["rm", "-r", self.folder / "out", self.folder / "once"], check=True)

    def test_ctrl_c_ends_well_and_the_next_run_goes_on(self):
        video = self.long_clip()
        for choice in (("--every", 5, "--format", "png"),
                       ("--scenes", "--scene-threshold", 1, "--format", "png"),
                       ("--scenes", "--scene-threshold", 1, "--min-change", 2, "--format", "png")):
            with self.subTest(choice=choice):
                process = self.start(video, *choice)
                self.wait_for_images(process, 30)
                process.send_signal(signal.SIGINT)
                stdout, stderr = process.communicate(timeout=30)
                self.assertEqual(process.returncode, 130, stderr)
                self.assertIn("stopped", stdout)
                self.assertEqual(self.listed()["sources"][0]["state"], "partial")
                self.assertGreaterEqual(len(self.check_list()), 30)
                self.compare_with_one_run(video, *choice)
                subprocess.run(["rm", "-r", self.folder / "out", self.folder / "once"], check=True)

    def test_far_apart_frames_after_a_kill(self):
        """The rest is reached without decoding what lies before; the list becomes that of one run."""
        video = self.long_clip()
        for choice in (("--every", 120, "--format", "png"), ("--random", 40, "--seed", 3, "--format", "png"),
                       ("--interval", 3, "--min-change", 2, "--format", "png"),
                       ("--scenes", "--scene-threshold", 2, "--min-change", 2, "--format", "png")):
            with self.subTest(choice=choice):
                process = self.start(video, *choice)
                self.wait_for_images(process, 6)
                process.kill()
                process.communicate(timeout=10)
                self.compare_with_one_run(video, *choice)
                subprocess.run(["rm", "-r", self.folder / "out", self.folder / "once"], check=True)

    def test_one_process_at_a_time(self):
        video = self.long_clip()
        process = self.start(video, "--every", 2, "--format", "png")
        self.wait_for_images(process, 1)
        self.assertIn("another", self.frames(video, "--every", 2, "--format", "png", code=69).stderr)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)


class Faults(Frames):
    def refused(self, *arguments, code, says=()):
        result = self.frames(*arguments, code=code)
        errors = [line for line in result.stderr.splitlines() if "goshawk: error:" in line]
        self.assertEqual(len(errors), 1, result.stderr)
        for text in (says,) if isinstance(says, str) else says:
            self.assertIn(text, result.stderr)
        return result

    def test_usage(self):
        self.clip("a.mp4", seconds=1)
        self.goshawk("frames", "a.mp4", code=64)
        for flags, says in ((("--every", 2, "--interval", 1), "exclude"), (("--random", 0), "--random"), (("--seed", 1), "--random"),
                            (("--interval", 0), "--interval"), (("--interval", "x"), "--interval"), (("--scene-threshold", 4), "--scenes"),
                            (("--format", "gif"), "gif"), (("--quality", 101), "--quality"), (("--min-change", -1), "--min-change"),
                            (("--end", 1, "--duration", 1), "exclude"), (("--start", 2, "--end", 1), "end")):
            with self.subTest(flags=flags):
                self.refused("a.mp4", *flags, code=64, says=says)
        self.refused("a.mp4", "--end", 1e15, code=64, says="source.end")
        self.refused("camera:0", code=64, says="--duration")
        self.assertFalse((self.folder / "out").exists(), "nothing is made for a command that makes no sense")
        self.refused("HTTP://127.0.0.1:1/a.mp4", code=69, says="127.0.0.1")  # may be a file that ends, so it is asked for

    def test_settings_are_no_choice(self):
        """They are those of `track` too; the flags alone choose frames."""
        self.clip("a.mp4", seconds=4)
        (self.folder / "goshawk.yaml").write_text("source: {every: 2, end: 3}\n")
        for out, flags, count in (("a", (), 3), ("b", ("--interval", 0.5), 6), ("c", ("--scenes",), 1), ("d", ("--duration", 2), 2),
                                  ("e", ("--every", 5), 15)):
            with self.subTest(flags=flags):
                self.frames("a.mp4", *flags, out=out)
                self.assertEqual(len(self.check_list(out)), count)
        (self.folder / "goshawk.yaml").unlink()
        self.environment["GOSHAWK_SOURCE_EVERY"] = "3"
        self.frames("a.mp4", "--interval", 2)
        self.assertEqual(len(self.check_list()), 2)

    def test_an_empty_file_in_a_folder_fails_and_the_others_are_taken(self):
        self.clip("clips/good.mp4", seconds=1)
        (self.folder / "clips" / "bad.mp4").touch()
        self.refused("clips", "--every", 5, code=65, says="bad.mp4")
        self.assertEqual(len(self.check_list()), 5)
        self.assertEqual({source["name"]: source["state"] for source in self.listed()["sources"]}, {"bad": "failed", "good": "complete"})

    def test_a_missing_source_is_said_before_anything_is_written(self):
        self.clip("a.mp4", seconds=1)
        self.refused("a.mp4", "nowhere.mp4", code=66, says="nowhere.mp4")
        self.assertFalse((self.folder / "out").exists())

    def test_a_folder_without_videos(self):
        (self.folder / "empty").mkdir()
        self.refused("empty", code=66, says="empty")

    def test_an_image_is_no_video(self):
        ffmpeg("-f", "lavfi", "-i", "testsrc2=s=160x96", "-frames:v", "1", self.folder / "a.png")
        self.refused("a.png", code=64, says="image")

    def test_what_is_no_video_fails_and_the_others_are_taken(self):
        self.clip("good.mp4", seconds=1)
        (self.folder / "bad.mp4").write_text("no video\n" * 500)
        result = self.refused("bad.mp4", "good.mp4", "--every", 5, code=65, says="bad.mp4")
        self.assertIn("failed", result.stdout)
        self.assertEqual(len(self.check_list()), 5)
        self.assertEqual({source["name"]: source["state"] for source in self.listed()["sources"]}, {"bad": "failed", "good": "complete"})

    def test_a_video_that_is_cut_short_gives_what_is_there(self):
        whole = self.clip("whole.mp4", "-c:v", "libx264", "-g", "5", "-movflags", "faststart")
        data = whole.read_bytes()
        (self.folder / "cut.mp4").write_bytes(data[:(data.index(b"mdat") + len(data)) // 2])
        result = self.frames("cut.mp4", "--every", 5)
        self.assertIn("cut short", result.stderr)
        self.assertGreater(len(self.check_list()), 3)
        self.assertIn("cut short", self.listed()["sources"][0]["problem"])

    def test_foreign_files_stay(self):
        self.clip("a.mp4", seconds=1)
        out = self.folder / "out"
        out.mkdir()
        (out / "a_000000.jpg").write_text("mine")
        (out / "notes.txt").write_text("mine too")
        self.frames("a.mp4", "--every", 25)
        self.assertEqual((out / "a_000000.jpg").read_text(), "mine")
        self.assertEqual((out / "notes.txt").read_text(), "mine too")
        self.assertEqual([frame["file"] for frame in self.listed()["frames"]], ["a-2_000000.jpg"])
        # A file that somebody changed is theirs, even where the frames are taken anew.
        (out / "a-2_000000.jpg").write_text("changed")
        self.frames("a.mp4", "--every", 25, "--restart")
        self.assertEqual((out / "a-2_000000.jpg").read_text(), "changed")

    def test_a_damaged_list_is_refused_and_kept(self):
        self.clip("a.mp4", seconds=1)
        self.frames("a.mp4", "--every", 25)
        for text in ("{", "[]", '{"version": 1, "hash": "dct64", "sources": [], "frames": [{"file": "../a"}]}'):
            (self.folder / "out" / "frames.json").write_text(text)
            self.refused("a.mp4", "--every", 25, code=65, says="frames.json")
            self.assertEqual((self.folder / "out" / "frames.json").read_text(), text)

    def test_a_file_where_the_folder_should_be(self):
        self.clip("a.mp4", seconds=1)
        (self.folder / "out").write_text("taken")
        self.refused("a.mp4", code=74, says="out")

    @unittest.skipIf(os.geteuid() == 0, "root may write everywhere")
    def test_a_folder_that_may_not_be_written(self):
        self.clip("a.mp4", seconds=1)
        (self.folder / "out").mkdir(mode=0o500)
        self.refused("a.mp4", code=74, says="out")

    def test_a_full_disk(self):
        """A limit on the size of a file stands for it."""
        self.clip("a.mp4", seconds=1)

        def limit():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))

        result = harness.run("frames", "a.mp4", "--out", "out", cwd=self.folder, env=self.environment, preexec_fn=limit,
                             restore_signals=False)
        self.assertEqual(result.returncode, 74, result.stderr)
        self.assertEqual(self.files(), [])
        self.assertEqual(self.listed()["frames"], [])
        self.frames("a.mp4")
        self.assertEqual(len(self.check_list()), 1)


if __name__ == "__main__":
    unittest.main(verbosity=2)
