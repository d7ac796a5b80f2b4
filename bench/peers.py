#!/usr/bin/env python3
"""Times goshawk against its peers and prints ratios from one run. `make bench-peers` sets everything up.

    .deps/peers/bin/python bench/peers.py --bin build/bench/bin [--only track,trackers] [--rounds 5]

Sections:
  track     whole `goshawk track` and `yolo track` (ONNX, OpenVINO) of one clip, video written: wall, processor, memory
  image     one image in a new process: `goshawk predict` and `yolo predict`
  trackers  SORT, ByteTrack and OC-SORT a frame, against roboflow `trackers`
  scores    `goshawk eval-tracks` against TrackEval (.deps/oracles), one core: a made crowd, and the test data's two sequences
  boxes     `goshawk eval-boxes` against faster-coco-eval: 5,000 made images, 37,934 boxes, 151,728 detections; whole process
  steps     letterbox, decoding and suppression on one core, against Ultralytics' own functions
  train     `goshawk train` by default, in bfloat16 and in float32 against Ultralytics' training: YOLOv8n from random weights,
            320 pixels, batch 16, mosaic; the loader alone; coco128 of the test data. 3 epochs, or --epochs N; only by name
  curves    losses and AP of both after the same epochs (--epochs, 30), each of --seeds; hours where epochs are many: only by name

Peer and goshawk take turns; every figure is the median of the rounds. A run that is not counted comes first, so files are in
the page cache and goshawk's compiled model is in its cache; of the whole clip one of goshawk and one of yolo do for all. The
clip and the detections come from --shared where it is there, else they are made. The model is a YOLOv8n with random weights
(bench/peers/export_model.py): for speed only. Ultralytics is told to stay offline and to install nothing. The result is also written to runs/bench/peers.json.
"""
import argparse
import csv
import importlib.metadata
import json
import os
import platform
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PEERS = Path(__file__).resolve().parent / "peers"
CONFIDENCE, OVERLAP, MOST_BOXES = "0.25", "0.7", "20"
YOLO_FORMATS = {"ONNX": "yolov8n.onnx", "OpenVINO": "yolov8n_openvino_model"}


class Child:
    """A finished process: wall and processor time in seconds, peak resident bytes, and what it printed last as JSON, if asked."""

    def __init__(self, command, environment, log):
        printed = log.with_suffix(".out")
        with open(log, "wb") as sink, open(printed, "wb") as out:
            start = time.perf_counter()
            process = subprocess.Popen([str(part) for part in command], stdout=out, stderr=sink, cwd=log.parent,
                                       env=environment)
            _, status, usage = os.wait4(process.pid, 0)
            self.wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        self.processor = usage.ru_utime + usage.ru_stime
        self.peak = usage.ru_maxrss * 1024
        if process.returncode != 0:
            sys.exit(f"bench: `{' '.join(map(str, command))}` ended with {process.returncode}:\n"
                     f"{printed.read_text(errors='replace')[-2000:]}\n{log.read_text(errors='replace')[-2000:]}")
        self.printed = printed.read_text(errors="replace")

    def json(self):
        """The document that begins in the last line with a brace at its start."""
        return json.loads(self.printed[self.printed.rindex("\n{") + 1 if "\n{" in self.printed else self.printed.index("{"):])


