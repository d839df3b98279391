"""ONNX Runtime (https://onnxruntime.ai) on the CPU, in float32: its CPU kernels have no bfloat16."""

from functools import partial
from importlib.metadata import version
from pathlib import Path

import torch
from onnxruntime import InferenceSession, SessionOptions
from torch import Tensor

from foveal.evaluation.forward import BATCH_SIZE
from foveal.exporting.onnx import IMAGES, to_onnx
from foveal.inference.artefacts import artefact
from foveal.inference.engines.engine import Source
from foveal.tasks.task import Outputs

_FILE = "model.onnx"


class ONNXRuntimeEngine:
    """One session on all threads."""

    name = "onnxruntime"
    precision = "float32"
    batch_size = BATCH_SIZE
    streams = 1

    def __init__(self, session: InferenceSession) -> None:
        self._session = session
        self._names = [output.name for output in session.get_outputs()]

    def many(self, images_u8: Tensor) -> Outputs:
        # (B, C, H, W) -> (B, H, W, C)
        images = images_u8.permute(0, 2, 3, 1).contiguous().numpy()
        results = self._session.run(self._names, {IMAGES: images})
        return {name: torch.from_numpy(result) for name, result in zip(self._names, results, strict=True)}

    one = many


def build(source: Source, precision: str) -> ONNXRuntimeEngine:
    """The network as an ONNX file, exported once (seconds) and kept."""
    assert precision == ONNXRuntimeEngine.precision
    options = SessionOptions()  # all graph optimisations are its default
    options.intra_op_num_threads = torch.get_num_threads()
    with artefact(source.folder, f"onnx-{version('onnxruntime')}", partial(_export, source)) as folder:
        return ONNXRuntimeEngine(InferenceSession(folder / _FILE, options, providers=["CPUExecutionProvider"]))


def _export(source: Source, folder: Path) -> None:
    to_onnx(source.network, source.preprocess, folder / _FILE)
