#!/usr/bin/env python3
"""Every number of `goshawk eval-boxes` against pycocotools, over random sets and over the test data.

    coco_reference.py coco_dump [SHARED_DATA] [--sets 60] [--seed 1]

coco_dump (beside this file) evaluates two files and prints the summary and the precision and recall arrays. A set that differs is
kept and named. Numbers must agree within 1e-6.
"""
import argparse
import contextlib
import io
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from pycocotools import mask as masks
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

TOLERANCE = 1e-6


def theirs(labels, results, kind):
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(str(labels))
        evaluation = COCOeval(truth, truth.loadRes(str(results)), kind)
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return {"summary": evaluation.stats, "precision": evaluation.eval["precision"], "recall": evaluation.eval["recall"]}


def ours(program, labels, results, kind):
    """The arrays come as raw doubles, -1 and all, behind a line of JSON with their shapes."""
    run = subprocess.run([program, labels, results, kind], capture_output=True)
    if run.returncode != 0:
        raise AssertionError(f"{program} ended with {run.returncode}: {run.stderr.decode(errors='replace')}")
    head, _, data = run.stdout.partition(b"\n")
    answer, values = {}, np.frombuffer(data, dtype=np.float64)
    for name, shape in json.loads(head):
        size = int(np.prod(shape))
        answer[name], values = values[:size].reshape(shape), values[size:]
    assert values.size == 0, "bytes left"
    return answer


def compare(program, labels, results, kind):
    expected, found = theirs(labels, results, kind), ours(program, labels, results, kind)
    for name, array in expected.items():
        assert found[name].shape == array.shape, f"{name}: shape {found[name].shape}, not {array.shape}"
        worst = np.abs(found[name] - array).max(initial=0)
        assert worst <= TOLERANCE, f"{kind} {name}: differs by {worst}\n{expected['summary']}\n{found['summary']}"
    return expected["summary"]


# ---- random sets