class Bench:
    def __init__(self, options, work):
        self.options = options
        self.work = work
        self.goshawk = options.bin / "goshawk"
        self.yolo = (sys.executable, Path(sys.executable).parent / "yolo")  # its first line may name another place
        threads = str(options.threads)
        self.environment = {
            **os.environ, "HOME": str(work), "XDG_CACHE_HOME": str(work / "cache"), "XDG_CONFIG_HOME": str(work / "config"),
            "YOLO_CONFIG_DIR": str(work), "YOLO_OFFLINE": "true", "YOLO_AUTOINSTALL": "false", "MPLCONFIGDIR": str(work),
            "OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads}
        self.results = {}

    def run(self, *command):
        return Child(command, self.environment, self.work / "log.txt")

    def json_of(self, *command):
        """What a program prints last on stdout, as JSON."""
        result = subprocess.run([str(part) for part in command], capture_output=True, text=True, cwd=self.work,
                                env=self.environment)
        if result.returncode != 0:
            sys.exit(f"bench: `{' '.join(map(str, command))}` ended with {result.returncode}:\n{result.stderr[-2000:]}")
        return json.loads(result.stdout[result.stdout.index("{"):])

    def alternate(self, contestants, rounds=None, uncounted=None):
        """{name: [result of each round]}; each round runs every contestant once, every second round in the other order.
        `uncounted`: the names that run once before; all unless given."""
        for name in uncounted if uncounted is not None else contestants:
            contestants[name]()
        runs = {name: [] for name in contestants}
        for number in range(rounds or self.options.rounds):
            names = list(contestants)
            if number % 2:
                names.reverse()
            for name in names:
                runs[name].append(contestants[name]())
                print(".", end="", file=sys.stderr, flush=True)
        print(file=sys.stderr)
        return runs


def median(values):
    return statistics.median(values)


def summary(children):
    return {"wall_seconds": median(child.wall for child in children),
            "wall_seconds_all": [child.wall for child in children],
            "processor_seconds": median(child.processor for child in children),
            "peak_rss_bytes": median(child.peak for child in children)}


# ---- inputs


def clip(bench):
    """car-detection.mp4 of the test data (768x432, 377 frames), or a made clip of the same size and length."""
    given = bench.options.shared / "video" / "car-detection.mp4"
    if given.exists():
        return given
    made = bench.work / "made.mp4"
    if not made.exists():
        subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=768x432:r=12.5:d=30.16", "-pix_fmt", "yuv420p",
                        made], check=True)
    return made


def clip_of_track(bench):
    """The clip, or with --frames N its first part of about N frames (cut without encoding again)."""
    whole = clip(bench)
    if not bench.options.frames:
        return whole
    part = bench.work / f"{whole.stem}-part.mp4"
    if not part.exists():
        subprocess.run(["ffmpeg", "-v", "error", "-i", whole, "-map", "0:v", "-c", "copy", "-frames:v", str(bench.options.frames),
                        part], check=True)
    return part


def made_detections(path, frames, people):
    """MOT detections of people who walk over a square, some missed, some with low scores."""
    chance = random.Random(1)
    walkers = [[chance.uniform(0, 1800), chance.uniform(0, 900), chance.uniform(-4, 4), chance.uniform(-2, 2)]
               for _ in range(people)]
    with open(path, "w") as file:
        for frame in range(1, frames + 1):
            for walker in walkers:
                walker[0] += walker[2]
                walker[1] += walker[3]
                if chance.random() < 0.9:
                    x, y = (value + chance.gauss(0, 2) for value in walker[:2])
                    file.write(f"{frame},-1,{x:.2f},{y:.2f},60,150,{chance.uniform(0.2, 1):.3f}\n")
    return path


def detection_files(bench):
    given = [bench.options.shared / "mot" / name / "det.txt" for name in ("MOT20-01", "MOT16-02")]
    found = {path.parent.name: path for path in given if path.exists()}
    return found or {"made (30 people)": made_detections(bench.work / "made_det.txt", 400, 30)}


def export_model(bench):
    if not (bench.work / "yolov8n_openvino_model").exists():
        bench.run(sys.executable, PEERS / "export_model.py", clip(bench))
    return bench.work / "yolov8n.onnx"


# ---- sections


def compare(bench, section, rows, peers, goals):
    """Adds to each peer how many times longer it takes than goshawk, and says which goals were missed."""
    ours = rows["goshawk"]
    for name in peers:
        rows[name]["ratio"] = rows[name]["wall_seconds"] / ours["wall_seconds"]
    bench.results[section]["rows"] = rows
    bench.results[section]["goals"] = goals


