#!/usr/bin/env python3
"""`goshawk eval` of real models on coco128: pycocotools judges its predictions.json, numpy draws its intervals again.

    .deps/oracles/bin/python tests/oracles/eval_reference.py GOSHAWK SHARED
"""
import contextlib
import io
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

GOSHAWK, SHARED = Path(sys.argv[1]).resolve(), Path(sys.argv[2])
TRUTH = SHARED / "data/coco128/instances.json"
MODELS = [SHARED / "models/yolox_nano.onnx", SHARED / "models/nanodet.onnx"]
NAMES = ("AP", "AP50", "AP75", "AP_small", "AP_medium", "AP_large", "AR_1", "AR_10", "AR_100", "AR_small", "AR_medium", "AR_large")
DRAWS, OWN_DRAWS = 1000, 400


def goshawk(*words):
    command = [GOSHAWK, "eval", *words, "--data", TRUTH, "--conf", "0.01", "--device", "cpu", "--quiet"]
    result = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=500)
    if result.returncode != 0:
        sys.exit(f"{command} ended with {result.returncode}:\n{result.stderr}")


def judged(predictions):
    """pycocotools' evaluation of a results file."""
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(str(TRUTH))
        evaluation = COCOeval(truth, truth.loadRes(str(predictions)), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return evaluation


def by_class(evaluation):
    """Of each class: image, score, found and ignored by threshold of every detection, and objects that count by image."""
    params = evaluation.params
    images = len(params.imgIds)
    classes = []
    for k in range(len(params.catIds)):
        place, score, found, ignored, objects = [], [], [], [], np.zeros(images)
        for i in range(images):
            one = evaluation.evalImgs[k * len(params.areaRng) * images + i]
            if one is None:
                continue
            place += [i] * len(one["dtScores"])
            score += one["dtScores"]
            found.append(one["dtMatches"] > 0)
            ignored.append(one["dtIgnore"] > 0)
            objects[i] = np.count_nonzero(np.asarray(one["gtIgnore"]) == 0)
        order = np.argsort(-np.asarray(score), kind="mergesort")
        if len(order):
            classes.append((np.asarray(place)[order], np.concatenate(found, axis=1)[:, order],
                            np.concatenate(ignored, axis=1)[:, order], objects))
        else:
            classes.append((np.zeros(0, int), np.zeros((10, 0), bool), np.zeros((10, 0), bool), objects))
    return classes


def average_precision(classes, weights):
    """AP where image i is there weights[i] times: COCO's, over 101 recalls, ten thresholds and the classes that are there."""
    recalls = np.linspace(0, 1, 101)
    values = []
    for place, found, ignored, objects in classes:
        total = weights @ objects
        if total == 0:
            continue
        times = weights[place]
        for t in range(10):
            counts = ~ignored[t]
            hit = np.repeat(found[t][counts], times[counts])
            true = np.cumsum(hit)
            precision = true / np.arange(1, len(hit) + 1)
            envelope = np.maximum.accumulate(precision[::-1])[::-1]
            at = np.searchsorted(true / total, recalls, side="left")
            values.append(np.append(envelope, 0)[np.minimum(at, len(hit))].mean())
    return np.mean(values)


def check_interval(what, stated, drawn):
    low, high = np.percentile(drawn, [2.5, 97.5])
    deviation = np.std(drawn)
    print(f"{what}: {stated['low']:.4f} to {stated['high']:.4f}, numpy {low:.4f} to {high:.4f}")
    for ours, own in ((stated["low"], low), (stated["high"], high)):
        assert abs(ours - own) < 0.45 * deviation, (what, ours, own, deviation)


def main():
    if not TRUTH.exists() or not all(model.exists() for model in MODELS):
        print("skipped: no shared data")
        return 77
    with tempfile.TemporaryDirectory() as scratch:
        goshawk(MODELS[0], "--project", scratch, "--name", "one")
        metrics = json.loads((Path(scratch) / "one/metrics.json").read_text())
        evaluation = judged(Path(scratch) / "one/predictions.json")
        for name, value in zip(NAMES, evaluation.stats):
            assert abs(metrics["coco"][name] - value) < 1e-6, (name, metrics["coco"][name], value)
        assert evaluation.stats[0] > 0.2, "the model finds things"
        print(f"yolox_nano on coco128: AP {evaluation.stats[0]:.4f}, all twelve figures as pycocotools")

        goshawk("--compare", *MODELS, "--draws", str(DRAWS), "--project", scratch, "--name", "two")
        comparison = json.loads((Path(scratch) / "two/comparison.json").read_text())
        classes = [by_class(judged(Path(scratch) / f"two/predictions-{number}.json")) for number in (1, 2)]
        images = comparison["images"]
        everything = np.ones(images, int)
        for model, own in zip(comparison["models"], classes):
            assert abs(model["intervals"]["AP"]["value"] - average_precision(own, everything)) < 1e-6
        random = np.random.default_rng(7)
        drawn = np.array([[average_precision(own, weights) for own in classes]
                          for weights in random.multinomial(images, np.full(images, 1 / images), OWN_DRAWS)])
        for m, model in enumerate(comparison["models"]):
            check_interval(f"AP of {model['name']}", model["intervals"]["AP"], drawn[:, m])
        change = comparison["models"][1]["against_first"]["AP"]
        check_interval("difference", change, drawn[:, 1] - drawn[:, 0])
        better = np.mean(drawn[:, 1] > drawn[:, 0])
        assert abs(change["share_better"] - better) < 0.05, (change["share_better"], better)
    return 0


if __name__ == "__main__":
    sys.exit(main())
