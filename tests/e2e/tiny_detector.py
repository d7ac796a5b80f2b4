"""Writes a tiny ONNX detector of bright squares, so that end-to-end tests need no trained model.

The network is a brightness threshold in YOLOX's output layout: the mean of 8 x 8 cells through a steep sigmoid is the
objectness of a 24-pixel box centred on the cell; the strides 16 and 32 give nothing. Standard library only: the few
protobuf fields of onnx.proto that it needs are encoded here.
"""
import json
import struct
import sys

WIDTH, HEIGHT = 160, 96


def varint(value):
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def field(number, value):
    """One protobuf field: integers as varint, text and bytes with their length."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def tensor(name, shape, values, integers=False):
    raw = struct.pack(f"<{len(values)}{'q' if integers else 'f'}", *values)
    dims = b"".join(field(1, size) for size in shape)
    return field(5, dims + field(2, 7 if integers else 1) + field(8, name) + field(9, raw))


def integers(name, values):
    return field(5, field(1, name) + b"".join(field(8, value) for value in values) + field(20, 7))


def integer(name, value):
    return field(5, field(1, name) + field(3, value) + field(20, 2))


def node(operator, inputs, output, *attributes):
    parts = b"".join(field(1, name) for name in inputs) + field(2, output)
    return field(1, parts + field(4, operator) + b"".join(attributes))


def value_info(number, name, shape):
    dims = b"".join(field(1, field(1, size)) for size in shape)
    return field(number, field(1, name) + field(2, field(1, field(1, 1) + field(2, dims))))


def apart(name, shape, values, file):
    """A float tensor whose values are in a file beside the model."""
    file.write_bytes(struct.pack(f"<{len(values)}f", *values))
    dims = b"".join(field(1, size) for size in shape)
    where = (("location", file.name), ("offset", "0"), ("length", str(4 * len(values))))
    entries = b"".join(field(13, field(1, key) + field(2, value)) for key, value in where)
    return field(5, dims + field(2, 1) + field(8, name) + entries + field(14, 1))


def convolutions(weights=None):
    """In place of the mean: two convolutions, 16 channels of the gray picture and their mean over 8 x 8 pixels."""
    means = ("means", [1, 16, 8, 8], [1 / 1024] * 1024)
    return [
        node("Conv", ["images", "grays"], "channels", integers("kernel_shape", [1, 1])),
        node("Relu", ["channels"], "positive"),
        node("Conv", ["positive", "means"], "cells", integers("kernel_shape", [8, 8]), integers("strides", [8, 8])),
        tensor("grays", [16, 3, 1, 1], [1 / 3] * 48),
        apart(*means, weights) if weights else tensor(*means),
    ]


def write(path, recipe=True, classes=("square",), metadata=None, convolutional=False, weights=None, batch=1, opset=13,
          product=False):
    """`weights`: the path of a file beside it that gets those of the larger convolution. `batch`: pictures a call; 0: one,
    and the input has no such dimension (opset 11 or 12). `product`: a matrix product that changes nothing."""
    pictures = [batch] if batch else []
    batch = batch or 1
    cells = (WIDTH // 8) * (HEIGHT // 8)
    others = (WIDTH // 16) * (HEIGHT // 16) + (WIDTH // 32) * (HEIGHT // 32)
    total = cells + others
    box = [0.5, 0.5, 1.0986123, 1.0986123]  # centre of the cell; exp(1.0986) * 8 = 24 pixels
    columns = 5 + len(classes)
    mean = [
        node("ReduceMean", ["images"], "gray", integers("axes", [1]), integer("keepdims", 1)),
        node("AveragePool", ["gray"], "cells", integers("kernel_shape", [8, 8]), integers("strides", [8, 8])),
    ]
    graph = b"".join([
        *([] if pictures else [node("Unsqueeze", ["picture"], "images", integers("axes", [0]))]),
        *(convolutions(weights) if convolutional else mean),
        node("Reshape", ["cells", "flat_shape"], "flat"),
        *([node("MatMul", ["flat", "one"], "same"), tensor("one", [1, 1], [1.0])] if product else []),
        node("Sub", ["same" if product else "flat", "threshold"], "above"),
        node("Mul", ["above", "steepness"], "logit"),
        node("Sigmoid", ["logit"], "objectness"),
        node("Concat", ["boxes", "objectness", "scores"], "near", integer("axis", 2)),
        node("Concat", ["near", "far"], "output", integer("axis", 1)),
        field(2, "squares"),
        tensor("flat_shape", [3], [batch, cells, 1], integers=True),
        tensor("threshold", [1], [0.75]),
        tensor("steepness", [1], [40.0]),
        tensor("boxes", [batch, cells, 4], box * cells * batch),
        tensor("scores", [batch, cells, len(classes)], ([1.0] + [0.0] * (len(classes) - 1)) * cells * batch),
        tensor("far", [batch, others, columns], [0.0] * (others * columns * batch)),
        value_info(11, "images" if pictures else "picture", [*pictures, 3, HEIGHT, WIDTH]),
        value_info(12, "output", [batch, total, columns]),
    ])
    entries = dict(metadata or {})
    if recipe:
        entries["goshawk.recipe"] = json.dumps({
            "family": "yolox", "class_names": list(classes), "input_width": WIDTH, "input_height": HEIGHT,
            "std": 255, "confidence": 0.3, "iou": 0.1})
    model = field(1, 8) + field(7, graph) + field(8, field(1, "") + field(2, opset))
    model += b"".join(field(14, field(1, key) + field(2, text)) for key, text in entries.items())
    with open(path, "wb") as file:
        file.write(model)
    return path


if __name__ == "__main__":
    write(sys.argv[1])
