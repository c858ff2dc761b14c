"""A measured process: started once, then asked for slices of work.

A process that is not being asked is stopped (SIGSTOP, with its children), so that no thread of it
spins while another is measured.
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
    """A process that does not answer as it should."""


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
        # From the start of the process to the end of its first step, reading files included.
        self.start_seconds = time.monotonic() - begun
        self.signal(signal.SIGSTOP)

    def prepare(self):
        """In the new process: its processors, and that it does not outlive a runner that is killed."""
        os.sched_setaffinity(0, self.processors)
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)

    def run(self, seconds):
        """A slice of work of at least so many seconds: its images, seconds, median and values.

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
        """Processor time that all but this process have used since the machine started."""
        fields = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]
        user, nice, system, _idle, _wait, interrupts, softer, stolen = map(int, fields)
        own = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return user + nice + system + interrupts + softer + stolen - int(own[11]) - int(own[12])

    def answer(self, limit):
        """The next line that the process writes."""
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
        """The last line that the process wrote to its log."""
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
    """As many of the allowed processors, of different cores as far as they go."""
    allowed = sorted(os.sched_getaffinity(0))
    if threads > len(allowed):
        raise PeerError(f"{threads} threads on {len(allowed)} processors")
    return set(sorted(allowed, key=lambda cpu: (sibling_rank(cpu), cpu))[:threads])


def sibling_rank(cpu):
    """0 for the first hardware thread of a core, 1 for the second."""
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
    """Memory that can be taken without swapping."""
    lines = Path("/proc/meminfo").read_text().splitlines()
    (line,) = [line for line in lines if line.startswith("MemAvailable:")]
    return int(line.split()[1]) * 1024
