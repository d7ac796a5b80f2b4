#!/usr/bin/env python3
"""Times TrackEval (HOTA, CLEAR, Identity) on a folder as `goshawk eval-tracks` takes it, or makes a crowd to time both on.

    .deps/oracles/bin/python bench/tracks_peer.py --gt GT --dt DT       SEQ/gt/gt.txt with SEQ/seqinfo.ini; SEQ.txt; prints JSON
    python3 bench/tracks_peer.py --make FOLDER [--frames 1000 --people 120]   FOLDER/gt and FOLDER/dt, like MOT20's
"""
import argparse
import contextlib
import io
import json
import random
import time
import warnings
from pathlib import Path


def make(folder, frames, people):
    """People who walk through a 1920x1080 view; the result misses some, shakes, invents some and changes identities."""
    chance = random.Random(20)
    walkers = [[chance.uniform(0, 1880), chance.uniform(0, 980), chance.uniform(-3, 3), chance.uniform(-1, 1), number, number]
               for number in range(1, people + 1)]
    fresh = people + 1
    name = "MOT20-90"
    (folder / "gt" / name / "gt").mkdir(parents=True, exist_ok=True)
    (folder / "dt").mkdir(exist_ok=True)
    (folder / "gt" / name / "seqinfo.ini").write_text(f"[Sequence]\nname={name}\nseqLength={frames}\nimWidth=1920\nimHeight=1080\n")
    with open(folder / "gt" / name / "gt" / "gt.txt", "w") as truth, open(folder / "dt" / f"{name}.txt", "w") as result:
        for frame in range(1, frames + 1):
            for walker in walkers:
                walker[0] += walker[2]
                walker[1] += walker[3]
                if not (0 < walker[0] < 1880 and 0 < walker[1] < 980):
                    walker[:] = [chance.uniform(0, 1880), chance.uniform(0, 980), chance.uniform(-3, 3), chance.uniform(-1, 1),
                                 fresh, fresh + 1]
                    fresh += 2
                x, y, height = walker[0], walker[1], 60 + walker[1] / 10
                kind = 7 if walker[4] % 25 == 0 else 1
                truth.write(f"{frame},{walker[4]},{x:.0f},{y:.0f},{height * 0.4:.0f},{height:.0f},{int(kind == 1)},{kind},1\n")
                if chance.random() < 0.01:
                    walker[5], fresh = fresh, fresh + 1
                if chance.random() < 0.85:
                    result.write(f"{frame},{walker[5]},{x + chance.gauss(0, 2):.2f},{y + chance.gauss(0, 3):.2f},{height * 0.4:.2f},"
                                 f"{height:.2f},0.9,-1,-1,-1\n")


def measure(truth, result):
    warnings.filterwarnings("ignore")
    with contextlib.redirect_stdout(io.StringIO()):
        import trackeval
        names = sorted(path.name for path in truth.iterdir() if path.is_dir())
        data = trackeval.datasets.MotChallenge2DBox({
            "GT_FOLDER": str(truth), "TRACKERS_FOLDER": str(result.parent), "TRACKERS_TO_EVAL": [result.name],
            "TRACKER_SUB_FOLDER": "", "BENCHMARK": names[0][:5] if names[0].startswith("MOT") else "MOT15",
            "SEQ_INFO": dict.fromkeys(names), "SKIP_SPLIT_FOL": True, "PRINT_CONFIG": False})
        metrics = [trackeval.metrics.HOTA(), trackeval.metrics.CLEAR({"PRINT_CONFIG": False}),
                   trackeval.metrics.Identity({"PRINT_CONFIG": False})]
        start = time.process_time()
        read = 0.0
        scores = {}
        for name in names:
            begin = time.process_time()
            prepared = data.get_preprocessed_seq_data(data.get_raw_seq_data(result.name, name), "pedestrian")
            read += time.process_time() - begin
            scores[name] = {metric.get_name(): metric.eval_sequence(prepared) for metric in metrics}
        combined = {metric.get_name(): metric.combine_sequences({name: scores[name][metric.get_name()] for name in names})
                    for metric in metrics}
    print(json.dumps({"processor_seconds": time.process_time() - start, "read_and_prepare_seconds": read,
                      "HOTA": float(combined["HOTA"]["HOTA"].mean()), "MOTA": float(combined["CLEAR"]["MOTA"]),
                      "IDF1": float(combined["Identity"]["IDF1"])}))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gt", type=Path)
    parser.add_argument("--dt", type=Path)
    parser.add_argument("--make", type=Path)
    parser.add_argument("--frames", type=int, default=1000)
    parser.add_argument("--people", type=int, default=120)
    options = parser.parse_args()
    if options.make:
        make(options.make, options.frames, options.people)
    else:
        measure(options.gt, options.dt)


if __name__ == "__main__":
    main()
