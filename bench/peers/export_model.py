"""Writes a YOLOv8n with random weights as yolov8n.onnx and yolov8n_openvino_model/ into the current folder.

    export_model.py CLIP     run in the peers' environment

No trained weights are at hand here, and speed does not need them. What it does need is ordinary activations and a handful of
boxes in each frame, so that decoding, suppression and tracking have work on both sides: batch normalisation takes its
statistics from 16 frames of the clip, and the class scores are shifted until one anchor in 25 is above 0.25. That gives every
frame some boxes; the frames with most would have hundreds, so the benchmark asks both sides for the best 20.
"""
import sys

import cv2
import numpy as np
import torch
from ultralytics import YOLO

SIDE = 640
CONFIDENCE = 0.25
SHARE_ABOVE = 1 / 25


def frames(clip, count=16):
    capture = cv2.VideoCapture(clip)
    step = max(1, int(capture.get(cv2.CAP_PROP_FRAME_COUNT)) // count)
    images = []
    while len(images) < count:
        for _ in range(step):
            read, image = capture.read()
        if not read:
            break
        ratio = SIDE / max(image.shape[:2])
        small = cv2.resize(image, None, fx=ratio, fy=ratio)
        top = (SIDE - small.shape[0]) // 2
        padded = np.full((SIDE, SIDE, 3), 114, np.uint8)
        padded[top:top + small.shape[0], :small.shape[1]] = small
        images.append(padded[..., ::-1].transpose(2, 0, 1) / 255)
    return torch.tensor(np.array(images), dtype=torch.float32)


def class_scores(network, batch):
    with torch.no_grad():
        output = network(batch)
    output = output[0] if isinstance(output, (tuple, list)) else output
    return output[:, 4:].amax(1).flatten().double()


def main():
    torch.manual_seed(0)
    model = YOLO("yolov8n.yaml", task="detect")
    network = model.model
    batch = frames(sys.argv[1])
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = None  # the mean over the batches seen
            module.reset_running_stats()
    network.train()
    with torch.no_grad():
        network(batch)
    network.eval()
    logits = torch.logit(class_scores(network, batch))
    shift = torch.logit(torch.tensor(CONFIDENCE)) - logits.sort().values[-int(SHARE_ABOVE * len(logits))]
    # The class heads end in a convolution to 80 scores; its bias is the only parameter of this length that is no norm's.
    for name, parameter in network.named_parameters():
        if parameter.shape == (80,) and name.endswith(".bias") and ".bn." not in name:
            parameter.data += shift.float()
    model.export(format="onnx", imgsz=SIDE, opset=17, simplify=False)
    model.export(format="openvino", imgsz=SIDE)


if __name__ == "__main__":
    main()
