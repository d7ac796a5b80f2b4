#!/usr/bin/env python3
"""Times roboflow's `trackers` (Apache-2.0; in .deps/peers) as bench/track_bench.cpp times ours, and prints the same JSON.

    .deps/peers/bin/python bench/track_peer.py --det det.txt --tracker bytetrack [--repeat 3]
"""
import argparse
import csv
import json
import statistics
import time
from importlib.metadata import version

import numpy as np
import supervision as sv
import trackers

CLASSES = {
    "bytetrack": lambda: trackers.ByteTrackTracker(),
    "sort": lambda: trackers.SORTTracker(),
    "ocsort": lambda: trackers.OCSORTTracker(),
    "botsort": lambda: trackers.BoTSORTTracker(enable_cmc=False),
}


def read_detections(path):
    frames = {}
    with open(path, newline="") as file:
        for row in csv.reader(file):
            x, y, w, h, score = (float(value) for value in row[2:7])
            frames.setdefault(int(row[0]), []).append((x, y, x + w, y + h, score))
    detections = []
    for frame in range(1, max(frames) + 1):
        table = np.array(frames.get(frame, []), dtype=np.float32).reshape(-1, 5)
        detections.append(sv.Detections(xyxy=table[:, :4], confidence=table[:, 4], class_id=np.zeros(len(table), dtype=int)))
    return detections


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--det", required=True)
    parser.add_argument("--tracker", choices=CLASSES, default="bytetrack")
    parser.add_argument("--repeat", type=int, default=3)
    arguments = parser.parse_args()
    frames = read_detections(arguments.det)
    runs = []
    for _ in range(arguments.repeat):
        tracker = CLASSES[arguments.tracker]()
        start = time.thread_time()
        for detections in frames:
            tracker.update(detections)
        runs.append((time.thread_time() - start) / len(frames) * 1e6)
    print(json.dumps({"tracker": arguments.tracker, "peer": f"trackers {version('trackers')}", "frames": len(frames),
                      "detections_per_frame": sum(map(len, frames)) / len(frames),
                      "us_per_frame": statistics.median(runs), "runs_us": runs}))


if __name__ == "__main__":
    main()
