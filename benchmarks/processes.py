"""Measured processes: started once, then asked for slices of work.

Between its slices a process is stopped (SIGSTOP, with its children), so that none of its threads spins while
another process is measured.
"""
import ctypes
import json
import os
import select
import signal
import subprocess
import time
from pathlib import Path

START_LIMIT = 900  # seconds; compiling takes minutes on a small machine
SLICE_LIMIT = 600
PR_SET_PDEATHSIG = 1  # linux/prctl.h


class PeerError(Exception):
    """An error of a measured process."""


class Process:
    """One measured process."""

    def __init__(self, name, command, threads, log):
        self.name, self.log = name, log
        self.processors = choose_processors(threads)
        threads = str(threads)
        variables = {"OMP_NUM_THREADS": threads, "RAYON_NUM_THREADS": threads}
        self.buffer = b""
        begun = time.monotonic()
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log.open("w"),
            env={**os.environ, **variables}, start_new_session=True,
            preexec_fn=self.prepare,
        )
        try:
            self.first = self.answer(START_LIMIT)
        except BaseException:
            self.close()
            raise
        # From the start of the process to the end of its first step, including reading files.
        self.start_seconds = time.monotonic() - begun
        self.signal(signal.SIGSTOP)

    def prepare(self):
        """Runs in the new process: sets its processors, and ends it when the runner is killed."""
        os.sched_setaffinity(0, self.processors)
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)

    def run(self, seconds):
        """Runs a slice of work of at least this many seconds: returns images, seconds, median and values.

        `others` is the share of all processors that other processes took meanwhile.
        """
        self.signal(signal.SIGCONT)
        begun, busy = time.monotonic(), self.others_ticks()
        try:
            self.process.stdin.write(f"run {seconds}\n".encode())
            self.process.stdin.flush()
        except BrokenPipeError:
            raise PeerError(self.last_words()) from None
        answer = self.answer(SLICE_LIMIT + seconds)
        ticks = os.sysconf("SC_CLK_TCK") * os.cpu_count() * (time.monotonic() - begun)
        answer["others"] = max(self.others_ticks() - busy, 0) / ticks
        self.signal(signal.SIGSTOP)
        return answer

    def others_ticks(self):
        """Processor time that all other processes have used since the machine started."""
        fields = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]
        user, nice, system, _idle, _wait, interrupts, softer, stolen = map(int, fields)
        own = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return user + nice + system + interrupts + softer + stolen - int(own[11]) - int(own[12])

    def answer(self, limit):
        """Reads the next line that the process writes."""
        deadline = time.monotonic() + limit
        while b"\n" not in self.buffer:
            left = deadline - time.monotonic()
            ready, _, _ = select.select([self.process.stdout], [], [], max(left, 0))
            if not ready:
                raise PeerError(f"no answer in {limit:.0f} seconds")
            text = os.read(self.process.stdout.fileno(), 65536)
            if not text:
                raise PeerError(self.last_words())
            self.buffer += text
        line, self.buffer = self.buffer.split(b"\n", 1)
        try:
            return json.loads(line)
        except ValueError:
            raise PeerError(f"answered {line[:80]!r}") from None

    def peak_bytes(self):
        """The largest resident memory so far (VmHWM)."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        (line,) = [line for line in status.splitlines() if line.startswith("VmHWM:")]
        return int(line.split()[1]) * 1024

    def last_words(self):
        """A text with the exit status and the last line of the process's log."""
        self.process.wait(10)
        lines = self.log.read_text(errors="replace").strip().splitlines() or ["no message"]
        return f"ended with status {self.process.returncode}: {lines[-1][:300]}"

    def signal(self, number):
        try:
            os.killpg(self.process.pid, number)
        except ProcessLookupError:
            pass

    def close(self):
        """Ends the process and its children."""
        self.signal(signal.SIGKILL)
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


def choose_processors(threads):
    """This many of the allowed processors, on different cores as far as possible."""
    allowed = sorted(os.sched_getaffinity(0))
    if threads > len(allowed):
        raise PeerError(f"{threads} threads on {len(allowed)} processors")
    return set(sorted(allowed, key=lambda cpu: (sibling_rank(cpu), cpu))[:threads])


def sibling_rank(cpu):
    """Index of the hardware thread within its core."""
    path = Path(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list")
    try:
        text = path.read_text().strip()
    except OSError:
        return 0
    siblings = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        siblings += range(int(first), int(last or first) + 1)
    return siblings.index(cpu) if cpu in siblings else 0


def available_bytes():
    """Memory that is available without swapping."""
    lines = Path("/proc/meminfo").read_text().splitlines()
    (line,) = [line for line in lines if line.startswith("MemAvailable:")]
    return int(line.split()[1]) * 1024
