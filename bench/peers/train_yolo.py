"""Trains as `yolo train` does, and prints when its epochs began and ended: {"epoch_seconds": [...], "threads": ...}.

    python train_yolo.py THREADS key=value...

THREADS: of torch; 0 leaves it to Ultralytics, which takes one less than the machine has cores. The times come from its
documented callbacks; validation is not part of them.
"""
import json
import sys
import time

import torch
from ultralytics import YOLO

threads, seconds, begun = int(sys.argv[1]), [], [0.0]
words = dict(word.split("=", 1) for word in sys.argv[2:])


def value(text):
    try:
        return json.loads(text.lower())
    except json.JSONDecodeError:
        return text


def train_starts(trainer):
    if threads:
        torch.set_num_threads(threads)


def epoch_starts(trainer):
    begun[0] = time.perf_counter()


def epoch_ends(trainer):
    seconds.append(time.perf_counter() - begun[0])


model = YOLO(words.pop("model"))
model.add_callback("on_train_start", train_starts)
model.add_callback("on_train_epoch_start", epoch_starts)
model.add_callback("on_train_epoch_end", epoch_ends)
model.train(**{key: value(text) for key, text in words.items()})
print(json.dumps({"epoch_seconds": seconds, "threads": torch.get_num_threads()}))