class Maker:
    """One random set. What is rare in the wild is common here."""

    def __init__(self, seed, kind):
        self.chance = random.Random(seed)
        self.kind = kind
        c = self.chance
        self.grid = c.random() < 0.3  # whole numbers: equal overlaps and equal scores
        self.images = [{"id": number, "file_name": f"{number}.jpg", "width": c.randint(20, 300), "height": c.randint(20, 300)}
                       for number in c.sample(range(0, 1000), c.choice((1, 2, 5, 20)))]
        self.categories = [{"id": number, "name": f"c{number}"} for number in c.sample(range(0, 100), c.choice((1, 2, 4)))]
        self.annotations = [self.annotation(i) for i in range(c.choice((0, 1, 5, 40, 150)))]
        for annotation in self.annotations:  # from 1 on, but for one object in a set in ten
            annotation["id"] += 1
        if self.annotations and c.random() < 0.1:
            self.annotations[c.randrange(len(self.annotations))]["id"] = 0
        c.shuffle(self.annotations)

    def number(self, low, high):
        value = self.chance.uniform(low, high)
        return round(value / 8) * 8 if self.grid else value

    def box(self, image):
        c = self.chance
        w = self.number(0, image["width"]) * c.choice((0.1, 0.5, 1))
        h = self.number(0, image["height"]) * c.choice((0.1, 0.5, 1))
        if c.random() < 0.05:
            w = 0
        if c.random() < 0.1:  # an area at a bound
            w, h = c.choice(((32, 32), (96, 96), (64, 16), (96.0, 10.666666666666666)))
        return [self.number(-5, image["width"]), self.number(-5, image["height"]), w, h]

    def score(self):
        c = self.chance
        return c.choice((0.1, 0.5, 0.9)) if self.grid else c.choice((c.random(), round(c.random(), 1)))

    def polygon(self, box):
        c = self.chance
        x, y, w, h = box
        corners = c.choice((3, 4, 7))
        points = [value for _ in range(corners) for value in (x + c.uniform(-0.2, 1.2) * w, y + c.uniform(-0.2, 1.2) * h)]
        return [float(round(value)) for value in points] if self.grid else points

    def runs(self, image, box):
        """A mask as RLE, text or list."""
        pixels = np.zeros((image["height"], image["width"]), dtype=np.uint8, order="F")
        x, y, w, h = (int(value) for value in box)
        pixels[max(y, 0):max(y + h, 0), max(x, 0):max(x + w, 0)] = 1
        if self.chance.random() < 0.5:
            noise = np.random.default_rng(self.chance.getrandbits(32)).random(pixels.shape) < 0.3
            pixels[noise] = 0
        rle = masks.encode(pixels)
        if self.chance.random() < 0.5:
            return {"size": rle["size"], "counts": rle["counts"].decode()}
        flat, counts, value = pixels.flatten(order="F"), [], 0
        edges = np.flatnonzero(np.diff(flat)) + 1
        stops = [0, *edges.tolist(), len(flat)]
        if flat[0] != value:
            counts.append(0)
        counts += [b - a for a, b in zip(stops, stops[1:])]
        return {"size": list(pixels.shape), "counts": counts}

    def segmentation(self, image, box):
        if self.chance.random() < 0.5:
            return [self.polygon(box) for _ in range(self.chance.choice((1, 1, 2)))]
        return self.runs(image, box)

    def annotation(self, number):
        c = self.chance
        image = c.choice(self.images)
        box = self.box(image)
        area = box[2] * box[3]
        if c.random() < 0.1:
            area = c.choice((0, 32**2, 96**2, 32**2 + 1e-9, 1e10, 1e11))
        result = {"id": number, "image_id": image["id"], "category_id": c.choice(self.categories)["id"], "bbox": box, "area": area,
                  "iscrowd": int(c.random() < 0.15)}
        if self.kind == "segm":
            result["segmentation"] = self.segmentation(image, box)
        return result

    def result(self, with_box):
        c = self.chance
        images = {image["id"]: image for image in self.images}
        if self.annotations and c.random() < 0.7:
            annotation = c.choice(self.annotations)
            image, category = images[annotation["image_id"]], annotation["category_id"]
            factor = c.choice((0, 0.02, 0.1, 0.3))
            box = [value + factor * c.gauss(0, 1) * annotation["bbox"][2 + i % 2] for i, value in enumerate(annotation["bbox"])]
            if self.grid:
                box = [round(value) for value in box]
            segmentation = annotation.get("segmentation") if factor == 0 else None
        else:
            image, category, segmentation = c.choice(self.images), c.choice(self.categories)["id"], None
            box = self.box(image)
        box[2:] = [max(value, 0) for value in box[2:]]
        if c.random() < 0.03:
            category = 777  # of no list
        result = {"image_id": image["id"], "category_id": category, "score": self.score()}
        if with_box:
            result["bbox"] = box
        if self.kind == "segm" and not (with_box and c.random() < 0.2):
            if segmentation is None or (not with_box and isinstance(segmentation, list)):
                segmentation = self.segmentation(image, box) if with_box else self.runs(image, box)
            if not with_box and isinstance(segmentation["counts"], list):  # pycocotools measures compressed runs only
                size = segmentation["size"]
                packed = masks.frPyObjects(segmentation, *size)
                segmentation = {"size": packed["size"], "counts": packed["counts"].decode()}
            result["segmentation"] = segmentation
        return result

    def results(self):
        c = self.chance
        with_box = self.kind == "bbox" or c.random() < 0.5
        results = [self.result(with_box) for _ in range(c.choice((1, 3, 50, 400)))]
        if c.random() < 0.1:  # more than 100 of one image and class
            results += [{**results[0], "score": self.score()} for _ in range(130)]
        return results

    def write(self, folder):
        labels = {"images": self.images, "categories": self.categories, "annotations": self.annotations}
        (folder / "instances.json").write_text(json.dumps(labels, indent=self.chance.choice((None, 1))))
        (folder / "results.json").write_text(json.dumps(self.results()))
        return folder / "instances.json", folder / "results.json"


def random_sets(program, folder, count, seed):
    failures = 0
    for number in range(seed, seed + count):
        kind = "segm" if number % 2 else "bbox"
        place = folder / str(number)
        place.mkdir()
        try:
            compare(program, *Maker(number, kind).write(place), kind)
            shutil.rmtree(place)
        except AssertionError as error:
            failures += 1
            print(f"set {number} ({place}): {error}", file=sys.stderr)
    print(f"{count} random sets, {failures} differ")
    return failures


def perturbed(folder, shared):
    """coco128's own objects, moved and doubled, as detections."""
    labels = shared / "data" / "coco128" / "instances.json"
    chance, results = random.Random(7), []
    for annotation in json.loads(labels.read_text())["annotations"]:
        for _ in range(chance.choice((0, 1, 1, 2))):
            x, y, w, h = annotation["bbox"]
            noise = chance.choice((0.01, 0.05, 0.2))
            results.append({"image_id": annotation["image_id"], "category_id": annotation["category_id"], "score": chance.random(),
                            "bbox": [x + chance.gauss(0, noise) * w, y + chance.gauss(0, noise) * h, w, h],
                            "segmentation": annotation["segmentation"]})
    path = folder / "coco128.json"
    path.write_text(json.dumps(results))
    return labels, path


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program", type=Path)
    parser.add_argument("shared", type=Path, nargs="?")
    parser.add_argument("--sets", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="goshawk-coco-"))
    failures = random_sets(options.program, folder, options.sets, options.seed)
    if options.shared and (options.shared / "data" / "coco128").is_dir():
        labels, results = perturbed(folder, options.shared)
        for kind in ("bbox", "segm"):
            print("coco128", kind, compare(options.program, labels, results, kind)[:3])
    if failures == 0:
        shutil.rmtree(folder)
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