def goal(what, value, bound, at_least=True):
    return {"what": what, "value": value, "bound": bound, "at_least": at_least,
            "met": value >= bound if at_least else value <= bound}


def track(bench):
    model, source = export_model(bench), clip_of_track(bench)
    runs_folder = bench.work / "track"
    stats = []

    def ours(*flags, keep=None):
        shutil.rmtree(runs_folder, ignore_errors=True)
        child = bench.run(bench.goshawk, "track", source, "--model", model, "--conf", CONFIDENCE, "--iou", OVERLAP,
                          "--max-det", MOST_BOXES, "--threads", bench.options.threads, "--project", runs_folder, "--name", "run",
                          *flags)
        result = json.loads((runs_folder / "run" / "stats.json").read_text())
        if keep is not None:
            keep.append(result)
        child.fps = result["frames"] / child.wall
        return child

    def theirs(exported, *extra):
        shutil.rmtree(runs_folder, ignore_errors=True)
        return bench.run(*bench.yolo, "track", f"model={exported}", f"source={source}", "imgsz=640", "tracker=bytetrack.yaml",
                         "save=True", f"conf={CONFIDENCE}", f"iou={OVERLAP}", f"max_det={MOST_BOXES}", "device=cpu",
                         "verbose=False", f"project={runs_folder}", "name=run", *extra)

    theirs(YOLO_FORMATS["OpenVINO"], "save_txt=True")  # the peer's run that is not counted, too
    labels = sorted(runs_folder.rglob("labels/*.txt"))
    boxes = sum(len(file.read_text().splitlines()) for file in labels)
    runs = bench.alternate({
        "goshawk": lambda: ours(keep=stats),
        "yolo OpenVINO": lambda: theirs(YOLO_FORMATS["OpenVINO"]),
        "goshawk on the CPU provider": lambda: ours("--device", "cpu"),
        "yolo ONNX": lambda: theirs(YOLO_FORMATS["ONNX"]),
    }, uncounted=["goshawk"])
    rows = {name: summary(children) for name, children in runs.items()}
    stats = stats[1:]  # without the run that is not counted
    inference = [one["stages"]["inference"]["total_ms"] / 1000 for one in stats]
    rows["goshawk"]["inference_seconds"] = median(inference)
    # Two ways to look at it: the program's own clock from the first frame on, and the whole process with its start.
    rows["goshawk"]["wall_per_inference"] = median(one["wall_seconds"] / total for one, total in zip(stats, inference))
    rows["goshawk"]["whole_process_per_inference"] = median(
        child.wall / total for child, total in zip(runs["goshawk"], inference))
    frames = stats[0]["frames"]
    bench.results["track"] = {
        "what": f"{source.name}, {frames} frames, YOLOv8n 640 with random weights, ByteTrack, video written, conf {CONFIDENCE}",
        "boxes_per_frame": {"goshawk": stats[0].get("detections", 0) / frames, "yolo (tracked)": boxes / frames}}
    compare(bench, "track", rows, [name for name in rows if name != "goshawk"], [
        goal("times faster than yolo with OpenVINO", rows["yolo OpenVINO"]["wall_seconds"] / rows["goshawk"]["wall_seconds"], 2.5),
        goal("times faster than yolo with ONNX", rows["yolo ONNX"]["wall_seconds"] / rows["goshawk"]["wall_seconds"], 4),
        goal("wall time over the model's own inference time", rows["goshawk"]["wall_per_inference"], 1.25, at_least=False)])


