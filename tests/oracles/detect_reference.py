"""Compares goshawk's detector with ONNX Runtime in Python and each family's own pre- and post-processing.

detect_reference.py DUMP SHARED     DUMP: the program detect_dump; SHARED: the folder of test data
Ends with status 0 when everything agrees, 77 when something that it needs is missing, else 1.

The processing below is written from the published definitions: Ultralytics' documentation of LetterBox and of its
non-maximum suppression, YOLOX 0.3 (preproc, demo_postprocess, postprocess) and NanoDet (gfl_head, plain resize).
"""
import contextlib
import io
import json
import pathlib
import struct
import subprocess
import sys
import tempfile

try:
    import cv2
    import numpy as np
    import onnxruntime
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval
except ImportError as error:
    print(f"skipped: {error}")
    sys.exit(77)

STRIDES = (8, 16, 32)
failures = []


def check(condition, message):
    print(("ok    " if condition else "FAIL  ") + message)
    if not condition:
        failures.append(message)


# ---- pre-processing: image (BGR, uint8) -> tensor [3, H, W] float32 and the way back for boxes


def yolox_prepare(image, size):
    ratio = min(size / image.shape[0], size / image.shape[1])
    resized = cv2.resize(image, (int(image.shape[1] * ratio), int(image.shape[0] * ratio)), interpolation=cv2.INTER_LINEAR)
    padded = np.full((size, size, 3), 114, np.uint8)
    padded[: resized.shape[0], : resized.shape[1]] = resized
    return padded.transpose(2, 0, 1).astype(np.float32), lambda boxes: boxes / np.float32(ratio)


def nanodet_prepare(image, size):
    resized = cv2.resize(image, (size, size), interpolation=cv2.INTER_LINEAR).astype(np.float32)
    mean = np.array([103.53, 116.28, 123.675], np.float32)
    std = np.array([57.375, 57.12, 58.395], np.float32)
    scale = np.array([size / image.shape[1], size / image.shape[0]] * 2, np.float32)
    return ((resized - mean) / std).transpose(2, 0, 1), lambda boxes: boxes / scale


def ultralytics_prepare(image, size):
    height, width = image.shape[:2]
    ratio = min(size / height, size / width)
    new_width, new_height = round(width * ratio), round(height * ratio)
    half_x, half_y = (size - new_width) / 2, (size - new_height) / 2
    left, right = round(half_x - 0.1), round(half_x + 0.1)
    top, bottom = round(half_y - 0.1), round(half_y + 0.1)
    resized = cv2.resize(image, (new_width, new_height), interpolation=cv2.INTER_LINEAR)
    padded = cv2.copyMakeBorder(resized, top, bottom, left, right, cv2.BORDER_CONSTANT, value=(114, 114, 114))
    tensor = padded[..., ::-1].transpose(2, 0, 1).astype(np.float32) / 255
    shift = np.array([left, top, left, top], np.float32)
    scale = np.array([new_width / width, new_height / height] * 2, np.float32)
    return tensor, lambda boxes: (boxes - shift) / scale


# ---- decoding: outputs of one image -> boxes xyxy (input pixels), scores, classes


def yolox_decode(outputs, size):
    prediction = outputs[0][0].copy()
    grids, steps = [], []
    for stride in STRIDES:
        cells = size // stride
        x, y = np.meshgrid(np.arange(cells), np.arange(cells))
        grids.append(np.stack((x, y), 2).reshape(-1, 2))
        steps.append(np.full((cells * cells, 1), stride))
    grid, step = np.concatenate(grids), np.concatenate(steps)
    center = (prediction[:, :2] + grid) * step
    side = np.exp(prediction[:, 2:4]) * step
    boxes = np.concatenate((center - side / 2, center + side / 2), 1)
    classes = prediction[:, 5:].argmax(1)
    scores = prediction[:, 4] * prediction[:, 5:].max(1)
    return boxes.astype(np.float32), scores, classes


def nanodet_decode(outputs, size):
    scores = sorted((o for o in outputs if o.shape[1] == 80), key=lambda o: -o.shape[0])
    distances = sorted((o for o in outputs if o.shape[1] == 32), key=lambda o: -o.shape[0])
    boxes = []
    for stride, distance in zip(STRIDES, distances):
        cells = size // stride
        x, y = np.meshgrid(np.arange(cells) * stride, np.arange(cells) * stride)
        center = np.stack((x, y), 2).reshape(-1, 2) + 0.5 * (stride - 1)
        logits = distance.reshape(-1, 4, 8)
        weights = np.exp(logits - logits.max(2, keepdims=True))
        sides = (weights / weights.sum(2, keepdims=True)) @ np.arange(8, dtype=np.float32) * stride
        boxes.append(np.concatenate((center - sides[:, :2], center + sides[:, 2:]), 1).clip(0, size))
    all_scores = np.concatenate(scores)
    return np.concatenate(boxes).astype(np.float32), all_scores.max(1), all_scores.argmax(1)


