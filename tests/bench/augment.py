# SPDX-License-Identifier: LGPL-2.1-or-later
"""Views a second of processor time on one thread (so that a busy machine disturbs little), side by side with torchvision
on PIL and on tensors; median of several rounds. The last column is what a view must move at least (the mean crop, 54 % of
the picture, and the view), as a share of the bandwidth of a large copy.

    meson compile -C build-release bench_augment    (a build with -Dtests=true)
    python3 tests/bench/augment.py build-release/tests/bench_augment [POLICY...]
"""
import statistics
import subprocess
import sys
import time

import numpy as np
import torch
import torchvision
from PIL import Image
from torchvision.transforms import v2

torch.set_num_threads(1)
# A narrow Gaussian has subnormal numbers at the edge of its kernel, which take five times as long: not counted for us.
torch.set_flush_denormal(True)
ROUNDS, SECONDS = 5, 0.5


def policy(name, size):
    steps = [v2.RandomResizedCrop(size, antialias=True), v2.RandomHorizontalFlip()]
    if name == "simaugment":
        kernel = size // 10 // 2 * 2 + 1
        steps += [v2.RandomApply([v2.ColorJitter(0.8, 0.8, 0.8, 0.2)], 0.8), v2.RandomGrayscale(0.2),
                  v2.RandomApply([v2.GaussianBlur(kernel, (0.1, 2.0))], 0.5)]
    steps += {"autoaugment": [v2.AutoAugment()], "randaugment": [v2.RandAugment()],
              "trivialaugment": [v2.TrivialAugmentWide()], "augmix": [v2.AugMix()]}.get(name, [])
    return v2.Compose(steps)


def rate(transform, picture):
    n, begin = 0, time.process_time()
    while time.process_time() - begin < SECONDS:
        transform(picture)
        n += 1
    return n / (time.process_time() - begin)


def bandwidth():
    a = np.zeros(1 << 28, np.uint8)
    b = np.ones_like(a)
    times = []
    for _ in range(5):
        begin = time.process_time()
        np.copyto(b, a)
        times.append(time.process_time() - begin)
    return 2 * a.nbytes / statistics.median(times)


memory = bandwidth()
print(f"torchvision {torchvision.__version__}, torch {torch.__version__}, one thread, median of {ROUNDS}, "
      f"a large copy moves {memory / 1e9:.1f} GB/s")
print("| policy | from | to | views/s | torchvision, PIL | torchvision, tensor | ratio to the faster | of the bandwidth |")
print("|---|---|---|---|---|---|---|---|")
for name in sys.argv[2:] or ("crop", "simaugment", "autoaugment", "randaugment", "trivialaugment", "augmix"):
    for width, height, size in (640, 480, 224), (1920, 1080, 224), (32, 32, 32):
        pixels = (np.arange(width * height * 3, dtype=np.uint32) * 2654435761 >> 24).astype(np.uint8)
        pixels = pixels.reshape(height, width, 3)
        pil, tensor = Image.fromarray(pixels), torch.from_numpy(pixels).permute(2, 0, 1).contiguous()
        ours, by_pil, by_tensor = [], [], []
        for _ in range(ROUNDS):
            ours.append(float(subprocess.check_output(
                [sys.argv[1], name, str(width), str(height), str(size), str(SECONDS)])))
            by_pil.append(rate(policy(name, size), pil))
            by_tensor.append(rate(policy(name, size), tensor))
        a, b, c = map(statistics.median, (ours, by_pil, by_tensor))
        print(f"| {name} | {width}x{height} | {size}x{size} | {a:.0f} | {b:.0f} | {c:.0f} | {a / max(b, c):.1f} | "
              f"{a * 3 * (0.54 * width * height + size * size) / memory:.1%} |")
