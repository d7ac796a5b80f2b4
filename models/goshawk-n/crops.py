#!/usr/bin/env python3
"""Cuts pieces around people and two-wheelers out of a data set, so that some are seen from near.

    crops.py --data DIR --sizes COCO.json,... --out DIR [--pieces N]

DIR is what prepare.py writes; the sizes of its pictures come from the teacher's COCO files. A piece is 1.15 to 3.5 times as large as
the object that it is cut around, and enlarged to 416 pixels; objects of which less than a third is left become regions that
count neither way. Standard library and ffmpeg.
"""
import argparse
import json
import random
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

PERSON, BICYCLE, MOTORCYCLE = 0, 1, 3
SIDE = 416
LEAST_OBJECT, LEAST_PIECE = 28, 64  # pixels
VISIBLE = 0.35


def sizes_of(paths):
    """Name in the data set -> width and height."""
    sizes = {}
    for path in paths:
        for image in json.loads(Path(path).read_text())["images"]:
            name = Path(image["file_name"]).name
            sizes[name] = sizes["people_" + name] = (image["width"], image["height"])
    return sizes


def boxes_of(path):
    """Lines of a label file, in fractions: class (of ignored regions: none) and centre x, y, width, height."""
    lines = path.read_text().splitlines() if path.exists() else []
    return [([int(words[0])] if len(words) > 4 else [None], [float(word) for word in words[-4:]])
            for words in map(str.split, lines) if words]


def choose(box, size, generator):
    """A piece around the box: left, top, width, height in pixels; None where it would be nearly the whole picture."""
    width, height = size
    object_width, object_height = box[2] * width, box[3] * height
    if max(object_width, object_height) < LEAST_OBJECT:
        return None
    side = max(max(object_width, object_height) * generator.uniform(1.15, 3.5), LEAST_PIECE)
    if side > 0.85 * max(width, height):
        return None
    w, h = min(side * generator.uniform(0.75, 1.35), width), min(side, height)
    x = min(max(box[0] * width - w * generator.uniform(0.3, 0.7), 0), width - w)
    y = min(max(box[1] * height - h * generator.uniform(0.3, 0.7), 0), height - h)
    return int(x), int(y), int(w), int(h)


def within(box, size, piece):
    """The box in fractions of the piece, and how much of it is there."""
    left, top, w, h = piece
    x0, x1 = (box[0] - box[2] / 2) * size[0] - left, (box[0] + box[2] / 2) * size[0] - left
    y0, y1 = (box[1] - box[3] / 2) * size[1] - top, (box[1] + box[3] / 2) * size[1] - top
    a0, a1, b0, b1 = max(x0, 0), min(x1, w), max(y0, 0), min(y1, h)
    if a1 - a0 < 3 or b1 - b0 < 3:
        return None, 0
    part = (a1 - a0) * (b1 - b0) / ((x1 - x0) * (y1 - y0))
    return ((a0 + a1) / 2 / w, (b0 + b1) / 2 / h, (a1 - a0) / w, (b1 - b0) / h), part


def cut(source, target, piece):
    left, top, w, h = piece
    scale = max(SIDE / max(w, h), 1)
    subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-y", "-i", source, "-vf",
                    f"crop={w}:{h}:{left}:{top},scale={round(w * scale)}:{round(h * scale)}:flags=bicubic", "-frames:v", "1",
                    "-q:v", "3", target], check=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--sizes", required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--pieces", type=int, default=3, 
                        help="of a picture with people or bicycles; a third as many of one with motorcycles alone")
    given = parser.parse_args()
    sizes = sizes_of(given.sizes.split(","))
    generator = random.Random(7)
    folders = {kind: given.out / kind / "train" for kind in ("images", "labels", "ignore")}
    for folder in folders.values():
        folder.mkdir(parents=True)
    with ThreadPoolExecutor(2) as pool:
        cuts = []
        for image in sorted((given.data / "images" / "train").iterdir()):
            size, label = sizes[image.name], image.stem + ".txt"
            objects = boxes_of(given.data / "labels" / "train" / label)
            ignored = boxes_of(given.data / "ignore" / "train" / label)
            nearest = [box for (c,), box in objects if c in (PERSON, BICYCLE)]
            others = [box for (c,), box in objects if c == MOTORCYCLE]
            for number in range(given.pieces if nearest else given.pieces // 3 if others else 0):
                piece = choose(generator.choice(nearest or others), size, generator)
                if piece is None:
                    continue
                lines = {"labels": [], "ignore": []}
                for (c,), box in objects + ignored:
                    inside, part = within(box, size, piece)
                    if inside is None:
                        continue
                    text = "%.6f %.6f %.6f %.6f" % inside
                    if c is not None and part > VISIBLE:
                        lines["labels"].append(f"{c} {text}")
                    else:
                        lines["ignore"].append(text)
                name = f"crop{number}_{image.stem}"
                cuts.append(pool.submit(cut, image, folders["images"] / (name + ".jpg"), piece))
                for kind, text in lines.items():
                    if text or kind == "labels":
                        (folders[kind] / (name + ".txt")).write_text("".join(line + "\n" for line in text))
        for done in cuts:
            done.result()
    (given.out / "data.yaml").write_text((given.data / "data.yaml").read_text().replace("images/val", "images/train"))


if __name__ == "__main__":
    main()
