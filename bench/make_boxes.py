#!/usr/bin/env python3
"""Writes a random set of COCO's shape and size: instances.json and results.json. Standard library only; the same seed, the same bytes.

    bench/make_boxes.py FOLDER [--images 5000] [--boxes 37934] [--detections 151728] [--classes 80] [--seed 1] [--masks]

Three in four detections lie near an object, with errors of all sizes; the rest anywhere. Sizes, crowds (1 in 100) and the numbers of
objects an image and class are uneven, as in COCO.
"""
import argparse
import json
import random
from pathlib import Path


def box(chance, width, height):
    w = min(width, max(2.0, width * chance.lognormvariate(-2.0, 1.0)))
    h = min(height, max(2.0, height * chance.lognormvariate(-1.9, 1.0)))
    return [chance.uniform(0, width - w), chance.uniform(0, height - h), w, h]


def rounded(values):
    return [round(value, 2) for value in values]


def outline(values):
    """An octagon within the box."""
    x, y, w, h = values
    points = ((0.3, 0), (0.7, 0), (1, 0.3), (1, 0.7), (0.7, 1), (0.3, 1), (0, 0.7), (0, 0.3))
    return [rounded(value for a, b in points for value in (x + a * w, y + b * h))]


def moved(chance, values):
    error = chance.choice((0.02, 0.05, 0.1, 0.3))
    x, y, w, h = values
    return [x + chance.gauss(0, error) * w, y + chance.gauss(0, error) * h, w * chance.lognormvariate(0, error),
            h * chance.lognormvariate(0, error)]


def truth(chance, options):
    images = [{"id": 1 + 3 * i, "file_name": f"{i:06}.jpg", "width": chance.choice((640, 480, 612)),
               "height": chance.choice((480, 427, 640))}
              for i in range(options.images)]
    categories = [{"id": 1 + i, "name": f"class {i}", "supercategory": "thing"} for i in range(options.classes)]
    weights = [1 / (1 + i) for i in range(options.classes)]
    of_image = [chance.expovariate(1) for _ in images]
    annotations = []
    for number, image in enumerate(chance.choices(images, of_image, k=options.boxes), 1):
        values = box(chance, image["width"], image["height"])
        annotation = {"id": number, "image_id": image["id"], "category_id": chance.choices(categories, weights)[0]["id"],
                      "bbox": rounded(values), "area": round(values[2] * values[3] * chance.uniform(0.5, 1), 4),
                      "iscrowd": int(chance.random() < 0.01), "segmentation": outline(values) if options.masks else []}
        annotations.append(annotation)
    return {"images": images, "categories": categories, "annotations": annotations}


def detections(chance, options, labels):
    images = {image["id"]: image for image in labels["images"]}
    results = []
    for number in range(options.detections):
        if number % 4 != 3:
            annotation = chance.choice(labels["annotations"])
            image, category = annotation["image_id"], annotation["category_id"]
            values = moved(chance, annotation["bbox"])
        else:
            image, category = chance.choice(labels["images"])["id"], chance.choice(labels["categories"])["id"]
            values = box(chance, images[image]["width"], images[image]["height"])
        result = {"image_id": image, "category_id": category, "bbox": rounded(values), "score": round(chance.betavariate(1, 2), 6)}
        if options.masks:
            result["segmentation"] = outline(values)
        results.append(result)
    return results


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    for name, value in (("images", 5000), ("boxes", 37934), ("detections", 151728), ("classes", 80), ("seed", 1)):
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--masks", action="store_true")
    options = parser.parse_args()
    chance = random.Random(options.seed)
    options.folder.mkdir(parents=True, exist_ok=True)
    labels = truth(chance, options)
    (options.folder / "instances.json").write_text(json.dumps(labels))
    (options.folder / "results.json").write_text(json.dumps(detections(chance, options, labels)))


if __name__ == "__main__":
    main()
