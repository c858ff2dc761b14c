#!/usr/bin/env python3
"""Runs trials on a real Slurm of one node: an array with one element requeued, one cancelled and submitted again, and
the node drained and resumed. The table is compared with that of one machine. Then trains with two ranks in a job.

usage: slurm.py MODISTE [--minutes 5]

Runs as root, also in a container without systemd. Needs slurmctld, slurmd and munge; MODISTE is built with
--features mpi, and Open MPI is installed.
"""

import argparse
import contextlib
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

SMALL = ["--preset", "light", "--split", "400/100/100", "--length", "1", "--stem-stride", "4"]
GRID = [*SMALL, "--over", "width=1,2", "--over", "dropout=0.5,0.3", "--epochs", "25",
        "--set", "checkpoint_minutes=0.01"]

CONFIGURATION = """
ClusterName=modiste
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
ReturnToService=2
SwitchType=switch/none
StateSaveLocation={state}/ctld
SlurmdSpoolDir={state}/d
SlurmctldPidFile={state}/ctld.pid
SlurmdPidFile={state}/d.pid
SlurmctldLogFile={state}/ctld.log
SlurmdLogFile={state}/d.log
SlurmctldPort=16817
SlurmdPort=16818
SchedulerType=sched/backfill
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
JobRequeue=1
KillWait=20
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} State=UNKNOWN
PartitionName=main Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""


class Failed(Exception):
    """A failed check; the text says what went wrong."""


def run(*words, expect=0, seconds=60):
    """Runs a command to its end and returns its output; `expect=None` accepts any status."""
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=seconds, stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired:
        raise Failed(f"{' '.join(words)}: not done after {seconds} s") from None
    if expect is not None and done.returncode != expect:
        raise Failed(f"{' '.join(words)}\nended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def wait(what, ready, seconds=60):
    """Polls `ready()` until it is true."""
    deadline = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > deadline:
            raise Failed(f"timed out after {seconds} s, waiting until {what}")
        time.sleep(0.1)


def munge(stack):
    """Starts munge, which authenticates Slurm's daemons, unless it is running."""
    if subprocess.run(["munge", "-n"], capture_output=True, timeout=20).returncode == 0:
        return
    if not pathlib.Path("/etc/munge/munge.key").exists():
        run("runuser", "-u", "munge", "--", "/usr/sbin/mungekey", "--create")
    pathlib.Path("/run/munge").mkdir(exist_ok=True)
    shutil.chown("/run/munge", "munge", "munge")
    run("runuser", "-u", "munge", "--", "/usr/sbin/munged", "--force")
    stack.callback(run, "runuser", "-u", "munge", "--", "/usr/sbin/munged", "--stop", expect=None)
    wait("munge answers", lambda: subprocess.run(["munge", "-n"], capture_output=True, timeout=20).returncode == 0, 20)


def end(daemon):
    """Ends a daemon, by force if necessary."""
    daemon.terminate()
    try:
        daemon.wait(20)
    except subprocess.TimeoutExpired:
        daemon.kill()
        daemon.wait(20)


@contextlib.contextmanager
def slurm(root):
    """A cluster of this machine, while the block runs; yields the node's name."""
    host = socket.gethostname().split(".")[0]
    state = root / "slurm"
    for folder in ("ctld", "d"):
        (state / folder).mkdir(parents=True)
    configuration = state / "slurm.conf"
    configuration.write_text(CONFIGURATION.format(host=host, state=state, cpus=os.cpu_count()))
    os.environ["SLURM_CONF"] = str(configuration)
    with contextlib.ExitStack() as stack:
        munge(stack)
        for daemon in ("slurmctld", "slurmd"):
            with open(state / f"{daemon}.out", "w") as out:
                process = subprocess.Popen([daemon, "-D", "-f", str(configuration)], stdin=subprocess.DEVNULL,
                                           stdout=out, stderr=out)
            stack.callback(end, process)
        stack.callback(run, "scancel", "--user=root", expect=None)
        # Registered last, so it is called first at the end, while the daemons still run.
        stack.push(lambda kind, *_: tell_logs(root) if kind else None)
        wait("the node is idle", lambda: "idle" in run("sinfo", "-h", "-o", "%t", expect=None))
        yield host


def tell_logs(root):
    """Prints the logs of the daemons, the queue and the elements."""
    for words in (["squeue", "-a", "-r"], ["sinfo"]):
        with contextlib.suppress(Exception):
            print(subprocess.run(words, capture_output=True, text=True, timeout=20).stdout, file=sys.stderr)
    files = [*(root / "slurm").glob("*.log"), *(root / "slurm").glob("*.out"), *root.glob("*.txt")]
    for path in files:
        lines = path.read_text(errors="replace").splitlines()[-30:]
        print(f"--- {path}", *lines, sep="\n", file=sys.stderr)