def image(bench):
    model = export_model(bench)
    picture = bench.work / "image.jpg"
    subprocess.run(["ffmpeg", "-v", "error", "-y", "-ss", "5", "-i", clip(bench), "-frames:v", "1", "-q:v", "2", picture], check=True)
    runs_folder = bench.work / "image"

    def ours():
        shutil.rmtree(runs_folder, ignore_errors=True)
        return bench.run(bench.goshawk, "predict", picture, "--model", model, "--conf", CONFIDENCE, "--max-det", MOST_BOXES,
                         "--threads", bench.options.threads, "--project", runs_folder, "--name", "run")

    def theirs(exported):
        shutil.rmtree(runs_folder, ignore_errors=True)
        return bench.run(*bench.yolo, "predict", f"model={exported}", f"source={picture}", "imgsz=640", "save=True",
                         f"conf={CONFIDENCE}", f"max_det={MOST_BOXES}", "device=cpu", "verbose=False", f"project={runs_folder}",
                         "name=run")

    runs = bench.alternate({"goshawk": ours, **{f"yolo {name}": lambda exported=exported: theirs(exported)
                                                for name, exported in YOLO_FORMATS.items()}})
    rows = {name: summary(children) for name, children in runs.items()}
    bench.results["image"] = {"what": "one 768x432 JPEG in a new process, annotated picture written, compiled model in the cache"}
    compare(bench, "image", rows, [name for name in rows if name != "goshawk"], [
        goal("seconds", rows["goshawk"]["wall_seconds"], 0.5, at_least=False),
        goal("MB resident", rows["goshawk"]["peak_rss_bytes"] / 1e6, 300, at_least=False)])


def trackers(bench):
    rows, goals = {}, []
    for sequence, path in detection_files(bench).items():
        for name in ("sort", "bytetrack", "ocsort"):
            runs = bench.alternate({
                "goshawk": lambda: bench.json_of(bench.options.bin / "track_bench", "--det", path, "--tracker", name, "--repeat", 7),
                "peer": lambda: bench.json_of(sys.executable, PEERS / "time_trackers.py", name, path)})
            ours, theirs = (median(run["us_per_frame"] for run in runs[who]) for who in ("goshawk", "peer"))
            rows[f"{name}, {sequence}"] = {"goshawk_us": ours, "peer_us": theirs, "ratio": theirs / ours,
                                           "detections_per_frame": runs["peer"][0]["detections_per_frame"]}
            goals.append(goal(f"times faster: {name}, {sequence}", theirs / ours, 35))
    bench.results["trackers"] = {"what": "microseconds of processor time a frame; roboflow `trackers`, each with its own "
                                         "published defaults",
                                 "rows": rows, "goals": goals}


def scores(bench):
    python, rows, goals = ROOT / ".deps" / "oracles" / "bin" / "python", {}, []
    if not python.exists():
        sys.exit("bench: TrackEval is not there; run tools/setup --oracles")
    crowd = bench.work / "crowd"
    bench.run(sys.executable, ROOT / "bench" / "tracks_peer.py", "--make", crowd)
    sets = {"crowd, 1000 frames of 120 people": crowd}
    for name, length in (("TUD-Campus", 71), ("TUD-Stadtmitte", 179)):
        given = bench.options.shared / "mot" / name
        if not given.exists():
            continue
        sets[name] = folder = bench.work / name
        (folder / "gt" / name / "gt").mkdir(parents=True, exist_ok=True)
        (folder / "dt").mkdir(exist_ok=True)
        shutil.copyfile(given / "gt.txt", folder / "gt" / name / "gt" / "gt.txt")
        shutil.copyfile(given / "test.txt", folder / "dt" / f"{name}.txt")
        (folder / "gt" / name / "seqinfo.ini").write_text(f"[Sequence]\nname={name}\nseqLength={length}\n")
    for name, folder in sets.items():
        places = ["--gt", folder / "gt", "--dt", folder / "dt"]
        runs = bench.alternate({
            "goshawk": lambda: bench.run("taskset", "--cpu-list", "0", bench.goshawk, "eval-tracks", *places, "--json"),
            "TrackEval": lambda: bench.run("taskset", "--cpu-list", "0", python, ROOT / "bench" / "tracks_peer.py", *places)})
        program = {"goshawk": (bench.goshawk, "eval-tracks", *places, "--json"),
                   "TrackEval": (python, ROOT / "bench" / "tracks_peer.py", *places)}
        core = bench.alternate({who: lambda words=words: bench.json_of("taskset", "--cpu-list", "0", *words)["processor_seconds"]
                                for who, words in program.items()})
        for who, children in runs.items():
            rows[f"{who}, {name}"] = {**summary(children), "without_start_processor_seconds": median(core[who])}
        ours, theirs = rows[f"goshawk, {name}"], rows[f"TrackEval, {name}"]
        theirs["ratio"] = theirs["processor_seconds"] / ours["processor_seconds"]
        goals.append(goal(f"times less processor time, {name}", theirs["ratio"], 10))
        goals.append(goal(f"times less processor time without the start, {name}",
                          theirs["without_start_processor_seconds"] / ours["without_start_processor_seconds"], 10))
    bench.results["scores"] = {"what": "HOTA, CLEAR and Identity from MOT text, whole process", "rows": rows, "goals": goals}


