import pytest
import torch
from scipy import ndimage, stats

from foveal.augment import AugmentSettings
from foveal.augment.degradation import PLACES, add_noise, blur, degrade, draw_degradation
from foveal.augment.draws import Draws

IMAGES = torch.rand(3, 2, 21, 34, generator=torch.Generator().manual_seed(0))


def test_blur_is_scipys() -> None:
    sigma = torch.tensor([0.4, 1.0, 1.7])
    blurred = blur(IMAGES, sigma, reach_px=6)
    for image, ours, one in zip(IMAGES, blurred, sigma.tolist(), strict=True):
        theirs = ndimage.gaussian_filter(image.numpy(), (0, one, one), mode="nearest", radius=(0, 6, 6))
        torch.testing.assert_close(ours, torch.from_numpy(theirs), atol=1e-6, rtol=0)
    torch.testing.assert_close(blur(IMAGES, torch.zeros(3), reach_px=6), IMAGES)


def test_noise_is_normal_of_its_images_strength_and_independent() -> None:
    grey = torch.full((3, 3, 64, 80), 0.5)
    strength, places = torch.tensor([0.0, 0.05, 0.1]), torch.tensor([5, 77, PLACES - 1])
    noise = add_noise(grey, strength, places) - grey
    assert not noise[0].any()
    for row in (1, 2):
        values = noise[row].flatten().numpy() / strength[row].item()
        assert stats.kstest(values, "norm").pvalue > 0.001
    pairs = ((noise[1], noise[2]), (noise[2, 0], noise[2, 1]), (noise[2, :, 1:], noise[2, :, :-1]))
    for one, other in pairs:
        assert abs(torch.corrcoef(torch.stack([one.flatten(), other.flatten()]))[0, 1]) < 0.04
    assert add_noise(IMAGES, torch.ones(3), places).min() == 0


def test_strengths_are_even_up_to_the_largest() -> None:
    drawn = draw_degradation(AugmentSettings(blur_px=1.5, noise=0.1), Draws(0, 0, torch.arange(2000)))
    assert drawn is not None
    for values, largest in ((drawn.blur_px, 1.5), (drawn.noise, 0.1)):
        assert values.max() <= largest
        assert values.mean().item() == pytest.approx(largest / 2, rel=0.05)
    assert drawn.reach_px == 5
    assert drawn.places.unique().numel() > 1980
    assert 0 <= drawn.places.min() <= drawn.places.max() < PLACES
    assert draw_degradation(AugmentSettings(hue_deg=4), Draws(0, 0, torch.arange(3))) is None


def test_either_goes_alone() -> None:
    draws = Draws(0, 0, torch.arange(3))
    noisy = draw_degradation(AugmentSettings(noise=0.2), draws)
    blurred = draw_degradation(AugmentSettings(blur_px=2.0), draws)
    assert noisy is not None
    assert blurred is not None
    assert torch.equal(degrade(IMAGES, noisy), add_noise(IMAGES, noisy.noise, noisy.places))
    assert torch.equal(degrade(IMAGES, blurred), blur(IMAGES, blurred.blur_px, reach_px=6))
