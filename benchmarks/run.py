#!/usr/bin/env python3
"""Compares modiste's CPU engine with its peers: the same work, in turns, on this machine.

    python3 benchmarks/run.py                   # everything; one to two hours on two cores
    python3 benchmarks/run.py --quick           # only checks that everything works
    python3 benchmarks/run.py --only train-L4W5 --record laptop

See README.md beside this file for the rules of the clock.
"""
import argparse
import datetime
import json
import os
import shlex
import signal
import sys
import tempfile
from pathlib import Path

import machine
import table
from check import check
from processes import PeerError
from tools import HERE, Tools
from turns import Clock, measure
from workloads import ALL_PEERS, full_plan, quick_plan


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--quick", action="store_true", help="two small workloads, short slices")
    parser.add_argument("--only", metavar="TEXT", action="append", help="workloads whose name contains TEXT")
    parser.add_argument("--list", action="store_true", help="list the workloads and exit")
    parser.add_argument("--peers", metavar="A,B", help=f"of {','.join(ALL_PEERS)}")
    parser.add_argument("--threads", type=int, help="threads of every process (default: all processors)")
    parser.add_argument("--rounds", type=int, help="rounds of turns (default 7; quick 2)")
    parser.add_argument("--slice", type=float, help="seconds per turn (default 1.5; quick 0.2)")
    parser.add_argument("--starts", type=int, help="cold starts of each process (default 5)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the raw figures to FILE")
    parser.add_argument("--record", metavar="NAME", help="keep the run in runs/DATE-NAME")
    parser.add_argument("--python", metavar="PATH", help="a Python with the peers' packages")
    parser.add_argument("--no-check", action="store_true", help="skip the comparison of results")
    given = parser.parse_args()
    given.threads = given.threads or len(os.sched_getaffinity(0))
    given.rounds = given.rounds or (2 if given.quick else 7)
    given.slice = given.slice or (0.2 if given.quick else 1.5)
    given.starts = given.starts or (2 if given.quick else 5)
    return parser, given


def chosen(parser, given):
    """The workloads and the peers of this run."""
    plan = quick_plan() if given.quick else full_plan()
    if given.only:
        plan = [w for w in plan if any(text in w.name for text in given.only)]
    peers = given.peers.split(",") if given.peers else list(ALL_PEERS)
    for name in peers:
        if name not in ALL_PEERS:
            parser.error(f"no peer has the name {name}")
    if not plan:
        parser.error("no workload has this name; --list shows all")
    return plan, peers


def say(text):
    print(text, file=sys.stderr, flush=True)


class Report:
    """The results, written after every workload, so that an interrupted run keeps them."""

    def __init__(self, given, python):
        now = datetime.datetime.now().astimezone()
        options = {k: v for k, v in vars(given).items() if k not in ("python", "json")}
        self.results = {
            "date": now.isoformat(timespec="seconds"),
            "command": shlex.join(["benchmarks/run.py", *without_places(sys.argv[1:])]),
            "options": options, "machine": machine.describe(python),
            "same_work": [], "workloads": [],
        }
        self.files = [given.json] if given.json else []
        self.folder = None
        if given.record:
            self.folder = HERE / "runs" / f"{now:%Y-%m-%d}-{given.record}"
            self.folder.mkdir(parents=True)
            self.files.append(self.folder / "results.json")

    def write(self):
        text = json.dumps(self.results, indent=1)
        for file in self.files:
            file.write_text(text + "\n")
        if self.folder:
            (self.folder / "table.md").write_text(table.markdown(self.results) + "\n")


def without_places(words):
    """The command to repeat on another machine, without options that name local paths."""
    places, kept, skip = ("--python", "--json"), [], False
    for word in words:
        if not skip and word.split("=")[0] not in places:
            kept.append(word)
        skip = word in places
    return kept


def main():
    parser, given = arguments()
    plan, wanted = chosen(parser, given)
    if given.list:
        print("\n".join(w.name for w in plan))
        return 0
    clock = Clock(given.slice, given.slice, given.rounds, given.starts)
    with tempfile.TemporaryDirectory() as folder:
        tools = Tools(given.python, Path(folder), wanted, say)
        for name, reason in tools.missing.items():
            say(f"{name} left out: {reason}")
        wanted = [name for name in wanted if name not in tools.missing]
        report = Report(given, tools.python)
        if not given.no_check:
            found, untrusted = check(plan, tools, given.threads, wanted, say)
            report.results["same_work"] = found
            wanted = [name for name in wanted if name not in untrusted]
        for number, workload in enumerate(plan):
            say(f"{workload.name} ({number + 1} of {len(plan)})")
            entry = measure(workload, tools, clock, given.threads, wanted, say)
            report.results["workloads"].append(entry)
            report.write()
    print(table.markdown(report.results))
    return 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends its processes, as Ctrl-C does
    try:
        sys.exit(main())
    except PeerError as error:
        sys.exit(f"modiste: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
