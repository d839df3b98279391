"""A network as an ONNX file (https://onnx.ai), for any batch size."""

import logging
import warnings
from pathlib import Path

import torch
from torch import nn

from foveal.exporting.graph import Graph
from foveal.preprocess import Preprocess

IMAGES = "images"


def to_onnx(network: nn.Module, preprocess: Preprocess, path: Path) -> None:
    """Writes the network with its preprocessing: `IMAGES` (B, H, W, C) of its depth -> outputs by name, in float32.

    Raises any error of torch's exporter, for a module that it can't take.
    """
    graph = Graph(network, preprocess)
    # It lists at length which operators of torchvision it could not register, which no network here has.
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            graph,
            (graph.example,),
            path,
            input_names=[IMAGES],
            output_names=list(graph.names),
            dynamic_shapes=({0: torch.export.Dim.DYNAMIC},),
            dynamo=True,
            external_data=False,
            verbose=False,
        )
