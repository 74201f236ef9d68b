# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes tests/core/golden/policies.h: what torchvision draws in 100,000 draws, counted.

Its own code draws, from its own random numbers; what it would do to pictures is written down instead. Needs torch,
torchvision and pillow.

    python3 tests/oracle/policies.py > tests/core/golden/policies.h
"""
import math
from collections import Counter

import torch
from PIL import Image
from torchvision.transforms import ColorJitter, GaussianBlur, RandomErasing, RandomResizedCrop, autoaugment

DRAWS = 100000
WIDTH, HEIGHT = 64, 48  # of the picture; views are 32x32
NAMES = {"ShearX": "shear-x", "ShearY": "shear-y", "TranslateX": "translate-x", "TranslateY": "translate-y",
         "Rotate": "rotate", "Brightness": "brightness", "Color": "saturation", "Contrast": "contrast",
         "Sharpness": "sharpness", "Posterize": "posterize", "Solarize": "solarize", "AutoContrast": "auto-contrast",
         "Equalize": "equalize", "Invert": "invert"}
counts = {}


def count(statistic, key):
    counts.setdefault(statistic, Counter())[key] += 1


def step(name, magnitude):
    """test_policies.c's text of a step: hundredths of what the operation takes; pixels for moves."""
    value = {"translate": lambda: int(magnitude) * 100, "brightness": lambda: 100 * (1 + magnitude)}
    kind = "translate" if name.startswith("Translate") else "brightness" if name in (
        "Brightness", "Color", "Contrast", "Sharpness") else None
    if name in ("AutoContrast", "Equalize", "Invert"):
        return NAMES[name]
    hundredths = value[kind]() if kind else 100 * magnitude
    return f"{NAMES[name]}:{math.floor(hundredths + 0.5 + 1e-3)}"  # float32 magnitudes


def bin_of(value, low, high, n=20):
    return str(min(n - 1, int((value - low) / (high - low) * n)))


def write_steps_down():
    """Instead of changing pictures: the list that each operation but the identity is added to."""
    steps = []

    def note(img, name, magnitude, interpolation, fill):
        if name != "Identity":
            steps.append(step(name, magnitude))
        return img

    autoaugment._apply_op = note
    return steps


def sequences():
    """Named policies: the whole sequence of operations, with magnitudes and signs."""
    steps = write_steps_down()
    view = Image.new("RGB", (32, 32))
    policies = {"autoaugment " + table.value: autoaugment.AutoAugment(table) for table in autoaugment.AutoAugmentPolicy}
    policies |= {"randaugment": autoaugment.RandAugment(), "trivialaugment": autoaugment.TrivialAugmentWide()}
    for name, policy in policies.items():
        for _ in range(DRAWS):
            steps.clear()
            policy(view)
            count(name, " ".join(steps))


def randaugments():
    """RandAugment's other numbers: one operation alone; of three the last, and how many did something."""
    steps = write_steps_down()
    view = Image.new("RGB", (32, 32))
    one = autoaugment.RandAugment(num_ops=1, magnitude=25)
    three = autoaugment.RandAugment(num_ops=3, magnitude=4, num_magnitude_bins=11)
    for _ in range(DRAWS):
        steps.clear()
        one(view)
        count("one of randaugment", " ".join(steps))
        steps.clear()
        three(view)
        count("three of randaugment", steps[-1] if steps else "")
        count("three of randaugment steps", str(len(steps)))


def augmix():
    """Chains, by what is mixed in after each, and the weights."""
    mix, chains = autoaugment.AugMix(), []
    sample = mix._sample_dirichlet
    weights = []

    def note_weights(params):
        weights.append(sample(params))
        return weights[-1]

    def note(img, name, magnitude, interpolation, fill):
        assert interpolation == autoaugment.InterpolationMode.BILINEAR
        chains.append(step(name, magnitude))
        return img

    mix._sample_dirichlet = note_weights
    autoaugment._apply_op = note
    randint = torch.randint

    def note_depth(*args, **kwargs):
        result = randint(*args, **kwargs)
        if kwargs.get("low") == 1:
            depths.append(int(result))
        return result

    autoaugment.torch.randint = note_depth
    view, depths = torch.zeros(3, 32, 32, dtype=torch.uint8), []
    for _ in range(DRAWS):
        for noted in chains, weights, depths:
            noted.clear()
        mix(view)
        share = weights[0][0]
        count("augmix depths", " ".join(map(str, depths)))
        count("augmix first", chains[0])
        count("augmix last", chains[-1])
        count("augmix before", bin_of(float(share[0]), 0, 1))
        for i in range(3):
            count(f"augmix weight {i}", bin_of(float(weights[1][0, i] * share[1]), 0, 1))
        count("augmix weights", bin_of(float(share[0]), 0, 1, 5) + " " + bin_of(float(weights[1][0, 0]), 0, 1, 5))
    autoaugment.torch.randint = randint


def rectangle(name, x, y, width, height, of_width, of_height):
    for what, value in ("x", x), ("y", y), ("width", width), ("height", height):
        count(f"{name} {what}", str(value))
    count(f"{name} size", f"{width * 8 // (of_width + 1)} {height * 8 // (of_height + 1)}")
    count(f"{name} place", f"{x * 4 // (of_width - width + 1)} {y * 4 // (of_height - height + 1)}")


def main():
    torch.manual_seed(0)
    sequences()
    augmix()
    # Usual; too wide and too tall for most tries; no try fits, so that the middle is taken.
    for name, width, height, scale, ratio in [("crop", WIDTH, HEIGHT, (.08, 1), (3 / 4, 4 / 3)),
                                              ("crop wide", 96, 24, (.3, 1), (3 / 4, 4 / 3)),
                                              ("crop tall", 20, 97, (.3, 1), (1 / 2, 2)),
                                              ("crop never", 97, 20, (.9, 1), (1, 2))]:
        image = Image.new("L", (width, height))
        for _ in range(DRAWS):
            y, x, h, w = RandomResizedCrop.get_params(image, scale, ratio)
            rectangle(name, x, y, w, h, width, height)
    blank = torch.zeros(1, 32, 32)
    for _ in range(DRAWS):
        y, x, h, w, _ = RandomErasing.get_params(blank, (.02, .33), (.3, 3.3), [0.])
        rectangle("erase", x, y, w, h, 32, 32)
    jitter = ColorJitter(.8, .8, .8, .2)
    for _ in range(DRAWS):
        order, *factors = ColorJitter.get_params(jitter.brightness, jitter.contrast, jitter.saturation, jitter.hue)
        count("color order", " ".join(str(int(i)) for i in order))
        for i, (value, reach) in enumerate(zip(factors, (.8, .8, .8, .2))):
            count(f"color factor {i}", bin_of(value, (i < 3) - reach, (i < 3) + reach))
        count("color pair", bin_of(factors[0], .2, 1.8, 6) + " " + bin_of(factors[3], -.2, .2, 6))
        count("blur", bin_of(GaussianBlur.get_params(.1, 2.), .1, 2.))
    torch.manual_seed(1)  # what follows does not depend on what came before
    randaugments()

    print("/* SPDX-License-Identifier: LGPL-2.1-or-later */\n/* Made by tests/oracle/policies.py. */\n")
    print(f"#define GOLDEN_DRAWS {DRAWS}\n")
    print("static const struct {\n  const gchar *statistic, *key;\n  guint count;\n} golden_draws[] = {")
    for statistic, keys in counts.items():
        for key, n in sorted(keys.items()):
            print(f'  {{ "{statistic}", "{key}", {n} }},')
    print("};")


main()
