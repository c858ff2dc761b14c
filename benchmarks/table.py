"""Prints results.json as tables in Markdown: `python table.py results.json`."""
import json
import statistics
import sys
from pathlib import Path

OURS = "modiste"
BARS = {"train": 3.0, "infer": 2.0}
# The table warns if other processes take more than this share of the processors in the median slice.
DISTURBED = 0.05


def spread(values):
    """Lower quartile, median and upper quartile."""
    if len(values) < 2:
        return (values[0],) * 3
    return tuple(statistics.quantiles(values, n=4, method="inclusive"))


def ratio_text(ratios):
    """Median and quartiles of ratios."""
    low, middle, high = spread(ratios)
    return f"{middle:.2f} ({low:.2f} to {high:.2f})"


def figure_text(entry, figures):
    """The median result of a process, in the workload's unit."""
    median = statistics.median(figures)
    if entry["latency"]:
        return f"{median * 1e3:.2f} ms"
    return f"{median:.0f}" if median >= 100 else f"{median:.1f}"


def network(entry):
    return f"{entry['length']}, {entry['width']} | {entry['stride']} | {entry['batch']}"


def best_pytorch(entry):
    """Name and figures of PyTorch's fastest mode of a workload, by medians."""
    modes = {n: p for n, p in entry["processes"].items() if n.startswith("torch-") and p["ratios"]}
    if not modes:
        return None, None
    fastest = min if entry["latency"] else max
    name = fastest(modes, key=lambda n: statistics.median(modes[n]["figures"]))
    return name, modes[name]


def render(rows, *head):
    """A table, or nothing if it has no rows."""
    if not rows:
        return []
    columns = " | ".join(head)
    count = columns.count("|") + 1
    return [f"| {columns} |", "|---" * count + "|", *(f"| {row} |" for row in rows), ""]


def speed_table(entries, task):
    """The figure of every process and our ratio to it."""
    entries = [e for e in entries if e["task"] == task and e["kind"] == "compare"]
    rows = []
    for entry in entries:
        ours = figure_text(entry, entry["processes"][OURS]["figures"])
        if len(entry["processes"]) == 1:
            rows.append(f"{network(entry)} | none | - | {ours} | - | -")
        for name, process in entry["processes"].items():
            if name == OURS or not process["ratios"]:
                continue
            theirs = figure_text(entry, process["figures"])
            memory = f"{process['peak_bytes'] / entry['processes'][OURS]['peak_bytes']:.2f}"
            ratio = ratio_text(process["ratios"])
            rows.append(f"{network(entry)} | {name} | {theirs} | {ours} | **{ratio}** | {memory}")
        for name, reason in entry["failures"].items():
            rows.append(f"{network(entry)} | {name} | left out: {reason} | {ours} | - | -")
    unit = "images/s (batch 1: ms)" if task == "infer" else "images/s"
    return render(
        rows, "L, W | stride | batch", "peer", f"peer, {unit}", f"modiste, {unit}",
        "times faster: median (quartiles)", "peer's memory / ours",
    )


def bar_table(entries):
    """The ratios that the project promises."""
    rows = []
    for entry in (e for e in entries if e["kind"] == "compare"):
        if entry["task"] == "train":
            name, process = best_pytorch(entry)
        else:
            name, process = "onnxruntime", entry["processes"].get("onnxruntime")
        if process and process["ratios"]:
            bar = BARS[entry["task"]]
            low, middle, _ = spread(process["ratios"])
            verdict = "reached" if low >= bar else "within the spread" if middle >= bar else "missed"
            ratio = ratio_text(process["ratios"])
            shares = others([entry])
            share = f"{100 * statistics.median(shares):.0f} %" if shares else "-"
            rows.append(
                f"{entry['task']} | {network(entry)} | {name} | {ratio} | {bar:.1f} | {verdict} | {share}"
            )
    return render(
        rows, "task | L, W | stride | batch", "best peer", "times faster", "bar", "verdict",
        "taken by others",
    )


def best_batch_table(entries):
    """Compares both sides at the batch that suits each best: a ratio of medians from different turns."""
    rows, groups = [], {}
    for entry in (e for e in entries if e["kind"] == "compare" and e["task"] == "train"):
        groups.setdefault((entry["length"], entry["width"], entry["stride"]), []).append(entry)
    for (length, width, stride), group in groups.items():
        ours = max((statistics.median(e["processes"][OURS]["figures"]), e["batch"]) for e in group)
        theirs = [
            (statistics.median(process["figures"]), entry["batch"], name)
            for entry in group for name, process in [best_pytorch(entry)] if process
        ]
        if theirs and len(group) > 1:
            rate, batch, name = max(theirs)
            rows.append(
                f"{length}, {width} | {stride} | {ours[0]:.0f} at {ours[1]} | "
                f"{rate:.1f} at {batch}, {name} | {ours[0] / rate:.2f}"
            )
    return render(
        rows, "L, W | stride", "modiste, images/s at batch", "PyTorch, images/s at batch", "ratio"
    )


