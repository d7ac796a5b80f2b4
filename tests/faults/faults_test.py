"""What goes wrong around goshawk ends in one clear error, the right exit code, in bounded time, with no half-written file.

Exit codes: 64 usage, 65 bad data, 66 no input, 69 device or service missing, 74 input or output, 78 config.
"""
import json
import os
import resource
import signal
import socket
import struct
import subprocess
import threading
import time
import unittest
import zlib
from pathlib import Path

import harness
import tiny_detector
from harness import EndToEnd, ffmpeg, probe, square_clip

FINAL_NAMES = ("*.mp4", "*.mkv", "*.avi", "*.jsonl", "*.csv", "mot.txt", "stats.json")


class Faults(EndToEnd):
    def setUp(self):
        super().setUp()
        self.clip = square_clip(self.folder / "clip.mp4", seconds=2)

    def fails(self, *arguments, code, says=(), within=20, **options):
        """Runs goshawk and expects one error with an exit code of `code` that names each of `says`."""
        start = time.monotonic()
        result = harness.run(*arguments, timeout=within + 20, cwd=self.folder, env=self.environment, **options)
        taken = time.monotonic() - start
        report = f"{arguments}\nstdout:\n{result.stdout}\nstderr:\n{result.stderr}"
        self.assertIn(result.returncode, code if isinstance(code, tuple) else (code,), report)
        errors = [line for line in result.stderr.splitlines() if "goshawk: error:" in line]
        self.assertEqual(len(errors), 1, report)
        for text in (says,) if isinstance(says, str) else says:
            self.assertIn(text.lower(), result.stderr.lower(), report)
        for sign in ("terminate called", "Sanitizer", "runtime error:", "core dumped", "std::"):
            self.assertNotIn(sign, result.stderr, report)
        self.assertLess(taken, within, report)
        return result

    def track_fails(self, source, *flags, **options):
        result = self.fails("track", source, "--model", self.model, "--device", "cpu", *flags, **options)
        self.assert_nothing_half_written()
        return result

    def assert_nothing_half_written(self):
        runs = self.folder / "runs"
        left = [path for pattern in (*FINAL_NAMES, ".*") for path in runs.rglob(pattern) if path.is_file()]
        self.assertEqual(left, [])

    def file(self, name, content):
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path


