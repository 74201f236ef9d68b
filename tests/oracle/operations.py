# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes tests/core/golden/operations.h: what torchvision's operations make of PIL pictures (bilinear moves: of tensors) that a formula gives.

    python3 tests/oracle/operations.py > tests/core/golden/operations.h
"""
import numpy as np
import torch
import torchvision.transforms.functional as F
from PIL import Image
from torchvision.transforms.autoaugment import InterpolationMode, _apply_op

NEAREST, BILINEAR = InterpolationMode.NEAREST, InterpolationMode.BILINEAR


def picture(width, height, channels):
    """test_operations.c's make_picture: all hues, dark and bright, and some grey."""
    y, x, c = np.mgrid[0:height, 0:width, 0:channels]
    pixels = (x * (9 + 4 * c) + y * (17 - 5 * c) + c * 71 + (x * y ^ x << 2) % 61) & 0xFF
    pixels = np.where((x + y) % 11 == 0, (x * 23 + y * 5) & 0xFF, pixels).astype(np.uint8)
    return Image.fromarray(pixels[:, :, 0] if channels == 1 else pixels)


SIZES = [(19, 13, 3), (12, 13, 1), (1, 1, 3)]
CASES = [("BRIGHTNESS", f, 0) for f in (0, 0.2, 1, 1.37, 1.8)]
CASES += [("CONTRAST", f, 0) for f in (0, 0.2, 1, 1.37, 1.8)]
CASES += [("SATURATION", f, 0) for f in (0, 0.2, 1, 1.37, 1.8)]
CASES += [("HUE", f, 0) for f in (-0.5, -0.2, 0, 0.013, 0.1, 0.2, 0.5)]
CASES += [("GREYSCALE", 0, 0)]
CASES += [("SHARPNESS", f, 0) for f in (0, 0.2, 1, 1.37, 1.8)]
CASES += [("POSTERIZE", 0, b) for b in (1, 4, 8)]
CASES += [("SOLARIZE", t, 0) for t in (0, 100.5, 128, 256)]
CASES += [(name, 0, 0) for name in ("INVERT", "AUTO_CONTRAST", "EQUALIZE")]
CASES += [("ROTATE", a, 0) for a in (-30, 7.5, 90, 180)]
CASES += [("SHEAR_X", a, 0) for a in (-0.3, 0.11)]
CASES += [("SHEAR_Y", a, 0) for a in (-0.99, 0.2)]
CASES += [("TRANSLATE_X", a, 0) for a in (-5, 3, 40)]
CASES += [("TRANSLATE_Y", a, 0) for a in (-5, 3)]
CASES += [(name + "_BILINEAR", a, 0) for name, *angles in
          [("ROTATE", -30, 7.5, 100), ("SHEAR_X", -.3, .11), ("SHEAR_Y", -.99, .23)] for a in angles]
CASES += [("BLUR", s, r) for r, s in ((1, 0.1), (1, 0.8), (2, 2.0), (5, 1.1), (11, 2.0), (11, 0.4))]

def on_tensor(name):
    """As AugMix does it, which makes tensors of pictures."""
    def operation(p, a, b):
        pixels = torch.from_numpy(np.array(p).reshape(p.height, p.width, -1)).permute(2, 0, 1)
        return _apply_op(pixels, name, a, BILINEAR, None).permute(1, 2, 0).numpy()
    return operation


FUNCTIONS = {
    "ROTATE_BILINEAR": on_tensor("Rotate"),
    "SHEAR_X_BILINEAR": on_tensor("ShearX"),
    "SHEAR_Y_BILINEAR": on_tensor("ShearY"),
    "BRIGHTNESS": lambda p, a, b: F.adjust_brightness(p, a),
    "CONTRAST": lambda p, a, b: F.adjust_contrast(p, a),
    "SATURATION": lambda p, a, b: F.adjust_saturation(p, a),
    "HUE": lambda p, a, b: F.adjust_hue(p, a),
    "GREYSCALE": lambda p, a, b: F.rgb_to_grayscale(p, 3 if p.mode == "RGB" else 1),
    "SHARPNESS": lambda p, a, b: F.adjust_sharpness(p, a),
    "POSTERIZE": lambda p, a, b: F.posterize(p, b),
    "SOLARIZE": lambda p, a, b: F.solarize(p, a),
    "INVERT": lambda p, a, b: F.invert(p),
    "AUTO_CONTRAST": lambda p, a, b: F.autocontrast(p),
    "EQUALIZE": lambda p, a, b: F.equalize(p),
    "ROTATE": lambda p, a, b: _apply_op(p, "Rotate", a, NEAREST, None),
    "SHEAR_X": lambda p, a, b: _apply_op(p, "ShearX", a, NEAREST, None),
    "SHEAR_Y": lambda p, a, b: _apply_op(p, "ShearY", a, NEAREST, None),
    "TRANSLATE_X": lambda p, a, b: _apply_op(p, "TranslateX", a, NEAREST, None),
    "TRANSLATE_Y": lambda p, a, b: _apply_op(p, "TranslateY", a, NEAREST, None),
    "BLUR": lambda p, a, b: F.gaussian_blur(p, 2 * b + 1, a),
}

print("/* Made by tests/oracle/operations.py. */")
entries, data = [], []
for width, height, channels in SIZES:
    for name, a, b in CASES:
        if name == "BLUR" and b >= min(width, height):
            continue
        out = np.asarray(FUNCTIONS[name](picture(width, height, channels), a, b)).ravel().tolist()
        entries.append((width, height, channels, name, a, b, len(data)))
        data += out
print("static const struct {\n  guint width, height, channels;\n  Operation operation;\n  double a;\n  guint b;\n  gsize offset;\n} golden_operations[] = {")
for e in entries:
    print("  { %d, %d, %d, %s, %r, %d, %d }," % e)
print("};\nstatic const guint8 golden_pixels[] = {")
for i in range(0, len(data), 24):
    print("  " + ", ".join(map(str, data[i:i + 24])) + ",")
print("};")
