"""From samples and resolved settings to everything a run needs before its first step."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch
from torch import nn

from foveal.bundle import wrap_module
from foveal.device import native_bf16, place
from foveal.errors import BadImagesError, DataError, ImageError
from foveal.feed.decoding import Progress
from foveal.feed.inputs import to_input
from foveal.feed.store import Store, build_store, channel_statistics
from foveal.networks import CUSTOM, needs_of
from foveal.networks.build import build_backbone, without_weights
from foveal.networks.resnet import drop_paths, recompute_blocks
from foveal.preprocess import Preprocess, input_hw
from foveal.processes.group import ALONE, Processes
from foveal.tasks.task import Task
from foveal.training.distribution import synchronised
from foveal.training.ema import WeightAverage
from foveal.training.optimisers import build_optimiser
from foveal.training.plan import Plan
from foveal.training.settings import TrainSettings
from foveal.training.stages import freeze, learning_rate_shares
from foveal.training.state import TrainState
from foveal.types import Depth, Sample
from foveal.weights.fitting import Origin, Start

STORE_SCALE = 1.25  # of the last training side, where images are cropped at random: detail to crop from
FIRST_IMAGES = 1024  # evenly spread ones, for the weights that follow from the data


@dataclass(frozen=True, kw_only=True)
class TrainingData:
    """Decoded images of both splits and how they were preprocessed."""

    train: Store
    val: Store | None
    """None where nothing is held out, or where none of it could be decoded."""
    skipped: tuple[ImageError, ...]
    """The bad images of both splits."""
    preprocess: Preprocess


def check_network(settings: TrainSettings) -> None:
    """Raises UsageError for what a network of the index can't be trained with."""
    if (settings.drop_path or settings.gradient_checkpointing) and settings.model != CUSTOM:
        with without_weights():
            _changed(build_backbone(settings.model), settings)


def _changed(network: nn.Module, settings: TrainSettings) -> None:
    """Makes of the network what is trained, in place: with the same weights under the same names."""
    if settings.drop_path:
        drop_paths(network, settings.drop_path)
    if settings.gradient_checkpointing:
        recompute_blocks(network)


def prepare_data(
    train: Sequence[Sample],
    val: Sequence[Sample],
    settings: TrainSettings,
    *,
    channels: int,
    depth: Depth = "uint8",
    progress: Progress | None = None,
    shared_by: int = 1,
    origin: Origin | None = None,
) -> TrainingData:
    """Decodes both splits once, for so many processes of this machine (`build_store`).

    origin: of trained weights, whose mean and deviation the input then has, whatever those of the images are.

    Raises BadImagesError as `settings.on_bad_image` says.
    """
    plain = plain_preprocess(settings, channels, depth)
    cropped = settings.augment.crop_area != (1.0, 1.0)
    last = settings.train_sizes[1]
    larger = 4 * round(last * STORE_SCALE / 4) if cropped else last
    build = partial(build_store, on_bad_image="skip", progress=progress, shared_by=shared_by)
    train_store = build(train, replace(plain, size_hw=input_hw(larger, settings.aspect)))
    val_store = build(val, plain) if val else None
    bad = (*train_store.skipped, *(val_store.skipped if val_store is not None else ()))
    if settings.on_bad_image == "error" and bad:
        raise BadImagesError(bad)
    if not len(train_store):
        raise DataError(f"no training image can be decoded; {len(bad)} are bad")
    mean, std = _input_statistics(settings, train_store, channels, origin)
    return TrainingData(
        train=train_store,
        val=val_store if val_store is not None and len(val_store) else None,
        skipped=bad,
        preprocess=replace(plain, mean=mean, std=std),
    )


