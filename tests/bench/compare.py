# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs bench_train and the same work in PyTorch by turns, and prints both medians with their ratio.

Usage: ninja -C build-release tests/bench_train; python3 tests/bench/compare.py BENCH_TRAIN [REPEATS]
PyTorch runs eagerly, channels_last, with as many threads as the benchmark: 2; in float32, then under bfloat16 autocast.
"""
import json
import statistics
import subprocess
import sys
import time

import torch
import torch.nn as nn
import torch.nn.functional as F
import torchvision

THREADS = 2
precision = "float32"


def autocast():
    return torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16")


torch.set_num_threads(THREADS)
bench, repeats = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 7


def supcon(z, labels, t=0.1):
    """Equation 2 as the authors' code writes it: whole n x n matrices."""
    s = z @ z.T / t
    s = s - s.max(1, keepdim=True)[0].detach()
    others = 1 - torch.eye(len(z))
    positives = (labels[:, None] == labels[None]).float() * others
    log_p = s - torch.log((torch.exp(s) * others).sum(1, keepdim=True))
    return -((positives * log_p).sum(1) / positives.sum(1).clamp(min=1)).mean()


class Block(nn.Module):
    def __init__(self, i, o, stride):
        super().__init__()
        self.c1, self.b1 = nn.Conv2d(i, o, 3, stride, 1, bias=False), nn.BatchNorm2d(o)
        self.c2, self.b2 = nn.Conv2d(o, o, 3, 1, 1, bias=False), nn.BatchNorm2d(o)
        self.stride, self.more = stride, o - i

    def forward(self, x):
        y = self.b2(self.c2(F.relu(self.b1(self.c1(x)))))
        r = x if self.stride == 1 else F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 0, self.more))
        return F.relu(y + r)


def resnet20():
    layers, c = [nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU()], 16
    for stage, width in enumerate((16, 32, 64)):
        for b in range(3):
            layers.append(Block(c, width, 2 if stage and b == 0 else 1))
            c = width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 128))


def step(net, n, size):
    net = net.to(memory_format=torch.channels_last)
    sgd = torch.optim.SGD(net.parameters(), 0.01, momentum=0.9, weight_decay=1e-4)
    x = torch.randn(n, 3, size, size).to(memory_format=torch.channels_last)
    labels = torch.arange(n) // 2 % 10

    def run():
        sgd.zero_grad()
        with autocast():
            z = net(x)
        supcon(F.normalize(z.float()), labels).backward()
        sgd.step()

    return run


def with_head(net):
    dim = net.fc.in_features
    net.fc = nn.Sequential(nn.Linear(dim, dim), nn.ReLU(), nn.Linear(dim, 128))
    return net


def frames(net, n):
    net = net.eval().to(memory_format=torch.channels_last)
    net.fc = nn.Identity()
    x = torch.randn(n, 3, 224, 224).to(memory_format=torch.channels_last)

    def run():
        with torch.inference_mode(), autocast():
            net(x)

    return run


def loss(n, dim):
    z = F.normalize(torch.randn(n, dim))
    labels = torch.randint(0, 1000, (n,))

    def run():
        supcon(z.clone().requires_grad_(), labels).backward()

    return run


models = torchvision.models
works = {
    "step-resnet18-16x224": lambda: step(with_head(models.resnet18()), 16, 224),
    "step-resnet50-16x224": lambda: step(with_head(models.resnet50()), 16, 224),
    "step-resnet20-512x32": lambda: step(resnet20(), 512, 32),
    "frame-resnet18-224": lambda: frames(models.resnet18(), 1),
    "frame-resnet50-224": lambda: frames(models.resnet50(), 1),
    "frames-resnet18-16x224": lambda: frames(models.resnet18(), 16),
    "frames-resnet50-16x224": lambda: frames(models.resnet50(), 16),
    "loss-6144x128": lambda: loss(6144, 128),
}
print(f"PyTorch {torch.__version__}, {THREADS} threads, medians of {repeats}")
print("| work | precision | gst-supcon, ms | PyTorch, ms | ratio |\n|---|---|---|---|---|")
for precision in ("float32", "bfloat16"):
    for name, make in works.items():
        if precision == "bfloat16" and name.startswith("loss"):
            continue
        run = make()
        run()
        theirs = []
        for _ in range(repeats):
            start = time.perf_counter()
            run()
            theirs.append(time.perf_counter() - start)
        del run
        line = subprocess.run([bench, str(THREADS), str(repeats), name, precision], capture_output=True, text=True,
                              check=True).stdout
        ours = json.loads(line)["seconds"]
        median = statistics.median(theirs)
        print(f"| {name} | {precision} | {ours * 1000:.1f} | {median * 1000:.1f} | {median / ours:.2f} |", flush=True)
