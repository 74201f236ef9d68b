# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes tests/core/golden/optimizers.h: where PyTorch's optimisers take seven weights in 100 steps of a quadratic with
noise; LARS by a reference in numpy of algorithm 1 of You et al. 2017.

Usage: python3 tests/oracle/optimizers.py > tests/core/golden/optimizers.h    (needs torch)
"""
import numpy as np
import torch

torch.set_default_dtype(torch.float64)
N, STEPS, RATE, DECAY = 7, 100, 0.01, 0.02


def start():
    return np.cos(np.arange(N) + 1.0)


def gradient(w, step):
    """Of sum_i (i + 1)/2 (w_i - i/4)^2, and a disturbance that changes with the step."""
    i = np.arange(N)
    return (i + 1) * (w - i / 4) + np.sin(3.0 * step + i)


def rate(step):
    return RATE * (1 + 0.5 * np.cos(step))


def by_torch(make):
    w = torch.tensor(start(), requires_grad=True)
    optimizer = make([w])
    rows = []
    for step in range(STEPS):
        optimizer.param_groups[0]["lr"] = rate(step)
        w.grad = torch.tensor(gradient(w.detach().numpy(), step))
        optimizer.step()
        rows.append(w.detach().numpy().copy())
    return rows


def lars(momentum, eta, excluded):
    w, v, rows = start(), np.zeros(N), []
    for step in range(STEPS):
        g = gradient(w, step)
        decay = 0.0 if excluded else DECAY
        local = 1.0
        if not excluded:
            local = eta * np.linalg.norm(w) / (np.linalg.norm(g) + decay * np.linalg.norm(w))
        v = momentum * v + rate(step) * local * (g + decay * w)
        w = w - v
        rows.append(w.copy())
    return rows


def array(name, rows):
    print(f"static const double {name}[] = {{ /* after 1, 10 and 100 steps */")
    for k in (0, 9, 99):
        print("  " + ", ".join(f"{v:.15e}" for v in rows[k][:4]) + ",")
        print("  " + ", ".join(f"{v:.15e}" for v in rows[k][4:]) + ",")
    print("};\n")


print("/* SPDX-License-Identifier: LGPL-2.1-or-later */")
print("/* Made by tests/oracle/optimizers.py; do not edit. */\n")
o = torch.optim
array("sgd_path", by_torch(lambda p: o.SGD(p, lr=1, momentum=0.9, weight_decay=DECAY)))
array("nesterov_path", by_torch(lambda p: o.SGD(p, lr=1, momentum=0.9, weight_decay=DECAY, nesterov=True)))
array("adam_path", by_torch(lambda p: o.Adam(p, lr=1, betas=(0.9, 0.999), weight_decay=DECAY)))
array("adamw_path", by_torch(lambda p: o.AdamW(p, lr=1, betas=(0.8, 0.95), eps=1e-3, weight_decay=DECAY)))
array("rmsprop_path", by_torch(lambda p: o.RMSprop(p, lr=1, alpha=0.99, momentum=0.9, weight_decay=DECAY)))
array("rmsprop_plain_path", by_torch(lambda p: o.RMSprop(p, lr=1, alpha=0.9, weight_decay=DECAY)))
array("lars_path", lars(0.9, 0.001, False))
array("lars_trust_path", lars(0.9, 0.5, False))
array("lars_excluded_path", lars(0.9, 0.001, True))
