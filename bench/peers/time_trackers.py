"""Times roboflow `trackers` on the detections of a MOT file: prints one line of JSON, {"us_per_frame": ..., ...}.

    time_trackers.py NAME DET_FILE     run in the peers' environment

NAME is sort, bytetrack or ocsort, each with the package's defaults. The detections are made before the clock starts, which
counts processor time, as bench/track_bench.cpp does.
"""
import json
import sys
import time

import numpy as np
import supervision
import trackers

TRACKERS = {"sort": trackers.SORTTracker, "bytetrack": trackers.ByteTrackTracker, "ocsort": trackers.OCSORTTracker}


def read(path):
    table = np.loadtxt(path, delimiter=",", usecols=range(7), ndmin=2)
    frames = []
    for frame in range(1, int(table[:, 0].max()) + 1):
        rows = table[table[:, 0] == frame]
        boxes = rows[:, 2:6].astype(np.float32)
        boxes[:, 2:] += boxes[:, :2]
        frames.append(supervision.Detections(xyxy=boxes, confidence=rows[:, 6].astype(np.float32),
                                             class_id=np.zeros(len(rows), dtype=int)))
    return frames


def main():
    name, path = sys.argv[1:]
    frames = read(path)
    tracker = TRACKERS[name]()
    start = time.process_time()
    for detections in frames:
        tracker.update(detections)
    taken = time.process_time() - start
    print(json.dumps({"us_per_frame": taken / len(frames) * 1e6, "frames": len(frames),
                      "detections_per_frame": sum(map(len, frames)) / len(frames)}))


if __name__ == "__main__":
    main()
