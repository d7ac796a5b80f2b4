#!/usr/bin/env python3
"""Runs a published tracker over a MOT detection file and prints what it reports: frame,id,x1,y1,x2,y2.

    track_reference.py TRACKER DET_FILE FRAMES

References, run unmodified from PyPI wheels; what is worked round is said at each class:
  sort       sort-tracker-py 1.0.2 (A. Bewley's own code; GPL-3.0, run here and never read)
  bytetrack  bytetracker 0.3.2 (the published code packaged; MIT)
  ocsort     ocsort 0.0.2 (the published code packaged; MIT)
  ocsort-byte  the same with its second association
  botsort    bytetracker's steps, which BoT-SORT shares, with BoT-SORT's filter written here from its paper (section 3.1) in
             dense matrices; no camera motion, no appearance
  botsort-ultralytics  Ultralytics' BoT-SORT (AGPL-3.0, run here and never read; needs the Python of the peers), without
             camera motion and appearance, at the published thresholds
  botsort-ultralytics-plain  the same without what is worked round
"""
import contextlib
import csv
import os
import sys
import types

import numpy as np


class Column(np.ndarray):
    """The packages take torch tensors and only call .numpy() on them; this spares the tests torch."""

    def numpy(self):
        return np.asarray(self)


class Endless:
    """A class column that is long enough for any selection (bytetracker cuts its low-scoring detections to the number of
    high-scoring ones because it selects their classes with the wrong mask)."""

    def numpy(self):
        return self

    def __getitem__(self, _):
        return [0] * 100_000


class Table:
    """What the packages see of N detections: columns 0-3 boxes, 4 scores, 5 classes."""

    def __init__(self, boxes, scores, classes):
        self.parts = {4: scores, 5: classes}
        self.boxes = boxes

    def __getitem__(self, key):
        return self.boxes if isinstance(key[1], slice) else self.parts[key[1]]


def column(values, dtype):
    return np.asarray(values, dtype=dtype).view(Column)


def stub_torch():
    torch = types.ModuleType("torch")
    torch.Tensor = type("Tensor", (), {})
    sys.modules.setdefault("torch", torch)


class Sort:
    def __init__(self):
        from sort_tracker import Sort as Reference

        self.reference = Reference(max_age=1, min_hits=3, iou_threshold=0.3)

    def update(self, boxes, scores):
        return [(int(row[-1]), row[:4]) for row in self.reference.update(np.column_stack((boxes, scores)))]


class ByteTrack:
    """bytetracker passes centres where its tracks expect top-left corners; boxes moved by half their size undo that."""

    THRESHOLD = 0.5

    def __init__(self):
        stub_torch()
        from bytetracker import BYTETracker

        self.reference = BYTETracker(track_thresh=self.THRESHOLD, track_buffer=30, match_thresh=0.8, frame_rate=30)

    def update(self, boxes, scores):
        half = (boxes[:, 2:] - boxes[:, :2]) / 2
        moved = boxes - np.hstack((half, half))
        rows = self.reference.update(Table(column(moved, float), column(scores, np.float32), Endless()), None)
        return [(int(row[4]), row[:4] + np.tile((row[2:4] - row[:2]) / 2, 2)) for row in rows]


class BotSort(ByteTrack):
    THRESHOLD = 0.6

    def __init__(self):
        super().__init__()
        from bytetracker import byte_tracker

        track = byte_tracker.STrack
        track.shared_kalman = self.reference.kalman_filter = WidthHeightFilter()
        track.tlwh_to_xyah = staticmethod(lambda tlwh: np.r_[tlwh[:2] + tlwh[2:] / 2, tlwh[2:]])
        track.tlwh = property(lambda t: t._tlwh.copy() if t.mean is None else np.r_[t.mean[:2] - t.mean[2:4] / 2, t.mean[2:4]])

        def multi_predict(tracks):
            for t in tracks:
                if t.state != byte_tracker.TrackState.Tracked:
                    t.mean[6:8] = 0
                t.mean, t.covariance = track.shared_kalman.predict(t.mean, t.covariance)

        track.multi_predict = staticmethod(multi_predict)


