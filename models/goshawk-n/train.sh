#!/usr/bin/env bash
# Trains goshawk-n as it is shipped, from random weights; run again, it goes on where it was stopped.
#
#   models/goshawk-n/train.sh TRAFFIC PEOPLE OUT
#
# TRAFFIC: data set of the six classes; PEOPLE: folder of frames without labels (README.md says which). `goshawk` (or
# $GOSHAWK), `yolox_nano` (`goshawk models pull yolox_nano`, or $TEACHER), python3 and ffmpeg must be there.
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
prepare() {  # OUT FLAGS...
  [[ ! -e $1 ]] || return 0
  rm -rf "$1.part"
  python3 "$here/prepare.py" --traffic "$traffic" --people "$people" --teacher-traffic "$out/teacher-traffic" \
    --teacher-people "$out/teacher-people" --out "$1.part" "${@:2}"
  mv "$1.part" "$1"
}
learn() {  # DATA NAME FLAGS...
  local data=$1 name=$2
  [[ ! -e $out/$name/finished ]] || return 0
  if [[ -e $out/$name/weights/last.safetensors ]]; then
    "$goshawk" train --resume "$out/$name"
  else
    rm -rf "${out:?}/$name"
    "$goshawk" train "$out/$data/data.yaml" --model goshawk-n --decay cosine --cache-gb 6 --project "$out" --name "${@:2}"
  fi
  touch "$out/$name/finished"
}

teach "$traffic/data.yaml" "$out/teacher-traffic" --add
teach "$people" "$out/teacher-people"
prepare "$out/data"
# Pieces around people, which the teacher looks at again: from near it finds more.
for pieces in 3 6; do
  crops=$out/crops$pieces
  [[ -e $crops ]] || {
    rm -rf "$crops.part"
    python3 "$here/crops.py" --data "$out/data" --out "$crops.part" --pieces "$pieces" \
      --sizes "$out/teacher-traffic/annotations/instances_train.json,$out/teacher-people/annotations/instances.json"
    mv "$crops.part" "$crops"
  }
  teach "$crops/data.yaml" "$out/teacher-crops$pieces" --add
  prepare "$out/data-crops$pieces" --crops "$crops" --teacher-crops "$out/teacher-crops$pieces"
done
# Small pictures first: most of what there is to learn costs a third there.
small="--batch 16 --nbs 16 --scale 0.6"
learn data small $small --imgsz 256 --epochs 48 --warmup-epochs 2 --close-mosaic 5
learn data full $small --imgsz 416 --epochs 18 --warmup-epochs 0.5 --close-mosaic 4 \
  --weights "$out/small/weights/best.safetensors"
near="--optimizer adamw --momentum 0.9 --scale 0.7 --mixup 0.1"
learn data-crops3 near $near --imgsz 320 --batch 32 --nbs 32 --epochs 10 --lr0 0.001 --warmup-epochs 0.5 --close-mosaic 0 \
  --weights "$out/full/weights/best.safetensors"
learn data-crops3 last $near --imgsz 416 --batch 16 --nbs 16 --epochs 4 --lr0 0.0005 --warmup-epochs 0.1 --close-mosaic 1 \
  --weights "$out/near/weights/best.safetensors"
# The teacher itself beside the labels.
[[ -e $out/teacher-320.onnx ]] || "$goshawk" convert "$teacher" --imgsz 320 --output "$out/teacher-320.onnx"
learn data-crops6 taught $near --imgsz 320 --batch 32 --nbs 32 --epochs 14 --lr0 0.001 --warmup-epochs 0.3 --close-mosaic 0 \
  --teacher "$out/teacher-320.onnx" --weights "$out/last/weights/best.safetensors"
learn data-crops6 taught-last $near --imgsz 416 --batch 16 --nbs 16 --epochs 5 --lr0 0.0008 --warmup-epochs 0.1 --close-mosaic 1 \
  --teacher "$teacher" --weights "$out/taught/weights/best.safetensors"
# And on, at last with the labels alone for the classes that they know better than the teacher does.
learn data-crops6 on $near --imgsz 320 --batch 32 --nbs 32 --epochs 16 --lr0 0.001 --warmup-epochs 0.3 --close-mosaic 0 \
  --teacher "$out/teacher-320.onnx" --weights "$out/taught-last/weights/best.safetensors"
learn data-crops6 on-last $near --imgsz 416 --batch 16 --nbs 16 --epochs 8 --lr0 0.0008 --warmup-epochs 0.1 --close-mosaic 1 \
  --teacher "$teacher" --teacher-classes person,bicycle,motorcycle --weights "$out/on/weights/best.safetensors"
# Softer answers of the teacher (--temperature 2) for people, beginning with small pictures again.
learn data-crops6 soft $near --imgsz 320 --batch 32 --nbs 32 --epochs 8 --lr0 0.001 --warmup-epochs 0.3 --close-mosaic 0 \
  --teacher "$out/teacher-320.onnx" --temperature 2 --weights "$out/on-last/weights/best.safetensors"
learn data-crops6 soft-last $near --imgsz 416 --batch 16 --nbs 16 --epochs 8 --lr0 0.0008 --warmup-epochs 0.1 --close-mosaic 1 \
  --teacher "$teacher" --teacher-classes person,bicycle,motorcycle --temperature 2 --weights "$out/soft/weights/best.safetensors"
learn data-crops6 between $near --imgsz 416 --batch 16 --nbs 16 --epochs 5 --lr0 0.0005 --warmup-epochs 0.1 --close-mosaic 1 \
  --teacher "$teacher" --teacher-classes person,bicycle,motorcycle \
  --weights "$out/on-last/weights/best.safetensors,$out/soft-last/weights/best.safetensors"
# The mean of the three, the one for people counted twice.
soft=$out/soft-last/weights/best.onnx
"$goshawk" convert "$soft" --average "$out/between/weights/best.onnx,$out/on-last/weights/best.onnx,$soft" --iou 0.5 \
  --to fp16-storage --output "$out/goshawk-n.onnx"
