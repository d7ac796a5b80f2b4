#!/usr/bin/env python3
"""Runs faster-coco-eval (Apache-2.0; in .deps/peers) on the files that `goshawk eval-boxes` takes, and prints its figures as JSON.

    .deps/peers/bin/python bench/boxes_peer.py --gt instances.json --dt results.json [--type segm]

bench/make_boxes.py makes such files; the time is that of the whole process, reading included.
"""
import argparse
import contextlib
import io
import json
from importlib.metadata import version

from faster_coco_eval import COCO, COCOeval_faster

NAMES = ("AP", "AP50", "AP75", "AP_small", "AP_medium", "AP_large", "AR_1", "AR_10", "AR_100", "AR_small", "AR_medium", "AR_large")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gt", required=True)
    parser.add_argument("--dt", required=True)
    parser.add_argument("--type", choices=("bbox", "segm"), default="bbox")
    options = parser.parse_args()
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(options.gt)
        evaluation = COCOeval_faster(truth, truth.loadRes(options.dt), options.type)
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    print(json.dumps({"peer": f"faster-coco-eval {version('faster-coco-eval')}",
                      **dict(zip(NAMES, map(float, evaluation.stats)))}))


if __name__ == "__main__":
    main()
