"""Flips, rotation, translation, scale, shear and random crops: one matrix per image and one resampling.

B batch, N boxes or masks of one image, (H, W) input size, (h, w) output size. Coordinates are (x, y) in
pixels with pixel i covering [i, i + 1), its centre at i + 0.5: the convention of boxes, whose right and
bottom are exclusive.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from foveal.augment.draws import Draws
from foveal.augment.operations import draw_operations
from foveal.augment.rectangles import random_rectangles
from foveal.augment.settings import AugmentSettings
from foveal.device import sent
from foveal.ops.boxes import box_areas


@dataclass(frozen=True, kw_only=True)
class Geometry:
    """Where each output pixel comes from."""

    matrices: Tensor
    """(B, 2, 3) float64 on the CPU: output (x, y, 1) to input (x, y)."""
    in_size_hw: tuple[int, int]
    out_size_hw: tuple[int, int]

    @property
    def is_identity(self) -> bool:
        """True where every image comes out as it went in."""
        unchanged = bool((self.matrices == torch.eye(2, 3, dtype=torch.float64)).all())
        return self.in_size_hw == self.out_size_hw and unchanged

    @property
    def whole_pixel(self) -> Tensor:
        """(B,) bool: images that are only flipped and shifted by whole pixels, so nothing is interpolated."""
        linear, shift = self.matrices[:, :, :2], self.matrices[:, :, 2]
        moved = linear.abs() == torch.eye(2, dtype=torch.float64)
        return moved.flatten(1).all(1) & (shift == shift.round()).all(1)

    def rows(self, rows: slice) -> Geometry:
        """The geometry of some of the images."""
        return replace(self, matrices=self.matrices[rows])


def draw_geometry(
    settings: AugmentSettings, draws: Draws, *, in_size_hw: tuple[int, int], out_size_hw: tuple[int, int]
) -> Geometry:
    """Each sample's geometry: crop, then rotate, scale and shear about the crop's centre, shift, flip."""
    if settings.is_identity and in_size_hw == out_size_hw:
        unmoved = torch.eye(2, 3, dtype=torch.float64).repeat(len(draws.samples), 1, 1)
        return Geometry(matrices=unmoved, in_size_hw=in_size_hw, out_size_hw=out_size_hw)
    crops = _draw_crops(settings, draws, in_size_hw)
    centre = (crops[:, :2] + crops[:, 2:]) / 2
    linear, moved = _draw_linear(settings, draws), _draw_shift(settings, draws, in_size_hw)
    operations = draw_operations(settings, draws)
    if operations is not None:
        linear, moved = linear @ operations.linear(), moved + operations.shift(in_size_hw)
    shift = centre - (linear @ centre[:, :, None])[:, :, 0] - moved
    turn = _homogeneous(linear, shift)
    matrices = turn @ _crop_matrices(crops, out_size_hw) @ _draw_flips(settings, draws, out_size_hw)
    return Geometry(matrices=matrices[:, :2].contiguous(), in_size_hw=in_size_hw, out_size_hw=out_size_hw)


def warp_images(images: Tensor, geometry: Geometry) -> Tensor:
    """Images resampled bilinearly, the border's pixels repeated outside: (B, C, H, W) -> (B, C, h, w).

    Float32. Images that are only flipped or shifted by whole pixels keep their values to the last bit.
    There is no low-pass filter: shrinking to less than half the size aliases, so keep the stored size
    within twice the output's.
    """
    if geometry.is_identity:
        return images
    whole = geometry.whole_pixel
    if whole.all():
        return _move_pixels(images, geometry.matrices, geometry.out_size_hw)
    warped = _resample(images, geometry.matrices, geometry.out_size_hw)
    if whole.any():
        rows = whole.nonzero().flatten()
        there = sent(rows, images.device)
        warped[there] = _move_pixels(images[there], geometry.matrices[rows], geometry.out_size_hw)
    return warped


def warp_boxes(boxes_xyxy: Sequence[Tensor], geometry: Geometry) -> tuple[list[Tensor], list[Tensor]]:
    """Boxes around the moved corners, clipped to the output, and the share of each that is left.

    Per image (N, 4) -> (N, 4) float32, and (N,) float32: the clipped box's area over the unclipped one's, 0
    for a box that has left the image or has no area. No box is dropped. A box turned by 45° grows to hold
    its corners.
    """
    counts = [len(boxes) for boxes in boxes_xyxy]
    boxes = torch.cat([boxes.reshape(-1, 4) for boxes in boxes_xyxy]).float()
    forward = _inverse(geometry.matrices).repeat_interleave(torch.tensor(counts), dim=0)  # (N of all, 2, 3)
    forward = forward.to(boxes.device, torch.float32)
    corners = torch.stack([boxes[:, [0, 2, 0, 2]], boxes[:, [1, 1, 3, 3]]], dim=1)  # (N, 2, 4)
    corners = forward[:, :, :2] @ corners + forward[:, :, 2:]
    enclosing = torch.cat([corners.amin(2), corners.amax(2)], dim=1)
    height, width = geometry.out_size_hw
    clipped = enclosing.clamp(min=0).minimum(enclosing.new_tensor([width, height, width, height]))
    area = box_areas(enclosing)
    kept = torch.where(area > 0, box_areas(clipped) / area, 0.0)
    return list(clipped.split(counts)), list(kept.split(counts))


def warp_masks(masks: Sequence[Tensor], geometry: Geometry) -> list[Tensor]:
    """Instance masks resampled to the nearest pixel, False outside: per image (N, H, W) -> (N, h, w) bool."""
    if geometry.is_identity:
        return list(masks)
    device = masks[0].device if masks else torch.device("cpu")
    source, inside = _source_pixels(geometry, device)
    size = geometry.out_size_hw
    return [(one.flatten(1)[:, source[i]] & inside[i]).unflatten(1, size) for i, one in enumerate(masks)]


def warp_label_maps(labels: Tensor, geometry: Geometry, *, void: int) -> Tensor:
    """Label maps resampled to the nearest pixel, `void` outside: (B, H, W) -> (B, h, w), of their dtype."""
    if geometry.is_identity:
        return labels
    source, inside = _source_pixels(geometry, labels.device)
    taken = labels.flatten(1).gather(1, source)
    return taken.masked_fill_(~inside, void).unflatten(1, geometry.out_size_hw)


def _draw_crops(settings: AugmentSettings, draws: Draws, size_hw: tuple[int, int]) -> Tensor:
    """The part of each image to show, (B, 4) float64 xyxy.

    Szegedy et al. 2014 (arXiv:1409.4842), §6: area even between 8 % and 100 %, ratio between 3/4 and 4/3.
    """
    if settings.crop_area == (1.0, 1.0):
        height, width = size_hw
        return torch.tensor([0, 0, width, height], dtype=torch.float64).repeat(len(draws.samples), 1)
    return random_rectangles(draws, "crop", area=settings.crop_area, ratio=settings.crop_ratio, size_hw=size_hw)


def _draw_linear(settings: AugmentSettings, draws: Draws) -> Tensor:
    """Rotation, scale and shear, output to input, (B, 2, 2) float64; exactly the identity where off."""
    angle = draws.uniform("rotate", -settings.rotate_deg, settings.rotate_deg).numpy().astype(np.float64)
    lean = draws.uniform("shear", -settings.shear_deg, settings.shear_deg).numpy().astype(np.float64)
    scale = draws.uniform("scale", *settings.scale).numpy().astype(np.float64)
    cos, sin = np.cos(np.deg2rad(angle)) / scale, np.sin(np.deg2rad(angle)) / scale
    shear = np.tan(np.deg2rad(lean))
    rows = [
        cos + shear * sin,
        shear * cos - sin,
        sin,
        cos,
    ]  # [[1, shear], [0, 1]] @ [[cos, -sin], [sin, cos]]
    return torch.from_numpy(np.stack(rows, axis=1)).unflatten(1, (2, 2))


def _draw_shift(settings: AugmentSettings, draws: Draws, size_hw: tuple[int, int]) -> Tensor:
    """Shifts in input pixels, (B, 2) float64 xy: whole pixels along a side that may move by one or more.

    Whole pixels so that images which are only shifted and flipped are not blurred.
    """
    shifts = []
    for name, side in (("translate_x", size_hw[1]), ("translate_y", size_hw[0])):
        largest = settings.translate * side
        shift = draws.uniform(name, -largest, largest).double()
        shifts.append(shift.round() if largest >= 1 else shift)
    return torch.stack(shifts, dim=1)


def _draw_flips(settings: AugmentSettings, draws: Draws, size_hw: tuple[int, int]) -> Tensor:
    """Mirrorings of the output, (B, 3, 3) float64.

    In turns and not by chance: two epochs show an image and its mirror image, where chance shows one of them twice half
    of the time (Jordan 2024, arXiv:2404.00498, section 3.6). Top and bottom turn at half the pace, so that four epochs
    show all four.
    """
    left_right, top_bottom = (
        draws.alternating("hflip", settings.hflip),
        draws.alternating("vflip", settings.vflip, every=2),
    )
    flips = torch.stack([left_right, top_bottom], dim=1).double()
    height, width = size_hw
    return _homogeneous(torch.diag_embed(1 - 2 * flips), flips * torch.tensor([width, height]))


def _crop_matrices(crops_xyxy: Tensor, out_size_hw: tuple[int, int]) -> Tensor:
    """The output's rectangle laid over each crop, (B, 3, 3) float64."""
    height, width = out_size_hw
    corner, size = crops_xyxy[:, :2], crops_xyxy[:, 2:] - crops_xyxy[:, :2]
    return _homogeneous(torch.diag_embed(size / torch.tensor([width, height])), corner)


