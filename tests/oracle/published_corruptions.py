# SPDX-License-Identifier: LGPL-2.1-or-later
"""Holds the definitions of corruptions.py to the values of published code, the package imagecorruptions: by how much bytes
differ at most and on the mean, for each corruption and its five severities, on one picture of ImageNet-C's numbers. The
published code is given this library's random numbers in place of numpy's, and its texture in place of photographs of frost;
shot and impulse noise, which draw in another way, are held to it by statistics. It fails where they differ by more than below.

    pip install --target FOLDER --no-deps imagecorruptions opencv-python-headless scikit-image lazy_loader 'setuptools<81'
    PYTHONPATH=FOLDER python3 tests/oracle/published_corruptions.py
"""
import contextlib
import functools
import io
import pathlib
import runpy
import sys

import cv2
import numpy as np
import scipy.ndimage
import skimage.filters
from PIL import Image

# What the package was written for, by the names of today.
np.float_ = np.float64
sys.modules["scipy.ndimage.interpolation"] = scipy.ndimage
gaussian = skimage.filters.gaussian


def old_gaussian(image, *args, multichannel=False, **kwargs):
    return gaussian(image, *args, channel_axis=-1 if multichannel else None, **kwargs)


skimage.filters.gaussian = old_gaussian
from imagecorruptions import corruptions as published  # noqa: E402

zoom = published.clipped_zoom


def middle_of_zoom(image, factor):
    """ImageNet-C's code takes the middle of what was zoomed; the package leaves it larger and snow cuts at the right."""
    height, width = image.shape[:2]
    big = zoom(image, factor)
    top, left = (big.shape[0] - height) // 2, (big.shape[1] - width) // 2
    return big[top:top + height, left:left + width]


published.clipped_zoom = middle_of_zoom

with contextlib.redirect_stdout(io.StringIO()):
    ours = runpy.run_path(str(pathlib.Path(__file__).with_name("corruptions.py")))


class Numbers:
    """numpy.random's functions that the package calls, on this library's numbers."""

    def __init__(self, rng):
        self.rng = rng

    def normal(self, loc=0.0, scale=1.0, size=None):
        numbers = self.rng.normal(int(np.prod(size)))
        # Pictures are planes here.
        return loc + scale * (ours["planes"](numbers, np.zeros(size)) if len(size) == 3 else numbers.reshape(size))

    def randint(self, low, high=None, size=None):
        # Of frost: which photograph and which part of it; here there is one.
        return [self.rng.below(high - low) + low for _ in range(*size)] if size else 0

    def uniform(self, low, high, size=None):
        return self.rng.uniform(low, high, int(np.prod(size))).reshape(size) if size else self.rng.uniform(low, high)[0]


class Patched:
    """numpy but for its random numbers."""

    def __init__(self, rng):
        self.random = Numbers(rng)

    def __getattr__(self, name):
        return getattr(np, name)


class Texture:
    """OpenCV but for the photographs of frost, in whose place stands this library's texture, not resized."""

    def __init__(self, shape, rng):
        self.texture = np.zeros((shape[0] + 1, shape[1] + 1, 3))
        self.texture[:-1, :-1] = ours["frost_texture"](shape, rng)[..., ::-1] * 255

    def imread(self, name):
        return self.texture

    def resize(self, picture, **kwargs):
        return picture

    def __getattr__(self, name):
        return getattr(cv2, name)


# The published function, ours, the largest and the mean difference allowed. Not here are those whose numbers numpy and
# scikit-image draw in another way (below) and what is defined otherwise (elastic follows ImageNet-C, the package does not).
CASES = [("gaussian_noise", "gaussian_noise", 1, .6), ("defocus_blur", "defocus_blur", 1, .6),
         ("glass_blur", "glass_blur", 1, .6),
         ("motion_blur", "motion_blur", 1, .6), ("zoom_blur", "zoom_blur", 1, .6), ("snow", "snow", 1, .6),
         ("frost", "frost", 1, .6), ("fog", "fog", 1, .6),
         ("brightness", "brightness", 1, .6), ("contrast", "contrast", 1, .6), ("pixelate", "pixelate", 0, 0),
         ("jpeg_compression", "jpeg", 0, 0)]


