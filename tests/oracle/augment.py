# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes tests/core/golden/augment.h: what PIL and torchvision make of pictures that a formula gives.

torchvision's own code draws the crops, but from this library's random numbers (Philox4x32-10, see core/rng.h), so that
its rectangles are ours. Needs numpy, pillow, torch and torchvision.

    python3 tests/oracle/augment.py > tests/core/golden/augment.h
"""
import types

import numpy as np
import torch
from PIL import Image, ImageOps
from torchvision.transforms import RandomResizedCrop, transforms

MASK = 0xFFFFFFFF


class Rng:
    """core/rng.c: one block of four numbers per counter value."""

    def __init__(self, seed, sample, view, operation):
        self.key = [seed & MASK, seed >> 32]
        self.counter = [0, sample & MASK, sample >> 32, view << 16 | operation]
        self.block = []

    def next(self):
        if not self.block:
            (k0, k1), (c0, c1, c2, c3) = self.key, self.counter
            for _ in range(10):
                p0, p1 = 0xD2511F53 * c0, 0xCD9E8D57 * c2
                c0, c1, c2, c3 = (p1 >> 32) ^ c1 ^ k0, p1 & MASK, (p0 >> 32) ^ c3 ^ k1, p0 & MASK
                k0, k1 = (k0 + 0x9E3779B9) & MASK, (k1 + 0xBB67AE85) & MASK
            self.block = [c0, c1, c2, c3]
            self.counter[0] += 1
        return self.block.pop(0)

    def uniform(self, low, high):
        return low + (high - low) * (self.next() * 2.0**-32)

    def below(self, n):
        while True:
            product = self.next() * n
            if (product & MASK) >= (2**32 - n) % n:
                return product >> 32


assert Rng(0, 0, 0, 0).next() == 0x6627E8D5


def picture(width, height, channels):
    """test_augment.c's make_picture."""
    y, x, c = np.mgrid[0:height, 0:width, 0:channels]
    pixels = (x * 7 + y * 13 + c * 85 + (x * y ^ x << 2) % 61) & 0xFF
    return Image.fromarray(pixels.astype(np.uint8).squeeze(2) if channels == 1 else pixels.astype(np.uint8))


def crop_params(rng, image, scale, ratio):
    """torchvision's get_params on rng's numbers."""

    class Empty:
        def uniform_(self, low, high):
            return torch.tensor(rng.uniform(float(low), float(high)), dtype=torch.float64)

    transforms.torch = types.SimpleNamespace(log=torch.log, exp=torch.exp, tensor=torch.tensor, empty=lambda n: Empty(),
                                             randint=lambda low, high, size: torch.tensor(low + rng.below(high - low)))
    try:
        return RandomResizedCrop.get_params(image, scale, ratio)
    finally:
        transforms.torch = torch


def resize(image, width, height, resample):
    """Across, then down, as Pillow always did it before version 13, which begins with down for some sizes."""
    result = image.resize((width, image.height), resample).resize((width, height), resample)
    direct = np.asarray(image.resize((width, height), resample)).astype(int)
    if resample == Image.BILINEAR:  # whose passes cut nothing off
        assert np.abs(direct - np.asarray(result)).max() <= 1
    return result


def emit(name, ctype, values):
    print(f"static const {ctype} {name}[] = {{")
    for i in range(0, len(values), 24):
        print("  " + ", ".join(str(v) for v in values[i:i + 24]) + ",")
    print("};\n")


def emit_cases(name, fields, cases):
    print(f"static const struct {{\n  {fields}\n}} {name}[] = {{")
    for case in cases:
        print("  { " + ", ".join(str(v) for v in case) + " },")
    print("};\n")


# Picture's width, height, channels; crop's x, y, width, height; result's width, height; mirrored.
RESIZES = [
    (28, 28, 1, 0, 0, 28, 28, 32, 32, 0),
    (32, 32, 3, 0, 0, 32, 32, 32, 32, 0), (37, 29, 3, 5, 3, 23, 19, 16, 16, 1),
    (64, 48, 3, 0, 0, 64, 48, 20, 15, 0), (200, 150, 1, 0, 0, 200, 150, 7, 5, 0), (300, 40, 3, 11, 2, 280, 30, 9, 33, 1),
    (5, 7, 3, 0, 0, 5, 7, 31, 17, 0),
    (1, 1, 3, 0, 0, 1, 1, 4, 4, 0), (500, 3, 1, 0, 0, 500, 3, 1, 1, 1),
    (640, 480, 3, 0, 0, 640, 480, 24, 18, 0), (10, 10, 1, 0, 0, 10, 10, 10, 3, 0), (9, 9, 1, 3, 4, 1, 1, 5, 2, 0),
    (1000, 1000, 1, 1, 1, 999, 998, 2, 2, 1), (4000, 2, 3, 0, 0, 4000, 2, 3, 2, 0), (31, 33, 3, 2, 1, 28, 30, 14, 15, 1),
]

