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


def terms(s, kind, anchors):
    """Those views' terms of the loss, of similarities s = z z^T / t. Each must have a positive."""
    w, others, s = positives(kind)[anchors], (1 - torch.eye(N))[anchors], s[anchors]
    log_all = torch.log((torch.exp(s) * others).sum(1, keepdim=True))
    if kind == "in":
        return -torch.log((w * torch.exp(s - log_all)).sum(1) / w.sum(1))
    if kind == "sincere":
        negatives = (torch.exp(s) * others * (w == 0)).sum(1, keepdim=True)
        return -(w * (s - torch.log(torch.exp(s) + negatives))).sum(1) / w.sum(1)
    return -(w * (s - log_all)).sum(1) / w.sum(1)


def loss(z, kind):
    anchors = [a for a in range(N - PAST) if positives(kind)[a].sum() > 0]
    return TEMPERATURE / BASE * terms(z @ z.T / TEMPERATURE, kind, anchors).mean()


def array(name, values):
    print(f"static const double {name}[] = {{")
    for at in range(0, len(values), 4):
        print("  " + ", ".join(f"{v:.15e}" for v in values[at : at + 4]) + ",")
    print("};\n")


print("/* SPDX-License-Identifier: LGPL-2.1-or-later */")
print("/* Made by tests/oracle/losses.py; do not edit. */\n")
KINDS = ("out", "in", "self", "sincere", "general")
for kind in KINDS:
    now, past = Z[: N - PAST].clone().requires_grad_(), Z[N - PAST :]
    value = loss(torch.cat([now, past]), kind)
    value.backward()
    array(f"{kind}_loss", [value.item()])
    array(f"{kind}_gradient", now.grad.flatten().tolist())
array("uniformity", [torch.pdist(Z).pow(2).mul(-2).exp().mean().log().item()])

# Of each loss: alignment of positives (of soft labels those that are alike by a half), and the hardest tenths: the mean
# over the anchors with a positive of the mean weight of the hardest tenth by that of all, a weight being the size of the
# derivative of the anchor's term by the similarity.
alignment, hard = [], {"positives": [], "negatives": []}
for kind in KINDS:
    w = positives(kind)
    alignment.append(((Z[:, None] - Z[None, :]) ** 2).sum(2)[w >= 0.5].mean().item())
    shares = {name: [] for name in hard}
    for a in range(N):
        s = (Z @ Z.T / TEMPERATURE).requires_grad_()
        p = [j for j in range(N) if w[a, j] >= 0.5]
        n = [j for j in range(N) if j != a and w[a, j] < 0.5]
        if not p:
            continue
        (weights,) = torch.autograd.grad(terms(s, kind, [a]).sum(), s)
        for name, group, sign in (("positives", p, 1), ("negatives", n, -1)):
            ordered = [weights[a, j].abs().item() for j in sorted(group, key=lambda j: sign * s[a, j].item())]
            tenth = -(-len(ordered) // 10)
            if sum(ordered) > 0:
                shares[name].append(sum(ordered[:tenth]) / tenth / (sum(ordered) / len(ordered)))
    for name, values in shares.items():
        hard[name].append(sum(values) / len(values))
array("alignment", alignment)
for name, values in hard.items():
    array(f"hard_{name}", values)

# A queue of seven, filled by batches of four: its loss at each of six steps.
Q_SIZE, Q_BATCH = 7, 4
queue, losses = [], []
for step in range(6):
    rows = [(Z[(step * 5 + b * 2) % N], (step + b) % 3) for b in range(Q_BATCH)]
    everyone = rows + queue
    z, labels = torch.stack([r[0] for r in everyone]), torch.tensor([r[1] for r in everyone])
    s = z @ z.T / TEMPERATURE
    terms = []
    for a in range(Q_BATCH):
        others = [j for j in range(len(everyone)) if j != a]
        p = [j for j in others if labels[j] == labels[a]]
        if p:
            terms.append(torch.logsumexp(s[a, others], 0) - s[a, p].mean())
    losses.append(torch.stack(terms).mean().item() if terms else 0.0)
    queue = (queue + rows)[-Q_SIZE:]
array("queue_losses", losses)

# Cross-entropy with smoothed and with soft targets.
i, c = torch.meshgrid(torch.arange(6), torch.arange(4), indexing="ij")
logits = (3 * torch.sin(1.3 * i + 2.1 * c * c)).requires_grad_()
labels = torch.tensor([0, 3, 1, 2, 2, 0])
value = F.cross_entropy(logits, labels, label_smoothing=0.1)
value.backward()
array("smooth_loss", [value.item()])
array("smooth_gradient", logits.grad.flatten().tolist())
