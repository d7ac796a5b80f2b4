"""What `goshawk train` writes for TensorBoard, read back by TensorBoard itself and compared with results.csv.

Usage: events_reference.py GOSHAWK
"""
import csv
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "e2e"))
os.environ.setdefault("GOSHAWK_BIN", sys.argv[1])
from train_test import PLUGIN, squares  # noqa: E402

if not PLUGIN.exists():
    print("skipped: built without LibTorch")
    sys.exit(77)
with tempfile.TemporaryDirectory() as scratch:
    folder = Path(scratch)
    data = squares(folder / "squares", 8, 4)
    subprocess.run([sys.argv[1], "train", data, "--epochs", "2", "--imgsz", "64", "--batch", "4", "--quiet"], cwd=folder,
                   check=True, timeout=300)
    run = folder / "runs/train/train"
    events = list(EventFileLoader(str(next(run.glob("events.out.tfevents.*")))).Load())
    assert events[0].file_version == "brain.Event:2", events[0]
    read = {(event.step, value.tag): value.tensor.float_val[0] if value.HasField("tensor") else value.simple_value
            for event in events for value in event.summary.value}
    with open(run / "results.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    count = 0
    for row in rows:
        for tag, text in row.items():
            if tag in ("epoch", "time"):
                continue
            value = float(text)
            assert abs(read[int(row["epoch"]), tag] - value) <= 1e-5 * max(1, abs(value)), (tag, row)
            count += 1
    assert count == len(read) == 26, (count, len(read))
print(f"{count} values agree")