def boxes(bench):
    made = bench.work / "boxes"
    bench.run(sys.executable, ROOT / "bench" / "make_boxes.py", made)
    places = ["--gt", made / "instances.json", "--dt", made / "results.json"]
    programs = {"goshawk": (bench.goshawk, "eval-boxes", *places, "--json"),
                "faster-coco-eval": (sys.executable, ROOT / "bench" / "boxes_peer.py", *places)}
    figures = {who: bench.json_of(*words) for who, words in programs.items()}
    wrong = [name for name, value in figures["faster-coco-eval"].items()
             if name != "peer" and abs(value - figures["goshawk"][name]) > 1e-6]
    if wrong:
        sys.exit(f"bench: goshawk and {figures['faster-coco-eval']['peer']} differ in {', '.join(wrong)}")
    runs = bench.alternate({who: lambda words=words: bench.run(*words) for who, words in programs.items()})
    rows = {who: summary(children) for who, children in runs.items()}
    ours, theirs = rows["goshawk"], rows["faster-coco-eval"]
    bench.results["boxes"] = {"what": "COCO's twelve figures of 151,728 detections on 5,000 images, whole process; both give the same"}
    compare(bench, "boxes", rows, ["faster-coco-eval"], [
        goal("times faster", theirs["wall_seconds"] / ours["wall_seconds"], 5),
        goal("times less memory", theirs["peak_rss_bytes"] / ours["peak_rss_bytes"], 3)])


def steps(bench):
    program = bench.options.bin / "detect_bench"
    wanted = {"letterbox/yolov8_1080p_to_640": "letterbox", "decode_and_suppress/30": "decode_and_suppress"}

    def ours():
        report = bench.json_of("taskset", "--cpu-list", "0", program, "--benchmark_format=json",
                               "--benchmark_filter=^(letterbox/yolov8_1080p_to_640|decode_and_suppress/30)$")
        return {wanted[row["name"]]: row["cpu_time"] for row in report["benchmarks"]}

    runs = bench.alternate({
        "goshawk": ours, "peer": lambda: bench.json_of("taskset", "--cpu-list", "0", sys.executable, PEERS / "time_steps.py")})
    rows = {}
    for step in wanted.values():
        ours_us, theirs_us = (median(run[step] for run in runs[who]) for who in ("goshawk", "peer"))
        rows[step] = {"goshawk_us": ours_us, "peer_us": theirs_us, "ratio": theirs_us / ours_us}
    bench.results["steps"] = {
        "what": "microseconds of processor time on one core; 1080p to a 640 tensor; 8400 x 84 at 0.25 with 30 objects; "
                "Ultralytics' functions",
        "rows": rows,
        "goals": [goal("us, letterbox", rows["letterbox"]["goshawk_us"], 1200, at_least=False),
                  goal("us, decode and suppress", rows["decode_and_suppress"]["goshawk_us"], 300, at_least=False)]}


