#!/usr/bin/env bash
# Builds the kernels for aarch64 and runs their tests on NEON, emulated by qemu, on any Linux machine
# with mmdebstrap, as root:
#
#     peers/neon.sh FOLDER [arguments of cargo test]
#
# FOLDER becomes a Debian system with compilers for both processors (1.8 GB) and is reused the next time. The
# crates come from cargo's download folder, so run `cargo fetch` first.
set -euo pipefail
top=$(cd "$(dirname "$0")/.." && pwd)
root=${1:?"which folder?"}
shift

packages=rustc,cargo,gcc,libc6-dev,gcc-aarch64-linux-gnu,libc6-dev-arm64-cross,libstd-rust-dev:arm64,qemu-user
if [ ! -x "$root/usr/bin/cargo" ]; then
    mmdebstrap --variant=apt --architectures=amd64,arm64 --include="$packages" \
        --aptopt='APT::Install-Recommends "false"' --aptopt='Acquire::Check-Valid-Until "false"' sid "$root"
fi

rm -rf "$root/modiste"
mkdir -p "$root/modiste" "$root/crates/registry"
git -C "$top" archive HEAD | tar -x -C "$root/modiste"
cp -a --update "${CARGO_HOME:-$HOME/.cargo}/registry/." "$root/crates/registry/"

exec chroot "$root" env -C /modiste CARGO_HOME=/crates CARGO_TARGET_DIR=/target \
    CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc \
    CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER="qemu-aarch64 -L /usr/aarch64-linux-gnu" \
    cargo test --release --offline --target aarch64-unknown-linux-gnu -p modiste-kernels --lib --tests "$@"
