"""Measures a workload: processes take turns, round by round.

A round is: ours, peer A, ours, peer B, ..., ours. Each slice of a peer is between two of ours, and the ratio of
the round is the mean speed of these two over the peer's (for times, the peer's time over the mean). Anything that
slows the machine for longer than a few slices affects both sides of a ratio.
"""
import statistics

from processes import PeerError, Process, available_bytes
from workloads import peers_of

OURS = "modiste"
MEMORY_RESERVE = 1 << 30


class Clock:
    """Lengths and numbers of slices."""

    def __init__(self, slice_seconds, warm_seconds, rounds, starts):
        self.slice_seconds, self.warm_seconds = slice_seconds, warm_seconds
        self.rounds, self.starts = rounds, starts


def measure(workload, tools, clock, threads, wanted, say):
    """All figures of a workload, in the form of results.json."""
    entry = {"workload": workload.name, "kind": workload.kind, "threads": threads}
    entry |= {k: getattr(workload, k) for k in ("task", "length", "width", "stride", "batch")}
    entry["latency"] = workload.latency
    peers = [name for name in peers_of(workload) if name in wanted]
    contenders = [(name, threads) for name in peers]
    if workload.kind == "scaling":
        contenders = [(f"{OURS}-{t}-threads", t) for t in fewer(threads)]
    ours, series, failures = Series(), {name: Series() for name, _ in contenders}, {}
    if workload.kind == "start":
        cold_starts(workload, tools, clock, contenders, (ours, series, failures), threads, say)
    else:
        while True:  # at least once, because ours is also measured without peers
            done = measure_group(
                workload, tools, clock, contenders, (ours, series, failures), threads, say
            )
            contenders = contenders[done:]
            if not contenders:
                break
    entry["processes"] = {OURS: ours.fields()}
    entry["processes"] |= {name: s.fields() for name, s in series.items() if name not in failures}
    entry["failures"] = failures
    return entry


def fewer(threads):
    """The smaller numbers of threads to compare with: powers of two."""
    return [1 << i for i in range(threads.bit_length()) if 1 << i < threads]


class Series:
    """The figures of one process, including its restarts in later groups."""

    def __init__(self):
        self.figures, self.ratios, self.slices = [], [], []
        self.peak_bytes, self.start_seconds, self.about = 0, [], None
        self.parameters = None

    def starts(self, process):
        self.about, self.parameters = process.first["about"], process.first["parameters"]
        self.start_seconds.append(process.start_seconds)

    def fields(self):
        return dict(vars(self))


def figure(workload, answer):
    """Seconds per image if the workload measures latency, else images per second."""
    return answer["median"] if workload.latency else answer["images"] / answer["seconds"]


def measure_group(workload, tools, clock, contenders, book, threads, say):
    """Measures ours and as many contenders as fit into memory; returns their number."""
    ours_series, series, failures = book
    ours = start(workload, tools, OURS, threads, clock)
    ours_series.starts(ours)
    group, done, largest = [], 0, ours.peak_bytes()
    try:
        for name, count in contenders:
            room = available_bytes() - MEMORY_RESERVE
            if group and room < 1.5 * largest:
                say(f"  {name} waits for the next group: {room >> 20} MiB are left")
                break
            done += 1
            try:
                process = start(workload, tools, name, count, clock)
            except PeerError as error:
                failures[name] = str(error)
                say(f"  {name} left out: {error}")
                continue
            series[name].starts(process)
            largest = max(largest, process.peak_bytes())
            group.append((name, process))
            say(f"  {name} ready: {process.first['about']}")
        rounds(workload, clock, ours, group, book, say)
        ours_series.peak_bytes = max(ours_series.peak_bytes, ours.peak_bytes())
        for name, process in group:
            if name not in failures:
                series[name].peak_bytes = process.peak_bytes()
    finally:
        for process in [ours] + [process for _, process in group]:
            process.close()
    return done


def start(workload, tools, name, threads, clock):
    """A started and warm process."""
    process = Process(name, *tools.command(name, workload, threads))
    try:
        if clock.warm_seconds is not None:
            process.run(clock.warm_seconds)
    except BaseException:
        process.close()
        raise
    return process


def rounds(workload, clock, ours, group, book, say):
    """Measures all rounds, every other one in reverse order."""
    ours_series, series, failures = book

    def take(process, kept):
        answer = process.run(clock.slice_seconds)
        kept.slices.append(answer)
        kept.figures.append(figure(workload, answer))
        return kept.figures[-1]

    for number in range(clock.rounds):
        before = take(ours, ours_series)
        for name, process in group[:: -1 if number % 2 else 1]:
            if name in failures:
                continue
            try:
                theirs = take(process, series[name])
            except PeerError as error:
                failures[name] = str(error)
                say(f"  {name} left out: {error}")
                continue
            after = take(ours, ours_series)
            mean = statistics.mean((before, after))
            series[name].ratios.append(theirs / mean if workload.latency else mean / theirs)
            before = after
        say(f"  round {number + 1} of {clock.rounds}: {state(group, series)}".rstrip(": "))


def state(group, series):
    """A text with the median ratios so far."""
    medians = [(name, series[name].ratios) for name, _ in group if series[name].ratios]
    return ", ".join(f"{statistics.median(r):.2f} x {name}" for name, r in medians)


def cold_starts(workload, tools, clock, contenders, book, threads, say):
    """Starts each process several times, in turns, and ends it after the first step."""
    ours_series, series, failures = book
    cold = Clock(0, None, 0, 0)
    for number in range(clock.starts):
        for name, count in [(OURS, threads), *contenders]:
            if name in failures:
                continue
            kept = ours_series if name == OURS else series[name]
            try:
                process = start(workload, tools, name, count, cold)
            except PeerError as error:
                if name == OURS:
                    raise
                failures[name] = str(error)
                continue
            kept.starts(process)
            kept.peak_bytes = max(kept.peak_bytes, process.peak_bytes())
            process.close()
        say(f"  start {number + 1} of {clock.starts}")
