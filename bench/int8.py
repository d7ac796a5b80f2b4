#!/usr/bin/env python3
"""Measures INT8 models of `goshawk quantize` against those of ONNX Runtime's quantize_static and of NNCF.

    tools/setup --peers
    .deps/peers/bin/python bench/int8.py --bin build/release/bin [--only accuracy,speed,search,alone] [--folds 2]

The model is yolox_nano.onnx, the pictures are the 128 of coco128, both of the test data (--shared). A fixed shuffle cuts the
pictures in two halves: one calibrates, the other is evaluated; the second fold changes their places. All get the same calibration
pictures, and all are evaluated by `goshawk eval`, on both CPU devices. goshawk picks its calibration method by AP on the evaluated
half, so the peers are given every method of theirs, and the best of each counts.

  accuracy  AP50-95, its drop in points, and the size of the file
  speed     milliseconds a picture, all in turns, in FP32, BF16 and INT8, of YOLOX-nano and of a YOLOv8n at 640 with random
            weights; again without AMX (ONEDNN_MAX_CPU_ISA)
  search    `goshawk optimize` from start to end
  alone     the networks by themselves, without pictures and boxes, through OpenVINO's own interface with BF16 where it is no
            INT8: milliseconds, all of a network in turns, --rounds times (only by name)

The result is also written to runs/bench/int8.json.
"""
import argparse
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DEVICES = ("openvino", "cpu")
OURS = {  # ways in which goshawk lays out eight bits, each judged on the device that it is for
    "symmetric": ("--device", "openvino", "--activations", "symmetric"),
    "asymmetric": ("--device", "openvino", "--activations", "asymmetric"),
    "every-node": ("--device", "cpu"),
}
PEERS = {
    "quantize_static MinMax": ("--with", "ort", "--method", "MinMax"),
    "quantize_static Entropy": ("--with", "ort", "--method", "Entropy"),
    "quantize_static Percentile": ("--with", "ort", "--method", "Percentile"),
    "NNCF performance": ("--with", "nncf", "--preset", "performance"),
    "NNCF mixed": ("--with", "nncf", "--preset", "mixed"),
}


class Bench:
    def __init__(self, options, model=None, names="coco.names"):
        self.options = options
        self.work = options.work
        self.goshawk = options.bin / "goshawk"
        self.model = model or options.shared / "models" / "yolox_nano.onnx"
        self.names = options.shared / "models" / "coco.names"
        self.naming = ("--names", options.shared / "models" / names) if names else ()  # a model that has names needs none
        self.results = {}
        self.made = set()

    def run(self, *command, **environment):
        result = subprocess.run([str(part) for part in command], capture_output=True, text=True, cwd=self.work,
                                env={**os.environ, **environment})
        if result.returncode != 0:
            sys.exit(f"bench: `{' '.join(map(str, command))}` ended with {result.returncode}:\n{result.stderr[-2000:]}")
        return json.loads(result.stdout[result.stdout.index("{"):])

    def tool(self, *words, **environment):
        return self.run(self.goshawk, *words, *self.naming, "--json", **environment)

    def data_set(self, fold):
        """A YOLO data set of two halves: `train` calibrates, `val` is evaluated."""
        root = self.work / f"set{fold}"
        if (root / "data.yaml").exists():
            return root
        shutil.rmtree(root, ignore_errors=True)
        source = self.options.shared / "data" / "coco128"
        pictures = sorted((source / "images").iterdir())
        random.Random(6).shuffle(pictures)
        middle = len(pictures) // 2
        halves = {"train": pictures[:middle], "val": pictures[middle:]}
        if fold == 1:
            halves = {"train": halves["val"], "val": halves["train"]}
        for split, members in halves.items():
            for kind in ("images", "labels"):
                (root / kind / split).mkdir(parents=True, exist_ok=True)
            for picture in members:
                shutil.copy(picture, root / "images" / split)
                if (label := source / "labels" / f"{picture.stem}.txt").exists():
                    shutil.copy(label, root / "labels" / split)
        names = json.dumps([line for line in self.names.read_text().splitlines() if line])
        (root / "data.yaml").write_text(f"path: .\ntrain: images/train\nval: images/val\nnames: {names}\n")
        return root

    def ours(self, fold, way, *flags):
        """Without a gate: no layer stays in float."""
        target = self.work / f"goshawk-{self.model.stem}-{way}-{fold}.onnx"
        if not target.exists() or (self.options.again and target not in self.made):
            self.tool("quantize", self.model, "--data", self.data_set(fold) / "data.yaml", *OURS[way], "--max-drop", "100",
                      "--output", target, *flags)
            self.made.add(target)
        return target

    def peer(self, fold, name):
        target = self.work / f"{self.model.stem}-{name.replace(' ', '-')}-{fold}.onnx"
        if not target.exists():
            self.run(sys.executable, ROOT / "bench" / "peers" / "quantize_onnx.py", self.model,
                     self.data_set(fold) / "images" / "train", target, *PEERS[name])
        return target

    def accuracy_of(self, models, fold, device):
        """AP50-95 in points of each."""
        found = {}
        for name, model in models.items():
            figures = self.tool("eval", model, "--data", self.data_set(fold) / "data.yaml", "--split", "val", "--device", device,
                                "--precision", "fp32", "--project", self.work / "eval", "--name", "run")
            shutil.rmtree(self.work / "eval", ignore_errors=True)
            found[name] = 100 * figures["coco"]["AP"]
        return found


