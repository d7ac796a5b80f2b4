"""What the end-to-end tests share: running goshawk, making clips, asking ffprobe. Standard library only."""
import json
import os
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

import tiny_detector

GOSHAWK = os.environ["GOSHAWK_BIN"]


def run(*arguments, timeout=60, **options):
    """Runs goshawk; the result has returncode, stdout and stderr."""
    return subprocess.run([GOSHAWK, *map(str, arguments)], capture_output=True, text=True, errors="replace", timeout=timeout,
                          **options)


def ffmpeg(*arguments):
    subprocess.run(["ffmpeg", "-v", "error", "-y", *map(str, arguments)], check=True, timeout=60)


def probe(path):
    """Streams, format and frames of a media file, as ffprobe tells them."""
    result = subprocess.run(["ffprobe", "-v", "error", "-show_streams", "-show_format", "-show_frames", "-of", "json", path],
                            check=True, capture_output=True, timeout=60)
    return json.loads(result.stdout)


def square_clip(path, seconds=4, rate=25, extra=()):
    """A white square of 24 pixels that moves 25 pixels a second to the right, on dark grey, 160 x 96."""
    graph = (f"color=c=0x202020:s=160x96:r={rate}:d={seconds}[ground];color=c=white:s=24x24:r={rate}:d={seconds}[square];"
             "[ground][square]overlay=x='10+25*t':y=36:eval=frame:shortest=1")
    ffmpeg("-f", "lavfi", "-i", graph, "-pix_fmt", "yuv420p", *extra, path)
    return path


class EndToEnd(unittest.TestCase):
    """A scratch folder with the tiny model in it; the user's own settings and caches are out of reach."""

    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.folder = Path(scratch.name)
        self.model = tiny_detector.write(self.folder / "squares.onnx")
        self.environment = {**os.environ, "HOME": str(self.folder), "XDG_CACHE_HOME": str(self.folder / "cache"),
                            "XDG_CONFIG_HOME": str(self.folder / "config")}

    def goshawk(self, *arguments, timeout=60, code=0):
        result = run(*arguments, timeout=timeout, cwd=self.folder, env=self.environment)
        self.assertEqual(result.returncode, code, f"stdout:\n{result.stdout}\nstderr:\n{result.stderr}")
        return result

    def start(self, *arguments, **variables):
        """goshawk as a process that the test may interrupt; it ends with the test."""
        process = subprocess.Popen([GOSHAWK, *map(str, arguments)], cwd=self.folder, env={**self.environment, **variables},
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        return process

    def wait_for(self, what, process, seconds=120):
        """Until `what()`, which must be while the process runs."""
        deadline = time.monotonic() + seconds
        while not what():
            self.assertIsNone(process.poll(), "it ended too early")
            self.assertLess(time.monotonic(), deadline, "it took too long")
            time.sleep(0.01)
