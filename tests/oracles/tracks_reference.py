#!/usr/bin/env python3
"""Holds `goshawk eval-tracks` against TrackEval (HOTA, CLEAR, Identity) and py-motmetrics (MOTA, IDF1).

    tracks_reference.py GOSHAWK SHARED [--sets N] [--seed N]

Random sets of every kind below for each benchmark's rules, and the sequences of SHARED/mot. Both must be equal within 1e-6.
Ends with 77 where the oracles are not installed.
"""
import argparse
import contextlib
import io
import json
import random
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

warnings.filterwarnings("ignore")
try:
    with contextlib.redirect_stdout(io.StringIO()):
        import trackeval
    import motmetrics
    import numpy as np
except ImportError as error:
    print(f"skipped: {error}; run tools/setup --oracles")
    sys.exit(77)

TOLERANCE = 1e-6
COUNTS = {"IDSW": "CLEAR.IDSW", "Frag": "CLEAR.Frag", "TP": "CLEAR.CLR_TP", "FP": "CLEAR.CLR_FP", "FN": "CLEAR.CLR_FN",
          "MT": "CLEAR.MT", "PT": "CLEAR.PT", "ML": "CLEAR.ML", "IDTP": "Identity.IDTP", "IDFP": "Identity.IDFP",
          "IDFN": "Identity.IDFN"}
RATIOS = {"MOTA": "CLEAR.MOTA", "MOTP": "CLEAR.MOTP", "Recall": "CLEAR.CLR_Re", "Precision": "CLEAR.CLR_Pr",
          "IDF1": "Identity.IDF1", "IDP": "Identity.IDP", "IDR": "Identity.IDR", "HOTA(0)": "HOTA.HOTA(0)",
          "LocA(0)": "HOTA.LocA(0)", "HOTALocA(0)": "HOTA.HOTALocA(0)"}
CURVES = ["HOTA", "DetA", "AssA", "DetRe", "DetPr", "AssRe", "AssPr", "LocA"]


def track_eval(truth, results, benchmark, lengths):
    """{sequence: {metric: {field: value}}} with COMBINED_SEQ."""
    with contextlib.redirect_stdout(io.StringIO()):
        data = trackeval.datasets.MotChallenge2DBox({
            "GT_FOLDER": str(truth), "TRACKERS_FOLDER": str(results), "TRACKERS_TO_EVAL": ["one"], "TRACKER_SUB_FOLDER": "",
            "BENCHMARK": benchmark, "SEQ_INFO": dict(lengths), "SKIP_SPLIT_FOL": True, "PRINT_CONFIG": False})
        metrics = [trackeval.metrics.HOTA(), trackeval.metrics.CLEAR({"PRINT_CONFIG": False}),
                   trackeval.metrics.Identity({"PRINT_CONFIG": False})]
        scores = {}
        for name in lengths:
            prepared = data.get_preprocessed_seq_data(data.get_raw_seq_data("one", name), "pedestrian")
            scores[name] = {metric.get_name(): metric.eval_sequence(prepared) for metric in metrics}
        scores["COMBINED"] = {metric.get_name(): metric.combine_sequences({name: scores[name][metric.get_name()] for name in lengths})
                              for metric in metrics}
    return scores


def py_motmetrics(truth, results, lengths):
    """(MOTA, IDF1) of each sequence, and of all under COMBINED. Where they do not exist they are NaN."""
    accumulators = []
    with contextlib.redirect_stdout(io.StringIO()):
        for name in lengths:
            accumulator = motmetrics.MOTAccumulator(auto_id=False)
            sides = [read_frames(path) for path in (truth / name / "gt" / "gt.txt", results / "one" / f"{name}.txt")]
            for frame in sorted(set(sides[0]) | set(sides[1])):
                boxes = [np.array([row[1] for row in side.get(frame, [])]).reshape(-1, 4) for side in sides]
                ids = [[row[0] for row in side.get(frame, [])] for side in sides]
                accumulator.update(*ids, 1 - overlaps(*boxes, 0.5), frameid=frame)
            accumulators.append(accumulator)
        table = motmetrics.metrics.create().compute_many(accumulators, names=list(lengths), metrics=["mota", "idf1"],
                                                         generate_overall=True)
    return {("COMBINED" if name == "OVERALL" else name): (row["mota"], row["idf1"]) for name, row in table.iterrows()}


def read_frames(path):
    """{frame: [(id, (x, y, width, height))]} of the lines that count."""
    frames = {}
    for line in path.read_text().splitlines():
        row = [float(value) for value in line.split(",")]
        if path.name == "gt.txt" and int(row[6]) == 0:
            continue
        frames.setdefault(int(row[0]), []).append((int(row[1]), row[2:6]))
    return frames