def _input_statistics(
    settings: TrainSettings, store: Store, channels: int, origin: Origin | None
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of each channel: of the weights to start from, the network's own, or the images'."""
    if origin is not None:
        return origin.mean, origin.std
    own = needs_of(settings.model).input_statistics
    if own is not None:
        return (own[0],) * channels, (own[1],) * channels
    return channel_statistics(store)


def plain_preprocess(settings: TrainSettings, channels: int, depth: Depth = "uint8") -> Preprocess:
    """How images take the network's size, before it is known by what they are standardised."""
    return Preprocess(
        size_hw=input_hw(settings.size, settings.aspect),
        channels=channels,
        fit=settings.fit,
        mean=(0.0,) * channels,
        std=(1.0,) * channels,
        depth=depth,
    )


def prepare_state(
    settings: TrainSettings,
    task: Task,
    data: TrainingData,
    *,
    device: torch.device,
    module: nn.Module | None,
    processes: Processes = ALONE,
    start: Start | None = None,
) -> TrainState:
    """Network, optimiser and plan, seeded. With a time budget the plan's steps are provisional: one epoch.

    start: trained weights, which take the place of fresh ones.
    """
    network = build_network(settings, task, data, module)
    _changed(network, settings)
    if start is not None:
        start.put_into(network)
    network = place(synchronised(network, device, processes), device)
    frozen = freeze(network.backbone, settings.freeze) if settings.freeze else ()  # type: ignore[arg-type]
    optimiser = build_optimiser(
        settings.optimiser,
        network,
        lr=settings.lr,
        weight_decay=settings.weight_decay,
        decay_all=settings.decay_all,
        momentum=settings.momentum,
        nesterov=settings.nesterov,
        lr_shares=learning_rate_shares(network.backbone) if settings.weights is not None else None,  # type: ignore[arg-type]
    )
    ema = WeightAverage(network, decay=settings.ema) if settings.ema else None
    bfloat16 = processes.broadcast(lambda: use_bf16(settings, device))
    stores = [store for store in (data.train, data.val) if store is not None]
    digest = data_digest((store.hashes, store.samples) for store in stores)
    plan = make_plan(settings, len(data.train), bfloat16=bfloat16, data=digest)
    state = TrainState(network=network, optimiser=optimiser, ema=ema, plan=plan, frozen=frozen)
    if start is not None:
        state.seen_before = start.seen_hashes
    return state


def build_network(settings: TrainSettings, task: Task, data: TrainingData, module: nn.Module | None) -> nn.Module:
    """The named network with fresh weights drawn from the seed and the data, or the user's own module as it is."""
    torch.manual_seed(settings.seed)
    if module is not None:
        return wrap_module(module)
    backbone = build_backbone(settings.model, in_channels=data.preprocess.channels)
    few = torch.linspace(0, len(data.train) - 1, min(FIRST_IMAGES, len(data.train))).round().long()
    backbone.initialise_from(lambda: to_input(data.preprocess, data.train.gather(few).cpu()))
    return task.learning.build(backbone)


def make_plan(settings: TrainSettings, num_samples: int, *, bfloat16: bool, data: str = "") -> Plan:
    """The numbers of a run over `num_samples` images."""
    plan = Plan(
        num_samples=num_samples,
        batch_size=min(settings.batch_size, num_samples),
        accumulate=settings.accumulate,
        total_steps=1,
        seed=settings.seed,
        lr=settings.lr,
        schedule=settings.schedule,
        warmup=settings.warmup,
        clip_norm=settings.clip_norm,
        patience=settings.patience,
        train_sizes=settings.train_sizes,
        aspect=settings.aspect,
        augment=settings.augment,
        bfloat16=bfloat16,
        checkpoint_seconds=settings.checkpoint_seconds,
        l1=settings.l1,
        l2=settings.l2,
        data=data,
        balanced=settings.balance == "sampler",
    )
    return replace(plan, total_steps=max(1, round((settings.epochs or 1.0) * plan.steps_per_epoch)))


def data_digest(splits: Iterable[tuple[np.ndarray, Sequence[Sample]]]) -> str:
    """What identifies the data: of each split its images' hashes (N,) uint64 and their annotations, in their
    order."""
    digest = hashlib.blake2b(digest_size=16)
    for hashes, samples in splits:
        digest.update(hashes.tobytes())
        known = [sample.annotation for sample in samples]
        digest.update(repr([None if each is None else each.fingerprint() for each in known]).encode())
        for each in known:
            if each is not None:
                digest.update(each.content())
    return digest.hexdigest()


def use_bf16(settings: TrainSettings, device: torch.device) -> bool:
    """Whether to compute in bfloat16: as asked, else where it is native, for a network that gains by it."""
    if settings.precision != "auto":
        return settings.precision == "bfloat16"
    return needs_of(settings.model).bfloat16 and native_bf16(device)


def architecture_name(settings: TrainSettings, module: nn.Module | None) -> str:
    """What the model file calls the network."""
    return CUSTOM if module is not None else settings.model