def _homogeneous(linear: Tensor, shift: Tensor) -> Tensor:
    """(B, 2, 2) and (B, 2) -> (B, 3, 3)."""
    last = torch.tensor([0, 0, 1], dtype=linear.dtype).expand(len(linear), 1, 3)
    return torch.cat([torch.cat([linear, shift[:, :, None]], dim=2), last], dim=1)


def _inverse(matrices: Tensor) -> Tensor:
    """Input to output, (B, 2, 3)."""
    linear = torch.linalg.inv(matrices[:, :, :2])
    return torch.cat([linear, -linear @ matrices[:, :, 2:]], dim=2)


def _input_coordinates(matrices: Tensor, size_hw: tuple[int, int], device: torch.device) -> Tensor:
    """What the matrices give at each output pixel's centre, (B, 2, h, w) float32 on the device.

    The terms of the rows and of the columns are made in float64 on the CPU; only their sum is made per
    pixel, which is many times faster than a matrix product per pixel (F.affine_grid).
    """
    height, width = size_hw
    of_x = matrices[:, :, 0, None] * (torch.arange(width) + 0.5)  # (B, 2, w)
    of_y = matrices[:, :, 1, None] * (torch.arange(height) + 0.5) + matrices[:, :, 2, None]  # (B, 2, h)
    of_x, of_y = sent(of_x.float(), device), sent(of_y.float(), device)
    return of_x[:, :, None, :] + of_y[:, :, :, None]


