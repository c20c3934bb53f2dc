#!/usr/bin/env bash
# How are our own networks trained on a GPU that is lent for minutes? Builds, then trains a slice of each stage, in turns.
#
# Needs on the machine: an NVIDIA GPU, nvcc, CMake, a C++ compiler, a Python with PyTorch and NumPy. No network. What that
# Python lacks (OpenCV, safetensors, pybind11) is carried as wheels. Samples are gathered and packed beforehand:
#
#   retempo train gather CLIPS -o SAMPLES;  python tests/gpu_samples.py pack SAMPLES carried/train --megabytes 34
#   retempo train gather OTHERS -o HELD;    python tests/gpu_samples.py pack HELD carried/held --megabytes 6
#   tests/gpu_train.sh --data carried --out OUT [--state OUT_OF_THE_LAST_TIME] [--wheels DIR] [--stages flow,synthesis,upsampler]
#                      [--minutes 5] [--horizon 40] [--build DIR] [--dry-run]
#
#   --data       holds train/ and held/, packed
#   --state      a stage that it holds is gone on with; without it each begins anew
#   --minutes    of training in this slice, all stages together; building and validating come on top
#   --horizon    minutes of all slices of a stage, over which its learning rate falls
#   --dry-run    the CPU, tiny batches: proves this script
# OUT/STAGE holds state, log, curve and best.safetensors: give it back as --state. synthesis begins with what flow has
# learned. Environment: PYTHON, CUDA_HOME, JOBS as for gpu.sh. Exit: 0, 1 a step failed, 2 wrong arguments, 77 no GPU.
set -euo pipefail

repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
python=${PYTHON:-python3}
data="" out="" state="" wheels="" stages=flow,synthesis,upsampler minutes=5 horizon=40 build="$repo/build/gpu"
device=cuda batch=16 size=160 every=1 report=60
flags=()

fail() { echo "gpu_train.sh: $1" >&2; exit "${2:-1}"; }

while [ $# -gt 0 ]; do
    case "$1" in
        --data) data=${2:?--data needs a folder}; shift 2 ;;
        --out) out=${2:?--out needs a folder}; shift 2 ;;
        --state) state=${2:?--state needs a folder}; shift 2 ;;
        --wheels) wheels=${2:?--wheels needs a folder}; shift 2 ;;
        --stages) stages=${2:?--stages needs names}; shift 2 ;;
        --minutes) minutes=${2:?--minutes needs a number}; shift 2 ;;
        --horizon) horizon=${2:?--horizon needs a number}; shift 2 ;;
        --build) build=${2:?--build needs a folder}; shift 2 ;;
        --dry-run) device=cpu batch=1 size=64 every=1000 flags=(--dry-run); shift ;;
        -h|--help) sed -n '2,20p' "${BASH_SOURCE[0]}" | sed 's/^# \{0,1\}//'; exit 0 ;;
        *) fail "unknown argument $1; see --help" 2 ;;
    esac
done
for stage in ${stages//,/ }; do
    case $stage in flow|synthesis|upsampler) ;; *) fail "no stage $stage; flow, synthesis, upsampler" 2 ;; esac
done
[ -n "$out" ] || fail "--out says where the weights go" 2
for part in train held; do
    [ -d "$data/$part" ] || fail "--data $data has no $part/; see --help" 2
done
if [ -n "$wheels" ]; then
    for wheel in "$wheels"/*.whl; do
        [ -f "$wheel" ] || fail "--wheels $wheels holds no wheel" 2
        "$python" -m zipfile -e "$wheel" "$build/wheels"
    done
    export PYTHONPATH="$build/wheels${PYTHONPATH:+:$PYTHONPATH}"
fi
"$repo/tests/gpu.sh" --build-only --build "$build" ${flags[@]+"${flags[@]}"}
export PYTHONPATH="$build/site${PYTHONPATH:+:$PYTHONPATH}"
"$python" -c 'import cv2, safetensors' || fail "$python lacks OpenCV or safetensors; carry their wheels, see --wheels"

echo "== samples"
for part in train held; do
    "$python" "$repo/tests/gpu_samples.py" unpack "$data/$part" "$build/samples/$part"
done

count=$(tr ',' '\n' <<<"$stages" | wc -l)
share=$("$python" -c 'import sys; print(float(sys.argv[1]) / int(sys.argv[2]))' "$minutes" "$count")
mkdir -p "$out"
for stage in ${stages//,/ }; do
    echo "== $stage, $share minutes ($device)"
    if [ -n "$state" ] && [ -d "$state/$stage" ] && [ ! -d "$out/$stage" ]; then
        cp -r "$state/$stage" "$out/$stage"
        chmod -R u+w "$out/$stage"
    fi
    more=()
    if [ "$stage" != flow ]; then more+=(--data "$build/samples/train"); fi
    if [ "$stage" = synthesis ] && [ ! -f "$out/synthesis/state.safetensors" ]; then
        for learned in "$out" "$state"; do
            if [ -n "$learned" ] && [ -f "$learned/flow/best.safetensors" ]; then
                more+=(--from "$learned/flow/best.safetensors")
                break
            fi
        done
    fi
    crop=(--batch $batch --size $size)
    if [ "$stage" = upsampler ] && [ $device = cuda ]; then  # it searches in the crop: what leaves it is lost
        crop=(--batch $((batch / 2)) --size 256)
    fi
    "$python" -m retempo train "$stage" --held-out "$build/samples/held" -o "$out/$stage" --minutes "$share" \
        --horizon "$horizon" "${crop[@]}" --every $every --report $report --device $device \
        ${more[@]+"${more[@]}"}
done