class Videos(Faults):
    def test_missing(self):
        self.track_fails(self.folder / "nowhere.mp4", code=66, says="nowhere.mp4")

    def test_empty(self):
        self.track_fails(self.file("empty.mp4", b""), code=65, says="empty.mp4")

    def test_text_named_as_a_video(self):
        self.track_fails(self.file("text.mp4", "this is no video\n" * 1000), code=65, says="text.mp4")

    def test_noise_named_as_a_video(self):
        noise = bytes((i * i * 31 + i // 7) % 256 for i in range(100_000))
        self.track_fails(self.file("noise.mkv", noise), code=65, says="noise.mkv")

    def test_without_its_index(self):
        self.track_fails(self.file("cut.mp4", self.clip.read_bytes()[:-2000]), code=65, says="cut.mp4")

    def test_without_a_picture_stream(self):
        sound = self.folder / "sound.mp4"
        ffmpeg("-f", "lavfi", "-i", "sine=d=1", sound)
        self.track_fails(sound, code=65, says="sound.mp4")

    def test_a_folder_without_images(self):
        (self.folder / "nothing").mkdir()
        self.track_fails(self.folder / "nothing", code=(65, 66), says="nothing")

    def test_a_damaged_middle_is_survived_and_the_files_agree(self):
        data = bytearray(self.clip_with_index_first().read_bytes())
        middle = (data.index(b"mdat") + len(data)) // 2
        data[middle:middle + 300] = b"\xff" * 300
        damaged = self.file("damaged.mp4", bytes(data))
        result = harness.run("track", damaged, "--model", self.model, "--device", "cpu", cwd=self.folder, env=self.environment)
        self.assertIn(result.returncode, (0, 65, 74), result.stderr)
        self.assert_outputs_agree("damaged")

    def test_cut_off_keeps_what_came_before(self):
        data = self.clip_with_index_first().read_bytes()
        cut = self.file("cut.mp4", data[:(data.index(b"mdat") + len(data)) // 2])
        result = harness.run("track", cut, "--model", self.model, "--device", "cpu", cwd=self.folder, env=self.environment)
        self.assertIn(result.returncode, (0, 65, 74), result.stderr)
        self.assert_outputs_agree("cut")

    def clip_with_index_first(self):
        """A key frame every 5 frames, so that half of the bytes hold about half of the pictures."""
        return square_clip(self.folder / "index-first.mp4", seconds=2, extra=("-g", "5", "-movflags", "faststart"))

    def assert_outputs_agree(self, name):
        folder = self.folder / "runs" / "track" / name
        frames = json.loads((folder / "stats.json").read_text())["frames"]
        self.assertGreater(frames, 5)
        self.assertEqual(len((folder / "tracks.jsonl").read_text().splitlines()), frames)
        self.assertEqual(len(probe(folder / f"{name}.mp4")["frames"]), frames)

    def test_a_playlist_cannot_reach_other_files(self):
        secret = self.folder / "secret.ts"
        ffmpeg("-i", self.clip, "-c", "copy", secret)
        playlist = f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nfile://{secret}\n#EXT-X-ENDLIST\n"
        self.track_fails(self.file("list.mp4", playlist), code=65)
        self.track_fails(self.file("joined.mp4", f"ffconcat version 1.0\nfile {secret}\n"), code=65)


def png(width, height, rows=b""):
    """A PNG that claims a size; its pixels are whatever `rows` unpacks to."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


class Images(Faults):
    def predict_fails(self, image, **options):
        return self.fails("predict", image, "--model", self.model, "--device", "cpu", **options)

    def test_missing(self):
        self.predict_fails(self.folder / "nowhere.jpg", code=66, says="nowhere.jpg")

    def test_empty(self):
        self.predict_fails(self.file("empty.jpg", b""), code=65, says="empty.jpg")

    def test_text_named_as_an_image(self):
        self.predict_fails(self.file("text.png", "no image"), code=65, says="text.png")

    def test_a_size_that_no_memory_holds(self):
        self.predict_fails(self.file("huge.png", png(60_000, 60_000)), code=65, says="huge.png")

    def test_a_header_and_nothing_else(self):
        self.predict_fails(self.file("cut.png", png(160, 96)[:40]), code=65, says="cut.png")


class Models(Faults):
    def model_fails(self, model, *flags, code, **options):
        result = self.fails("track", self.clip, "--model", model, "--device", "cpu", *flags, code=code, **options)
        self.assert_nothing_half_written()
        return result

    def test_missing(self):
        self.model_fails(self.folder / "nowhere.onnx", code=66, says="nowhere.onnx")

    def test_empty_text_and_noise(self):
        self.model_fails(self.file("empty.onnx", b""), code=65, says="empty.onnx")
        self.model_fails(self.file("text.onnx", "no model\n" * 100), code=65, says="text.onnx")
        self.model_fails(self.file("noise.onnx", bytes((i * 97 + i // 3) % 256 for i in range(5000))), code=65, says="noise.onnx")

    def test_truncated(self):
        data = Path(self.model).read_bytes()
        for share in (0.1, 0.5, 0.95):
            self.model_fails(self.file("cut.onnx", data[:int(len(data) * share)]), code=65, says="cut.onnx")

    def test_outputs_that_nobody_knows(self):
        t = tiny_detector
        graph = b"".join([
            t.node("ReduceMean", ["images"], "gray", t.integers("axes", [1]), t.integer("keepdims", 1)),
            t.field(2, "strange"),
            t.value_info(11, "images", [1, 3, 96, 160]),
            t.value_info(12, "gray", [1, 1, 96, 160])])
        model = t.field(1, 8) + t.field(7, graph) + t.field(8, t.field(1, "") + t.field(2, 13))
        self.model_fails(self.file("strange.onnx", model), code=(65, 78), says="recipe")

    def test_weights_outside_of_its_folder(self):
        secret = self.file("secret.bin", b"\0" * 4096)
        t = tiny_detector
        location = t.field(13, t.field(1, "location") + t.field(2, str(secret)))
        weights = t.field(5, t.field(1, 1) + t.field(2, 1) + t.field(8, "w") + location + t.field(14, 1))
        graph = b"".join([t.node("Mul", ["images", "w"], "out"), t.field(2, "thief"), weights,
                          t.value_info(11, "images", [1, 3, 96, 160]), t.value_info(12, "out", [1, 3, 96, 160])])
        inner = self.folder / "inner"
        inner.mkdir()
        model = self.file("inner/thief.onnx", t.field(1, 8) + t.field(7, graph) + t.field(8, t.field(1, "") + t.field(2, 13)))
        self.model_fails(model, code=65, says="thief.onnx")

    def test_a_class_list_that_does_not_fit(self):
        names = self.file("names.txt", "one\ntwo\nthree\n")
        self.model_fails(self.model, "--names", names, code=(65, 78), says="3")

    def test_a_class_that_the_model_does_not_have(self):
        self.model_fails(self.model, "--classes", "squar", code=(64, 78), says="square")

    def test_a_device_that_is_not_there(self):
        self.fails("track", self.clip, "--model", self.model, "--device", "cuda:63", code=69, says="cuda")
        self.fails("track", self.clip, "--model", self.model, "--device", "abacus", code=(64, 78), says="abacus")


class Settings(Faults):
    def test_an_unknown_flag_gets_a_suggestion(self):
        self.track_fails(self.clip, "--trackr", "sort", code=64, says="--tracker")

    def test_an_unknown_command_gets_a_suggestion(self):
        self.fails("trak", self.clip, code=64, says="track")

    def test_a_value_out_of_range(self):
        self.track_fails(self.clip, "--conf", "1.5", code=(64, 78), says="conf")
        self.track_fails(self.clip, "--every", "0", code=(64, 78), says="every")
        self.track_fails(self.clip, "--max-frames", "many", code=(64, 78), says="max-frames")

    def test_an_unknown_tracker_gets_a_suggestion(self):
        self.track_fails(self.clip, "--tracker", "bytetrak", code=(64, 78), says="bytetrack")

    def test_config_files(self):
        self.track_fails(self.clip, "--config", self.folder / "nowhere.yaml", code=66, says="nowhere.yaml")
        self.track_fails(self.clip, "--config", self.file("bad.yaml", "detect: [1, 2\n  conf: }{"), code=78, says="bad.yaml")
        self.track_fails(self.clip, "--config", self.file("key.yaml", "detect:\n  conff: 0.3\n"), code=78, says=("key.yaml", "conf"))
        self.track_fails(self.clip, "--config", self.file("bytes.yaml", bytes(range(256)) * 8), code=78, says="bytes.yaml")

    def test_a_yaml_bomb(self):
        lines = ["a: &a [x, x, x, x, x, x, x, x, x]"]
        for before, name in zip("abcdefgh", "bcdefghi"):
            lines.append(f"{name}: &{name} [{', '.join(['*' + before] * 9)}]")
        self.track_fails(self.clip, "--config", self.file("bomb.yaml", "\n".join(lines)), code=78, says="bomb.yaml")

    def test_a_yaml_abyss(self):
        self.track_fails(self.clip, "--config", self.file("deep.yaml", "[" * 200_000), code=78, says="deep.yaml")

    def test_recipes(self):
        self.track_fails(self.clip, "--recipe", self.folder / "nowhere.yaml", code=66, says="nowhere.yaml")
        self.track_fails(self.clip, "--recipe", self.file("r.yaml", "family: yollox\n"), code=78, says=("r.yaml", "yolox"))

    def test_zone_files(self):
        self.track_fails(self.clip, "--zones-file", self.folder / "nowhere.yaml", code=66, says="nowhere.yaml")
        self.track_fails(self.clip, "--zones-file", self.file("empty.yaml", ""), code=78, says="empty.yaml")
        self.track_fails(self.clip, "--zones-file", self.file("z.yaml", "zones: 7\n"), code=78, says="z.yaml")
        self.track_fails(self.clip, "--zone", "room:1,2,3,4", code=(64, 78), says="room:1,2,3,4")
        self.track_fails(self.clip, "--line", "gate:1,2,x,4", code=(64, 78), says="gate:1,2,x,4")


class Places(Faults):
    def test_a_full_disk(self):
        """A limit on the size of a file stands for the full disk: writes fail with an error all the same."""
        def limit():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
        self.track_fails(self.clip, code=74, preexec_fn=limit, restore_signals=False)

    def test_a_disk_that_is_really_full(self):
        disk = self.folder / "disk"
        disk.mkdir()
        mounted = os.geteuid() == 0 and subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24k", "tmpfs", disk],
                                                       capture_output=True).returncode == 0
        if not mounted:
            self.skipTest("needs the right to mount")
        self.addCleanup(subprocess.run, ["umount", disk], check=True)
        self.track_fails(self.clip, "--project", disk, code=74)
        # What did fit may be there, but whole.
        self.assertEqual([path for path in disk.rglob(".*") if path.is_file()], [])
        for video in disk.rglob("*.mp4"):
            self.assertEqual(len(probe(video)["frames"]), 50)
        for lines in disk.rglob("*.jsonl"):
            self.assertEqual(len(lines.read_text().splitlines()), 50)
        self.assertFalse(list(disk.rglob("stats.json")))

    def test_a_file_where_the_folder_should_be(self):
        self.track_fails(self.clip, "--project", self.file("taken", "x"), code=(64, 66, 74), says="taken")

    def test_a_folder_that_exists_is_left_alone(self):
        kept = self.folder / "runs" / "track" / "clip"
        kept.mkdir(parents=True)
        (kept / "precious.txt").write_text("mine")
        self.goshawk("track", self.clip, "--model", self.model, "--device", "cpu")
        self.assertEqual([path.name for path in kept.iterdir()], ["precious.txt"])
        self.assertTrue((kept.parent / "clip2" / "stats.json").exists())


class Processes(Faults):
    def start(self, source, *flags):
        process = subprocess.Popen([harness.GOSHAWK, "track", source, "--model", self.model, "--device", "cpu", *flags],
                                   cwd=self.folder, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(process.kill)
        return process


class Live(Processes):
    """Sources that do not answer. Only loopback addresses are used."""

    def silent_server(self, first=b""):
        """Accepts connections, sends `first` and then says nothing more."""
        server = socket.create_server(("127.0.0.1", 0))
        connections = []
        def serve():
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                connections.append(connection)
                if first:
                    connection.sendall(first)
        threading.Thread(target=serve, daemon=True).start()
        def close():
            server.close()
            for connection in connections:
                connection.close()
        self.addCleanup(close)
        return server.getsockname()[1]

    def test_a_camera_that_is_not_there(self):
        self.track_fails("camera:63", code=(66, 69), says="63")

    def test_rtsp_that_never_answers(self):
        url = f"rtsp://user:hidden@127.0.0.1:{self.silent_server()}/stream"
        result = self.track_fails(url, "--timeout", "2", code=69, within=12)
        self.assertNotIn("hidden", result.stdout + result.stderr, "no passwords in messages")

    def test_http_that_never_answers(self):
        self.track_fails(f"http://127.0.0.1:{self.silent_server()}/a.mp4", "--timeout", "2", code=69, within=12)

    def test_http_that_stops_in_the_middle(self):
        head = b"HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\nContent-Length: 1000000\r\n\r\n" + self.clip.read_bytes()[:2000]
        self.track_fails(f"http://127.0.0.1:{self.silent_server(head)}/a.mp4", "--timeout", "2", code=(65, 69, 74), within=12)

    def test_nobody_listens(self):
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
        self.track_fails(f"rtsp://127.0.0.1:{port}/stream", "--timeout", "5", code=69, within=12)

    def test_an_interrupt_ends_the_wait(self):
        process = self.start(f"rtsp://127.0.0.1:{self.silent_server()}/stream", "--timeout", "60")
        time.sleep(1.5)
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=10)
        self.assertEqual(process.returncode, 130, stderr)


class Ends(Processes):
    def long_clip(self):
        path = self.folder / "long.mp4"
        ffmpeg("-stream_loop", "400", "-i", self.clip, "-c", "copy", path)
        return path

    def wait_for_work(self, folder):
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            if any(path.stat().st_size > 0 for path in folder.glob(".*part*.jsonl")):
                return
            time.sleep(0.02)
        self.fail("nothing is written after 30 s")

    def test_a_kill_leaves_no_file_under_a_final_name(self):
        process = self.start(self.long_clip())
        folder = self.folder / "runs" / "track" / "long"
        self.wait_for_work(folder)
        process.kill()
        process.communicate(timeout=10)
        self.assertEqual([path.name for pattern in FINAL_NAMES for path in folder.glob(pattern)
                          if not path.name.startswith(".")], [])

    def test_a_request_to_terminate_finishes_the_files(self):
        process = self.start(self.long_clip())
        folder = self.folder / "runs" / "track" / "long"
        self.wait_for_work(folder)
        process.send_signal(signal.SIGTERM)
        _, stderr = process.communicate(timeout=30)
        self.assertIn(process.returncode, (130, 143), stderr)
        lines = (folder / "tracks.jsonl").read_text().splitlines()
        self.assertEqual(len(probe(folder / "long.mp4")["frames"]), len(lines))
        self.assertTrue(json.loads((folder / "stats.json").read_text())["interrupted"])

    def test_a_reader_that_goes_away(self):
        """`goshawk ... | head -c 1` is no error of the run: the files are whole."""
        process = self.start(self.clip, "--json")
        process.stdout.close()
        process.stdout = None
        _, stderr = process.communicate(timeout=30)
        self.assertIn(process.returncode, (0, -signal.SIGPIPE), stderr)
        self.assertTrue((self.folder / "runs" / "track" / "clip" / "stats.json").exists())


if __name__ == "__main__":
    unittest.main(verbosity=2)
