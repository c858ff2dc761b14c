"""Writes licences/third-party.txt: the licences of all crates in the binary or the Python package.

    python3 licences/make.py            writes the file
    python3 licences/make.py --check    fails if the file is out of date

Crates are those that `modiste` and `modiste-python` depend on when they run (not for tests or building), on any system, as Cargo.lock has them. Texts are
those in the crates' own folders; a crate without one is listed with the name of its licence.
"""
import collections
import json
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
OUT = ROOT / "licences/third-party.txt"
NAMES = ("licen", "copying", "unlicense", "notice")


def packages():
    """The packages of the binary and the Python package except our own, by name and version."""
    said = subprocess.run(["cargo", "metadata", "--format-version", "1", "--locked"], cwd=ROOT, check=True,
                          capture_output=True, text=True).stdout
    metadata = json.loads(said)
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    ours = ("modiste", "modiste-python")
    found, left = set(), [package["id"] for package in metadata["packages"] if package["name"] in ours]
    while left:
        package = left.pop()
        if package in found:
            continue
        found.add(package)
        for dependency in nodes[package]["deps"]:
            if any(kind["kind"] is None for kind in dependency["dep_kinds"]):
                left.append(dependency["pkg"])
    listed = [package for package in metadata["packages"] if package["id"] in found and package["source"]]
    return sorted(listed, key=lambda package: (package["name"], package["version"]))


def texts(package):
    """The licence texts in a package's folder."""
    folder = pathlib.Path(package["manifest_path"]).parent
    files = sorted(path for path in folder.iterdir() if path.is_file() and path.name.lower().startswith(NAMES))
    return [(path.name, "\n".join(line.rstrip() for line in
             path.read_text(errors="replace").strip().splitlines())) for path in files]


def page():
    lines = ["Licences of the crates that are part of modiste. modiste itself is under the MIT or the Apache-2.0 license.", ""]
    users = collections.OrderedDict()
    for package in packages():
        name = f"{package['name']} {package['version']}"
        found = texts(package)
        lines.append(f"{name}: {package['license'] or 'see below'}{'' if found else ' (the crate holds no text)'}")
        for _, text in found:
            # Texts that differ only in line breaks count as the same.
            users.setdefault(" ".join(text.split()), (text, []))[1].append(name)
    for text, names in users.values():
        lines += ["", "=" * 100, ", ".join(dict.fromkeys(names)), "=" * 100, "", text]
    return "\n".join(lines) + "\n"


def main():
    text = page()
    if sys.argv[1:] == ["--check"]:
        if OUT.read_text() != text:
            sys.exit("licences/third-party.txt is out of date: run python3 licences/make.py")
        return
    OUT.write_text(text)
    print(f"{OUT.relative_to(ROOT)}: {len(text):,} bytes")


if __name__ == "__main__":
    main()