def accuracy(bench):
    rows = {}
    for device in DEVICES:
        drops, sizes = {}, {}
        for fold in range(bench.options.folds):
            models = {"FP32": bench.model, **{f"goshawk {name}": bench.ours(fold, name) for name in OURS},
                      **{name: bench.peer(fold, name) for name in PEERS}}
            found = bench.accuracy_of(models, fold, device)
            for name, value in found.items():
                drops.setdefault(name, []).append(found["FP32"] - value)
                sizes[name] = models[name].stat().st_size
            print(device, fold, {name: round(value, 2) for name, value in found.items()}, file=sys.stderr, flush=True)
        rows[device] = {name: {"drop_of_each_fold": each, "drop": sum(each) / len(each), "bytes": sizes[name],
                               "share_of_fp32": sizes[name] / sizes["FP32"]} for name, each in drops.items()}
        print(f"\n{device}: points of AP50-95 lost, by fold and on average; size")
        for name, row in rows[device].items():
            each = "  ".join(f"{value:6.2f}" for value in row["drop_of_each_fold"])
            print(f"  {name:28} {each}  {row['drop']:6.2f}   {row['bytes'] / 1e6:5.2f} MB  {100 * row['share_of_fp32']:5.1f} %")
    bench.results["accuracy"] = rows


def speed(bench):
    """Of a small network, and of one whose weights are random: for that, any calibration will do."""
    bench.results["speed"] = {"yolox_nano": race(bench), "yolov8n": race(Bench(bench.options, exported(bench)), "--calibrate",
                                                                         "minmax", "--eval-images", "1")}


def exported(bench):
    """A YOLOv8n at 640."""
    export = bench.work / "yolov8n.onnx"
    if not export.exists():
        subprocess.run([sys.executable, ROOT / "bench" / "peers" / "export_model.py",
                        bench.options.shared / "video" / "car-detection.mp4"], cwd=bench.work, check=True)
    return export


def alone(bench):
    """YOLOX-nano, the YOLOv8n of `speed` and goshawk-n; calibrated on the pictures of fold 0."""
    calibrate = ("--calibrate", "minmax", "--eval-images", "1")
    bench.results["alone"] = {
        "yolox_nano": take_turns(bench),
        "yolov8n": take_turns(Bench(bench.options, exported(bench)), *calibrate),
        "goshawk-n": take_turns(Bench(bench.options, ROOT / "models" / "goshawk-n.onnx", names=None), *calibrate)}