def distances(a, b):
    """How far two samples' means, variances, distribution functions and correlations of neighbours are from each other, in
    what chance alone goes beyond once in about a million: five deviations, and Kolmogorov's bound."""
    n = a.size
    var = (a.var() + b.var()) / 2
    of_variance = (((a - a.mean()) ** 2).var() + ((b - b.mean()) ** 2).var()) / n
    both = np.concatenate([a.ravel(), b.ravel()])
    values = np.unique(both)
    steps = [np.searchsorted(np.sort(x.ravel()), values, side="right") / n for x in (a, b)]
    near = [np.corrcoef(x[:, :-1].ravel(), x[:, 1:].ravel())[0, 1] if x.var() > 0 else 0 for x in (a, b)]
    return np.array([abs(a.mean() - b.mean()) / (5 * np.sqrt(2 * var / n) + 1e-9),
                     abs(a.var() - b.var()) / (5 * np.sqrt(of_variance) + 1e-9),
                     abs(steps[0] - steps[1]).max() / np.sqrt(-np.log(.5e-6) / n),
                     abs(near[0] - near[1]) / (5 * np.sqrt(2 / n))])


def compare_noise(name):
    """Each severity on plain pictures of several greys; the worst of them all."""
    worst = np.zeros(4)
    published.np = np
    np.random.seed(1)
    for k in range(5):
        for grey in 0, 20, 77, 128, 200, 250, 255:
            picture = np.full((96, 96, 3), grey, np.uint8)
            a = np.asarray(getattr(published, name)(Image.fromarray(picture), severity=k + 1)) / 255
            b = np.clip(ours[name](picture / 255., k, ours["Rng"](3, k + 1, grey, 0), False), 0, 1)
            worst = np.maximum(worst, distances(a, b))
    return worst


def compare_textures():
    """The photographs of frost beside this library's texture: mean, deviation, correlation of neighbours."""
    folder = pathlib.Path(published.__file__).parent / "frost"
    yield from ((path.name, cv2.imread(str(path)) / 255) for path in sorted(folder.iterdir()))
    for seed in range(3):
        yield "ours", ours["frost_texture"]((224, 224), ours["Rng"](seed, 1, 0, 0))


def main():
    failed = 0
    picture = ours["picture"](*map(int, sys.argv[1:3])) if len(sys.argv) > 2 else ours["picture"](128, 128)
    print("| corruption | largest difference | mean |")
    print("|---|---|---|")
    for theirs, name, most, mean in CASES:
        largest, means = 0, []
        for k in range(5):
            published.np = Patched(ours["Rng"](3, k + 1, 0, 0))
            published.cv2 = Texture(picture.shape[:2], ours["Rng"](3, k + 1, 0, 0)) if theirs == "frost" else cv2
            a = np.asarray(getattr(published, theirs)(Image.fromarray(picture), severity=k + 1))
            b = ours["to_bytes"](ours[name](picture / 255., k, ours["Rng"](3, k + 1, 0, 0), False))
            d = np.abs(np.uint8(a).astype(int) - b)
            largest, means = max(largest, d.max()), means + [d.mean()]
        print(f"| {name} | {largest} | {np.mean(means):.4f} |")
        failed += largest > most or np.mean(means) > mean
    print("\n| noise | mean | variance | distribution | neighbours |\n|---|---|---|---|---|")
    for name in "shot_noise", "impulse_noise":
        worst = compare_noise(name)
        print(f"| {name} |" + "".join(f" {w:.2f} |" for w in worst) + " of what chance allows")
        failed += bool((worst > 1).any())
    print("\n| frost | mean | deviation | neighbours |\n|---|---|---|---|")
    for name, texture in compare_textures():
        grey = texture.mean(2)
        near = np.corrcoef(grey[:, :-1].ravel(), grey[:, 1:].ravel())[0, 1]
        print(f"| {name} | {grey.mean():.2f} | {grey.std():.2f} | {near:.3f} |")
    sys.exit(bool(failed))


main()