def suppress(boxes, scores, classes, iou, limit):
    order = np.argsort(-scores, kind="stable")
    kept = []
    area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    for i in order:
        if len(kept) == limit:
            break
        others = [j for j in kept if classes[j] == classes[i]]
        low = np.maximum(boxes[others, :2], boxes[i, :2])
        high = np.minimum(boxes[others, 2:], boxes[i, 2:])
        common = np.prod(np.clip(high - low, 0, None), 1)
        if not np.any(common / (area[others] + area[i] - common) > iou):
            kept.append(i)
    return kept


# ---- comparison


def write_images(path, images):
    with open(path, "wb") as out:
        for image in images:
            out.write(struct.pack("<2i", image.shape[1], image.shape[0]) + image.tobytes())


def dump(program, model, images, folder, **flags):
    images_file, out = folder / "images.bin", folder / "out.json"
    write_images(images_file, images)
    command = [program, model, images_file, out]
    for name, value in flags.items():
        command += [f"--{name}", value]
    subprocess.run([str(word) for word in command], check=True)
    return json.loads(out.read_text())


def worst_match(mine, theirs):
    """Greatest box and score difference when each of `theirs` is matched to the nearest of `mine` that is still free."""
    free = list(mine)
    worst_box = worst_score = 0.0
    for other in theirs:
        best = None
        for i, one in enumerate(free):
            if one["class_id"] != other["class_id"]:
                continue
            box = max(abs(a - b) for a, b in zip(one["xyxy"], other["xyxy"]))
            score = abs(one["score"] - other["score"])
            key = max(box / 0.5, score / 1e-3)
            if best is None or key < best[0]:
                best = (key, i, box, score)
        if best is None:
            return float("inf"), float("inf")
        worst_box, worst_score = max(worst_box, best[2]), max(worst_score, best[3])
        free.pop(best[1])
    return worst_box, worst_score


