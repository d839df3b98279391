"""Draw a batch's augmentation once, then apply it to images, boxes, masks and label maps alike.

Images come out in the plain (B, C, H, W) layout after any change, the fastest for these steps on a CPU; put
them in channels-last as the last step before the network, after normalising.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from foveal.augment.degradation import Degradation, degrade, draw_degradation
from foveal.augment.draws import Draws
from foveal.augment.erasing import draw_erased, erase
from foveal.augment.geometry import (
    Geometry,
    draw_geometry,
    warp_boxes,
    warp_images,
    warp_label_maps,
    warp_masks,
)
from foveal.augment.mixing import Mixing, draw_mixing, mix_batch
from foveal.augment.mosaic import Mosaic, draw_mosaic
from foveal.augment.operations import draw_operations
from foveal.augment.photometric import Colour, adjust_colour, draw_colour
from foveal.augment.settings import AugmentSettings
from foveal.augment.tones import Tones, adjust_tones, draw_tones
from foveal.errors import UsageError

CACHED_BYTES_PER_THREAD = 2**20
"""Measured on 128 images of 3 x 128 x 128, 2 threads: about half the time of a whole batch at once."""


@dataclass(frozen=True, kw_only=True)
class AugmentParams:
    """Everything drawn for one batch, on the CPU; None for a family that changes nothing."""

    geometry: Geometry
    colour: Colour | None
    erased_xyxy: Tensor | None
    """(B, 4) int64 in output pixels; empty rectangles for images without."""
    mixing: Mixing | None
    mosaic: Mosaic | None = None
    tones: Tones | None = None
    degradation: Degradation | None = None

    @property
    def batch_size(self) -> int:
        """The number of images drawn for."""
        return len(self.geometry.matrices)

    @property
    def changes_images(self) -> bool:
        """False where images come out as they went in, before mixing and mosaic."""
        families = (self.colour, self.tones, self.degradation, self.erased_xyxy)
        return not self.geometry.is_identity or any(each is not None for each in families)

    def rows(self, rows: slice) -> AugmentParams:
        """What was drawn for some of the images, without mixing and mosaic, which are of whole batches."""
        return AugmentParams(
            geometry=self.geometry.rows(rows),
            colour=None if self.colour is None else self.colour.rows(rows),
            erased_xyxy=None if self.erased_xyxy is None else self.erased_xyxy[rows],
            mixing=None,
            tones=None if self.tones is None else self.tones.rows(rows),
            degradation=None if self.degradation is None else self.degradation.rows(rows),
        )


def draw(
    settings: AugmentSettings,
    draws: Draws,
    *,
    in_size_hw: tuple[int, int],
    out_size_hw: tuple[int, int],
    channels: int,
) -> AugmentParams:
    """The augmentation of one batch, each sample's a function of its key in `draws` alone."""
    return AugmentParams(
        geometry=draw_geometry(settings, draws, in_size_hw=in_size_hw, out_size_hw=out_size_hw),
        colour=draw_colour(settings, draws, channels=channels),
        erased_xyxy=draw_erased(settings, draws, size_hw=out_size_hw),
        mixing=draw_mixing(settings, draws, size_hw=out_size_hw),
        mosaic=draw_mosaic(settings, draws, size_hw=out_size_hw),
        tones=draw_tones(draw_operations(settings, draws)),
        degradation=draw_degradation(settings, draws),
    )


