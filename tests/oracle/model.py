# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes tests/core/golden/model.h: what PyTorch and torchvision compute for weights and pictures that both sides make from
one formula. Embeddings in evaluation mode, one whole training step (loss, gradients, updated weights), and the losses of
steps with a momentum encoder and a queue, in double precision.

Usage: python3 tests/oracle/model.py > tests/core/golden/model.h    (needs torch, torchvision)
"""
import copy

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
import torchvision

torch.set_default_dtype(torch.float64)
N, SIZE = 8, 64
LABELS = [0, 1, 0, 1, 2, 2, -1, -1]
SAMPLES = [0, 1, 2, 3, 4, 5, 6, 6]
TEMPERATURE, RATE, MOMENTUM, DECAY = 0.1, 0.1, 0.9, 1e-4
STEPS, QUEUE, SLOW_RATE, AVERAGE = 4, 12, 0.001, 0.6


def noise(stream, n):
    """n numbers in [-0.5, 0.5): a hash of (stream, index) in 32-bit arithmetic."""
    h = np.arange(n, dtype=np.uint64) * 2654435761 + np.uint64(stream) * 40503 + 12345
    h &= 0xFFFFFFFF
    h ^= h >> 16
    h = h * 0x45D9F3B & 0xFFFFFFFF
    h ^= h >> 16
    return h.astype(np.float64) / 2**32 - 0.5


def fill(model):
    """Every tensor by its place in file order (num_batches_tracked left out), elements in OIHW order."""
    state = model.state_dict()
    names = [n for n in state if not n.endswith("num_batches_tracked")]
    for i, name in enumerate(names):
        t = state[name]
        v = noise(i + 1, t.numel())
        if t.dim() == 4:
            v *= np.sqrt(24.0 / (t.shape[0] * t.shape[2] * t.shape[3]))
        elif t.dim() == 2:
            v *= np.sqrt(12.0 / t.shape[1])
        elif name.endswith("running_var"):
            v = 1 + v
        elif name.endswith("weight"):
            v = 1 + 0.4 * v
        else:
            v *= 0.4
        # The library keeps weights in float32.
        t.copy_(torch.from_numpy(v.astype(np.float32).astype(np.float64)).reshape(t.shape))
    return names


class Net(nn.Module):
    def __init__(self, name):
        super().__init__()
        encoder = getattr(torchvision.models, name)()
        dim = encoder.fc.in_features
        encoder.fc = nn.Identity()
        self.encoder = encoder
        self.projection = nn.Sequential(nn.Linear(dim, dim), nn.ReLU(), nn.Linear(dim, 128))

    def forward(self, x):
        return F.normalize(self.projection(self.encoder(x)))


def pictures():
    """Of a hundred streams one where no ReLU's input lies within rounding of 0 at a place that matters: additive noise of 3e-7
    of each layer's outputs moves no gradient by more than 2e-5 of its length. (With stream 1000 a unit changed its side and
    moved one by 2e-3.)"""
    p = np.floor((noise(1042, N * SIZE * SIZE * 3) + 0.5) * 256).reshape(N, SIZE, SIZE, 3)
    x = (p / 255 - np.array([0.485, 0.456, 0.406])) / np.array([0.229, 0.224, 0.225])
    return torch.from_numpy(x).permute(0, 3, 1, 2).contiguous()


def supcon(z, labels=LABELS, samples=SAMPLES):
    """Equation 2, as printed; mean over anchors with a positive. The first N rows are anchors, those behind them past."""
    s = z[:N] @ z.T / TEMPERATURE
    terms = []
    for i in range(N):
        others = [a for a in range(len(z)) if a != i]
        if labels[i] >= 0:
            positives = [p for p in others if labels[p] == labels[i]]
        else:
            positives = [p for p in others if samples[p] == samples[i]]
        if positives:
            log_sum = torch.logsumexp(s[i, others], 0)
            terms.append(-(s[i, positives] - log_sum).mean())
    return torch.stack(terms).mean()


def sgd(net, rate):
    """Normalisation and biases do not decay."""
    decayed = [p for p in net.parameters() if p.dim() > 1]
    plain = [p for p in net.parameters() if p.dim() == 1]
    groups = [{"params": decayed, "weight_decay": DECAY}, {"params": plain, "weight_decay": 0.0}]
    return torch.optim.SGD(groups, lr=rate, momentum=MOMENTUM)


def momentum_encoder_losses():
    """MoCo's (He et al. 2020, arXiv 1911.05722): a second encoder follows the learnt one, and what it says of past
    batches, first in first out, is what the next are contrasted with too. Each batch is the pictures of the one before,
    moved on by a place."""
    net = Net("resnet18")
    with torch.no_grad():
        fill(net)
    follower = copy.deepcopy(net)
    optimizer = sgd(net, SLOW_RATE)
    past, past_labels, past_samples, losses = torch.empty(0, 128), [], [], []
    for step in range(STEPS):
        x = pictures().roll(step, 0)
        samples = [s + N * step for s in SAMPLES]
        loss = supcon(torch.cat([net(x), past]), LABELS + past_labels, samples + past_samples)
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            for f, w in zip(follower.parameters(), net.parameters()):
                f.mul_(AVERAGE).add_(w, alpha=1 - AVERAGE)
            past = torch.cat([past, follower(x)])[-QUEUE:]
        past_labels = (past_labels + LABELS)[-QUEUE:]
        past_samples = (past_samples + samples)[-QUEUE:]
    return losses


def array(name, values):
    print(f"static const double {name}[] = {{")
    for i in range(0, len(values), 6):
        print("  " + ", ".join(f"{v:.9e}" for v in values[i : i + 6]) + ",")
    print("};\n")


print("/* SPDX-License-Identifier: LGPL-2.1-or-later */")
print("/* Made by tests/oracle/model.py; do not edit. */\n")
for name in ("resnet18", "resnet50"):
    net = Net(name)
    with torch.no_grad():
        fill(net)
    net.eval()
    with torch.no_grad():
        r = net.encoder(pictures())
    array(f"{name}_embedding", r[1, :64].tolist())

torch.manual_seed(0)
net = Net("resnet18")
with torch.no_grad():
    fill(net)
net.train()
loss = supcon(net(pictures()))
loss.backward()
params = dict(net.named_parameters())
before = {k: v.detach().clone() for k, v in params.items()}
sgd(net, RATE).step()
array("resnet18_loss", [loss.item()])
norms, dots, updates = [], [], []
for i, (k, p) in enumerate(params.items()):
    direction = noise(5000 + i, p.numel())
    norms.append(p.grad.norm().item())
    dots.append(float(p.grad.flatten().numpy() @ direction))
    updates.append(float((p.detach() - before[k]).flatten().numpy() @ direction))
print("/* Of each learnt tensor in file order: the gradient's norm, its product with noise (5000 + index), the update's. */")
array("resnet18_gradient_norm", norms)
array("resnet18_gradient_dot", dots)
array("resnet18_update_dot", updates)
array("resnet18_momentum_encoder_losses", momentum_encoder_losses())
