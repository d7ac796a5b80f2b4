#!/usr/bin/env python3
"""Makes the data set that goshawk-n is trained on: what people labelled, and a teacher's labels for what they left out.

    prepare.py --traffic DIR --people DIR --teacher-traffic DIR --teacher-people DIR --out DIR
               [--crops DIR --teacher-crops DIR]

With --crops, pieces that crops.py cut out of such a set are learnt from as well.
The teacher's folders come from `goshawk data label ... --conf 0.1 --to coco --images none` (see train.sh). Standard library
only. What the teacher finds is
  - an object, where it is sure and the image's source does not claim to label that class (partial.txt);
  - a region that counts neither way (ignore/), where it is less sure, or sure of something that people did not label;
  - nothing, where it lies on an object of people's, of another class of vehicle.
"""
import argparse
import collections
import json
from pathlib import Path

NAMES = ["person", "bicycle", "car", "motorcycle", "bus", "truck"]
PERSON = 0
SURE = {c: 0.35 if c == PERSON else 0.45 for c in range(len(NAMES))}
UNSURE = {c: 0.12 if c == PERSON else 0.2 for c in range(len(NAMES))}
SURE_AGAINST_PEOPLE = 0.45  # of an object that a person did not label in an image labelled in full


def overlap(a, b):
    """Intersection over union of two x, y, width, height."""
    w = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    h = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    common = max(w, 0) * max(h, 0)
    return common / (a[2] * a[3] + b[2] * b[3] - common + 1e-9)


def fractions(box, image):
    x, y, w, h = box
    return "%.6f %.6f %.6f %.6f" % ((x + w / 2) / image["width"], (y + h / 2) / image["height"],
                                    w / image["width"], h / image["height"])


def labelled_in_full(traffic):
    """Image -> classes whose every instance people meant to label."""
    full = {}
    for line in (traffic / "partial.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            image, classes = line.split("\t")
            full[image] = set(classes.split()) - {"-"}
    return full


def judge(annotations, full):
    """Annotations of one image -> (objects to learn, regions to ignore), each as (class, box) and box."""
    people = [(a["category_id"], a["bbox"]) for a in annotations if "score" not in a]
    objects, ignored = list(people), []
    for a in annotations:
        if "score" not in a:
            continue
        c, box, score = a["category_id"], a["bbox"], a["score"]
        if c != PERSON and any(other != PERSON and overlap(box, theirs) > 0.5 for other, theirs in people):
            continue
        if NAMES[c] in full:
            if score >= SURE_AGAINST_PEOPLE:
                ignored.append(box)
        elif score >= SURE[c]:
            objects.append((c, box))
        elif score >= UNSURE[c]:
            ignored.append(box)
    return objects, ignored


def write_image(out, split, name, source, image, objects, ignored):
    """`ignored`: lines."""
    for kind in ("images", "labels", "ignore"):
        (out / kind / split).mkdir(parents=True, exist_ok=True)
    (out / "images" / split / name).symlink_to(source.resolve())
    label = Path(name).with_suffix(".txt")
    (out / "labels" / split / label).write_text("".join(f"{c} {fractions(box, image)}\n" for c, box in objects))
    if ignored:
        (out / "ignore" / split / label).write_text("".join(line + "\n" for line in ignored))


def answers(path):
    """COCO file -> images, each with its annotations."""
    document = json.loads(path.read_text())
    by_image = collections.defaultdict(list)
    for annotation in document["annotations"]:
        by_image[annotation["image_id"]].append(annotation)
    return [(image, by_image[image["id"]]) for image in document["images"]]


def add_crops(given, full):
    """`full`: by name of the whole picture, without its ending."""
    for image, annotations in answers(given.teacher_crops / "annotations" / "instances.json"):
        name = Path(image["file_name"]).name
        whole = Path(name).stem.split("_", 1)[1]
        known = set() if whole.startswith("people_") else full.get(whole, set(NAMES))
        objects, ignored = judge(annotations, known)
        theirs = (given.crops / "ignore" / "train" / name).with_suffix(".txt")
        lines = theirs.read_text().splitlines() if theirs.exists() else []
        write_image(given.out, "train", name, given.crops / "images" / "train" / name, image, objects,
                    lines + [fractions(box, image) for box in ignored])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("traffic", "people", "teacher-traffic", "teacher-people", "out"):
        parser.add_argument("--" + name, type=Path, required=True)
    for name in ("crops", "teacher-crops"):
        parser.add_argument("--" + name, type=Path)
    given = parser.parse_args()
    full = labelled_in_full(given.traffic)
    for split in ("train", "val"):
        for image, annotations in answers(given.teacher_traffic / "annotations" / f"instances_{split}.json"):
            file = image["file_name"]  # split/name
            objects, ignored = judge(annotations, full.get(file, set(NAMES)))
            theirs = (given.traffic / "ignore" / file).with_suffix(".txt")
            lines = [line for line in theirs.read_text().splitlines() if line.strip()] if theirs.exists() else []
            write_image(given.out, split, Path(file).name, given.traffic / "images" / file, image, objects,
                        lines + [fractions(box, image) for box in ignored])
    for image, annotations in answers(given.teacher_people / "annotations" / "instances.json"):
        objects, ignored = judge(annotations, set())
        write_image(given.out, "train", "people_" + image["file_name"], given.people / image["file_name"], image, objects,
                    [fractions(box, image) for box in ignored])
    if given.crops:
        add_crops(given, {Path(file).stem: classes for file, classes in full.items()})
    (given.out / "data.yaml").write_text("path: .\ntrain: images/train\nval: images/val\nnames: [%s]\n" % ", ".join(NAMES))


if __name__ == "__main__":
    main()
