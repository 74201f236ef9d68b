# SPDX-License-Identifier: LGPL-2.1-or-later
"""The method as its authors train it (Khosla et al. 2020), in PyTorch, with the settings of pipelines/reproduce: what
supcontrainer's accuracy, calibration and time are compared with. Two views of random crops and flips, a ResNet for small
pictures (He et al. 2015, section 4.2) with a head of two layers, supcon-out, SGD with momentum and a cosine; then a linear
classifier on the frozen encoder. With --loss cross-entropy encoder and classifier together, of one view.

Prints one JSON object: top1, nll and ece (15 bins) on the test pictures, seconds of training, and the settings.

Usage: python3 tests/oracle/train_supcon.py [--loss supcon] [--seed 1] [--samples 10000] ...    (needs torch)
"""
import argparse
import gzip
import json
import math
import pathlib
import time

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
CLASSES, BINS = 10, 15


def arguments():
    p = argparse.ArgumentParser(formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    p.add_argument("--loss", choices=["supcon", "cross-entropy"], default="supcon")
    p.add_argument("--encoder", default="resnet8", help="resnet8, resnet20, ...: six times n layers and two")
    p.add_argument("--epochs", type=int, default=10)
    p.add_argument("--linear-epochs", type=int, default=5)
    p.add_argument("--batch", type=int, default=0, help="views; 0: 256, of cross-entropy 128")
    p.add_argument("--lr", type=float, default=0.2, help="of both encoder stages, as supcontrainer's")
    p.add_argument("--temperature", type=float, default=0.1)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--samples", type=int, default=10000, help="of the training set, classes alike; 0: all")
    p.add_argument("--data", type=pathlib.Path, default="/usr/share/datasets/fashion-mnist", help="folder of IDX files")
    args = p.parse_args()
    args.batch = args.batch or (256 if args.loss == "supcon" else 128)
    return args


def read_idx(path, header):
    with gzip.open(path) as f:
        return np.frombuffer(f.read(), np.uint8, offset=header)


def read_set(folder, name):
    pictures = read_idx(folder / f"{name}-images-idx3-ubyte.gz", 16).reshape(-1, 28, 28)
    labels = read_idx(folder / f"{name}-labels-idx1-ubyte.gz", 8).astype(np.int64)
    return torch.from_numpy(pictures.copy()), torch.from_numpy(labels)


def choose(labels, n, seed):
    """n pictures at random, of each class as many as its share."""
    generator = torch.Generator().manual_seed(seed)
    chosen = [(labels == c).nonzero()[:, 0] for c in range(CLASSES)]
    return torch.cat([c[torch.randperm(len(c), generator=generator)[: round(n * len(c) / len(labels))]] for c in chosen])


def crops(n):
    """n boxes (left, top, width, height) as torchvision's RandomResizedCrop draws them, from 0.5 to 1 of the area and 0.9 to
    1.1 of the shape: the first of ten that fits, or else all of the picture."""
    area = 28 * 28 * torch.empty(n, 10).uniform_(0.5, 1)
    ratio = torch.empty(n, 10).uniform_(math.log(0.9), math.log(1.1)).exp()
    width, height = (area * ratio).sqrt().round(), (area / ratio).sqrt().round()
    fits = (width <= 28) & (height <= 28)
    first = fits.int().argmax(1, keepdim=True)
    width, height = (torch.where(fits.any(1), x.gather(1, first)[:, 0], 28) for x in (width, height))
    left, top = ((torch.rand(n) * (29 - x)).floor() for x in (width, height))
    return left, top, width, height


def augment(pictures):
    """A random crop of each picture (n x 28 x 28), resized by linear interpolation, and half of them flipped. A crop is never
    larger than the result, so that torchvision's antialiasing would change nothing."""
    left, top, width, height = crops(len(pictures))
    flip = torch.where(torch.rand(len(pictures)) < 0.5, -1, 1)
    centre = (torch.arange(28) + 0.5) / 28
    x = 0.5 + flip[:, None] * (centre - 0.5)
    # Places between pixels, and none beyond a crop's own.
    x, y = (
        first[:, None] + (at * size[:, None] - 0.5).clamp(min=0).minimum(size[:, None] - 1)
        for first, at, size in ((left, x, width), (top, centre, height))
    )
    grid = torch.stack([x[:, None, :].expand(-1, 28, -1), y[:, :, None].expand(-1, -1, 28)], 3) * 2 / 27 - 1
    views = F.grid_sample(pictures[:, None].float(), grid, align_corners=True).round().div(255)
    return views.expand(-1, 3, -1, -1)


def normalise(x):
    return (x - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1)


class Block(nn.Module):
    def __init__(self, into, out, stride):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(into, out, 3, stride, 1, bias=False), nn.BatchNorm2d(out)
        self.conv2, self.bn2 = nn.Conv2d(out, out, 3, 1, 1, bias=False), nn.BatchNorm2d(out)
        self.stride, self.new = stride, out - into

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        # He et al.'s option A: every other pixel, new channels are zero.
        return F.relu(y + F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.new)))