def training_set(bench):
    """coco128 in YOLO form: (data.yaml, number of images)."""
    if not (bench.options.bin / "libgoshawk_train_plugin.so").exists():
        sys.exit("bench: this goshawk was built without training; `tools/setup --train` and build again")
    data = bench.work / "coco128" / "data.yaml"
    if not data.exists():
        given = bench.options.shared / "data" / "coco128" / "instances.json"
        if not given.exists():
            sys.exit(f"bench: {given} is not there: training is timed on coco128 (--shared FOLDER)")
        bench.run(bench.goshawk, "data", "convert", given, "--to", "yolo", "--out", data.parent)
    return data, len(list((data.parent / "images").rglob("*.jpg")))


def given_settings(bench, epochs):
    """Pairs of --set, whose names are the same in both programs. They differ where all epochs are among the last ones, which
    goshawk trains without mosaic and Ultralytics with it: there both keep it."""
    given = dict(pair.split("=", 1) for pair in bench.options.set.split(",") if pair)
    if epochs <= 10:
        given.setdefault("close_mosaic", "0")
    return given.items()


def train_goshawk(bench, data, epochs, seed, *flags):
    shutil.rmtree(bench.work / "goshawk-train", ignore_errors=True)
    threads = bench.options.threads
    given = [part for key, value in given_settings(bench, epochs) for part in ("--" + key.replace("_", "-"), value)]
    child = bench.run(bench.goshawk, "train", data, "--model", "goshawk-n", "--epochs", epochs, "--imgsz", bench.options.imgsz,
                      "--batch", 16, *given, "--patience", 0, "--seed", seed, "--threads", threads, "--workers", threads,
                      "--device", "cpu", "--project", bench.work / "goshawk-train", "--name", "run", "--json", *flags)
    child.results = bench.work / "goshawk-train" / "run" / "results.csv"
    return child


def train_yolo(bench, data, epochs, seed, threads=0):
    """`threads` 0: as its users have it."""
    shutil.rmtree(bench.work / "yolo-train", ignore_errors=True)
    child = bench.run(sys.executable, PEERS / "train_yolo.py", threads, "model=yolov8n.yaml", f"data={data}", f"epochs={epochs}",
                      f"imgsz={bench.options.imgsz}", "batch=16", *("=".join(pair) for pair in given_settings(bench, epochs)),
                      "patience=0", f"seed={seed}", "device=cpu", "pretrained=False", "cache=ram",
                      f"project={bench.work / 'yolo-train'}", "name=run")
    child.results = bench.work / "yolo-train" / "run" / "results.csv"
    return child


def train(bench):
    data, images = training_set(bench)
    epochs = bench.options.epochs or 3
    threads = bench.options.threads
    runs = bench.alternate({
        "goshawk": lambda: train_goshawk(bench, data, epochs, 0),
        "yolo": lambda: train_yolo(bench, data, epochs, 0),
        "goshawk in bfloat16": lambda: train_goshawk(bench, data, epochs, 0, "--half", "bfloat16"),
        "goshawk in float32": lambda: train_goshawk(bench, data, epochs, 0, "--no-amp"),
        "yolo with all threads": lambda: train_yolo(bench, data, epochs, 0, threads),
    }, uncounted=[])
    rows = {}
    for name, children in runs.items():
        seconds = [child.json()["epoch_seconds"] for child in children]
        rows[name] = {"images_per_second": median(images * (epochs - 1) / sum(one[1:]) for one in seconds),
                      "with_all_else": median(images * epochs / child.wall for child in children), **summary(children)}
        if "yolo" in name:
            rows[name]["threads"] = children[0].json()["threads"]
    loader = bench.options.bin / "loader_bench"
    if loader.exists():
        alone = [bench.json_of(loader, data, "--imgsz", bench.options.imgsz, "--workers", threads)["cached"]
                 for _ in range(bench.options.rounds)]
        rows["goshawk's loader alone"] = {key: median(one[key] for one in alone) for key in alone[0]}
    ours = rows["goshawk"]
    for name, row in rows.items():
        if name != "goshawk":
            row["ratio"] = ours["images_per_second"] / row["images_per_second"]
    bench.results["train"] = {
        "what": f"{images} images, {epochs} epochs, {bench.options.imgsz} pixels, batch 16, mosaic; images/s: training alone, "
                "without the first epoch; with_all_else: the whole process with its start, validation after each epoch and the model file",
        "epoch_seconds": {name: [child.json()["epoch_seconds"] for child in children] for name, children in runs.items()},
        "rows": rows,
        "goals": [goal("times yolo's images/s", rows["yolo"]["ratio"], 4),
                  goal("times yolo's images/s with all threads", rows["yolo with all threads"]["ratio"], 4),
                  goal("times less memory", rows["yolo"]["peak_rss_bytes"] / ours["peak_rss_bytes"], 1),
                  *([goal("times what the step consumes, the loader alone", 1 / rows["goshawk's loader alone"]["ratio"], 3)]
                    if loader.exists() else [])]}


