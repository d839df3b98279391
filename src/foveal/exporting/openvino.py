"""A network as an OpenVINO model (https://docs.openvino.ai), for any batch size."""

import sys
import warnings

# OpenVINO reports imports and conversions to its makers over the network where this package is installed, which its
# wheel brings along. Nothing that Foveal does may, so for this process it is not installed.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]

import openvino as ov  # noqa: E402 - whoever needs it takes it from here
import torch  # noqa: E402
from torch import nn  # noqa: E402

from foveal.exporting.graph import Graph  # noqa: E402
from foveal.preprocess import Preprocess  # noqa: E402


def to_openvino(network: nn.Module, preprocess: Preprocess) -> ov.Model:
    """The network with its preprocessing: images (B, H, W, C) of its depth -> outputs by name, in float32.

    It shares the network's weights. Raises any error of tracing and converting, for a module that they can't take.
    """
    graph = Graph(network, preprocess)
    with warnings.catch_warnings():
        # That torch.jit, which OpenVINO reads, is deprecated; and differences, which comparing outputs shows better.
        warnings.simplefilter("ignore")
        traced = torch.jit.trace(graph, graph.example, check_trace=False)
        model = ov.convert_model(traced, input=[-1, *graph.example.shape[1:]])
    # It does not know PyTorch's uint16, and left to itself makes an input of no type.
    model.inputs[0].get_node().set_element_type(ov.Type(preprocess.depth))
    model.validate_nodes_and_infer_types()
    for port, name in zip(model.outputs, graph.names, strict=True):
        port.get_tensor().set_names({name})
    return model