class Encoder(nn.Module):
    dim = 64

    def __init__(self, layers):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16)
        blocks, into = [], 16
        for stage, out in enumerate((16, 32, 64)):
            for block in range((layers - 2) // 6):
                blocks.append(Block(into, out, 2 if stage > 0 and block == 0 else 1))
                into = out
        self.blocks = nn.Sequential(*blocks)
        for m in self.modules():
            if isinstance(m, nn.Conv2d):
                nn.init.kaiming_normal_(m.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x):
        return self.blocks(F.relu(self.bn1(self.conv1(x)))).mean((2, 3))


def supcon(z, labels, temperature):
    """L_out (equation 2) over n views of unit length: the mean over anchors that have a positive."""
    itself = torch.eye(len(z), dtype=torch.bool)
    similar = (z @ z.T / temperature).masked_fill(itself, -torch.inf)
    log_p = similar - similar.logsumexp(1, keepdim=True)
    positive = (labels[:, None] == labels) & ~itself
    n = positive.sum(1)
    return (-log_p.masked_fill(~positive, 0).sum(1)[n > 0] / n[n > 0]).mean()


def classifier():
    layer = nn.Linear(Encoder.dim, CLASSES)
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer


def fit(train, views, batch, epochs, rate, warm, parameters, loss_of):
    """Minimises loss_of (views, labels) by SGD with a cosine; warm: the rate rises in a tenth of the steps."""
    pictures, labels = train
    n = batch // views
    steps = len(labels) // n
    total = epochs * steps
    warmup = min(max(total // 10, 20), 100, total // 2) if warm else 0
    # Biases and BatchNorm are not decayed.
    optimizer = torch.optim.SGD(
        [
            {"params": [p for p in parameters if p.dim() > 1], "weight_decay": 1e-4},
            {"params": [p for p in parameters if p.dim() == 1], "weight_decay": 0},
        ],
        lr=rate,
        momentum=0.9,
    )

    def share(step):
        if step < warmup:
            return (step + 1) / warmup
        return 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(total - warmup, 1)))

    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, share)
    for _ in range(epochs):
        for chosen in torch.randperm(len(labels))[: steps * n].view(steps, n):
            chosen = chosen.repeat_interleave(views)
            loss = loss_of(normalise(augment(pictures[chosen])), labels[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()


def train(args, pictures):
    encoder = Encoder(int(args.encoder.removeprefix("resnet")))
    head = nn.Sequential(nn.Linear(Encoder.dim, Encoder.dim), nn.ReLU(), nn.Linear(Encoder.dim, 128))
    output = classifier()

    def cross_entropy(x, y):
        return F.cross_entropy(output(encoder(x)), y)

    def contrastive(x, y):
        return supcon(F.normalize(head(encoder(x))), y, args.temperature)

    if args.loss == "cross-entropy":
        learnt = [*encoder.parameters(), *output.parameters()]
        fit(pictures, 1, args.batch, args.epochs, args.lr, True, learnt, cross_entropy)
        return encoder.eval(), output
    learnt = [*encoder.parameters(), *head.parameters()]
    fit(pictures, 2, args.batch, args.epochs, args.lr, True, learnt, contrastive)
    encoder.eval().requires_grad_(False)
    fit(pictures, 1, 256, args.linear_epochs, 1, False, [*output.parameters()], cross_entropy)
    return encoder, output


@torch.no_grad()
def measure(encoder, output, pictures, labels):
    x = pictures.float().div(255)[:, None].expand(-1, 3, -1, -1)
    logits = torch.cat([output(encoder(normalise(part))) for part in x.split(500)])
    confidence, predicted = logits.softmax(1).max(1)
    right = (predicted == labels).double()
    bins = (confidence * BINS).ceil().long().sub(1).clamp(0, BINS - 1)
    gap = torch.zeros(BINS, dtype=torch.float64).index_add_(0, bins, right - confidence.double())
    return {
        "top1": right.mean().item(),
        "nll": F.cross_entropy(logits, labels).item(),
        "ece": gap.abs().sum().item() / len(labels),
    }


def main():
    args = arguments()
    torch.manual_seed(args.seed)
    pictures, labels = read_set(args.data, "train")
    if args.samples:
        some = choose(labels, args.samples, args.seed)
        pictures, labels = pictures[some], labels[some]
    start = time.monotonic()
    encoder, output = train(args, (pictures, labels))
    seconds = time.monotonic() - start
    found = measure(encoder, output, *read_set(args.data, "t10k"))
    settings = {k: str(v) if k == "data" else v for k, v in vars(args).items()}
    print(json.dumps({**found, "seconds": round(seconds, 1), **settings}))


if __name__ == "__main__":
    main()
