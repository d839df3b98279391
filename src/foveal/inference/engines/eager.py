"""PyTorch itself, operation by operation, on any device."""

import copy
from itertools import pairwise

import numpy as np
import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from foveal.answers.answer import Outputs
from foveal.device import place
from foveal.evaluation.forward import forward
from foveal.feed.inputs import as_batch
from foveal.inference.engines.engine import BATCH_SIZE, Source


class EagerEngine:
    """A network as evaluation computes it, or in bfloat16."""

    name = "eager"
    batch_size = BATCH_SIZE
    streams = 1

    def __init__(self, source: Source, network: nn.Module, precision: str) -> None:
        self.precision = precision
        self._source = source
        self._network = network

    def run(self, images_u8: np.ndarray) -> Outputs:
        device, bfloat16 = self._source.device, self.precision == "bfloat16"
        with torch.autocast(device.type, torch.bfloat16, enabled=bfloat16):
            outputs = forward(self._network, self._source.preprocess, as_batch(images_u8), device=device)
        return {name: output.numpy() for name, output in outputs.items()}

    run_one = run


def build(source: Source, precision: str) -> EagerEngine:
    """In float32 the network itself, whose outputs are evaluation's to the last bit; else a copy prepared for it."""
    if precision == "float32":
        return EagerEngine(source, source.network, precision)
    return EagerEngine(source, place(in_bfloat16(folded(source.network)), source.device), precision)


def in_bfloat16(network: nn.Module) -> nn.Module:
    """The network with the weights of its convolutions and linear layers in bfloat16.

    These are what autocast computes in it: it would cast their weights anew for every batch.
    """
    for module in network.modules():
        if type(module) in (nn.Conv2d, nn.Linear):
            module.to(torch.bfloat16)
    return network


def folded(network: nn.Module) -> nn.Module:
    """A copy in which each batch norm that follows a convolution in a `Sequential` is part of it.

    Only there is it certain from the outside that one follows the other; elsewhere a batch norm stays.
    """
    network = copy.deepcopy(network)
    for module in list(network.modules()):
        if type(module).forward is nn.Sequential.forward:
            _fold_row(module)
    return network


def _fold_row(row: nn.Module) -> None:
    names = list(row._modules)
    for first, second in pairwise(names):
        conv, norm = row.get_submodule(first), row.get_submodule(second)
        if type(conv) is nn.Conv2d and type(norm) is nn.BatchNorm2d and norm.running_mean is not None:
            setattr(row, first, fuse_conv_bn_eval(conv, norm))
            setattr(row, second, nn.Identity())
