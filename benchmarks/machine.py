"""Describes the machine, the versions and the commit of a measurement."""
import os
import platform
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SYSTEM = Path("/sys/devices/system/cpu")


def describe(python):
    """Everything that is recorded with the figures."""
    return {
        "processor": processor(),
        "processors": os.cpu_count(),
        "caches": caches(),
        "memory_bytes": meminfo("MemTotal:"),
        "kernel": platform.release(),
        "transparent_huge_pages": text(Path("/sys/kernel/mm/transparent_hugepage/enabled")),
        "governor": text(SYSTEM / "cpu0" / "cpufreq" / "scaling_governor"),
        "load_before": os.getloadavg(),
        "commit": output("git", "-C", ROOT, "rev-parse", "HEAD"),
        "changed_files": output("git", "-C", ROOT, "status", "--porcelain", "-uno").splitlines(),
        "rustc": output("rustc", "--version"),
        "compiler": output("g++", "--version").split("\n")[0],
        "python": output(python, "--version"),
        "packages": packages(python),
    }


def processor():
    """Name and relevant instruction sets of the processor."""
    fields = {}
    for line in text(Path("/proc/cpuinfo")).splitlines():
        key, _, value = line.partition(":")
        fields.setdefault(key.strip(), value.strip())
    flags = fields.get("flags", "").split()
    sets = [f for f in flags if f in ("avx", "avx2", "fma") or f.startswith(("avx512", "amx"))]
    return {"name": fields.get("model name", platform.machine()), "instruction_sets": sets}


def caches():
    """Sizes of the caches of processor 0, by level and type."""
    found = {}
    for index in sorted((SYSTEM / "cpu0" / "cache").glob("index*")):
        found[f"L{text(index / 'level')} {text(index / 'type')}"] = text(index / "size")
    return found


def meminfo(name):
    for line in text(Path("/proc/meminfo")).splitlines():
        if line.startswith(name):
            return int(line.split()[1]) * 1024
    return None


def packages(python):
    """Versions of all packages in the peers' Python."""
    lines = output(python, "-m", "pip", "list", "--format=freeze", "--disable-pip-version-check")
    return dict(line.split("==", 1) for line in lines.splitlines() if "==" in line)


def text(path):
    """The text of a file, or None if the machine does not have it."""
    try:
        return path.read_text().strip()
    except OSError:
        return ""


def output(*command):
    """The output of a program, or None if it fails."""
    try:
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    except OSError:
        return ""
    return done.stdout.strip()
