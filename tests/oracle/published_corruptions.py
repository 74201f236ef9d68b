# SPDX-License-Identifier: LGPL-2.1-or-later
"""Holds the definitions of corruptions.py to the values of published code, the package imagecorruptions: by how much bytes
differ at most and on the mean, for each corruption and its five severities, on one picture of ImageNet-C's numbers. The
published code is given this library's random numbers in place of numpy's. It fails where they differ by more than below.

    pip install --target FOLDER --no-deps imagecorruptions opencv-python-headless scikit-image lazy_loader 'setuptools<81'
    PYTHONPATH=FOLDER python3 tests/oracle/published_corruptions.py
"""
import contextlib
import functools
import io
import pathlib
import runpy
import sys

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

    def uniform(self, low, high, size=None):
        return self.rng.uniform(low, high, int(np.prod(size))).reshape(size) if size else self.rng.uniform(low, high)[0]


class Patched:
    """numpy but for its random numbers."""

    def __init__(self, rng):
        self.random = Numbers(rng)

    def __getattr__(self, name):
        return getattr(np, name)


# The published function, ours, the largest and the mean difference allowed. Those not here draw in another way (the
# noises by numpy's or scikit-image's generators, glass blur and frost whole numbers) or are defined otherwise (elastic
# follows ImageNet-C, the package does not).
CASES = [("gaussian_noise", "gaussian_noise", 1, .6), ("defocus_blur", "defocus_blur", 1, .6),
         ("motion_blur", "motion_blur", 1, .6), ("zoom_blur", "zoom_blur", 1, .6), ("fog", "fog", 1, .6),
         ("brightness", "brightness", 1, .6), ("contrast", "contrast", 1, .6), ("pixelate", "pixelate", 0, 0),
         ("jpeg_compression", "jpeg", 0, 0)]


def main():
    failed = 0
    picture = ours["picture"](*map(int, sys.argv[1:3])) if len(sys.argv) > 2 else ours["picture"](128, 128)
    print("| corruption | largest difference | mean |")
    print("|---|---|---|")
    for theirs, name, most, mean in CASES:
        largest, means = 0, []
        for k in range(5):
            published.np = Patched(ours["Rng"](3, k + 1, 0, 0))
            a = np.asarray(getattr(published, theirs)(Image.fromarray(picture), severity=k + 1))
            b = ours["to_bytes"](ours[name](picture / 255., k, ours["Rng"](3, k + 1, 0, 0), False))
            d = np.abs(np.uint8(a).astype(int) - b)
            largest, means = max(largest, d.max()), means + [d.mean()]
        print(f"| {name} | {largest} | {np.mean(means):.4f} |")
        failed += largest > most or np.mean(means) > mean
    sys.exit(failed > 0)


main()
