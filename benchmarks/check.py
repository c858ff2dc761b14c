"""Checks that all processes compute the same, before anything is timed.

The numbers of trained parameters must be equal. Without dropout and with our initial parameters, the losses of
the first two training steps must agree (the second depends on the gradients and on Adam), and in inference the
logits of an image of the first two batches.
"""
from dataclasses import replace

from processes import PeerError, Process
from turns import OURS

# Largest difference of losses, and of logits relative to the largest logit: single precision through up to
# thirty layers, with transforms that round differently.
TOLERANCE = 1e-3
# The same after a step: Adam's first step moves every weight by the sign of its gradient, which is random near 0.
TOLERANCE_AFTER = 2e-2
# Peers that cannot read our weights; only their parameters are counted.
OWN_WEIGHTS = ("burn",)


def check(plan, tools, threads, wanted, say):
    """Compares each network of the plan once; returns the results and the untrusted processes."""
    found, untrusted = [], {}
    for workload in distinct(plan):
        say(f"same work? {workload.name.removeprefix('check-')}")
        ours = first_steps(OURS, workload, tools, threads)
        for name in (name for name in wanted if takes_part(name, workload)):
            row = {"process": name, "workload": workload.name}
            try:
                theirs = first_steps(name, workload, tools, threads)
                row |= compare(ours, theirs, name)
            except PeerError as error:
                row |= {"same": False, "reason": str(error)}
            found.append(row)
            say(f"  {name}: {'the same' if row['same'] else 'NOT the same'}: {row['reason']}")
            if not row["same"]:
                untrusted[name] = row["reason"]
    return found, untrusted


def takes_part(name, workload):
    """ONNX Runtime does not train; the compiled twin equals the eager one and is slow to compile."""
    return name != "torch-compiled" and (name != "onnxruntime" or workload.task == "infer")


def distinct(plan):
    """One small workload without dropout for each network and task."""
    chosen = (replace(w, batch=8, kind="check", dropout=0.0) for w in plan if w.kind == "compare")
    return list(dict.fromkeys(chosen))


def first_steps(name, workload, tools, threads):
    """The answers of a new process after its first and its second step."""
    process = Process(name, *tools.command(name, workload, threads))
    try:
        return process.first, process.run(0)
    finally:
        process.close()


def compare(ours, theirs, name):
    """Whether the first two steps agree, and their differences."""
    counts = ours[0]["parameters"], theirs[0]["parameters"]
    if counts[1] not in (None, counts[0]):
        return {"same": False, "reason": f"{counts[1]} parameters, not {counts[0]}"}
    if name in OWN_WEIGHTS:
        return {"same": True, "reason": f"{counts[0]} parameters; its own weights"}
    first, second = (difference(*values) for values in zip(ours, theirs))
    return {
        "same": first < TOLERANCE and second < TOLERANCE_AFTER, "differences": [first, second],
        "reason": f"relative difference {first:.1e} in step 1, {second:.1e} in step 2",
    }


def difference(ours, theirs):
    """The largest difference of values, relative to our largest value."""
    pairs = zip(ours["values"], theirs["values"], strict=True)
    return max(abs(a - b) for a, b in pairs) / max(map(abs, ours["values"]))