def average_precision(coco, ids, detections, categories):
    results = [
        {"image_id": image_id, "category_id": categories[d["class_id"]], "score": d["score"],
         "bbox": [d["xyxy"][0], d["xyxy"][1], d["xyxy"][2] - d["xyxy"][0], d["xyxy"][3] - d["xyxy"][1]]}
        for image_id, found in zip(ids, detections) for d in found]
    with contextlib.redirect_stdout(io.StringIO()):
        evaluation = COCOeval(coco, coco.loadRes(results), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return evaluation.stats[0], evaluation.stats[1]


def compare_family(name, prepare, decode, iou, program, shared, folder, images, coco, ids, categories, confidence=0.01):
    model = shared / "models" / f"{name}.onnx"
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    size = session.get_inputs()[0].shape[2]
    mine = dump(program, model, images, folder, confidence=confidence, iou=iou, tensors=folder / "tensors.bin")
    tensors = np.fromfile(folder / "tensors.bin", np.float32).reshape(-1, 3, size, size)
    theirs, tensor_error = [], 0.0
    for image, tensor in zip(images, tensors):
        expected, back = prepare(image, size)
        tensor_error = max(tensor_error, float(np.abs(expected - tensor).max()))
        boxes, scores, classes = decode(session.run(None, {session.get_inputs()[0].name: expected[None]}), size)
        wanted = scores > confidence
        boxes, scores, classes = boxes[wanted], scores[wanted], classes[wanted]
        kept = suppress(boxes, scores, classes, iou, 300)
        boxes = back(boxes[kept]).clip(0, [image.shape[1], image.shape[0]] * 2)
        theirs.append([{"xyxy": box.tolist(), "score": float(score), "class_id": int(c)}
                       for box, score, c in zip(boxes, scores[kept], classes[kept])])
    check(tensor_error <= 1 / 255, f"{name}: tensors within 1/255 (worst {tensor_error:.2e})")
    counts = sum(len(a) != len(b) for a, b in zip(mine, theirs))
    matches = [worst_match(a, b) for a, b in zip(mine, theirs)]
    worst_box, worst_score = max(m[0] for m in matches), max(m[1] for m in matches)
    total = sum(len(t) for t in theirs)
    check(counts == 0, f"{name}: same number of boxes on {len(images)} images ({total} boxes, {counts} images differ)")
    check(worst_box <= 0.5, f"{name}: boxes within 0.5 pixel (worst {worst_box:.4f})")
    check(worst_score <= 1e-3, f"{name}: scores within 1e-3 (worst {worst_score:.2e})")
    ap = average_precision(coco, ids, mine, categories)
    ap_reference = average_precision(coco, ids, theirs, categories)
    check(abs(ap[0] - ap_reference[0]) <= 1e-3,
          f"{name}: AP {ap[0]:.4f} (AP50 {ap[1]:.4f}), reference {ap_reference[0]:.4f} ({ap_reference[1]:.4f})")


def compare_foreign(program, shared, folder):
    for expected_file in sorted((shared / "models" / "foreign").glob("*.expected.json")):
        expected = json.loads(expected_file.read_text())
        name = expected_file.name.removesuffix(".expected.json")
        image = cv2.imread(str(shared / "data/coco128/images" / expected["image"]))
        mine = dump(program, expected_file.with_name(name + ".onnx"), [image], folder, confidence=expected["conf"],
                    iou=expected["iou"], tensors=folder / "tensors.bin")[0]
        size = expected["imgsz"]
        tensor = np.fromfile(folder / "tensors.bin", np.float32).reshape(3, size, size)
        tensor_error = float(np.abs(ultralytics_prepare(image, size)[0] - tensor).max())
        theirs = expected["detections"]
        worst_box, worst_score = worst_match(mine, theirs)
        check(tensor_error <= 1 / 255, f"{name}: tensor within 1/255 (worst {tensor_error:.2e})")
        check(len(mine) == len(theirs), f"{name}: {len(mine)} boxes, Ultralytics {len(theirs)}")
        check(worst_box <= 0.5 and worst_score <= 1e-3,
              f"{name}: boxes within 0.5 pixel (worst {worst_box:.4f}), scores within 1e-3 (worst {worst_score:.2e})")


def compare_embedding(program, shared, folder, images, coco, ids):
    """Vectors of the annotated people against ONNX Runtime: crop of whole pixels, cv2.resize, ImageNet, unit length."""
    model = shared / "models" / "osnet_x0_25.onnx"
    session = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
    mean = np.array([123.675, 116.28, 103.53], np.float32)
    std = np.array([58.395, 57.12, 57.375], np.float32)
    chosen = [(i, image, [a["bbox"] for a in coco.loadAnns(coco.getAnnIds(i, catIds=[1], iscrowd=False))[:3]])
              for i, image in zip(ids, images)]
    chosen = [(image, [[x, y, x + w, y + h] for x, y, w, h in boxes]) for _, image, boxes in chosen if boxes][:20]
    (folder / "boxes.json").write_text(json.dumps([boxes for _, boxes in chosen]))
    mine = dump(program, model, [image for image, _ in chosen], folder, boxes=folder / "boxes.json")
    worst, count = 0.0, 0
    for (image, boxes), vectors in zip(chosen, mine):
        for box, vector in zip(boxes, vectors):
            x1, y1, x2, y2 = (int(np.floor(value + 0.5)) for value in np.float32(box))
            crop = cv2.resize(image[max(0, y1):y2, max(0, x1):x2], (128, 256), interpolation=cv2.INTER_LINEAR)[..., ::-1]
            tensor = ((crop.astype(np.float32) - mean) / std).transpose(2, 0, 1)[None]
            expected = session.run(None, {"images": tensor})[0][0]
            worst = max(worst, float(np.abs(expected / np.linalg.norm(expected) - np.array(vector)).max()))
            count += 1
    check(count > 20 and worst < 1e-4, f"osnet_x0_25: {count} vectors equal (worst {worst:.2e})")


def compare_faces(program, shared, folder, images):
    """YuNet against OpenCV's FaceDetectorYN, which rounds boxes to whole pixels before it suppresses: rarely it keeps one more."""
    model = shared / "models" / "face_yunet.onnx"
    mine = dump(program, model, images, folder, confidence=0.5, iou=0.3)
    detector = cv2.FaceDetectorYN.create(str(model), "", (320, 320), 0.5, 0.3, 5000)
    theirs = []
    for image in images:
        height, width = image.shape[:2]
        detector.setInputSize((width, height))
        faces = detector.detect(image)[1]
        theirs.append([{"xyxy": np.clip([x, y, x + w, y + h], 0, [width, height] * 2).tolist(), "score": float(score),
                        "class_id": 0} for x, y, w, h, *_, score in (faces if faces is not None else [])])
    differ = sum(len(a) != len(b) for a, b in zip(mine, theirs))
    worst = [max(errors) for errors in zip(*(worst_match(b, a) for a, b in zip(mine, theirs)))]
    check(differ <= 2, f"face_yunet: {sum(map(len, theirs))} faces, {differ} images of {len(images)} differ in number")
    check(worst[0] <= 0.5 and worst[1] <= 1e-3, f"face_yunet: boxes (worst {worst[0]:.4f}), scores (worst {worst[1]:.2e})")


def main():
    program, shared = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    annotations = shared / "data/coco128/instances.json"
    if not annotations.exists() or not (shared / "models/foreign").exists():
        print(f"skipped: no test data in {shared}")
        sys.exit(77)
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO(str(annotations))
    ids = sorted(coco.getImgIds())
    images = [cv2.imread(str(shared / "data/coco128/images" / coco.loadImgs(i)[0]["file_name"])) for i in ids]
    categories = sorted(coco.getCatIds())  # COCO's 80 in the order of YOLO's classes
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        compare_foreign(program, shared, folder)
        compare_embedding(program, shared, folder, images, coco, ids)
        compare_faces(program, shared, folder, images)
        for name, prepare, decode, iou in (("yolox_nano", yolox_prepare, yolox_decode, 0.45),
                                           ("nanodet", nanodet_prepare, nanodet_decode, 0.6)):
            compare_family(name, prepare, decode, iou, program, shared, folder, images, coco, ids, categories)
    print(f"{len(failures)} comparisons failed" if failures else "all agree")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
