import pytest
import torch
import torch.nn.functional as F

from foveal.augment import AugmentSettings
from foveal.augment.draws import Draws
from foveal.augment.mixing import draw_mixing, mix_batch
from foveal.errors import UsageError

SIZE_HW = (13, 17)
DRAWS = Draws(0, 0, torch.arange(40))
IMAGES = torch.arange(40.0)[:, None, None, None].expand(40, 3, *SIZE_HW)  # each image is filled with its number
TARGETS = F.one_hot(torch.arange(40), 40).float()


def test_off_mixes_nothing() -> None:
    assert draw_mixing(AugmentSettings(), DRAWS, size_hw=SIZE_HW) is None


def test_mixup_weighs_images_as_it_weighs_targets() -> None:
    mixing = draw_mixing(AugmentSettings(mixup=0.8), DRAWS, size_hw=SIZE_HW)
    assert mixing is not None
    images, targets = mix_batch(IMAGES, TARGETS, mixing)
    expected = targets @ torch.arange(40.0)  # an image's number is the mean of its sources', so weighted
    torch.testing.assert_close(images, expected[:, None, None, None].expand_as(images))
    torch.testing.assert_close(targets.diagonal(), mixing.own)
    torch.testing.assert_close(targets.sum(1), torch.ones(40))


def test_cutmix_pastes_exactly_the_share_in_its_targets() -> None:
    mixing = draw_mixing(AugmentSettings(cutmix=1.0), DRAWS, size_hw=SIZE_HW)
    assert mixing is not None
    images, targets = mix_batch(IMAGES, TARGETS, mixing)
    stayed = images == IMAGES
    assert torch.equal(images[~stayed], IMAGES.roll(1, 0)[~stayed])
    torch.testing.assert_close(stayed[:, 0].float().mean((1, 2)), targets.diagonal())
    torch.testing.assert_close(targets.sum(1), torch.ones(40))


def test_with_both_each_sample_takes_one() -> None:
    draws = Draws(0, 0, torch.arange(2000))
    mixing = draw_mixing(AugmentSettings(mixup=1.0, cutmix=1.0), draws, size_hw=(4, 6))
    assert mixing is not None
    assert abs(mixing.is_cutmix.float().mean() - 0.5) < 0.05
    images = torch.rand(2000, 1, 4, 6, generator=torch.Generator().manual_seed(0))
    mixed, _ = mix_batch(images, torch.ones(2000, 1), mixing)
    own = mixing.own[:, None, None, None]
    blended = own * images + (1 - own) * images.roll(1, 0)
    copied = (mixed == images) | (mixed == images.roll(1, 0))
    assert copied[mixing.is_cutmix].all()
    torch.testing.assert_close(mixed[~mixing.is_cutmix], blended[~mixing.is_cutmix])


def test_a_samples_weight_is_its_own() -> None:
    settings = AugmentSettings(mixup=0.4, cutmix=1.0)
    whole = draw_mixing(settings, DRAWS, size_hw=SIZE_HW)
    alone = draw_mixing(settings, Draws(0, 0, torch.tensor([9])), size_hw=SIZE_HW)
    assert whole is not None
    assert alone is not None
    assert alone.own[0] == whole.own[9]
    assert alone.is_cutmix[0] == whole.is_cutmix[9]
    assert torch.equal(alone.pasted_xyxy[0], whole.pasted_xyxy[9])


def test_a_lone_image_stays_itself() -> None:
    mixing = draw_mixing(AugmentSettings(mixup=0.4), Draws(0, 0, torch.tensor([9])), size_hw=SIZE_HW)
    assert mixing is not None
    images, targets = mix_batch(IMAGES[9:10], TARGETS[9:10], mixing)
    assert torch.equal(images, IMAGES[9:10])
    assert torch.equal(targets, TARGETS[9:10])


def test_class_indices_are_refused() -> None:
    mixing = draw_mixing(AugmentSettings(mixup=0.4), DRAWS, size_hw=SIZE_HW)
    assert mixing is not None
    with pytest.raises(UsageError, match=r"soft targets: .*\(B, K\), got torch.int64 of shape \(40,\)"):
        mix_batch(IMAGES, torch.arange(40), mixing)
