#!/usr/bin/env python3
"""Leads boxes over a line with supervision's LineZone (MIT) and prints its crossings: frame,id,in|out.

    line_zone_reference.py TRACKS X1,Y1,X2,Y2 FRAMES      TRACKS: lines frame,id,x1,y1,x2,y2, by frame
"""
import csv
import itertools
import sys

import numpy as np
import supervision as sv


def main():
    tracks, line, frames = sys.argv[1], [float(value) for value in sys.argv[2].split(",")], int(sys.argv[3])
    zone = sv.LineZone(sv.Point(*line[:2]), sv.Point(*line[2:]), minimum_crossing_threshold=frames)
    with open(tracks, newline="") as file:
        rows = [[float(value) for value in row] for row in csv.reader(file)]
    for frame, group in itertools.groupby(rows, key=lambda row: int(row[0])):
        table = np.array(list(group))
        crossed = zone.trigger(sv.Detections(xyxy=table[:, 2:], class_id=np.zeros(len(table), int), tracker_id=table[:, 1].astype(int)))
        for way, flags in zip(("in", "out"), crossed):
            for identity in table[flags, 1].astype(int):
                print(frame, identity, way, sep=",")


if __name__ == "__main__":
    main()
