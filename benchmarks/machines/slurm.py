#!/usr/bin/env python3
"""Runs trials on a real Slurm of one node: an array with an element cancelled and requeued, the node drained
and resumed, the table compared with that of one machine; then a multi-rank training inside a job.

usage: slurm.py MODISTE     (as root; needs slurmctld, slurmd, munged; MODISTE is built with --features mpi)
"""

import contextlib
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

GRID = ["--split", "400/100/100", "--over", "length=1,2", "--over", "dropout=0.5,0.3", "--width", "2",
        "--epochs", "8", "--set", "checkpoint_minutes=0.001"]

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


def fail(text):
    sys.exit(f"slurm.py: {text}")


def run(*words, expect=0, **options):
    done = subprocess.run(words, capture_output=True, text=True, timeout=600, **options)
    if expect is not None and done.returncode != expect:
        fail(f"{' '.join(words)}\nended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def wait(what, ready, seconds=240):
    deadline = time.time() + seconds
    while not ready():
        if time.time() > deadline:
            fail(f"waited {seconds} s in vain: {what}\n" + run("squeue", "-a", expect=None) + run("sinfo", expect=None))
        time.sleep(0.2)


@contextlib.contextmanager
def slurm(root):
    """A cluster of this one machine, for as long as the block lasts."""
    host = socket.gethostname().split(".")[0]
    state = root / "slurm"
    for folder in ("ctld", "d"):
        (state / folder).mkdir(parents=True)
    configuration = state / "slurm.conf"
    configuration.write_text(CONFIGURATION.format(host=host, state=state, cpus=os.cpu_count()))
    os.environ["SLURM_CONF"] = str(configuration)
    key = pathlib.Path("/etc/munge/munge.key")
    if not key.exists():
        run("/usr/sbin/mungekey", "--create", expect=None)
    munge_started = subprocess.run(["munge", "-n"], capture_output=True).returncode != 0
    if munge_started:
        pathlib.Path("/run/munge").mkdir(exist_ok=True)
        shutil.chown("/run/munge", "munge", "munge")
        run("runuser", "-u", "munge", "--", "/usr/sbin/munged", "--force")
    daemons = []
    try:
        for daemon in ("slurmctld", "slurmd"):
            daemons.append(subprocess.Popen([daemon, "-D", "-f", str(configuration)],
                                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        idle = lambda: "idle" in run("sinfo", "-h", "-o", "%t", expect=None)
        wait("the node is idle", idle, 60)
        yield host
    finally:
        subprocess.run(["scancel", "--state=RUNNING", "--user=root"], capture_output=True)
        for daemon in reversed(daemons):
            daemon.send_signal(signal.SIGTERM)
            daemon.wait(30)
        if munge_started:
            subprocess.run(["/usr/sbin/munged", "--stop"], capture_output=True)


def state_of(element):
    return run("squeue", "-h", "-r", "-o", "%T", "-j", element, expect=None).strip()


def epochs_of(out, number, trials):
    with contextlib.suppress(OSError):
        return len((out / "trials" / trials[number] / "metrics.csv").read_text().splitlines()) - 1
    return 0


def array_of_trials(modiste, root, host):
    """An array through --plan slurm, disturbed, against the grid of one machine."""
    import json
    alone, out = root / "alone", root / "shared"
    run(modiste, "grid", *GRID, "--out", str(alone), "--quiet", "--jobs", "1", "--threads", "1")
    script = root / "array.sh"
    script.write_text(run(modiste, "grid", *GRID, "--out", str(out), "--plan", "slurm"))
    job = run("sbatch", "--parsable", f"--output={root}/element-%a.txt", str(script)).strip()
    trials = [t["name"] for t in json.loads(run(modiste, "status", str(out), "--json"))["trials"]]
    # Cancel an element in the middle of its training, and send it again.
    wait("the first element trains", lambda: epochs_of(out, 0, trials) >= 1)
    before = epochs_of(out, 0, trials)
    run("scontrol", "requeue", f"{job}_0")
    # Drain the node while others wait, and let it come back.
    run("scontrol", "update", f"NodeName={host}", "State=DRAIN", "Reason=test")
    wait("the drained node is empty", lambda: "RUNNING" not in run("squeue", "-h", "-r", "-o", "%T", "-j", job, expect=None))
    said = json.loads(run(modiste, "status", str(out), "--json"))
    if said["running"] != 0:
        fail(f"the node is drained, and status says that trials run: {said}")
    run("scontrol", "update", f"NodeName={host}", "State=RESUME")
    # A requeued element waits two minutes by default.
    run("scontrol", "update", f"JobId={job}_0", "StartTime=now", expect=None)
    # Cancel one for good; it is submitted again by its number.
    wait("the second element trains", lambda: epochs_of(out, 1, trials) >= 1)
    run("scancel", "--signal=KILL", f"{job}_1", expect=None)
    run("scancel", f"{job}_1", expect=None)
    wait("the cancelled element has ended", lambda: state_of(f"{job}_1") == "")
    text = run(modiste, "status", str(out))
    again = run("sbatch", "--parsable", "--array=1", f"--output={root}/again-%a.txt", str(script)).strip()
    for j in (job, again):
        wait("all elements end", lambda: not run("squeue", "-h", "-j", j, expect=None).strip(), 400)
    said = json.loads(run(modiste, "status", str(out), "--json"))
    if said["done"] != len(trials):
        logs = "".join(p.read_text() for p in root.glob("*-*.txt"))
        fail(f"not all trials are done: {said}\n{logs}")
    for name in ["results.csv"] + [f"trials/{t}/{f}" for t in trials for f in ("best.safetensors", "last.ckpt")]:
        if (alone / name).read_bytes() != (out / name).read_bytes():
            fail(f"{out / name} differs from that of one machine")
    starts = len(json.loads((out / "trials" / trials[0] / "environment.json").read_text()))
    if starts < 2:
        fail("the requeued element was never resumed")
    print(f"Slurm: an array of {len(trials)}, one requeued after {before} epochs ({starts} starts), one killed, the node "
          "drained: table and models are those of one machine, byte for byte")
    print(text)


def ranks_in_a_job(modiste, root):
    """Two ranks in a job give the bytes of one process."""
    train = ["train", "--preset", "light", "--split", "400/100/100", "--length", "1", "--width", "2", "--epochs", "2", "--quiet", "--threads", "1"]
    run(modiste, *train, "--out", str(root / "one"))
    script = root / "ranks.sh"
    script.write_text(
        "#!/bin/bash\n#SBATCH --ntasks=2\n"
        f"exec mpirun --allow-run-as-root --oversubscribe --bind-to none -n 2 {modiste} {' '.join(train)} --out {root}/two\n")
    run("sbatch", "--wait", f"--output={root}/ranks.txt", str(script), expect=None)
    for name in ("best.safetensors", "last.ckpt"):
        two = root / "two" / name
        if not two.exists() or two.read_bytes() != (root / "one" / name).read_bytes():
            fail(f"{two} differs from that of one process:\n{(root / 'ranks.txt').read_text()}")
    print("Slurm: mpirun -n 2 inside a job gives the bytes of one process")


def main():
    modiste = str(pathlib.Path(sys.argv[1]).resolve())
    folder = pathlib.Path(tempfile.mkdtemp())
    bin_folder = folder / "bin"
    bin_folder.mkdir()
    os.symlink(modiste, bin_folder / "modiste")
    os.environ["PATH"] = f"{bin_folder}:{os.environ['PATH']}"
    with slurm(folder) as host:
        array_of_trials(modiste, folder, host)
        ranks_in_a_job(modiste, folder)
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
