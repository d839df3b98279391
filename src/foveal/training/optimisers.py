"""Optimisers by name, over parameter groups that keep biases and norms free of weight decay."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.optim import SGD, Adagrad, Adam, AdamW, Optimizer, RAdam, RMSprop

from foveal.device import native_bf16
from foveal.errors import UsageError, did_you_mean
from foveal.training.lion import Lion
from foveal.training.muon import Muon

Groups = list[dict[str, Any]]

MUON_OTHERS = 0.02  # of Muon's rate, a share of a kernel's norm, is AdamW's for the parameters that are no kernels

NORMS = (nn.modules.batchnorm._NormBase, nn.GroupNorm, nn.LayerNorm, nn.RMSNorm)
"""Modules whose parameters take no weight decay; `_NormBase` is every batch and instance norm."""


@dataclass(frozen=True, kw_only=True)
class OptimiserOptions:
    """What an optimiser is built with; each builder reads the fields that its formula has."""

    lr: float
    """Peak learning rate, above 0; the loop overwrites the groups' `lr` at each step."""
    momentum: float = 0.9
    """Of sgd, rmsprop and muon, in [0, 1)."""
    nesterov: bool = False
    """Of sgd."""
    betas: tuple[float, float] = (0.9, 0.999)
    """Of adam, adamw and radam, and of what muon gives to adamw, each in [0, 1)."""
    alpha: float = 0.99
    """Of rmsprop: decay of the mean square, in [0, 1)."""
    eps: float = 1e-8
    """Added to the denominators of adam, adamw, radam, rmsprop and adagrad, and in muon's adamw."""

    def __post_init__(self) -> None:
        if not self.lr > 0:
            raise UsageError(f"lr must be above 0, got {self.lr}")
        shares = {"momentum": (self.momentum,), "betas": self.betas, "alpha": (self.alpha,)}
        for name, values in shares.items():
            if not all(0 <= value < 1 for value in values):
                raise UsageError(f"{name} must be in [0, 1), got {getattr(self, name)}")
        if self.nesterov and self.momentum == 0:
            raise UsageError("nesterov needs a momentum above 0")
        if not self.eps > 0:
            raise UsageError(f"eps must be above 0, got {self.eps}")


def build_optimiser(
    name: str,
    module: nn.Module,
    *,
    lr: float,
    weight_decay: float = 0.0,
    decay_all: bool = False,
    momentum: float = 0.9,
    nesterov: bool = False,
    betas: tuple[float, float] = (0.9, 0.999),
    alpha: float = 0.99,
    eps: float = 1e-8,
    lr_shares: Mapping[nn.Parameter, float] | None = None,
) -> Optimizer:
    """The optimiser `name` over the module's trainable parameters, in groups of one decay and learning rate.

    With g the gradient, w the weights, λ `weight_decay` and η the learning rate:

    - sgd: g += λw; v = μv + g; w -= ηv, with Nesterov w -= η(g + μv)
    - adam: g += λw; Kingma & Ba 2014, arXiv:1412.6980, algorithm 1
    - adamw: w -= ηλw, then Adam on g alone; Loshchilov & Hutter 2017, arXiv:1711.05101, algorithm 2
    - rmsprop: g += λw; s = αs + (1 - α)g²; v = μv + g/(√s + ε); w -= ηv; Tieleman & Hinton 2012, lecture 6.5
    - muon: convolutions' kernels by `foveal.training.muon.Muon`, the others by adamw at 0.02 η
    - adagrad: g += λw; s += g²; w -= ηg/(√s + ε); Duchi et al. 2011, JMLR 12
    - radam: w -= ηλw, then Liu et al. 2019, arXiv:1908.03265, algorithm 2: Adam whose first steps are not scaled
    - lion: `foveal.training.lion.Lion`

    So weight decay is an L2 penalty that passes through momentum and scaling everywhere but in adamw, radam, muon and
    lion, where it is decoupled from both. It leaves biases, norms and all parameters of one dimension alone unless
    `decay_all`. `lr_shares`: of η, for the parameters in it; all others have the whole.

    Build it once the module is on its device and in its memory format. State that is loaded later takes each
    parameter's layout, whatever the layout it was saved in.
    """
    if name not in OPTIMISERS:
        raise UsageError(f"no optimiser is called {name!r}; {did_you_mean(name, OPTIMISERS)}")
    if nesterov and name != "sgd":
        raise UsageError(f"nesterov is a form of sgd's momentum; {name} has none")
    if not weight_decay >= 0:
        raise UsageError(f"weight_decay must be 0 or more, got {weight_decay}")
    options = OptimiserOptions(lr=lr, momentum=momentum, nesterov=nesterov, betas=betas, alpha=alpha, eps=eps)
    groups = parameter_groups(module, weight_decay=weight_decay, decay_all=decay_all, lr_shares=lr_shares)
    optimiser = OPTIMISERS[name](groups, options)
    for group in optimiser.param_groups:
        on_gpu = name in RECORDED and group["params"][0].is_cuda
        group["lr"] = torch.zeros((), device=group["params"][0].device) if on_gpu else 0.0
    set_rate(optimiser, lr)
    optimiser.register_load_state_dict_post_hook(_match_layouts)
    return optimiser


def set_rate(optimiser: Optimizer, lr: float) -> None:
    """Gives each group its share of the learning rate."""
    for group in optimiser.param_groups:
        rate = lr * group["lr_share"]
        if isinstance(group["lr"], torch.Tensor):
            group["lr"].fill_(rate)
        else:
            group["lr"] = rate


