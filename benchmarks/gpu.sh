#!/bin/sh
# The GPU engine on this machine, beside PyTorch where it is installed with CUDA, as one JSON file. Takes under
# six minutes on a fast card.
#
#   benchmarks/gpu.sh MODISTE OUT.json [DEVICE]
#
# MODISTE is a binary built with --features gpu, maybe on another machine; DEVICE as for --device. Needs a
# driver and the Vulkan loader; the comparison needs Python with PyTorch, and is left out without it.
# Variables: SECONDS_EACH of each measurement [2], ROUNDS of ours and PyTorch's in turns [1], BATCHES ["256 1024"], LIMIT: seconds after
# which no measurement begins [300], TINY=1 for a try on a simulated card, DATA: a folder with all of Fashion-MNIST, on which the
# default network is then trained.
set -eu
modiste=$1
out=$2
device=${3:-}
here=$(cd "$(dirname "$0")" && pwd)
seconds=${SECONDS_EACH:-2}
rounds=${ROUNDS:-1}
limit=${LIMIT:-300}
batches=${BATCHES:-256 1024}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
begun=$(date +%s)

# The options of a network by its name: L-W-STRIDE, or swift.
network() {
    case $1 in
        swift) echo "--preset swift" ;;
        *) echo "--preset paper --length ${1%%-*} --width $(echo "$1" | cut -d- -f2) --stem-stride ${1##*-}" ;;
    esac
}

# Writes an entry of the list: name, round, program, then a JSON object from a command.
entry() {
    name=$1 round=$2 program=$3 batch=$4
    shift 4
    if [ $(($(date +%s) - begun)) -gt "$limit" ]; then
        echo "$name, batch $batch, round $round: $program is left out, the time is up" >&2
        return
    fi
    echo "$name, batch $batch, round $round: $program (at $(($(date +%s) - begun)) s)" >&2
    if "$@" >"$work/one" 2>"$work/error"; then
        value=$(cat "$work/one")
    else
        tail -1 "$work/error" >&2
        # A line as a JSON string: without backslashes, quotes and control characters.
        value="{\"failed\": \"$(tail -1 "$work/error" | tr -d '\\"' | tr -d '\000-\037' | cut -c1-500)\"}"
    fi
    [ ! -s "$work/list" ] || echo , >>"$work/list"
    printf '{"network": "%s", "batch": %s, "round": %s, "program": "%s", "result": %s}' \
        "$name" "$batch" "$round" "$program" "$value" >>"$work/list"
}

ours() {
    # shellcheck disable=SC2046 # several options
    entry "$1" "$2" modiste "$3" "$modiste" bench --engine gpu ${device:+--device "$device"} \
        $(network "$1") --batch "$3" --seconds "$seconds" --json
}

torch() {
    entry "$1" "$2" pytorch "$3" python3 "$here/gpu_twin.py" "$1" --batch "$3" --seconds "$seconds"
}

with_torch=no
if python3 -c 'import sys, torch; sys.exit(not torch.cuda.is_available())' 2>/dev/null; then
    with_torch=yes
fi
if [ "${TINY:-}" ]; then
    names="1-1-4"
    grid=""
    batches=4
else
    names="4-5-1 4-5-2 swift"
    # The other sizes of the paper's grid.
    grid="3-4-1 3-5-1 4-4-1"
fi
: >"$work/list"
for batch in $batches; do
    for round in $(seq "$rounds"); do
        for name in $names; do
            ours "$name" "$round" "$batch"
            [ $with_torch = no ] || torch "$name" "$round" "$batch"
        done
    done
    for name in $grid; do
        ours "$name" 1 "$batch"
    done
done
if [ "${DATA:-}" ]; then
    entry swift 1 training 0 "$modiste" train --engine gpu ${device:+--device "$device"} \
        --data "$DATA" --out "$work/run" --quiet --json
fi
{
    printf '{"date": "%s", "modiste": "%s", "devices": ' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$("$modiste" --version)"
    "$modiste" devices --json 2>/dev/null || echo "[]"
    printf ', "driver": "%s", "seconds": %s, "runs": [\n' \
        "$(nvidia-smi --query-gpu=name,driver_version,clocks.sm --format=csv,noheader 2>/dev/null | head -1)" \
        "$(($(date +%s) - begun))"
    cat "$work/list"
    printf '\n]}\n'
} >"$out"

# The table, and the time of the paper's grid: two dropout rates, 12 epochs of 50,000 images for each size.
command -v python3 >/dev/null || exit 0
python3 - "$out" <<'END'
import json, sys
runs = json.load(open(sys.argv[1]))["runs"]
best = {}
for run in runs:
    speed = run["result"].get("train_images_per_second", 0.0)
    key = run["network"], run["program"]
    best[key] = max(best.get(key, (0.0, 0)), (speed, run["batch"]))
for (network, program), (speed, batch) in best.items():
    print(f"{network:8} {program:9} {speed:10.0f} images/s at batch {batch}")
speeds = [best.get((name, "modiste"), (0.0, 0))[0] for name in ("3-4-1", "3-5-1", "4-4-1", "4-5-1")]
if all(speeds):
    print(f"the paper's grid: {sum(2 * 12 * 50_000 / speed for speed in speeds) / 60:.1f} minutes")
END
