"""goshawk train from end to end, on white squares and dark discs that are drawn here."""
import csv
import hashlib
import json
import os
import random
import resource
import signal
import struct
import subprocess
import unittest
import zlib
from pathlib import Path

from harness import GOSHAWK, EndToEnd

PLUGIN = Path(GOSHAWK).parent / "libgoshawk_train_plugin.so"
ULTRALYTICS_COLUMNS = ["epoch", "time", "train/box_loss", "train/cls_loss", "train/dfl_loss", "metrics/precision(B)",
                       "metrics/recall(B)", "metrics/mAP50(B)", "metrics/mAP50-95(B)", "val/box_loss", "val/cls_loss",
                       "val/dfl_loss", "lr/pg0", "lr/pg1", "lr/pg2"]


def write_png(path, width, height, rows):
    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    pixels = b"".join(b"\0" + row for row in rows)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)) +
                     chunk(b"IDAT", zlib.compress(pixels, 1)) + chunk(b"IEND", b""))


def draw(path, seed, side=64):
    """One square (class 0) or disc (class 1) on gray; returns its YOLO line."""
    rng = random.Random(seed)
    size, kind = rng.randint(18, 34), seed % 2
    x, y = rng.randint(0, side - size), rng.randint(0, side - size)
    rows = []
    for v in range(side):
        row = bytearray()
        for u in range(side):
            inside = x <= u < x + size and y <= v < y + size
            if kind == 1:
                inside = (u + 0.5 - x - size / 2) ** 2 + (v + 0.5 - y - size / 2) ** 2 < size * size / 4
            row += (b"\xf0\xf0\xf0" if kind == 0 else b"\x10\x20\x80") if inside else bytes(3 * [100 + rng.randint(0, 9)])
        rows.append(bytes(row))
    write_png(path, side, side, rows)
    return f"{kind} {(x + size / 2) / side} {(y + size / 2) / side} {size / side} {size / side}\n"


def squares(folder, train=24, val=8):
    for split, count, first in (("train", train, 0), ("val", val, 1000)):
        images, labels = folder / "images" / split, folder / "labels" / split
        images.mkdir(parents=True)
        labels.mkdir(parents=True)
        for i in range(count):
            (labels / f"{i}.txt").write_text(draw(images / f"{i}.png", first + i))
    (folder / "data.yaml").write_text("path: .\ntrain: images/train\nval: images/val\nnames: [square, disc]\n")
    return folder / "data.yaml"


def sum_of_values(checkpoint):
    """SHA-256 over everything behind the header: weights, averages, optimiser, state."""
    content = checkpoint.read_bytes()
    return hashlib.sha256(content[8 + struct.unpack("<Q", content[:8])[0]:]).hexdigest()


def tensor(checkpoint, name):
    content = checkpoint.read_bytes()
    length = 8 + struct.unpack("<Q", content[:8])[0]
    begin, end = json.loads(content[8:length])[name]["data_offsets"]
    return struct.unpack(f"<{(end - begin) // 4}f", content[length + begin:length + end])