def augment_images(images: Tensor, params: AugmentParams) -> Tensor:
    """Images in 0 to 1 changed as was drawn: (B, C, H, W) -> (B, C, h, w), on their device.

    Warped, recoloured, their tones changed, blurred, noise added, and erased, in this order. Computed in float32 and
    given back in the dtype of the input; integers (0 to the largest of their dtype, of any layout) are divided by that
    and come back as float32, at less cost than converting them before. Where nothing changes, floating-point images
    come back themselves.
    """
    _check_shape("images", images, (params.batch_size, images.shape[1], *params.geometry.in_size_hw))
    if not params.changes_images:
        return images if images.is_floating_point() else _as_float32(images)
    if images.device.type != "cpu":
        return _augmented(images, params)
    dtype = images.dtype if images.is_floating_point() else torch.float32
    augmented = torch.empty((*images.shape[:2], *params.geometry.out_size_hw), dtype=dtype)
    for rows in _cache_sized_rows(augmented):
        augmented[rows] = _augmented(images[rows], params.rows(rows))
    return augmented


def augment_boxes(boxes_xyxy: Sequence[Tensor], params: AugmentParams) -> tuple[list[Tensor], list[Tensor]]:
    """Boxes in output pixels, and the share of each that is left: per image (N, 4) and (N,) float32.

    No box is dropped; a caller drops those of which too little is left, with their labels and masks.
    """
    _check_count("boxes", boxes_xyxy, params)
    return warp_boxes(boxes_xyxy, params.geometry)


def augment_masks(masks: Sequence[Tensor], params: AugmentParams) -> list[Tensor]:
    """Instance masks in output pixels, False outside the input: per image (N, H, W) -> (N, h, w) bool."""
    _check_count("masks", masks, params)
    for one in masks:
        _check_shape("masks", one, (len(one), *params.geometry.in_size_hw))
    return warp_masks(masks, params.geometry)


def augment_label_maps(labels: Tensor, params: AugmentParams, *, void: int) -> Tensor:
    """Label maps in output pixels, `void` outside the input: (B, H, W) -> (B, h, w), any integer dtype."""
    _check_shape("label maps", labels, (params.batch_size, *params.geometry.in_size_hw))
    return warp_label_maps(labels, params.geometry, void=void)


def mix(images: Tensor, targets: Tensor, params: AugmentParams) -> tuple[Tensor, Tensor]:
    """Augmented images and soft targets after MixUp and CutMix: (B, C, h, w) and (B, K), both float.

    Unchanged where both are off. Normalising before or after gives the same.
    """
    if params.mixing is None:
        return images, targets
    _check_shape("images", images, (params.batch_size, images.shape[1], *params.geometry.out_size_hw))
    return mix_batch(images, targets, params.mixing)


def _augmented(images: Tensor, params: AugmentParams) -> Tensor:
    augmented = warp_images(_as_float32(images), params.geometry)
    if params.colour is not None:
        augmented = adjust_colour(augmented, params.colour)
    if params.tones is not None:
        augmented = adjust_tones(augmented, params.tones)
    if params.degradation is not None:
        augmented = degrade(augmented, params.degradation)
    if params.erased_xyxy is not None:
        augmented = erase(augmented, params.erased_xyxy)
    return augmented.to(images.dtype if images.is_floating_point() else torch.float32)


def _as_float32(images: Tensor) -> Tensor:
    """Images in 0 to 1 in the plain layout, taken up first because integers are fewer bytes."""
    scaled = images.contiguous().float()
    return scaled if images.is_floating_point() else scaled.div_(torch.iinfo(images.dtype).max)


def _cache_sized_rows(images: Tensor) -> Iterator[slice]:
    """Parts of a batch that stay in the processor's cache through all steps."""
    in_cache = torch.get_num_threads() * CACHED_BYTES_PER_THREAD
    step = max(1, in_cache // (4 * images[0].numel()))
    return (slice(start, start + step) for start in range(0, len(images), step))


def _check_shape(what: str, values: Tensor, expected: tuple[int, ...]) -> None:
    if tuple(values.shape) != expected:
        raise UsageError(f"{what}: expected shape {expected}, which was drawn for, got {tuple(values.shape)}")


def _check_count(what: str, values: Sequence[Tensor], params: AugmentParams) -> None:
    if len(values) != params.batch_size:
        raise UsageError(f"{what}: expected one tensor for each of {params.batch_size} images, got {len(values)}")
