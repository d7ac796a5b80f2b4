"""YOLO data sets as goshawk and as Ultralytics read them: usage yolo_reference.py GOSHAWK. Runs with the peers' Python."""
import json
import logging
import os
import pathlib
import random
import subprocess
import sys
import tempfile

os.environ.update(YOLO_OFFLINE="true", YOLO_AUTOINSTALL="false")
SEED = int(os.environ.get("GOSHAWK_SEED", random.randrange(10 ** 6)))


def image(path):
    from PIL import Image
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (40, 20)).save(path)


def label_text(rng, outlines):
    """Label lines that both take, in many spellings."""
    def number(value):
        return rng.choice([f"{value:.6f}", f"{value:.3g}", repr(value), f"{value:e}"])
    lines = []
    for _ in range(rng.randrange(6)):
        count = 2 * rng.randrange(3, 9) if outlines else 4
        values = [rng.random() for _ in range(count)]
        if rng.random() < 0.1:
            values[rng.randrange(count)] = rng.choice([0.0, 1.0, 1.005, 1e-7])
        lines.append(rng.choice(["{}", "{}.0"]).format(rng.randrange(3)) + rng.choice([" ", "\t", "  "]) +
                     " ".join(map(number, values)))
    ending = rng.choice(["\n", "\r\n"])
    return rng.choice(["", "\ufeff"]) + ending.join(lines) + rng.choice(["", ending, ending * 2])


def make_set(rng, root):
    """A data set with one of the ways in which data.yaml names images."""
    outlines = rng.random() < 0.3
    for split in ("train", "val"):
        for i in range(rng.randrange(1, 6)):
            place = rng.choice(["", "sub/", "images/"]) + str(i)
            image(root / "images" / split / (place + rng.choice([".png", ".PNG", ".jpg"])))
            if rng.random() < 0.8:
                text = label_text(rng, outlines)
                # The label's folder is that of the last folder called images.
                folder = root / "images" / split / "labels" / str(i) if place.startswith("images/") else root / "labels" / split / place
                folder.parent.mkdir(parents=True, exist_ok=True)
                pathlib.Path(f"{folder}.txt").write_bytes(text.encode())
    places = {"train": "images/train", "val": "images/val"}
    way = rng.randrange(4)
    if way == 1:
        for split in places:
            files = sorted(p for p in (root / "images" / split).rglob("*.*") if p.is_file())
            (root / f"{split}.txt").write_text("".join(f"./{p.relative_to(root)}\n" for p in files))
            places[split] = f"{split}.txt"
    names = rng.choice(["names: [a, b, c]", "names: {0: a, 2: c, 1: b}", "nc: 3"])
    path = f"path: {root}\n" if rng.random() < 0.5 else ""
    val = rng.choice(["val", "validation"])
    train = f"[{places['train']}]" if way == 2 else places["train"]
    (root / "data.yaml").write_text(f"{path}train: {train}\n{val}: {places['val']}\n{names}\n")


def ultralytics_labels(root):
    """{image: sorted [(class, x, y, width, height)]} by split, of images with unlike lines only, for it drops equal ones."""
    from ultralytics.data import YOLODataset
    from ultralytics.data.utils import check_det_dataset
    data = check_det_dataset(str(root / "data.yaml"), autodownload=False)
    found = {}
    for split in ("train", "val"):
        try:
            images = YOLODataset(img_path=data[split], data=data, task="detect", augment=False).labels
        except Exception:  # it refuses a set without any label
            return None, None
        for entry in images:
            key = (split, str(pathlib.Path(entry["im_file"]).relative_to(root / "images" / split)))
            found[key] = sorted((int(c), *map(float, box)) for c, box in zip(entry["cls"].ravel(), entry["bboxes"]))
    return found, [data["names"][number] for number in sorted(data["names"])]


def goshawk_labels(binary, root, out):
    """The same of what goshawk writes: its reader and writer together."""
    result = subprocess.run([binary, "data", "convert", str(root), "--to", "yolo", "--out", str(out), "--json"],
                            capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    report = json.loads(result.stdout)
    found = {}
    for split in ("train", "val"):
        folder = root / "images" / split
        for file in (p for p in folder.rglob("*.*") if p.suffix.lower() in (".png", ".jpg")):
            name = str(file.relative_to(folder))
            written = name.removeprefix("images/")
            label = out / "labels" / split / pathlib.Path(written).with_suffix(".txt")
            boxes = []
            for line in label.read_text().splitlines() if label.exists() else []:
                number, *values = line.split()
                values = [float(v) for v in values]
                if len(values) > 4:
                    xs, ys = values[0::2], values[1::2]
                    values = [(min(xs) + max(xs)) / 2, (min(ys) + max(ys)) / 2, max(xs) - min(xs), max(ys) - min(ys)]
                boxes.append((int(number), *values))
            found[(split, name)] = sorted(boxes)
    return found, [c["name"] for c in report["classes"]]


def main():
    binary = os.path.abspath(sys.argv[1])
    from ultralytics.utils import LOGGER
    LOGGER.setLevel(logging.CRITICAL)
    print("seed", SEED)
    rng, compared = random.Random(SEED), 0
    for number in range(25):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder).resolve() / "set"
            make_set(rng, root)
            ours, our_names = goshawk_labels(binary, root, root.parent / "out")
            theirs, their_names = ultralytics_labels(root)
            if theirs is None:
                continue
            assert our_names == their_names, (number, our_names, their_names)
            names = [pathlib.Path(name.removeprefix("images/")).stem for _, name in ours]
            for key, boxes in theirs.items():
                if key[1].startswith("images/") or names.count(pathlib.Path(key[1]).stem) > 2:
                    continue  # renamed where two would have the same name; below, their number is compared
                assert len(ours[key]) == len(boxes), (number, key, ours[key], boxes)
                for a, b in zip(ours[key], boxes):
                    assert a[0] == b[0] and all(abs(x - y) < 2e-6 for x, y in zip(a[1:], b[1:])), (number, key, a, b)
                compared += 1
            assert set(ours) == set(theirs), (number, set(ours) ^ set(theirs))
    assert compared > 20, compared
    print("compared", compared, "images")


if __name__ == "__main__":
    main()
