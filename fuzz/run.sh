#!/bin/sh
# Runs all fuzz targets, or those given, for SECONDS each and counts the executions:
#
#   fuzz/run.sh 600                  every target, ten minutes each
#   fuzz/run.sh 120 serve_body       one target, two minutes
#
# A stable compiler is enough, with C++ for libFuzzer; cargo-fuzz works, too, with a nightly compiler.
# New inputs are kept in fuzz/corpus/, failing inputs in fuzz/artifacts/; git ignores both.
set -eu
cd "$(dirname "$0")/.."
seconds=${1:?seconds for each target}
shift
[ $# -gt 0 ] || set -- $(sed -n 's|^path = "fuzz_targets/\(.*\)\.rs"|\1|p' fuzz/Cargo.toml)
host=$(rustc -vV | sed -n 's/^host: //p')
build=fuzz/target/$host/release
# Instrument every branch and comparison, in everything that runs on the target, but not in build scripts and
# procedural macros.
flags='-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4'
for feature in inline-8bit-counters pc-table trace-compares; do
  flags="$flags -Cllvm-args=-sanitizer-coverage-$feature"
done
RUSTFLAGS="$flags --cfg fuzzing" cargo build --release --locked --manifest-path fuzz/Cargo.toml \
  --target-dir fuzz/target --target "$host" $(printf ' --bin %s' "$@")
total=0
failed=''
for target in "$@"; do
  seeds=''
  [ ! -d "fuzz/seeds/$target" ] || seeds="fuzz/seeds/$target"
  mkdir -p "fuzz/corpus/$target" "fuzz/artifacts/$target"
  log="fuzz/corpus/$target.log"
  status=0
  # The leak check needs ptrace, which containers forbid.
  "$build/$target" "fuzz/corpus/$target" $seeds -artifact_prefix="fuzz/artifacts/$target/" \
    -max_total_time="$seconds" -print_final_stats=1 -detect_leaks=0 -rss_limit_mb=4096 \
    >"$log" 2>&1 || status=$?
  executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log" | tail -1)
  total=$((total + ${executions:-0}))
  printf '%14s executions  %s\n' "${executions:-0}" "$target"
  [ "$status" = 0 ] || { failed="$failed $target"; tail -20 "$log"; }
done
printf '%14s executions in all\n' "$total"
[ -z "$failed" ] || { echo "failed:$failed"; exit 1; }
