#!/usr/bin/env bash
# Makes a Debian package of a built binary:  packaging/deb.sh BINARY OUT.deb
# Needs dpkg-deb and readelf (binutils). The package depends on the C library that the binary asks for.
set -euo pipefail
binary=$1 out=$2
top=$(cd "$(dirname "$0")/.." && pwd)
version=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' "$top/Cargo.toml")
architecture=$(dpkg --print-architecture)
glibc=$(readelf --version-info --wide "$binary" | grep -o 'GLIBC_[0-9.]*' | sed 's/GLIBC_//' | sort -Vu | tail -n 1)
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT

install -D -m 755 "$binary" "$root/usr/bin/modiste"
strip --strip-debug "$root/usr/bin/modiste"
mkdir -p "$root/usr/share/man/man1" "$root/usr/share/doc/modiste" "$root/usr/share/bash-completion/completions" \
    "$root/usr/share/zsh/vendor-completions" "$root/usr/share/fish/vendor_completions.d" "$root/DEBIAN"
"$binary" man | gzip -9n >"$root/usr/share/man/man1/modiste.1.gz"
"$binary" completions bash >"$root/usr/share/bash-completion/completions/modiste"
"$binary" completions zsh >"$root/usr/share/zsh/vendor-completions/_modiste"
"$binary" completions fish >"$root/usr/share/fish/vendor_completions.d/modiste.fish"
"$binary" licences >"$root/usr/share/doc/modiste/copyright"
gzip -9nc "$top/CHANGELOG.md" >"$root/usr/share/doc/modiste/changelog.gz"

cat >"$root/DEBIAN/control" <<CONTROL
Package: modiste
Version: $version
Architecture: $architecture
Maintainer: The modiste authors <modiste@localhost>
Installed-Size: $(du -ks "$root/usr" | cut -f 1)
Depends: libc6 (>= $glibc), libgcc-s1
Section: science
Priority: optional
Description: trains, evaluates and explains small image classifiers
 One program without other dependencies: it trains networks on CPUs, serves and
 exports them, and shows what they saw.
CONTROL
dpkg-deb --root-owner-group --build "$root" "$out"