class Array:
    """An array of trials of the results folder `out`, submitted as job `job`."""

    def __init__(self, modiste, out, job):
        self.modiste, self.out, self.job = modiste, out, job
        self.names = [trial["name"] for trial in self.status()["trials"]]

    def status(self):
        return json.loads(run(self.modiste, "status", str(self.out), "--json"))

    def folder(self, number):
        return self.out / "trials" / self.names[number]

    def epochs(self, number):
        with contextlib.suppress(OSError):
            return len((self.folder(number) / "metrics.csv").read_text().splitlines()) - 1
        return 0

    def states(self):
        """Slurm's states of the elements that it still knows."""
        lines = run("squeue", "-h", "-r", "-t", "all", "-o", "%K %T", "-j", self.job, expect=None).splitlines()
        return {int(number): state for number, state in (line.split() for line in lines)}

    def in_the_midst(self, number):
        """Waits until an element trains; fails if it is already done."""
        wait(f"element {number} trains", lambda: self.epochs(number) >= 2)
        state = self.states().get(number)
        if state != "RUNNING":
            raise Failed(f"element {number} should be running, not {state}; give it more epochs")

    def again(self, number):
        """Requeues an element, and skips the default delay of two minutes."""
        run("scontrol", "requeue", f"{self.job}_{number}", expect=None)
        wait(f"element {number} waits", lambda: self.states().get(number) == "PENDING")
        run("scontrol", "update", f"JobId={self.job}_{number}", "StartTime=now")

    def starts(self, number):
        return len(json.loads((self.folder(number) / "environment.json").read_text()))


def array_of_trials(modiste, root, host):
    """Compares a disturbed array, as printed by --plan slurm, with the grid of one machine."""
    alone, out = root / "alone", root / "shared"
    run(modiste, "grid", *GRID, "--out", str(alone), "--quiet", seconds=240)
    script = root / "array.sh"
    script.write_text(run(modiste, "grid", *GRID, "--out", str(out), "--plan", "slurm"))
    job = run("sbatch", "--parsable", f"--output={root}/element-%a.txt", str(script)).strip()
    array = Array(modiste, out, job)
    array.in_the_midst(0)
    array.again(0)
    print("Slurm: an element was requeued during its training")
    # The node is drained while elements wait, and resumed.
    run("scontrol", "update", f"NodeName={host}", "State=DRAIN", "Reason=test")
    wait("the drained node is empty", lambda: "RUNNING" not in array.states().values(), 120)
    said = array.status()
    if said["running"] != 0 or said["waiting"] == 0:
        raise Failed(f"the node is drained, and status says {said}")
    run("scontrol", "update", f"NodeName={host}", "State=RESUME")
    print(f"Slurm: the node was drained while {said['waiting']} trials waited, and resumed")
    last = len(array.names) - 1
    array.in_the_midst(last)
    run("scancel", f"{job}_{last}")
    wait("the cancelled element ends", lambda: array.states().get(last) == "CANCELLED")
    if array.status()["trials"][last]["state"] != "waiting":
        raise Failed(f"the cancelled trial should wait: {array.status()['trials'][last]}")
    array.again(last)
    print("Slurm: an element was cancelled and submitted again")
    ended = lambda: set(array.states().values()) <= {"COMPLETED"}
    wait("all elements are completed", ended, 240)
    compare(array, alone, last)


def compare(array, alone, last):
    said = array.status()
    if said["done"] != len(array.names):
        raise Failed(f"not all trials are done: {said}")
    runs = [f"trials/{name}/{file}" for name in array.names for file in ("best.safetensors", "last.ckpt")]
    for name in ["results.csv", *runs]:
        if (alone / name).read_bytes() != (array.out / name).read_bytes():
            raise Failed(f"{array.out / name} differs from that of one machine")
    starts = [array.starts(number) for number in (0, last)]
    if min(starts) < 2:
        raise Failed(f"a disturbed element was never resumed: {starts} starts")
    print(f"Slurm: the table and the models of {len(array.names)} trials are those of one machine, byte for byte")


LAUNCHERS = ["mpirun --allow-run-as-root --oversubscribe --bind-to none -n 2", "srun --mpi=pmix --overcommit -n 2"]


def ranks_in_a_job(modiste, root):
    """Checks that two ranks in a job give the bytes of one process, with each launcher."""
    train = ["train", *SMALL, "--width", "1", "--epochs", "2", "--quiet", "--threads", "1"]
    run(modiste, *train, "--out", str(root / "one"), seconds=120)
    for launcher in LAUNCHERS:
        name = launcher.split()[0]
        script, out, said = root / f"{name}.sh", root / name, root / f"{name}.txt"
        script.write_text("#!/bin/bash\n#SBATCH --ntasks=2 --overcommit\n"
                          f"exec {launcher} {modiste} {' '.join(train)} --out {out}\n")
        try:
            run("sbatch", "--wait", f"--output={said}", str(script), seconds=120)
        except Failed as error:
            raise Failed(f"{error}\n{said.read_text() if said.exists() else ''}") from None
        for file in ("best.safetensors", "last.ckpt"):
            if (out / file).read_bytes() != (root / "one" / file).read_bytes():
                raise Failed(f"{out / file} differs from that of one process")
        print(f"Slurm: two ranks by {name} in a job give the bytes of one process")



def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("modiste")
    parser.add_argument("--minutes", type=float, default=5)
    arguments = parser.parse_args()
    modiste = str(pathlib.Path(arguments.modiste).resolve())

    def too_long(*_):
        raise Failed(f"not done after {arguments.minutes} minutes")

    signal.signal(signal.SIGALRM, too_long)
    signal.alarm(round(60 * arguments.minutes))
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        root = pathlib.Path(folder)
        # The printed script calls `modiste`.
        (root / "bin").mkdir()
        os.symlink(modiste, root / "bin" / "modiste")
        os.environ["PATH"] = f"{root / 'bin'}:{os.environ['PATH']}"
        try:
            with slurm(root) as host:
                array_of_trials(modiste, root, host)
                ranks_in_a_job(modiste, root)
        except (Failed, OSError) as error:
            sys.exit(f"slurm.py: {error}")
        signal.alarm(0)


if __name__ == "__main__":
    main()