def overlaps(a, b, least):
    """IoU of boxes; NaN below `least`: such a pair may not be matched. (motmetrics' own function calls what numpy 2 dropped.)"""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, :2] + a[:, None, 2:], b[None, :, :2] + b[None, :, 2:])
    both = np.prod(np.maximum(high - low, 0), axis=2)
    union = np.prod(a[:, 2:], axis=1)[:, None] + np.prod(b[:, 2:], axis=1)[None] - both
    iou = np.divide(both, union, out=np.zeros_like(both), where=union > 0)
    return np.where(iou < least, np.nan, iou)


# ---- random sequences


def made(chance, kind):
    """(length, ground truth rows, result rows) of one kind; rows are frame, id, x, y, width, height, confidence, class."""
    frames = {"one frame": 1, "crowded": 12, "many switches": 60}.get(kind, chance.randint(1, 25))
    objects = {"crowded": chance.randint(60, 200), "empty ground truth": 0, "both empty": 0}.get(kind, chance.randint(1, 12))
    side = 120 if kind == "crowded" else 60
    size = (8, 30) if kind == "crowded" else (10, 30)
    grid = kind in ("ties", "one frame", "crowded with ties")
    place = (lambda: float(chance.randrange(0, side, 5))) if grid else (lambda: round(chance.uniform(0, side), 2))
    extent = (lambda: float(chance.choice([10, 20]))) if grid else (lambda: round(chance.uniform(*size), 2))
    noise = {"low overlap": 9, "ties": 0, "one frame": 0}.get(kind, 3)
    step = 10 if grid else 4
    id_scale = {"ids far apart": 1000, "crowded": 3}.get(kind, 1)
    truth, result = [], []
    boxes = [[place(), place(), extent(), extent()] for _ in range(objects)]
    names = list(range(1, objects + 1))
    fresh = objects + 1
    for frame in range(1, frames + 1):
        seen, taken = [], set()
        for number, box in enumerate(boxes):
            box[0] += chance.choice([-step, 0, step]) * 0.5
            box[1] += chance.choice([-step, 0, step]) * 0.5
            if chance.random() < 0.85:
                kind_of = chance.choice([1] * 8 + [2, 3, 4, 6, 7, 8, 9, 12, 13])
                mark = 0 if kind_of != 1 or chance.random() < 0.05 else 1
                truth.append((frame, (number + 1) * id_scale, *box, mark, kind_of))
                seen.append((number, box))
            if kind == "ids reused" and chance.random() < 0.05:
                boxes[number] = [place(), place(), extent(), extent()]
        for number, box in seen:
            if chance.random() < 0.15:
                continue
            if chance.random() < (0.5 if kind == "many switches" else 0.05):
                if chance.random() < 0.5:
                    names[number] = chance.choice(names)
                else:
                    names[number], fresh = fresh, fresh + 1
            if names[number] in taken:
                continue
            taken.add(names[number])
            shake = [chance.choice([0, 0, 5, -5]) if grid else chance.gauss(0, noise) for _ in range(2)]
            result.append((frame, names[number] * id_scale, box[0] + shake[0], box[1] + shake[1], box[2], box[3], 1, 1))
        for _ in range(chance.randint(0, 2)):
            identity = chance.randint(1, 4) + 5000
            if identity not in taken:
                taken.add(identity)
                result.append((frame, identity * id_scale, place(), place(), extent(), extent(), 0.5, 1))
    if kind == "frames without either":
        drop = {frame for frame in range(1, frames + 1) if chance.random() < 0.4}
        truth = [row for row in truth if row[0] not in drop]
        drop = {frame for frame in range(1, frames + 1) if chance.random() < 0.4}
        result = [row for row in result if row[0] not in drop]
    if kind in ("empty result", "both empty"):
        result = []
    if chance.random() < 0.5:
        chance.shuffle(truth)
        chance.shuffle(result)
    return frames + chance.randint(0, 3), truth, result


KINDS = ["plain", "ties", "one frame", "crowded", "crowded with ties", "many switches", "low overlap", "ids reused", "ids far apart",
         "frames without either", "empty ground truth", "empty result", "both empty"]