def _resample(images: Tensor, matrices: Tensor, size_hw: tuple[int, int]) -> Tensor:
    """Bilinear: (B, C, H, W) -> (B, C, h, w)."""
    height, width = images.shape[2:]
    to_grid = torch.tensor([2 / width, 2 / height], dtype=torch.float64)[:, None]
    matrices = matrices * to_grid - torch.tensor([0.0, 0.0, 1.0], dtype=torch.float64)  # pixels -> -1 to 1
    grid = _input_coordinates(matrices, size_hw, images.device).permute(0, 2, 3, 1)  # (B, 2, h, w) -> (B, h, w, 2)
    if images.device.type == "mps":  # has no border mode before PyTorch 2.11
        return F.grid_sample(images, _kept_inside(grid, (height, width)), mode="bilinear", align_corners=False)
    return F.grid_sample(images, grid, mode="bilinear", padding_mode="border", align_corners=False)


def _kept_inside(grid: Tensor, size_hw: tuple[int, int]) -> Tensor:
    """Points beyond the centres of the outermost pixels moved onto them, which is what repeating the border does."""
    limit = grid.new_tensor([1 - 1 / size_hw[1], 1 - 1 / size_hw[0]])
    return grid.clamp(-limit, limit)


def _move_pixels(images: Tensor, matrices: Tensor, size_hw: tuple[int, int]) -> Tensor:
    """Flips and whole-pixel shifts, exact: (B, C, H, W) -> (B, C, h, w)."""
    (height, width), channels = images.shape[2:], images.shape[1]
    x = matrices[:, 0, 0, None] * (torch.arange(size_hw[1]) + 0.5) + matrices[:, 0, 2, None]  # (B, w)
    y = matrices[:, 1, 1, None] * (torch.arange(size_hw[0]) + 0.5) + matrices[:, 1, 2, None]  # (B, h)
    x = sent(x.floor().long().clamp(0, width - 1), images.device)
    y = sent(y.floor().long().clamp(0, height - 1), images.device)
    source = (y[:, :, None] * width + x[:, None, :]).flatten(1)  # (B, h*w)
    return images.flatten(2).gather(2, source[:, None].expand(-1, channels, -1)).unflatten(2, size_hw)


def _source_pixels(geometry: Geometry, device: torch.device) -> tuple[Tensor, Tensor]:
    """The input pixel under each output pixel's centre, (B, h*w) int64, and whether there is one."""
    height, width = geometry.in_size_hw
    x, y = _input_coordinates(geometry.matrices, geometry.out_size_hw, device).floor_().long().flatten(2).unbind(1)
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    return y.clamp(0, height - 1) * width + x.clamp(0, width - 1), inside
