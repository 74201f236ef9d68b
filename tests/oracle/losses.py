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

# Hardest tenths: the mean over the anchors with a positive of mean weight of the hardest tenth by that of all.
shares = {"positives": [], "negatives": []}
s = Z @ Z.T
for a in range(N):
    others = [j for j in range(N) if j != a]
    q = dict(zip(others, torch.softmax(s[a, others] / TEMPERATURE, 0).tolist()))
    p = [j for j in others if w[a, j]]
    n = [j for j in others if not w[a, j]]
    if not p:
        continue
    for name, group, key, weight in (
        ("positives", p, lambda j: s[a, j].item(), lambda j: abs(q[j] - 1 / len(p))),
        ("negatives", n, lambda j: -s[a, j].item(), lambda j: q[j]),
    ):
        weights = [weight(j) for j in sorted(group, key=key)]
        tenth = -(-len(weights) // 10)
        shares[name].append(sum(weights[:tenth]) / tenth / (sum(weights) / len(weights)))
for name, values in shares.items():
    array(f"hard_{name}", [sum(values) / len(values)])

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
