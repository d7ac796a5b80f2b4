#!/usr/bin/env bash
# Trains goshawk-n as it is shipped, from random weights; run again, it goes on where it was stopped.
#
#   models/goshawk-n/train.sh TRAFFIC PEOPLE OUT
#
# TRAFFIC: data set of the six classes; PEOPLE: folder of frames without labels (README.md says which). `goshawk` (or
# $GOSHAWK) and `yolox_nano` (`goshawk models pull yolox_nano`, or $TEACHER) must be there.
set -euo pipefail
if [[ $# -ne 3 ]]; then sed -n '2,7s/^# \{0,1\}//p' "$0"; exit 64; fi
traffic=$1 people=$2 out=$3
goshawk=${GOSHAWK:-goshawk} teacher=${TEACHER:-yolox_nano}
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$out"

teach() {  # FROM TO FLAGS...
  [[ -e $2 ]] || "$goshawk" data label "$1" --model "$teacher" --conf 0.1 --classes person,bicycle,car,motorcycle,bus,truck \
    --to coco --images none --out "$2" "${@:3}"
}
learn() {  # NAME FLAGS...
  local name=$1
  [[ ! -e $out/$name/weights/best.onnx ]] || return 0
  if [[ -e $out/$name/weights/last.safetensors ]]; then "$goshawk" train --resume "$out/$name"; return; fi
  "$goshawk" train "$out/data/data.yaml" --model goshawk-n --batch 16 --nbs 16 --decay cosine --scale 0.6 --cache-gb 6 \
    --project "$out" --name "$@"
}

teach "$traffic/data.yaml" "$out/teacher-traffic" --add
teach "$people" "$out/teacher-people"
[[ -e $out/data ]] || {
  python3 "$here/prepare.py" --traffic "$traffic" --people "$people" --teacher-traffic "$out/teacher-traffic" \
    --teacher-people "$out/teacher-people" --out "$out/data.part"
  mv "$out/data.part" "$out/data"
}
# Small pictures first: most of what there is to learn costs a third there.
learn small --imgsz 256 --epochs 48 --warmup-epochs 2 --close-mosaic 5
learn full --imgsz 416 --epochs 18 --warmup-epochs 0.5 --close-mosaic 4 --weights "$out/small/weights/best.safetensors"
"$goshawk" convert "$out/full/weights/best.onnx" --to fp16-storage --output "$out/goshawk-n.onnx"