# Picture's width, height, channels; view's channels; scale, ratio, flip probability; seed, sample, view.
POLICIES = [
    (48, 40, 3, 3, .08, 1, 3 / 4, 4 / 3, .5, 0, 0, 0), (48, 40, 3, 3, .08, 1, 3 / 4, 4 / 3, .5, 0, 0, 1),
    (48, 40, 3, 3, .08, 1, 3 / 4, 4 / 3, .5, 1, 0, 0), (48, 40, 3, 3, .08, 1, 3 / 4, 4 / 3, .5, 0, 1, 0),
    (28, 28, 1, 1, .2, 1, 3 / 4, 4 / 3, .5, 12345678901234567, 98765432109, 63),
    (28, 28, 1, 3, .2, 1, 3 / 4, 4 / 3, .5, 7, 5, 2), (48, 40, 3, 1, .2, 1, 3 / 4, 4 / 3, .5, 7, 6, 3),
    (200, 11, 3, 3, .9, 1, 3 / 4, 4 / 3, 0, 3, 0, 0),  # too wide: the middle, as wide as allowed
    (11, 200, 1, 1, .9, 1, 3 / 4, 4 / 3, 1, 3, 0, 0),  # too tall
    (97, 61, 3, 3, .01, .05, .1, 10, .5, 2, 4, 1), (97, 61, 3, 3, .5, .5, 1, 1, .5, 2, 4, 0),
]
VIEW = 12


def main():
    data, resizes, policies = [], [], []
    for name, resample in ("BILINEAR", Image.BILINEAR), ("BICUBIC", Image.BICUBIC):
        for w, h, channels, x, y, cw, ch, ow, oh, mirror in RESIZES:
            result = picture(w, h, channels).crop((x, y, x + cw, y + ch))
            result = resize(result, ow, oh, resample)
            result = ImageOps.mirror(result) if mirror else result
            resizes.append((w, h, channels, x, y, cw, ch, ow, oh, mirror, "SUPCON_INTERPOLATION_" + name, len(data)))
            data += np.asarray(result).ravel().tolist()
    for case in POLICIES:
        w, h, channels, view_channels, scale_min, scale_max, ratio_min, ratio_max, flip, *key = case
        image = picture(w, h, channels)
        y, x, ch, cw = crop_params(Rng(*key, 1), image, (scale_min, scale_max), (ratio_min, ratio_max))
        result = resize(image.crop((x, y, x + cw, y + ch)), VIEW, VIEW, Image.BILINEAR)
        if Rng(*key, 2).uniform(0, 1) < flip:
            result = ImageOps.mirror(result)
        policies.append((*case, len(data)))
        data += np.asarray(result.convert("RGB" if view_channels == 3 else "L")).ravel().tolist()

    # What torchvision's own random numbers give on a square picture: deciles of the area's share and of the shape.
    torch.manual_seed(0)
    square = Image.new("L", (256, 256))
    drawn = [RandomResizedCrop.get_params(square, (.08, 1), (3 / 4, 4 / 3)) for _ in range(100000)]
    area = np.array([h * w / 65536 for _, _, h, w in drawn])
    shape = np.array([np.log(w / h) for _, _, h, w in drawn])
    deciles = np.arange(1, 10) / 10

    print("/* SPDX-License-Identifier: LGPL-2.1-or-later */")
    print("/* Made by tests/oracle/augment.py. */\n")
    emit("golden_bytes", "guint8", data)
    emit_cases("golden_resizes", "guint width, height, channels;\n  SupconRect crop;\n"
               "  guint out_width, out_height;\n  gboolean mirror;\n  SupconInterpolation interpolation;\n"
               "  gsize offset;",
               [(*r[:3], "{ %d, %d, %d, %d }" % r[3:7], *r[7:]) for r in resizes])
    print(f"#define GOLDEN_VIEW {VIEW}\n")
    emit_cases("golden_policies", "guint width, height, channels, view_channels;\n"
               "  double scale_min, scale_max, ratio_min, ratio_max, flip_probability;\n"
               "  guint64 seed, sample;\n  guint32 view;\n  gsize offset;", policies)
    emit("golden_area_deciles", "double", [round(float(v), 5) for v in np.quantile(area, deciles)])
    emit("golden_log_ratio_deciles", "double", [round(float(v), 5) for v in np.quantile(shape, deciles)])


main()
