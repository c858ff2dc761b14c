"""The workloads of a run, as data."""
from dataclasses import asdict, dataclass

DROPOUT = 0.3


@dataclass(frozen=True)
class Workload:
    """One network, task and batch size; all processes do the same work."""

    task: str  # train or infer
    length: int
    width: int
    stride: int
    batch: int
    kind: str = "compare"  # or scaling (ours against itself on fewer threads), start (cold starts)
    dropout: float = DROPOUT

    @property
    def name(self):
        kind = "" if self.kind == "compare" else f"{self.kind}-"
        return f"{kind}{self.task}-L{self.length}W{self.width}-s{self.stride}-b{self.batch}"

    @property
    def latency(self):
        """Whether the figure is the median time per image instead of images per second."""
        return self.task == "infer" and self.batch == 1

    def arguments(self):
        """Options of a measured process."""
        fields = {k: v for k, v in asdict(self).items() if k != "kind"}
        return [text for name, value in fields.items() for text in (f"--{name}", str(value))]


# Peers in the order of their turns. ONNX Runtime does not train; Keras and Burn are several times slower than
# PyTorch, so they run only the middle batch of the larger network.
PYTORCH = ("torch-channels-last", "torch-nchw", "torch-compiled")
SLOW = ("keras", "burn")
INFERENCE_PEERS = ("onnxruntime", "torch-channels-last", "torch-compiled", *SLOW)
ALL_PEERS = (*PYTORCH, "onnxruntime", *SLOW)


def peers_of(workload):
    """Names of the peers that run a workload."""
    if workload.kind == "scaling":
        return ()
    if workload.kind == "start":
        return ("torch-channels-last", "keras", "burn")
    if workload.task == "infer":
        return INFERENCE_PEERS
    slow = SLOW if (workload.length, workload.width, workload.batch) == (4, 5, 64) else ()
    return (*PYTORCH, *slow)


def full_plan():
    """All workloads of a recorded run, the most informative first."""
    networks, strides = ((4, 5), (3, 4)), (2, 1)
    plan = [
        Workload("train", length, width, stride, batch)
        for length, width in networks
        for stride in strides
        for batch in (64, 32, 128)
    ]
    plan += [Workload("infer", 4, 5, stride, batch) for batch in (64, 1) for stride in strides]
    plan += [Workload("train", 4, 5, stride, 64, "scaling") for stride in strides]
    plan += [Workload("infer", 4, 5, stride, 64, "scaling") for stride in strides]
    plan += [Workload("train", 4, 5, stride, 64, "start") for stride in strides]
    return plan


def quick_plan():
    """One small workload of each task, to check that everything works."""
    return [Workload("train", 3, 4, 2, 32), Workload("infer", 3, 4, 2, 1)]
