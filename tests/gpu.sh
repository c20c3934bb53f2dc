#!/usr/bin/env bash
# Does Retempo work on this GPU, and how fast? Builds, tests, measures; writes one JSON with the card's name.
#
# Needs on the machine: an NVIDIA GPU, nvcc, CMake, a C++ compiler, and a Python with PyTorch, NumPy, pytest and
# hypothesis. Needs no network, and no OpenImageIO, OpenColorIO or OpenCV. pybind11 may be carried:
# a folder or wheel named by --pybind11 or $RETEMPO_PYBIND11.
#
#   tests/gpu.sh [--out FILE] [--build DIR] [--pybind11 DIR|WHEEL] [--sanitize] [--tests-only|--build-only]
#                [--dry-run]
#
#   --dry-run    the cpu device, small sizes, no CUDA needed: proves this script
#   --build-only leaves the package, native module included, in the build folder's site/ and stops
#   --sanitize   also runs compute-sanitizer (memcheck, racecheck) over the small CUDA tests
# Environment: PYTHON (python3), CUDA_HOME (/usr/local/cuda), JOBS (all cores).
# Exit: 0 all passed, 1 a step or test failed, 2 wrong arguments, 77 no GPU: skipped.
set -euo pipefail

repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
python=${PYTHON:-python3}
build="$repo/build/gpu"
out=""
pybind11=${RETEMPO_PYBIND11:-}
device=cuda
dry=0 sanitize=0 bench=1 tests=1

fail() { echo "gpu.sh: $1" >&2; exit "${2:-1}"; }

while [ $# -gt 0 ]; do
    case "$1" in
        --out) out=${2:?--out needs a file}; shift 2 ;;
        --build) build=${2:?--build needs a folder}; shift 2 ;;
        --pybind11) pybind11=${2:?--pybind11 needs a folder or a wheel}; shift 2 ;;
        --sanitize) sanitize=1; shift ;;
        --tests-only) bench=0; shift ;;
        --build-only) tests=0; shift ;;
        --dry-run) dry=1; device=cpu; shift ;;
        -h|--help) sed -n '2,17p' "${BASH_SOURCE[0]}" | sed 's/^# \{0,1\}//'; exit 0 ;;
        *) fail "unknown argument $1; see --help" 2 ;;
    esac
done
case "$build" in /*) ;; *) build="$PWD/$build" ;; esac
out=${out:-$build/gpu.json}

export PATH="${CUDA_HOME:-/usr/local/cuda}/bin:$PATH"
needed="torch, numpy"
if [ $tests = 1 ]; then needed="$needed, pytest, hypothesis"; fi
"$python" -c "import $needed" || fail "$python lacks one of $needed; set PYTHON"
if [ $dry = 0 ]; then
    "$python" -c 'import sys, torch; sys.exit(not torch.cuda.is_available())' || { echo "no GPU: skipped"; exit 77; }
    command -v nvcc >/dev/null || fail "a GPU, but no nvcc; install the CUDA toolkit or set CUDA_HOME"
fi

echo "== build ($build)"
site="$build/site"
mkdir -p "$site"
rm -rf "$site/retempo"
cp -r "$repo/pyhost/retempo" "$site/retempo"
rm -f "$site"/retempo/_native*.so
case "$pybind11" in
    *.whl) "$python" -m zipfile -e "$pybind11" "$build/pybind11"; pybind11="$build/pybind11" ;;
esac
if [ -n "$pybind11" ]; then
    config=$(find "$pybind11" -name pybind11Config.cmake -print -quit)
    [ -n "$config" ] || fail "--pybind11 $pybind11 holds no pybind11Config.cmake; give an unpacked wheel or a wheel"
else
    config="$("$python" -m pybind11 --cmakedir 2>/dev/null)/pybind11Config.cmake" ||
        fail "$python has no pybind11; carry its wheel and pass --pybind11"
fi
options=(-DCMAKE_BUILD_TYPE=Release "-DRETEMPO_OUTPUT_DIR=$site/retempo" "-Dpybind11_DIR=$(dirname "$config")"
         "-DPython_EXECUTABLE=$("$python" -c 'import sys; print(sys.executable)')")
if [ $dry = 1 ]; then
    options+=(-DRETEMPO_CUDA=OFF)
else
    arch=$("$python" -c 'import torch; print("%d%d" % torch.cuda.get_device_capability())')
    options+=(-DRETEMPO_CUDA=ON "-DCMAKE_CUDA_ARCHITECTURES=$arch" "-DCMAKE_CUDA_COMPILER=$(command -v nvcc)")
fi
command -v ninja >/dev/null && options+=(-G Ninja)
cmake -S "$repo" -B "$build/cmake" "${options[@]}" >"$build/cmake.log" 2>&1 ||
    { tail -30 "$build/cmake.log"; fail "CMake failed, see $build/cmake.log"; }
cmake --build "$build/cmake" --parallel "${JOBS:-$(nproc)}" >"$build/build.log" 2>&1 ||
    { tail -40 "$build/build.log"; fail "the build failed, see $build/build.log"; }
export PYTHONPATH="$site${PYTHONPATH:+:$PYTHONPATH}"
export PYTHONDONTWRITEBYTECODE=1
"$python" - "$site" <<'PYTHON'
import sys
from retempo import _native
assert _native.__file__.startswith(sys.argv[1]), f"wrong module: {_native.__file__}"
print(_native.build_info())
PYTHON
[ $tests = 1 ] || exit 0

echo "== tests ($device)"
status=0
rooms=()
for room in ops native; do
    if ls "$repo/tests/$room"/test_*.py >/dev/null 2>&1; then rooms+=("$repo/tests/$room"); fi
done
pytest=("$python" -m pytest -c "$repo/pyproject.toml" --rootdir "$repo" -p no:cacheprovider -q)
"${pytest[@]}" --junitxml "$build/tests.xml" "${rooms[@]}" || status=1

if [ $sanitize = 1 ]; then
    sanitizer=$(command -v compute-sanitizer) || fail "--sanitize: no compute-sanitizer on the PATH"
    small='cuda and not wide and not same_bits and not memory'
    for tool in memcheck racecheck; do
        echo "== compute-sanitizer $tool"
        "$sanitizer" --tool "$tool" --error-exitcode 9 \
            "${pytest[@]}" -x -k "$small" "$repo/tests/ops" >"$build/$tool.log" 2>&1 ||
            { tail -40 "$build/$tool.log"; status=1; }
    done
fi

if [ $bench = 1 ]; then
    echo "== benchmarks ($device)"
    small=()
    if [ $dry = 1 ]; then small=(--small); fi
    "$python" "$repo/tests/benchmarks/gpu_report.py" --device "$device" --junit "$build/tests.xml" --out "$out" \
        "${small[@]}" || status=1
fi
exit $status
