"""ONNX Runtime (https://onnxruntime.ai) on the CPU, in float32: its CPU kernels have no bfloat16."""

from functools import partial
from importlib.metadata import version
from pathlib import Path

import numpy as np
from onnxruntime import InferenceSession, SessionOptions

from foveal.answers.answer import Outputs
from foveal.inference.artefacts import artefact
from foveal.inference.engines.engine import BATCH_SIZE, Source

_FILE = "model.onnx"


class ONNXRuntimeEngine:
    """One session on all threads."""

    name = "onnxruntime"
    precision = "float32"
    batch_size = BATCH_SIZE
    streams = 1

    def __init__(self, session: InferenceSession) -> None:
        self._session = session
        self._input = session.get_inputs()[0].name
        self._names = [output.name for output in session.get_outputs()]

    def run(self, images_u8: np.ndarray) -> Outputs:
        results = self._session.run(self._names, {self._input: images_u8})
        return dict(zip(self._names, results, strict=True))

    run_one = run


def build(source: Source, precision: str) -> ONNXRuntimeEngine:
    """The network as an ONNX file, exported once (seconds) and cached."""
    import torch  # of what was converted before, nothing else here needs it

    assert precision == ONNXRuntimeEngine.precision
    options = SessionOptions()  # all graph optimisations are its default
    options.intra_op_num_threads = torch.get_num_threads()
    with artefact(source.folder, f"onnx-{version('onnxruntime')}", partial(_export, source)) as folder:
        return ONNXRuntimeEngine(InferenceSession(folder / _FILE, options, providers=["CPUExecutionProvider"]))


def _export(source: Source, folder: Path) -> None:
    from foveal.exporting.onnx import to_onnx

    to_onnx(source.network, source.preprocess, folder / _FILE)
