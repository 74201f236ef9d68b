# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes tests/core/golden/losses.h: the contrastive losses of twelve views (the last three past ones) and, by PyTorch's
automatic differentiation, their gradients; alignment and uniformity as Wang and Isola 2020 define them.

Usage: python3 tests/oracle/losses.py > tests/core/golden/losses.h    (needs torch)
"""
import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)
N, PAST, DIM, CLASSES, TEMPERATURE, BASE = 12, 3, 4, 3, 0.15, 0.07
LABELS = [0, 0, 1, 1, -1, -1, 2, 2, 0, 0, 1, 2]
SAMPLES = [0, 0, 1, 1, 2, 2, 3, 3, 4, 5, 6, 7]
i, k = torch.meshgrid(torch.arange(N), torch.arange(DIM), indexing="ij")
Z = F.normalize(torch.sin(1.7 * i * i + 2.3 * k + i * k + 0.5))
i, c = torch.meshgrid(torch.arange(N), torch.arange(CLASSES), indexing="ij")
TARGETS = 0.05 + 0.9 * torch.cos(0.9 * i + c) ** 2


def positives(kind):
    labels, samples = torch.tensor(LABELS), torch.tensor(SAMPLES)
    same = samples[:, None] == samples[None, :]
    if kind != "self":
        labelled = labels[:, None] >= 0
        by_label = (labels[:, None] == labels[None, :]) & labelled
        same = torch.where(labelled, by_label, same & ~labelled.T)
    w = same.double()
    if kind == "general":
        u = F.normalize(TARGETS) * (labels[:, None] >= 0)
        both = (labels[:, None] >= 0) & (labels[None, :] >= 0)
        w = torch.where(both, u @ u.T, w)
    return w * (1 - torch.eye(N))


def loss(z, kind):
    s = z @ z.T / TEMPERATURE
    w = positives(kind)
    others = 1 - torch.eye(N)
    log_all = torch.log((torch.exp(s) * others).sum(1, keepdim=True))
    if kind == "in":
        terms = -torch.log((w * torch.exp(s - log_all)).sum(1) / w.sum(1))
    elif kind == "sincere":
        negatives = (torch.exp(s) * others * (w == 0)).sum(1, keepdim=True)
        terms = -(w * (s - torch.log(torch.exp(s) + negatives))).sum(1) / w.sum(1)
    else:
        terms = -(w * (s - log_all)).sum(1) / w.sum(1)
    return TEMPERATURE / BASE * terms[: N - PAST].mean()


def array(name, values):
    print(f"static const double {name}[] = {{")
    for at in range(0, len(values), 4):
        print("  " + ", ".join(f"{v:.15e}" for v in values[at : at + 4]) + ",")
    print("};\n")


print("/* SPDX-License-Identifier: LGPL-2.1-or-later */")
print("/* Made by tests/oracle/losses.py; do not edit. */\n")
for kind in ("out", "in", "self", "sincere", "general"):
    now, past = Z[: N - PAST].clone().requires_grad_(), Z[N - PAST :]
    if kind == "self":
        # The last view has no other of its sample: past rows are no anchors, row 8 is none either.
        kept = [a for a in range(N - PAST) if positives(kind)[a].sum() > 0]
        s = torch.cat([now, past]) @ torch.cat([now, past]).T / TEMPERATURE
        others = 1 - torch.eye(N)
        w = positives(kind)
        terms = torch.log((torch.exp(s) * others).sum(1)) - (w * s).sum(1) / w.sum(1).clamp(min=1)
        value = TEMPERATURE / BASE * terms[kept].mean()
    else:
        value = loss(torch.cat([now, past]), kind)
    value.backward()
    array(f"{kind}_loss", [value.item()])
    array(f"{kind}_gradient", now.grad.flatten().tolist())
w = positives("out") > 0
array("alignment", [((Z[:, None] - Z[None, :]) ** 2).sum(2)[w].mean().item()])
array("uniformity", [torch.pdist(Z).pow(2).mul(-2).exp().mean().log().item()])