def curves(bench):
    data, images = training_set(bench)
    epochs, seeds = bench.options.epochs or 30, bench.options.seeds.split(",")
    trainers = {"goshawk": train_goshawk, "yolo": lambda *words: train_yolo(*words, bench.options.threads)}
    if not bench.options.half_only:
        trainers["goshawk in float32"] = lambda *words: train_goshawk(*words, "--no-amp")
    columns = {"train loss": [f"train/{part}_loss" for part in ("box", "cls", "dfl")], "AP50 (%)": ["metrics/mAP50(B)"],
               "AP (%)": ["metrics/mAP50-95(B)"], "val loss": [f"val/{part}_loss" for part in ("box", "cls", "dfl")]}
    found = {name: [] for name in trainers}
    for seed in seeds:
        for name, trainer in trainers.items():
            results = trainer(bench, data, epochs, seed).results
            with open(results, newline="") as file:
                table = [{key.strip(): float(text) for key, text in row.items()} for row in csv.DictReader(file)]
            found[name].append({what: [sum(row[key] for key in keys) * (100 if "AP" in what else 1) for row in table]
                                for what, keys in columns.items()})
            print(".", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    shown = sorted({1, *(round(epochs * part / 4) for part in range(1, 5))} - {0})
    rows = {}
    for what in columns:
        for name, one_a_seed in found.items():
            row = {f"epoch {epoch}": median(curve[what][epoch - 1] for curve in one_a_seed) for epoch in shown}
            rows[f"{what}, {name}"] = row
            row["last of each seed"] = " ".join(cell(curve[what][-1]) for curve in one_a_seed)
    last = f"epoch {epochs}"
    bench.results["curves"] = {
        "what": f"{images} images, {epochs} epochs, {bench.options.imgsz} pixels, batch 16, {bench.options.set or 'defaults'}, "
                f"mosaic off in the last ten epochs; medians of seeds {', '.join(seeds)}; the images that learn judge, too",
        "curves": found, "rows": rows,
        "goals": [goal("of yolo's training loss at the end",
                       rows["train loss, goshawk"][last] / rows["train loss, yolo"][last], 1.02, at_least=False),
                  goal("points of AP50 more than yolo", rows["AP50 (%), goshawk"][last] - rows["AP50 (%), yolo"][last], 0),
                  goal("points of AP more than yolo", rows["AP (%), goshawk"][last] - rows["AP (%), yolo"][last], 0)]}


SECTIONS = {"track": track, "image": image, "trackers": trackers, "scores": scores, "boxes": boxes,
            "steps": steps, "train": train, "curves": curves}
ONLY_BY_NAME = ("train", "curves")  # minutes and hours, and they need LibTorch

# ---- report


def machine(bench):
    processor = next((line.split(":", 1)[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
                      if line.startswith("model name")), platform.machine())
    flags = next((line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("flags")), "").split()
    versions = {name: importlib.metadata.version(name)
                for name in ("ultralytics", "torch", "onnxruntime", "openvino", "opencv-python-headless", "numpy", "trackers",
                             "supervision", "faster-coco-eval")}
    versions["goshawk"] = subprocess.run([bench.goshawk, "version"], capture_output=True, text=True).stdout.split("\n")[0]
    return {"date": time.strftime("%Y-%m-%d"), "processor": processor, "cores": os.cpu_count(),
            "instructions": [flag for flag in ("avx2", "avx512f", "avx512_vnni", "amx_int8", "amx_bf16") if flag in flags],
            "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"), "system": platform.platform(),
            "threads": bench.options.threads, "versions": versions}


def cell(value):
    if isinstance(value, float):
        return f"{value:.2f}" if abs(value) < 1000 else f"{value:.0f}"
    return str(value)


def print_section(name, result, load):
    print(f"\n{name}: {result['what']}")
    if "boxes_per_frame" in result:
        print("  boxes a frame: " + ", ".join(f"{who} {value:.1f}" for who, value in result["boxes_per_frame"].items()))
    width = max(map(len, result["rows"])) + 2
    for row, values in result["rows"].items():
        shown = {key: value for key, value in values.items() if not key.endswith("_all")}
        if "peak_rss_bytes" in shown:
            shown["peak_rss_mb"] = shown.pop("peak_rss_bytes") / 1e6
        print(f"  {row:{width}}" + "  ".join(f"{key} {cell(value)}" for key, value in shown.items()))
    for one in result["goals"]:
        sign = ">=" if one["at_least"] else "<="
        print(f"  {'met   ' if one['met'] else 'MISSED'} {one['what']}: {cell(float(one['value']))} ({sign} {one['bound']})")
    print(f"  load average {load:.1f}" + (": other programs were running, so repeat this" if load > os.cpu_count() + 1 else ""))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", type=Path, default=ROOT / "build" / "bench" / "bin", help="folder of goshawk's programs")
    parser.add_argument("--only", default=",".join(name for name in SECTIONS if name not in ONLY_BY_NAME),
                        help="sections, with commas")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--frames", type=int, help="track: only the first frames of the clip, for a quick look")
    parser.add_argument("--epochs", type=int, help="train, curves: of each training")
    parser.add_argument("--imgsz", type=int, default=320, help="train, curves: side of the pictures")
    parser.add_argument("--set", default="", help="train, curves: more settings of both, such as optimizer=adamw,lr0=0.002,nbs=16")
    parser.add_argument("--half-only", action="store_true", help="curves: without goshawk in float32")
    parser.add_argument("--seeds", default="0,1,2", help="curves: a training each")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared")
    parser.add_argument("--out", type=Path, default=ROOT / "runs" / "bench" / "peers.json")
    options = parser.parse_args()
    options.bin, options.shared = options.bin.resolve(), options.shared.resolve()
    names = options.only.split(",")
    unknown = [name for name in names if name not in SECTIONS]
    if unknown:
        parser.error(f"no section {', '.join(unknown)}; there are {', '.join(SECTIONS)}")
    with tempfile.TemporaryDirectory(prefix="goshawk-bench-") as work:
        bench = Bench(options, Path(work))
        report = {"machine": machine(bench), "rounds": options.rounds, "sections": bench.results}
        about = report["machine"]
        print(f"{about['processor']}, {about['cores']} cores ({' '.join(about['instructions'])}), {about['threads']} threads; "
              f"{about['date']}; " + ", ".join(f"{name} {version}" for name, version in about["versions"].items()))
        for name in names:
            print(f"bench: {name}", file=sys.stderr, flush=True)
            SECTIONS[name](bench)
            bench.results[name]["load_average"] = os.getloadavg()[0]
            print_section(name, bench.results[name], os.getloadavg()[0])
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(report, indent=2) + "\n")
    print(f"\n{options.out}")


if __name__ == "__main__":
    main()