class WidthHeightFilter:
    """State x, y, w, h and their velocities; noise in proportion to width and height."""

    F = np.eye(8) + np.eye(8, k=4)
    H = np.eye(4, 8)

    @staticmethod
    def deviations(size, position, velocity):
        w, h = size
        return np.array([position * w, position * h] * 2 + [velocity * w, velocity * h] * 2)

    def initiate(self, z):
        return np.r_[z, np.zeros(4)], np.diag(self.deviations(z[2:], 2 / 20, 10 / 160) ** 2)

    def predict(self, mean, covariance):
        noise = np.diag(self.deviations(mean[2:4], 1 / 20, 1 / 160) ** 2)
        return self.F @ mean, self.F @ covariance @ self.F.T + noise

    def update(self, mean, covariance, z):
        noise = np.diag(self.deviations(mean[2:4], 1 / 20, 0)[:4] ** 2)
        s = self.H @ covariance @ self.H.T + noise
        gain = covariance @ self.H.T @ np.linalg.inv(s)
        return mean + gain @ (z - self.H @ mean), covariance - gain @ s @ gain.T


class OcSort:
    """The package takes its motion term's scores from the last column, where it stores classes; so scores go there too. It also
    calls float() on arrays of one number, which new releases of numpy refuse."""

    def __init__(self, use_byte=False):
        from ocsort import kalmanfilter
        from ocsort.ocsort import OCSort

        kalmanfilter.float = lambda value: np.asarray(value).item()

        self.reference = OCSort(det_thresh=0.6, max_age=30, min_hits=3, iou_threshold=0.3, delta_t=3, inertia=0.2, use_byte=use_byte)

    def update(self, boxes, scores):
        score = column(scores, np.float32)
        rows = self.reference.update(Table(column(boxes, float), score, score), None)
        return [(int(row[4]), row[:4]) for row in rows]


class UltralyticsBotSort:
    """Boxes overlap here by their pixels, both edges counted, as in the published trackers (and PASCAL VOC): Ultralytics measures
    from edge to edge, so that a match close to a threshold may fall on its other side."""

    def __init__(self, pixels=True):
        os.environ.update(YOLO_OFFLINE="true", YOLO_AUTOINSTALL="false")
        with contextlib.redirect_stdout(sys.stderr):  # where it is new, it tells of its settings
            from ultralytics.engine.results import Boxes
            from ultralytics.trackers import BOTSORT
            from ultralytics.trackers.utils import matching

        if pixels:
            matching.bbox_ioa = overlap_of_pixels
        self.boxes = Boxes
        self.reference = BOTSORT(types.SimpleNamespace(
            tracker_type="botsort", track_high_thresh=0.6, track_low_thresh=0.1, new_track_thresh=0.7, track_buffer=30, match_thresh=0.8,
            fuse_score=True, gmc_method="none", proximity_thresh=0.5, appearance_thresh=0.25, with_reid=False, model="auto"))

    def update(self, boxes, scores):
        table = np.column_stack((boxes, scores, np.zeros(len(scores)))).astype(np.float32)
        rows = self.reference.update(self.boxes(table, (1080, 1920)), None)
        return [(int(row[4]), row[:4]) for row in rows]


def overlap_of_pixels(a, b, **_):
    a, b = np.asarray(a, dtype=float)[:, None], np.asarray(b, dtype=float)[None]
    common = np.clip(np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2]) + 1, 0, None).prod(-1)
    areas = [(boxes[..., 2:] - boxes[..., :2] + 1).prod(-1) for boxes in (a, b)]
    return common / (areas[0] + areas[1] - common)


TRACKERS = {
    "sort": Sort,
    "bytetrack": ByteTrack,
    "ocsort": OcSort,
    "ocsort-byte": lambda: OcSort(use_byte=True),
    "botsort": BotSort,
    "botsort-ultralytics": UltralyticsBotSort,
    "botsort-ultralytics-plain": lambda: UltralyticsBotSort(pixels=False),
}


def read_detections(path):
    frames = {}
    with open(path, newline="") as file:
        for row in csv.reader(file):
            x, y, w, h, score = (np.float32(value) for value in row[2:7])
            frames.setdefault(int(row[0]), []).append((x, y, x + w, y + h, score))
    return frames


def main():
    name, path, last = sys.argv[1], sys.argv[2], int(sys.argv[3])
    tracker = TRACKERS[name]()
    detections = read_detections(path)
    for frame in range(1, last + 1):
        rows = np.array(detections.get(frame, []), dtype=np.float32).reshape(-1, 5)
        for identity, box in tracker.update(rows[:, :4].astype(float), rows[:, 4].astype(float)):
            print(frame, identity, *(f"{value:.6f}" for value in box), sep=",")


if __name__ == "__main__":
    main()