def fill_with_nan(checkpoint, tensor, epochs_done):
    """A checkpoint with a right checksum whose weights are no numbers, after so many epochs (a digit like the one before)."""
    content = checkpoint.read_bytes()
    length = 8 + struct.unpack("<Q", content[:8])[0]
    header, data = json.loads(content[8:length]), bytearray(content[length:])
    begin, end = header[tensor]["data_offsets"]
    data[begin:end] = struct.pack("<f", float("nan")) * ((end - begin) // 4)
    begin, end = header["goshawk.state"]["data_offsets"]
    state = json.loads(data[begin:end])
    state["epochs_done"] = epochs_done
    text = json.dumps(state, separators=(",", ":"), ensure_ascii=False).encode()
    data[begin:end] = text.ljust(end - begin)
    header["__metadata__"]["sha256"] = hashlib.sha256(data).hexdigest()
    text = json.dumps(header).encode()
    checkpoint.write_bytes(struct.pack("<Q", len(text)) + text + data)


@unittest.skipUnless(PLUGIN.exists(), "built without LibTorch")
class Train(EndToEnd):
    FLAGS = ["--imgsz", "64", "--batch", "8", "--workers", "2", "--threads", "2", "--seed", "3"]

    def setUp(self):
        super().setUp()
        self.data = squares(self.folder / "squares")

    def test_learns_from_a_teacher(self):
        run = lambda name, *flags: self.goshawk("train", self.data, "--epochs", 2, "--name", name, *self.FLAGS, *flags,
                                                timeout=300)
        last = lambda name: self.folder / "runs/train" / name / "weights/last.safetensors"
        run("first")
        teacher = self.folder / "runs/train/first/weights/best.onnx"
        self.assertIn("teaches 2 of 2 classes", run("taught", "--teacher", teacher, "--seed", 4).stderr)
        run("again", "--teacher", teacher, "--seed", 4)
        run("alone", "--teacher", teacher, "--seed", 4, "--distill", 0)
        self.assertEqual(tensor(last("taught"), "ema.model.0.conv.weight"), tensor(last("again"), "ema.model.0.conv.weight"))
        self.assertNotEqual(tensor(last("taught"), "ema.model.0.conv.weight"), tensor(last("alone"), "ema.model.0.conv.weight"))
        self.assertNotIn(str(self.folder).encode(), (last("taught").parent / "best.onnx").read_bytes())

        one = run("one", "--teacher", teacher, "--seed", 4, "--teacher-classes", "square")
        self.assertIn("teaches 1 of 2 classes", one.stderr)

        told = self.goshawk("train", self.data, "--teacher-classes", "square", "--imgsz", 64, code=64)
        self.assertIn("no teacher", told.stderr)
        told = self.goshawk("train", self.data, "--teacher", teacher, "--imgsz", 96, code=64)
        self.assertIn("64 x 64, and the training has 96", told.stderr)
        self.goshawk("train", self.data, "--teacher", "none.onnx", code=66)
        told = self.goshawk("train", self.data, "--teacher", teacher, "--imgsz", 64, "--multi-scale", 0.5, code=64)
        self.assertIn("pictures of one size", told.stderr)

    def wait_for_rows(self, process, results, count):
        self.wait_for(lambda: results.exists() and len(results.read_text().splitlines()) > count, process)

    def test_leaves_a_verified_model_and_what_users_know(self):
        result = self.goshawk("train", self.data, "--epochs", 6, "--name", "first", "--json", "--warmup-epochs", 0, "--nbs", 8,
                              *self.FLAGS, timeout=300)
        told = json.loads(result.stdout)
        run = self.folder / "runs/train/first"
        self.assertEqual(told["epochs"], 6)
        self.assertEqual(told["best"], "runs/train/first/weights/best.onnx")
        self.assertEqual([c["name"] for c in told["classes"]], ["square", "disc"])
        with open(run / "results.csv", newline="") as file:
            rows = list(csv.DictReader(file))
        self.assertEqual(list(rows[0]), ULTRALYTICS_COLUMNS)
        self.assertEqual([row["epoch"] for row in rows], list("123456"))
        losses = [sum(float(row[f"train/{part}_loss"]) for part in ("box", "cls", "dfl")) for row in rows]
        self.assertLess(losses[-1], losses[0])
        for name in ("weights/best.safetensors", "weights/best.onnx"):  # handed on to others
            self.assertNotIn(str(self.folder).encode(), (run / name).read_bytes(), name)
        for name in ("args.yaml", "run.json", "train_batch0.jpg", "weights/best.safetensors", "weights/last.onnx"):
            self.assertTrue((run / name).is_file(), name)
        for name in ("labels.jpg", "results.png", "losses.png", "metrics.png", "val_batch0_labels.jpg", "val_batch0_pred.jpg",
                     "BoxPR_curve.png", "BoxF1_curve.png", "BoxP_curve.png", "BoxR_curve.png", "confusion_matrix.png",
                     "confusion_matrix_normalized.png"):
            self.assertGreater((run / name).stat().st_size, 5000, name)
        self.assertFalse((run / "cache").exists())
        self.assertTrue(list(run.glob("events.out.tfevents.*")))
        self.goshawk("verify", run / "weights/best.onnx")
        self.goshawk("predict", self.folder / "squares/images/val", "--model", run / "weights/best.onnx")

    def test_a_killed_training_ends_with_the_weights_of_an_unbroken_one(self):
        common = [self.data, "--epochs", 4, "--close-mosaic", 1, *self.FLAGS]
        self.goshawk("train", *common, "--name", "whole", timeout=300)
        process = self.start("train", *common, "--name", "broken")
        runs = self.folder / "runs/train"
        self.wait_for_rows(process, runs / "broken/results.csv", 1)
        process.send_signal(signal.SIGKILL)
        process.wait()
        self.goshawk("train", "--resume", runs / "broken", timeout=300)
        self.assertEqual(sum_of_values(runs / "broken/weights/last.safetensors"),
                         sum_of_values(runs / "whole/weights/last.safetensors"))
        def without_time(run):
            return [[value for column, value in row.items() if column != "time"]
                    for row in csv.DictReader((runs / run / "results.csv").read_text().splitlines())]
        self.assertEqual(without_time("broken"), without_time("whole"))

    def test_a_training_that_ran_out_of_patience_has_ended(self):
        easy = ["--mosaic", 0, "--translate", 0, "--scale", 0, "--warmup-epochs", 0, "--nbs", 8, *self.FLAGS]
        self.goshawk("train", self.data, "--epochs", 30, "--name", "first", "--optimizer", "adamw", "--lr0", 0.002, *easy,
                     timeout=600)  # finds something
        told = self.goshawk("train", self.data, "--epochs", 5, "--name", "idle", "--patience", 1, "--optimizer", "sgd", "--lr0",
                            "1e-9", "--freeze", 22, "--weights", self.folder / "runs/train/first/weights/best.safetensors", *easy,
                            timeout=300).stderr
        self.assertIn("training ends here", told)
        last = self.folder / "runs/train/idle/weights/last.safetensors"
        before = sum_of_values(last)
        self.assertIn("training ends here", self.goshawk("train", "--resume", last.parents[1], timeout=300).stderr)
        self.assertEqual(sum_of_values(last), before)

    def test_ctrl_c_ends_well_and_a_folder_in_use_is_refused(self):
        process = self.start("train", self.data, "--epochs", 500, "--name", "long", *self.FLAGS)
        run = self.folder / "runs/train/long"
        self.wait_for_rows(process, run / "results.csv", 1)
        maps = Path(f"/proc/{process.pid}/maps").read_text()
        self.assertIn("libtorch_cpu", maps)
        refused = self.goshawk("train", "--resume", run, code=64)
        self.assertIn("another training is using this folder", refused.stderr)
        refused = self.goshawk("train", "--resume", run, "--threads", 1, "--lr0", 0.1, code=64)
        self.assertIn("the options that it began with (--lr0)", refused.stderr)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=120)
        self.assertEqual(process.returncode, 130, errors)
        self.assertIn("--resume", errors)
        self.assertTrue((run / "weights/best.onnx").is_file())
        self.assertFalse([name for name in os.listdir(run / "weights") if not name.endswith((".onnx", ".safetensors"))])

    def changed_state(self, content, old, new):
        """The checkpoint with something of its state replaced by as many bytes, under a right checksum."""
        self.assertEqual(len(old), len(new))
        length = 8 + struct.unpack("<Q", content[:8])[0]
        header, data = json.loads(content[8:length]), content[length:]
        self.assertEqual(data.count(old), 1)
        data = data.replace(old, new)
        header["__metadata__"]["sha256"] = hashlib.sha256(data).hexdigest()
        text = json.dumps(header).encode()
        return struct.pack("<Q", len(text)) + text + data

    def test_damaged_and_foreign_checkpoints_are_refused(self):
        self.goshawk("train", self.data, "--epochs", 1, "--name", "one", *self.FLAGS, timeout=300)
        run = self.folder / "runs/train/one"
        last = run / "weights/last.safetensors"
        whole = last.read_bytes()
        flipped = bytearray(whole)
        flipped[len(flipped) // 2] ^= 1
        for content, says in ((bytes(flipped), "checksum"), (whole[:len(whole) // 2], ""), (b"", "")):
            last.write_bytes(content)
            self.assertIn(says, self.goshawk("train", "--resume", run, code=65).stderr)
        newer = self.changed_state(whole, b'"version":1', b'"version":9')
        last.write_bytes(newer)
        self.assertIn("version 9", self.goshawk("train", "--resume", run, code=65).stderr)
        last.write_bytes(self.changed_state(whole, b'"batch":8', b'"batch":0'))
        self.assertIn("train.batch must be", self.goshawk("train", "--resume", run, code=65).stderr)
        last.write_bytes(self.changed_state(whole, b'"model":"goshawk-n"', b'"model":"goshawk-s"'))
        self.assertIn("another network", self.goshawk("train", "--resume", run, code=65).stderr)
        last.write_bytes(whole)
        (self.folder / "squares/data.yaml").write_text("path: .\ntrain: images/train\nval: images/val\nnames: [square, ball]\n")
        self.assertIn("classes", self.goshawk("train", "--resume", run, code=65).stderr)

    def test_starts_from_the_weights_of_another_run(self):
        self.goshawk("train", self.data, "--epochs", 1, "--name", "first", *self.FLAGS, timeout=300)
        given = self.folder / "runs/train/first/weights/last.safetensors"
        # A rate of next to nothing leaves them as they were.
        told = self.goshawk("train", self.data, "--epochs", 1, "--name", "second", "--weights", given, "--optimizer", "sgd",
                            "--lr0", "1e-9", "--warmup-epochs", 0, *self.FLAGS, timeout=300).stderr
        self.assertIn("tensors come from", told)
        name = "ema.model.2.m.0.cv1.conv.weight"
        second = given.parents[2] / "second/weights/last.safetensors"
        for a, b in zip(tensor(given, name), tensor(second, name)):
            self.assertAlmostEqual(a, b, places=5)
        (self.folder / "other.yaml").write_text("nothing")
        self.goshawk("train", self.data, "--weights", "missing.safetensors", code=66)
        self.goshawk("train", self.data, "--weights", "other.yaml", code=65)

    def test_a_pruned_model_is_trained_on_and_comes_out_small(self):
        self.goshawk("train", self.data, "--epochs", 2, "--name", "whole", *self.FLAGS, timeout=300)
        whole = self.folder / "runs/train/whole/weights/best.onnx"
        told = json.loads(self.goshawk("prune", whole, "--keep", 0.5, "--output", "small.onnx", "--json").stdout)
        self.assertLess(told["multiply_adds_after"], 0.52 * told["multiply_adds_before"])

        tuned = json.loads(self.goshawk("train", self.data, "--model", "small.onnx", "--epochs", 1, "--json", *self.FLAGS,
                                        timeout=300).stdout)
        best = self.folder / tuned["best"]
        self.assertLess(best.stat().st_size, 0.8 * whole.stat().st_size)
        self.goshawk("verify", best, "--device", "cpu")
        refused = self.goshawk("train", self.data, "--model", self.model, *self.FLAGS, code=65)
        self.assertIn("does not say how its network is built", refused.stderr)

    def test_goes_without_plots_where_none_can_be_drawn(self):
        self.environment["PLPLOT_DRV_DIR"] = "/nonexistent"
        result = self.goshawk("train", self.data, "--epochs", 1, "--name", "plain", *self.FLAGS, timeout=300)
        self.assertEqual(result.stderr.count("no plots"), 1, result.stderr)
        run = self.folder / "runs/train/plain"
        self.assertTrue((run / "weights/best.onnx").is_file())
        self.assertTrue((run / "val_batch0_pred.jpg").is_file())
        self.assertFalse(list(run.glob("*.png")))

    def test_options_that_exclude_each_other_are_refused(self):
        self.goshawk("train", self.data, "--epochs", 1, "--name", "base", *self.FLAGS, timeout=300)
        run = self.folder / "runs/train/base"
        best = run / "weights/best"
        refused = lambda says, *words: self.assertIn(says, self.goshawk("train", *words, code=64).stderr)
        refused("safetensors", self.data, "--weights", f"{best}.onnx")
        self.assertIn("no such file", self.goshawk("train", self.data, "--weights", f"{best}.safetensors,none", code=66).stderr)
        mean = self.goshawk("train", self.data, "--epochs", 1, "--name", "mean", *self.FLAGS, "--weights",
                            f"{best}.safetensors,{run / 'weights/last.safetensors'}", timeout=300)
        self.assertEqual(mean.stderr.count("tensors come from"), 2, mean.stderr)
        refused("its own weights", self.data, "--model", f"{best}.onnx", "--weights", f"{best}.safetensors")
        refused("its own folder", "--resume", run, "--name", "other")
        refused("no --teacher", self.data, "--temperature", 2)
        refused("no half precision", self.data, "--no-amp", "--half", "bfloat16")
        refused("nothing tells", self.data, "--no-val", "--patience", 5)
        resumed = self.goshawk("train", "--resume", run / "weights/last.safetensors", timeout=300)
        self.assertIn("1 epoch", resumed.stdout + resumed.stderr)
        pictures = self.folder / "caf\udce9"  # no UTF-8
        pictures.mkdir()
        refused("UTF-8", pictures)

    def test_bad_input_is_told(self):
        self.assertIn("a data set is needed", self.goshawk("train", code=64).stderr)
        self.goshawk("train", "nothing.yaml", code=66)
        self.goshawk("train", "--resume", "nowhere", code=66)
        self.assertIn("multiple of 32", self.goshawk("train", self.data, "--imgsz", 100, code=64).stderr)
        self.assertIn("did you mean 'goshawk-n'", self.goshawk("train", self.data, "--model", "goshawk-k", code=64).stderr)
        self.assertFalse(any((self.folder / "runs/train").iterdir()), "nothing was left of runs that did not begin")
        for label in (self.folder / "squares/labels/train").iterdir():
            label.write_text("")
        self.assertIn("no image of the train split has a label", self.goshawk("train", self.data, code=65).stderr)

    def test_pictures_that_cannot_be_read_are_left_out_and_listed(self):
        images = self.folder / "squares/images"
        broken = images / "train/5.png"
        broken.write_bytes(broken.read_bytes()[:200])  # its size can be read, its pixels cannot
        (images / "train/9.png").write_bytes(b"")
        (images / "val/0.png").write_bytes((images / "val/0.png").read_bytes()[:200])
        result = self.goshawk("train", self.data, "--epochs", 1, "--name", "holes", "--json", *self.FLAGS, timeout=300)
        told = json.loads(result.stdout)["unreadable"]
        listed = (self.folder / "runs/train/holes/unreadable.txt").read_text()
        self.assertEqual(len(told), 3, told)
        for name in ("train/5.png", "train/9.png", "val/0.png"):
            self.assertEqual(len([line for line in told if name in line]), 1, told)
            self.assertIn(name, listed)
        self.assertRegex(result.stderr, "9.png: its size cannot be read")
        for i in range(6):
            path = images / f"train/{i}.png"
            path.write_bytes(path.read_bytes()[:200])
        errors = self.goshawk("train", self.data, "--epochs", 1, *self.FLAGS, code=65).stderr
        self.assertIn("cannot be read", errors)

    def test_one_class_and_classes_beyond_the_names(self):
        (self.folder / "squares/data.yaml").write_text("path: .\ntrain: images/train\nval: images/val\nnames: [square]\n")
        result = self.goshawk("train", self.data, "--epochs", 1, "--name", "one", "--json", *self.FLAGS, timeout=300)
        self.assertEqual([c["name"] for c in json.loads(result.stdout)["classes"]], ["square"])
        self.assertRegex(result.stderr, r"labels/train/\d+\.txt:1: .*class")

    def test_a_full_disk_costs_an_epoch_but_no_checkpoint(self):
        process = self.start("train", self.data, "--epochs", 3, "--name", "full", *self.FLAGS)
        self.wait_for_rows(process, self.folder / "runs/train/full/results.csv", 1)
        process.send_signal(signal.SIGKILL)
        process.wait()
        weights = self.folder / "runs/train/full/weights"
        before = {name: (weights / name).read_bytes() for name in os.listdir(weights)}
        def no_large_files():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
        result = subprocess.run([GOSHAWK, "train", "--resume", str(weights.parent)], cwd=self.folder, env=self.environment,
                                capture_output=True, text=True, timeout=300, preexec_fn=no_large_files)
        self.assertEqual(result.returncode, 74, result.stderr)
        self.assertIn("safetensors", result.stderr)
        self.assertEqual(before, {name: (weights / name).read_bytes() for name in before})
        self.assertEqual(sorted(os.listdir(weights)), sorted(before))
        self.goshawk("train", "--resume", weights.parent, timeout=300)

    def test_sizes_vary_the_batch_is_found_and_a_disk_keeps_pictures(self):
        result = self.goshawk("train", self.data, "--epochs", 2, "--name", "all", "--imgsz", 64, "--batch", "auto", "--multi-scale",
                              0.5, "--cache", "disk", "--cache-gb", 0, "--workers", 2, "--threads", 2, timeout=300)
        self.assertIn("images fits into the memory that is free", result.stderr)
        run = self.folder / "runs/train/all"
        self.assertRegex((run / "args.yaml").read_text(), r"batch: (16|8|4)\b")
        self.assertFalse((run / "cache").exists())

    def test_a_loss_that_is_no_number_keeps_the_batch(self):
        self.goshawk("train", self.data, "--epochs", 2, "--name", "nan", *self.FLAGS)
        run = self.folder / "runs/train/nan"
        fill_with_nan(run / "weights/last.safetensors", "model.model.0.conv.weight", epochs_done=1)
        (run / "weights/best.onnx").unlink()
        self.assertIn("no number any more", self.goshawk("train", "--resume", run, code=65).stderr)
        self.assertTrue((run / "weights/best.onnx").is_file())
        self.assertTrue((run / "bad_batch.safetensors").is_file())
        self.assertTrue((run / "weights/best.safetensors").is_file())


class OtherCommands(EndToEnd):
    def test_do_not_map_libtorch(self):
        linked = subprocess.run(["ldd", GOSHAWK], capture_output=True, text=True, check=True).stdout
        self.assertNotIn("torch", linked)
        self.assertIn("libonnxruntime", linked)


if __name__ == "__main__":
    unittest.main()
