"""Quantizes an ONNX detector with ONNX Runtime's quantize_static or with NNCF, as their own documents show it.

    quantize_onnx.py MODEL IMAGES TARGET --with ort|nncf [--method MinMax|Entropy|Percentile] [--preset performance|mixed]

    run in the peers' environment. IMAGES: a folder; all of it calibrates. The pictures are prepared as YOLOX wants them: letterbox
    of 114 in the top left corner, BGR, 0 to 255. Prints one line of JSON: seconds.
"""
import argparse
import json
import time
from pathlib import Path

import cv2
import numpy as np
import onnx


def prepare(path, side):
    image = cv2.imread(str(path))
    ratio = min(side / image.shape[0], side / image.shape[1])
    width, height = int(image.shape[1] * ratio), int(image.shape[0] * ratio)
    canvas = np.full((side, side, 3), 114, np.uint8)
    canvas[:height, :width] = cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR)
    return canvas.transpose(2, 0, 1)[None].astype(np.float32)


def quantize_with_ort(model, tensors, name, target, method):
    from onnxruntime.quantization import (CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType,
                                          quantize_static)
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Reader(CalibrationDataReader):
        def __init__(self):
            self.rest = iter(tensors)

        def get_next(self):
            tensor = next(self.rest, None)
            return None if tensor is None else {name: tensor}

    prepared = target.with_suffix(".prepared.onnx")
    onnx.save(model, str(prepared))
    quant_pre_process(str(prepared), str(prepared), skip_symbolic_shape=True)
    quantize_static(str(prepared), str(target), Reader(), quant_format=QuantFormat.QDQ, per_channel=True,
                    activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8,
                    calibrate_method=getattr(CalibrationMethod, method))
    prepared.unlink()


def quantize_with_nncf(model, tensors, name, target, preset):
    import nncf

    data = nncf.Dataset(tensors, lambda tensor: {name: tensor})
    quantized = nncf.quantize(model, data, subset_size=len(tensors), preset=nncf.QuantizationPreset(preset))
    onnx.save(quantized, str(target))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("model", type=Path)
    parser.add_argument("images", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("--with", dest="tool", choices=("ort", "nncf"), required=True)
    parser.add_argument("--method", default="MinMax")
    parser.add_argument("--preset", default="mixed")
    options = parser.parse_args()
    model = onnx.load(str(options.model))
    if model.opset_import[0].version < 13:
        model = onnx.version_converter.convert_version(model, 13)
    given = model.graph.input[0]
    side = given.type.tensor_type.shape.dim[2].dim_value
    tensors = [prepare(path, side) for path in sorted(options.images.iterdir())]
    start = time.perf_counter()
    if options.tool == "ort":
        quantize_with_ort(model, tensors, given.name, options.target, options.method)
    else:
        quantize_with_nncf(model, tensors, given.name, options.target, options.preset)
    print(json.dumps({"seconds": time.perf_counter() - start}))


if __name__ == "__main__":
    main()
