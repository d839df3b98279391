"""The machine's ceilings: the best rates it reaches on the plainest work, to hold a network's work against."""

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from io import BytesIO
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import nn

from foveal.device import place
from foveal.images import decode
from foveal.speed.clock import best_seconds

PRECISIONS: dict[str, torch.dtype] = {"float32": torch.float32, "bfloat16": torch.bfloat16}
_BATCH, _CHANNELS, _SIDE, _KERNEL = 32, 64, 56, 3  # a layer of a ResNet's first stage
_MATRIX = 2048
_MEMORY_BYTES = 128 * 2**20  # far above any cache
_PHOTO_HW = (240, 320)
_PHOTOS = 128


@dataclass(frozen=True, kw_only=True)
class Ceilings:
    """Best measured rates. A multiply-add is 2 FLOP."""

    convolution_flop_s: dict[str, float]
    """By precision: 64 to 64 maps, 3×3, 56×56, 32 images, channels-last, forward and backward."""
    matrix_flop_s: dict[str, float]
    """By precision: the product of two matrices of side 2,048."""
    memory_bytes_s: float
    """Reading and writing, of tensors far larger than any cache."""
    decode_images_s: float
    """JPEG photographs of 320×240 pixels, on all cores."""

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def measure_ceilings(device: torch.device) -> Ceilings:
    """All of them, in about 5 seconds."""
    return Ceilings(
        convolution_flop_s={name: _convolution_rate(device, dtype) for name, dtype in PRECISIONS.items()},
        matrix_flop_s={name: _matrix_rate(device, dtype) for name, dtype in PRECISIONS.items()},
        memory_bytes_s=_memory_rate(device),
        decode_images_s=_decode_rate(),
    )


def _convolution_rate(device: torch.device, dtype: torch.dtype) -> float:
    layer = nn.Conv2d(_CHANNELS, _CHANNELS, _KERNEL, padding=1, bias=False, dtype=dtype)
    layer = place(layer, device)
    images = torch.ones(_BATCH, _CHANNELS, _SIDE, _SIDE, dtype=dtype, device=device)
    images = images.to(memory_format=torch.channels_last).requires_grad_()
    gradient = torch.ones_like(images)

    def work() -> None:
        torch.autograd.grad(layer(images), (images, layer.weight), gradient)

    flop = 3 * 2 * _BATCH * _SIDE**2 * _CHANNELS**2 * _KERNEL**2  # backward is twice forward
    return flop / best_seconds(work, device)


def _matrix_rate(device: torch.device, dtype: torch.dtype) -> float:
    one, other = (torch.ones(_MATRIX, _MATRIX, dtype=dtype, device=device) for _ in range(2))
    out = torch.empty_like(one)
    return 2 * _MATRIX**3 / best_seconds(lambda: torch.mm(one, other, out=out), device)


def _memory_rate(device: torch.device) -> float:
    values = torch.ones(_MEMORY_BYTES // 4, device=device)
    out = torch.empty_like(values)
    return 2 * _MEMORY_BYTES / best_seconds(lambda: torch.mul(values, 2.0, out=out), device)


def _decode_rate() -> float:
    photo = made_jpeg()
    with ThreadPoolExecutor(os.cpu_count()) as pool:

        def work() -> None:
            list(pool.map(decode, [photo] * _PHOTOS))

        return _PHOTOS / best_seconds(work, torch.device("cpu"))


def made_jpeg() -> bytes:
    """A JPEG file of 320×240 pixels, smooth colours with a grain: about as slow to decode as a photograph."""
    random = np.random.default_rng(0)
    height, width = _PHOTO_HW
    coarse = Image.fromarray(random.integers(0, 256, (12, 16, 3), dtype=np.uint8)).resize((width, height))
    grain = random.normal(0, 8, (height, width, 1))
    pixels = np.clip(np.asarray(coarse) + grain, 0, 255).astype(np.uint8)
    file = BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=90)
    return file.getvalue()