def take_turns(bench, *flags):
    import numpy
    import openvino

    core = openvino.Core()
    settings = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "bf16",
                "INFERENCE_NUM_THREADS": bench.options.threads}
    ways = {"BF16": bench.model, **{way: bench.ours(0, way, *flags) for way in ("asymmetric", "symmetric")}}
    requests, times = {}, {way: [] for way in ways}
    for way, file in ways.items():
        model = core.read_model(file)
        model.reshape([1 if side.is_dynamic else side for side in model.input(0).partial_shape])
        requests[way] = core.compile_model(model, "CPU", settings).create_infer_request()
        requests[way].set_input_tensor(openvino.Tensor(numpy.zeros(list(model.input(0).shape), numpy.float32)))
    for turn in range(bench.options.rounds + 5):  # five that are not counted
        for way, request in requests.items():
            start = time.perf_counter()
            request.infer()
            if turn >= 5:
                times[way].append(1000 * (time.perf_counter() - start))
    rows = {way: {"median_ms": statistics.median(found), "least_ms": min(found)} for way, found in times.items()}
    print(f"\n{bench.model.stem}, the network alone, {bench.options.threads} threads: ms, median (least)")
    for way, row in rows.items():
        print(f"  {way:28} {row['median_ms']:7.1f} ({row['least_ms']:.1f})")
    return rows


def race(bench, *flags):
    float_model, every = bench.model, bench.ours(0, "every-node", *flags)
    fused = {f"goshawk {way}": bench.ours(0, way, *flags) for way in ("symmetric", "asymmetric")}
    peers = {name: bench.peer(0, name) for name in ("NNCF mixed", "NNCF performance", "quantize_static MinMax")}
    contests = {
        ("openvino", "fp32"): {"FP32": float_model, **fused, **peers},
        ("openvino", "bf16"): {"FP32": float_model, **fused},
        ("cpu", "fp32"): {"FP32": float_model, "goshawk every-node": every, **peers},
    }
    rows = {}
    for isa in ("", "AVX512_CORE_VNNI"):
        for (device, precision), models in contests.items():
            if isa and (device, precision) != ("openvino", "fp32"):
                continue
            result = bench.tool("bench", *models.values(), "--compare", "--device", device, "--precision", precision, "--threads",
                                str(bench.options.threads), "--no-layers", "--seconds", str(bench.options.seconds), "--project",
                                bench.work / "bench", "--name", "run", "--no-cache", **({"ONEDNN_MAX_CPU_ISA": isa} if isa else {}))
            shutil.rmtree(bench.work / "bench", ignore_errors=True)
            setting = f"{device} {precision} {isa}".strip()
            rows[setting] = {name: {"median_ms": one["latency_ms"]["p50"], "least_ms": one["latency_ms"]["min"]}
                             for name, one in zip(models, result["results"])}
            print(f"\n{bench.model.stem}, {setting}: ms a picture, median (least)")
            for name, row in rows[setting].items():
                print(f"  {name:28} {row['median_ms']:7.1f} ({row['least_ms']:.1f})")
    return rows


def search(bench):
    shutil.rmtree(bench.work / "optimize", ignore_errors=True)
    start = time.perf_counter()
    # Ends with 65, and has searched none the less, where nothing passes.
    subprocess.run([bench.goshawk, "optimize", bench.model, "--names", bench.names, "--data", bench.data_set(0) / "data.yaml",
                    "--project", bench.work / "optimize", "--name", "run"], cwd=bench.work)
    seconds = time.perf_counter() - start
    bench.results["search"] = {"seconds": seconds}
    print(f"goshawk optimize, 64 + 64 pictures: {seconds:.0f} s")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", type=Path, required=True)
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared")
    parser.add_argument("--work", type=Path, default=ROOT / "runs" / "bench" / "int8")
    parser.add_argument("--only", default="accuracy,speed,search")
    parser.add_argument("--folds", type=int, default=2)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--rounds", type=int, default=40, help="of `alone`")
    parser.add_argument("--again", action="store_true", help="quantize with goshawk again where its model is there")
    options = parser.parse_args()
    options.bin, options.shared, options.work = (path.resolve() for path in (options.bin, options.shared, options.work))
    options.work.mkdir(parents=True, exist_ok=True)
    bench = Bench(options)
    for name in options.only.split(","):
        {"accuracy": accuracy, "speed": speed, "search": search, "alone": alone}[name](bench)
    (options.work.parent / "int8.json").write_text(json.dumps(bench.results, indent=2))


if __name__ == "__main__":
    main()
