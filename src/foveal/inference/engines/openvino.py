"""OpenVINO (https://docs.openvino.ai) on the CPU."""

from functools import cached_property, partial
from importlib.metadata import version
from pathlib import Path
from queue import SimpleQueue

import numpy as np
import torch

from foveal.answers.answer import Outputs
from foveal.exporting.openvino import ov, to_openvino
from foveal.inference.artefacts import artefact
from foveal.inference.engines.engine import Source

_HINTS = {"float32": "f32", "bfloat16": "bf16"}
_FILE = "model.xml"


class OpenVINOEngine:
    """One compilation for a single image, which all cores share, and one for batches, each on its own cores."""

    name = "openvino"
    batch_size = 8

    def __init__(self, core: ov.Core, model: ov.Model, precision: str) -> None:
        self.precision = precision
        self._core = core
        self._model = model

    @property
    def streams(self) -> int:
        return self._throughput.streams

    def run_one(self, images_u8: np.ndarray) -> Outputs:
        return self._latency(images_u8)

    def run(self, images_u8: np.ndarray) -> Outputs:
        return self._throughput(images_u8)

    @cached_property
    def _latency(self) -> "_Compiled":
        model = self._model.clone()
        model.reshape([1, *list(model.input().partial_shape)[1:]])  # a fixed shape is a little faster
        return self._compile(model, "LATENCY")

    @cached_property
    def _throughput(self) -> "_Compiled":
        return self._compile(self._model, "THROUGHPUT")

    def _compile(self, model: ov.Model, hint: str) -> "_Compiled":
        settings = {
            "PERFORMANCE_HINT": hint,
            "INFERENCE_PRECISION_HINT": _HINTS[self.precision],
            "INFERENCE_NUM_THREADS": torch.get_num_threads(),
        }
        return _Compiled(self._core.compile_model(model, "CPU", settings))


class _Compiled:
    """Images (B, H, W, C) uint8 -> outputs; as many threads as there are streams may call at once."""

    def __init__(self, compiled: ov.CompiledModel) -> None:
        self.streams = int(compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS"))
        self._names = [port.get_any_name() for port in compiled.outputs]
        self._idle: SimpleQueue[ov.InferRequest] = SimpleQueue()
        for _ in range(self.streams):
            self._idle.put(compiled.create_infer_request())

    def __call__(self, images_u8: np.ndarray) -> Outputs:
        request = self._idle.get()
        try:
            # Not `infer`: its wrapper in Python takes 0.3 ms, which is felt in the latency of one image.
            request.set_input_tensor(ov.Tensor(images_u8, shared_memory=True))
            request.start_async()
            request.wait()
            # copies, because the request goes to another thread
            return {name: request.get_output_tensor(index).data.copy() for index, name in enumerate(self._names)}
        finally:
            self._idle.put(request)


def build(source: Source, precision: str) -> OpenVINOEngine:
    """The network as OpenVINO's model, converted once (seconds) and cached."""
    core = ov.Core()
    core.set_property({"ENABLE_MMAP": False})  # a mapped file could not be removed on Windows
    with artefact(source.folder, f"openvino-{version('openvino')}", partial(_convert, source)) as folder:
        return OpenVINOEngine(core, core.read_model(folder / _FILE), precision)


def _convert(source: Source, folder: Path) -> None:
    ov.save_model(to_openvino(source.network, source.preprocess), folder / _FILE, compress_to_fp16=False)