def parameter_groups(
    module: nn.Module,
    *,
    weight_decay: float,
    decay_all: bool = False,
    lr_shares: Mapping[nn.Parameter, float] | None = None,
) -> Groups:
    """The trainable parameters, each once: those that decay, then those that don't, by their share of the learning
    rate; no empty group.

    Without `decay_all` a parameter decays if it has two dimensions or more, isn't named `bias` and belongs to
    no norm (He et al. 2018, arXiv:1812.01187, section 3.1). Raises UsageError where nothing is trainable.
    """
    shares = lr_shares or {}
    decayed: dict[nn.Parameter, None] = {}
    free: dict[nn.Parameter, None] = {}
    for owner in module.modules():
        for name, parameter in owner.named_parameters(recurse=False):
            if parameter.requires_grad and parameter not in decayed and parameter not in free:
                spared = parameter.ndim < 2 or name == "bias" or isinstance(owner, NORMS)
                (free if spared and not decay_all else decayed)[parameter] = None
    if not decayed and not free:
        raise UsageError("the network has no trainable parameters; unfreeze some (requires_grad)")
    groups: Groups = []
    for parameters, decay in ((decayed, weight_decay), (free, 0.0)):
        by_share: dict[float, list[nn.Parameter]] = {}
        for parameter in parameters:
            by_share.setdefault(shares.get(parameter, 1.0), []).append(parameter)
        groups += [{"params": each, "weight_decay": decay, "lr_share": share} for share, each in by_share.items()]
    return groups


def decaying_weights(module: nn.Module) -> list[nn.Parameter]:
    """The trainable weights that decay by default: of convolutions and linear layers, no biases and norms."""
    groups = parameter_groups(module, weight_decay=1.0)
    return [each for group in groups if group["weight_decay"] for each in group["params"]]


def _sgd(groups: Groups, options: OptimiserOptions) -> Optimizer:
    return SGD(
        groups,
        lr=options.lr,
        momentum=options.momentum,
        nesterov=options.nesterov,
        **_kernel(groups, fused_on=("cpu", "cuda")),
    )


def _adam(groups: Groups, options: OptimiserOptions) -> Optimizer:
    kernel = _kernel(groups, fused_on=("cpu", "cuda"))
    return Adam(groups, lr=options.lr, betas=options.betas, eps=options.eps, capturable=_on_gpu(groups), **kernel)


def _adamw(groups: Groups, options: OptimiserOptions) -> Optimizer:
    kernel = _kernel(groups, fused_on=("cpu", "cuda"))
    return AdamW(groups, lr=options.lr, betas=options.betas, eps=options.eps, capturable=_on_gpu(groups), **kernel)


def _rmsprop(groups: Groups, options: OptimiserOptions) -> Optimizer:
    return RMSprop(
        groups,
        lr=options.lr,
        alpha=options.alpha,
        momentum=options.momentum,
        eps=options.eps,
        **_kernel(groups, fused_on=()),
    )


def _adagrad(groups: Groups, options: OptimiserOptions) -> Optimizer:
    return Adagrad(groups, lr=options.lr, eps=options.eps, **_kernel(groups, fused_on=("cpu",)))


def _radam(groups: Groups, options: OptimiserOptions) -> Optimizer:
    return RAdam(
        groups,
        lr=options.lr,
        betas=options.betas,
        eps=options.eps,
        decoupled_weight_decay=True,
        **_kernel(groups, fused_on=()),
    )


def _lion(groups: Groups, options: OptimiserOptions) -> Optimizer:
    return Lion(groups, lr=options.lr)


def _muon(groups: Groups, options: OptimiserOptions) -> Optimizer:
    split = []
    for group in groups:
        kernels = [each for each in group["params"] if each.ndim == 4]
        others = [each for each in group["params"] if each.ndim != 4]
        split.append({**group, "params": kernels, "orthogonal": True})
        share = MUON_OTHERS * group["lr_share"]
        split.append({**group, "params": others, "orthogonal": False, "lr_share": share})
    first = groups[0]["params"][0]
    fast = first.dtype == torch.float32 and native_bf16(first.device)
    return Muon(
        [group for group in split if group["params"]],
        lr=options.lr,
        momentum=options.momentum,
        betas=options.betas,
        eps=options.eps,
        matrix_dtype=torch.bfloat16 if fast else first.dtype,
    )


OPTIMISERS: dict[str, Callable[[Groups, OptimiserOptions], Optimizer]] = {
    "sgd": _sgd,
    "adam": _adam,
    "adamw": _adamw,
    "rmsprop": _rmsprop,
    "adagrad": _adagrad,
    "muon": _muon,
    "radam": _radam,
    "lion": _lion,
}
RECORDED = ("sgd", "adam", "adamw", "muon", "lion")
"""Whose steps on a GPU take the rate from its memory and wait for nothing, so that a CUDA graph can capture them."""


def _on_gpu(groups: Groups) -> bool:
    return all(parameter.is_cuda for group in groups for parameter in group["params"])


def _kernel(groups: Groups, *, fused_on: tuple[str, ...]) -> dict[str, bool]:
    """`{"fused": True}` where torch ≥ 2.10 has the fused kernel for all of these parameters, else foreach."""
    parameters = [parameter for group in groups for parameter in group["params"]]
    fits = all(each.is_floating_point() and each.device.type in fused_on for each in parameters)
    return {"fused": True} if fits else {"foreach": True}


def _match_layouts(optimiser: Optimizer) -> None:
    """Gives loaded state its parameter's strides: a checkpoint holds it contiguous.

    The fused kernels walk parameter, gradient and state by memory position: on a CPU a channels-last
    parameter with contiguous state is updated wrongly and in silence.
    """
    for parameter, state in optimiser.state.items():
        for key, value in state.items():
            if torch.is_tensor(value) and value.shape == parameter.shape and value.stride() != parameter.stride():
                state[key] = torch.empty_like(parameter, dtype=value.dtype).copy_(value)
