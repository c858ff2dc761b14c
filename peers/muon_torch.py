"""The optimiser `muon`, built from PyTorch's optimisers: Muon for all weights except the last, as matrices, and SGD
for the rest."""
import torch


class MuonAndSgd:
    """`is_weight(parameter)` says which parameters are weights of convolutions or dense layers.

    PyTorch iterates in bfloat16; `exact` keeps the parameters' own type. It keeps the momentum as a moving
    average, of which `state` gives the sum that modiste keeps (for weights in the usual layout).
    """

    def __init__(self, model, is_weight, lr, momentum, nesterov, matrix_rate, weight_decay, exact=False):
        parameters = list(model.parameters())
        weights = [p for p in parameters if is_weight(p)]
        self.last, matrices = weights[-1], weights[:-1]
        rest = [p for p in parameters if not any(p is m for m in matrices)]
        # Views in memory order, which share the memory; the order of columns makes no difference.
        self.last_channels = {p for p in matrices if p.dim() == 4 and not p.is_contiguous()}
        self.views = {p: torch.nn.Parameter(self.matrix(p, p.detach())) for p in matrices}
        if any(view.data_ptr() != p.data_ptr() for p, view in self.views.items()):
            raise ValueError("weights have to be contiguous or channels last")
        self.exact, self.momentum, self.weight_decay = exact, momentum, weight_decay
        shared = {"momentum": momentum, "nesterov": nesterov}
        self.muon = torch.optim.Muon(
            list(self.views.values()), lr=lr * matrix_rate, weight_decay=weight_decay,
            adjust_lr_fn="original", **shared,
        )
        self.sgd = torch.optim.SGD(rest, lr=lr, **shared)
        self.parameters = parameters

    def zero_grad(self, set_to_none=True):
        for p in self.parameters:
            p.grad = None

    def matrix(self, p, values):
        """The values or the gradient of weights as a matrix (outputs, inputs x kernel)."""
        ordered = values.permute(0, 2, 3, 1) if p in self.last_channels else values
        return ordered.reshape(p.shape[0], -1)

    def step(self):
        for p, view in self.views.items():
            view.grad = self.matrix(p, p.grad)
        with torch.no_grad():
            self.last.mul_(1.0 - self.sgd.param_groups[0]["lr"] * self.weight_decay)
        half = torch.Tensor.bfloat16
        if self.exact:
            torch.Tensor.bfloat16 = lambda tensor: tensor.clone()
        self.muon.step()
        torch.Tensor.bfloat16 = half
        self.sgd.step()

    @property
    def state(self):
        state = {p: dict(self.sgd.state[p]) for p in self.sgd.state}
        for p, view in self.views.items():
            sums = self.muon.state[view]["momentum_buffer"] / (1.0 - self.momentum)
            state[p] = {"momentum_buffer": sums.reshape(p.shape)}
        return state
