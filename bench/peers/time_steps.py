"""Times what Ultralytics does around inference, on one core: prints one line of JSON, microseconds by step.

    time_steps.py     run in the peers' environment

The same work as bench/detect_bench.cpp: a 1920 x 1080 image to a 1x3x640x640 float tensor, and an output of 1x84x8400 with 30
objects of 12 boxes each to the boxes kept at 0.25. Processor time.
"""
import json
import statistics
import time

import cv2
import numpy as np
import torch
from ultralytics.data.augment import LetterBox
from ultralytics.utils.nms import non_max_suppression


def median_us(call, repeat=60):
    call()
    times = []
    for _ in range(repeat):
        start = time.thread_time()
        call()
        times.append(time.thread_time() - start)
    return statistics.median(times) * 1e6


def output(objects, random):
    values = random.uniform(0, 0.02, (1, 84, 8400)).astype(np.float32)
    anchor = 0
    for _ in range(objects):
        box = np.array([*random.uniform(20, 600, 2), *random.uniform(10, 120, 2)])
        class_id = random.integers(80)
        for _ in range(12):
            values[0, :4, anchor] = box + random.uniform(-4, 4, 4)
            values[0, 4 + class_id, anchor] = random.uniform(0.25, 0.95)
            anchor = (anchor + 37) % 8400
    return torch.from_numpy(values)


def main():
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    random = np.random.default_rng(7)
    images = [random.integers(0, 256, (1080, 1920, 3), dtype=np.uint8) for _ in range(4)]
    letterbox = LetterBox((640, 640), auto=False)
    turn = iter(range(1_000_000))

    def prepare():
        image = letterbox(image=images[next(turn) % len(images)])
        tensor = torch.from_numpy(np.ascontiguousarray(image[..., ::-1].transpose(2, 0, 1)))[None]
        return tensor.float() / 255

    raw = output(30, random)
    # The suppression may write into its input, so each call gets a copy; the copy is timed by itself and taken off.
    copy = median_us(raw.clone)
    suppress = median_us(lambda: non_max_suppression(raw.clone(), 0.25, 0.7, max_det=300))
    print(json.dumps({"letterbox": median_us(prepare), "decode_and_suppress": suppress - copy,
                      "kept": len(non_max_suppression(raw.clone(), 0.25, 0.7, max_det=300)[0])}))


if __name__ == "__main__":
    main()