def scaling_table(entries):
    rows = []
    for entry in (e for e in entries if e["kind"] == "scaling"):
        for name, process in entry["processes"].items():
            if name != OURS and process["ratios"]:
                few = name.removeprefix(f"{OURS}-").removesuffix("-threads")
                ratio = ratio_text(process["ratios"])
                rows.append(f"{entry['task']} | {network(entry)} | {few} to {entry['threads']} | {ratio}")
    return render(rows, "task | L, W | stride | batch", "threads", "times faster")


def start_table(entries):
    rows = []
    for entry in (e for e in entries if e["kind"] == "start"):
        for name, process in entry["processes"].items():
            if process["start_seconds"]:
                low, middle, high = spread(process["start_seconds"])
                peak = process["peak_bytes"] / 2**20
                rows.append(
                    f"{network(entry)} | {name} | {middle:.2f} ({low:.2f} to {high:.2f}) | {peak:.0f}"
                )
    return render(
        rows, "L, W | stride | batch", "process", "seconds: median (quartiles)", "peak memory, MiB"
    )


def memory_table(entries):
    """Peak memory of training, for modiste and PyTorch's mode with the least."""
    rows = []
    for entry in (e for e in entries if e["kind"] == "compare" and e["task"] == "train"):
        modes = {n: p["peak_bytes"] for n, p in entry["processes"].items() if n.startswith("torch-")}
        if modes and min(modes.values()):
            ours, name = entry["processes"][OURS]["peak_bytes"], min(modes, key=modes.get)
            least = modes[name]
            rows.append(
                f"{network(entry)} | {ours >> 20} | {least >> 20} ({name}) | {ours / least:.2f}"
            )
    return render(
        rows, "L, W | stride | batch", "modiste, MiB", "PyTorch's least, MiB", "modiste / PyTorch"
    )


def same_work_table(found):
    rows = [f"{r['workload']} | {r['process']} | {r['reason']}" for r in found]
    return render(rows, "workload", "process", "first step against ours")


def others(entries):
    """Shares of the processors that other processes took in each slice."""
    processes = [process for entry in entries for process in entry["processes"].values()]
    return [s["others"] for process in processes for s in process["slices"] if "others" in s]


def others_text(entries):
    """The load by other processes."""
    shares = others(entries)
    if not shares:
        return []
    low, middle, high = (f"{100 * share:.0f} %" for share in spread(shares))
    text = f"Other processes took {middle} of the processors in the median slice ({low} to {high})."
    if statistics.median(shares) > DISTURBED:
        text += " **The machine was not quiet: do not quote these figures.**"
    return [text, ""]


def heading(results):
    """Machine, versions and command of the measurement."""
    machine, options = results["machine"], results["options"]
    changed = f", {len(machine['changed_files'])} changed files" if machine["changed_files"] else ""
    return [
        f"# {results['date']}: {machine['processor']['name']}, {options['threads']} threads", "",
        f"{machine['processors']} processors, {(machine['memory_bytes'] or 0) >> 30} GiB, kernel "
        f"{machine['kernel']}, {machine['rustc']}; load before: {machine['load_before'][0]:.1f}.",
        f"Commit {machine['commit'][:12]}{changed}. Command: `{results['command']}`.",
        f"{options['rounds']} rounds of slices of {options['slice']} s; float32 throughout.", "",
        *others_text(results["workloads"]),
    ]


def markdown(results):
    """The whole report."""
    entries = results["workloads"]
    parts = {
        "The bars": bar_table(entries),
        "Each at its best batch": best_batch_table(entries),
        "Training": speed_table(entries, "train"),
        "Peak memory of training": memory_table(entries),
        "Inference": speed_table(entries, "infer"),
        "Threads": scaling_table(entries),
        "Process start to the end of the first training step": start_table(entries),
        "The same work": same_work_table(results["same_work"]),
    }
    lines = heading(results)
    for title, table in parts.items():
        if table:
            lines += [f"## {title}", "", *table]
    return "\n".join(lines)


if __name__ == "__main__":
    print(markdown(json.loads(Path(sys.argv[1]).read_text())))