def write_sequence(folder, name, length, truth, result, with_classes):
    place = folder / "gt" / name
    (place / "gt").mkdir(parents=True)
    (place / "seqinfo.ini").write_text(f"[Sequence]\nname={name}\nimDir=img1\nframeRate=25\nseqLength={length}\n"
                                       "imWidth=640\nimHeight=480\nimExt=.jpg\n")
    text = "".join(f"{f},{i},{x!r},{y!r},{w!r},{h!r},{mark},{kind if with_classes else -1},1\n"
                   for f, i, x, y, w, h, mark, kind in truth)
    (place / "gt" / "gt.txt").write_text(text)
    (folder / "dt" / "one").mkdir(parents=True, exist_ok=True)
    text = "".join(f"{f},{i},{x!r},{y!r},{w!r},{h!r},{mark},-1,-1,-1\n" for f, i, x, y, w, h, mark, kind in result)
    (folder / "dt" / "one" / f"{name}.txt").write_text(text)


# ---- comparison


def goshawk_scores(program, *arguments):
    result = subprocess.run([program, "eval-tracks", *map(str, arguments), "--json", "--quiet"], capture_output=True, text=True)
    if result.returncode != 0:
        sys.exit(f"goshawk ended with {result.returncode}: {result.stderr}")
    scores = json.loads(result.stdout)
    return {one["name"]: one for one in [*scores["sequences"], scores["combined"]]}


def differences(ours, theirs):
    """Lines that say what is not equal."""
    def value(path):
        metric, field = path.split(".", 1)
        return float(theirs[metric][field])
    found = []
    for name, path in COUNTS.items():
        if ours[name] != value(path):
            found.append(f"{name} {ours[name]}, TrackEval {value(path)}")
    for name, path in RATIOS.items():
        if not abs(ours[name] - value(path)) <= TOLERANCE:
            found.append(f"{name} {ours[name]}, TrackEval {value(path)}")
    for name in CURVES:
        curve = np.asarray(theirs["HOTA"][name], float)
        gap = np.abs(np.asarray(ours["curves"][name]) - curve).max()
        if not (gap <= TOLERANCE and abs(ours[name] - curve.mean()) <= TOLERANCE):
            found.append(f"{name} {ours[name]}, TrackEval {curve.mean()} (greatest gap over the thresholds {gap})")
    return found


class Comparison:
    def __init__(self, program):
        self.program = program
        self.compared = 0
        self.failures = []

    def compare(self, what, folder, benchmark, lengths, with_motmetrics):
        theirs = track_eval(folder / "gt", folder / "dt", benchmark, lengths)
        ours = goshawk_scores(self.program, "--gt", folder / "gt", "--dt", folder / "dt" / "one", "--benchmark", benchmark)
        for name in [*lengths, "COMBINED"]:
            self.compared += 1
            self.failures += [f"{what}, {benchmark}, {name}: {line}" for line in differences(ours[name], theirs[name])]
        if not with_motmetrics:
            return
        for name, (mota, idf1) in py_motmetrics(folder / "gt", folder / "dt", lengths).items():
            for word, other in (("MOTA", mota), ("IDF1", idf1)):
                if np.isfinite(other) and not abs(ours[name][word] - other) <= TOLERANCE:
                    self.failures.append(f"{what}, {name}: {word} {ours[name][word]}, py-motmetrics {other}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("goshawk")
    parser.add_argument("shared", type=Path)
    parser.add_argument("--sets", type=int, default=4)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    print(f"seed {options.seed}")
    chance = random.Random(options.seed)
    comparison = Comparison(options.goshawk)
    for number in range(options.sets):
        for benchmark in ("MOT15", "MOT16", "MOT17", "MOT20"):
            with tempfile.TemporaryDirectory() as folder:
                lengths = {}
                for kind in KINDS:
                    name = f"{kind.replace(' ', '-')}-{number}"
                    lengths[name], truth, result = made(chance, kind)
                    write_sequence(Path(folder), name, lengths[name], truth, result, benchmark != "MOT15")
                comparison.compare(f"set {number}", Path(folder), benchmark, lengths, False)
    for name, length in (("TUD-Campus", 71), ("TUD-Stadtmitte", 179)):
        source = options.shared / "mot" / name
        if not source.exists():
            print(f"not compared: no {source}")
            continue
        with tempfile.TemporaryDirectory() as folder:
            write_sequence(Path(folder), name, length, [], [], False)
            (Path(folder) / "gt" / name / "gt" / "gt.txt").write_text((source / "gt.txt").read_text())
            (Path(folder) / "dt" / "one" / f"{name}.txt").write_text((source / "test.txt").read_text())
            comparison.compare(name, Path(folder), "MOT15", {name: length}, True)
    print(f"{comparison.compared} sequences compared")
    for line in comparison.failures[:40]:
        print(line)
    if comparison.failures:
        sys.exit(f"{len(comparison.failures)} differences")


if __name__ == "__main__":
    main()
