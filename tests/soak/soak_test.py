"""goshawk's memory does not grow with the length of a video.

A 30-minute file (45,000 frames; a clip in a loop) goes through `goshawk track`, and the resident memory of the process is read
again and again. Once it has settled it stays within 10 MB.

By default the frames are small and the model is tiny, so that 30 minutes of video take well under a minute.
With GOSHAWK_SOAK=full the clip is a real one (traffic.mp4 of the test data, or a made one of 640x360) and the model is given by
GOSHAWK_SOAK_MODEL (default: yolox_nano of the test data): `ctest -C soak -L soak`. GOSHAWK_SOAK_MINUTES shortens it for a look.
"""
import json
import os
import statistics
import subprocess
import time
import unittest
from pathlib import Path

import harness
from harness import EndToEnd, ffmpeg, square_clip

SHARED = Path(os.environ.get("GOSHAWK_SHARED_DATA", "nowhere"))
FULL = os.environ.get("GOSHAWK_SOAK") == "full"
MINUTES = int(os.environ.get("GOSHAWK_SOAK_MINUTES", 30))
ALLOWED = 10e6


def resident_bytes(pid):
    with open(f"/proc/{pid}/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class Soak(EndToEnd):
    def looped(self, clip, seconds):
        path = self.folder / "long.mp4"
        ffmpeg("-stream_loop", int(MINUTES * 60 / seconds) - 1, "-i", clip, "-map", "0:v", "-c", "copy", path)
        return path

    def assert_memory_stays_flat(self, clip, model, settle, every, flags=()):
        """`settle`: part of the run after which memory has to be flat; `every`: seconds between samples."""
        log = open(self.folder / "log.txt", "w+")
        self.addCleanup(log.close)
        process = subprocess.Popen([harness.GOSHAWK, "track", clip, "--model", model, *flags], cwd=self.folder,
                                   env=self.environment, stdout=log, stderr=log)
        self.addCleanup(process.kill)
        samples = []
        while process.poll() is None:
            time.sleep(every)
            pages = resident_bytes(process.pid) if process.poll() is None else 0
            if pages:
                samples.append(pages)
        log.seek(0)
        self.assertEqual(process.returncode, 0, log.read()[-2000:])
        stats = json.loads((self.folder / "runs" / "track" / "long" / "stats.json").read_text())
        settled = samples[int(len(samples) * settle):]
        self.assertGreater(len(settled), 10, "the run is too short to tell")
        report = (f"{stats['frames']} frames in {stats['wall_seconds']:.0f} s; resident MB after {settle:.0%} of it: "
                  f"{settled[0] / 1e6:.1f} first, {min(settled) / 1e6:.1f} to {max(settled) / 1e6:.1f}, "
                  f"{settled[-1] / 1e6:.1f} last, median {statistics.median(settled) / 1e6:.1f}")
        print(report)
        self.assertEqual(stats["frames"], stats["source"].get("frames", stats["frames"]))
        self.assertLessEqual(max(settled) - min(settled), ALLOWED, report)
        return stats

    @unittest.skipIf(FULL, "the full run takes its place")
    def test_thirty_minutes_of_small_frames(self):
        clip = square_clip(self.folder / "clip.mp4", seconds=4)
        stats = self.assert_memory_stays_flat(self.looped(clip, 4), self.model, settle=0.25, every=0.1, flags=("--device", "cpu"))
        self.assertEqual(stats["frames"], MINUTES * 60 * 25)

    @unittest.skipUnless(FULL, "GOSHAWK_SOAK=full asks for it")
    def test_thirty_minutes_of_a_real_clip(self):
        model = Path(os.environ.get("GOSHAWK_SOAK_MODEL", SHARED / "models" / "yolox_nano.onnx"))
        if not model.exists():
            self.skipTest("needs a model: GOSHAWK_SOAK_MODEL, or the test data beside the checkout")
        clip = SHARED / "video" / "traffic.mp4"
        if not clip.exists():
            clip = self.folder / "made.mp4"
            ffmpeg("-f", "lavfi", "-i", "testsrc2=s=640x360:r=25:d=20", "-pix_fmt", "yuv420p", clip)
        seconds = float(harness.probe(clip)["format"]["duration"])
        self.assert_memory_stays_flat(self.looped(clip, seconds), model, settle=1 / 30, every=1)


if __name__ == "__main__":
    unittest.main(verbosity=2)
