# SPDX-License-Identifier: LGPL-2.1-or-later
"""Reads an index with PyTorch and checks it: python3 tests/oracle/index.py INDEX [TEXT]

Prints its entries; with TEXT, the lines that supconindex wrote for a search with the index's first entry as the query
must name the times that PyTorch finds.
"""
import sys

import torch
from safetensors import safe_open

with safe_open(sys.argv[1], "pt") as file:
    meta = file.metadata()
    index = {key: file.get_tensor(key) for key in file.keys()}
assert meta["format"] == "gst-supcon-index" and meta["version"] == "1", meta
x = index["embeddings"]
n = len(x)
names = {k: bytes(index[k + "-names"].tolist()).decode().split("\0")[:-1] for k in ("label", "uri")}
assert x.dtype == torch.float32 and len(index["timestamps"]) == len(index["labels"]) == len(index["uris"]) == n
assert -1 <= index["labels"].min() and index["labels"].max() < len(names["label"])
assert -1 <= index["uris"].min() and index["uris"].max() < len(names["uri"])
if meta["metric"] == "cosine":
    assert torch.allclose(x.norm(dim=1), torch.ones(n), atol=1e-5)
print(n, "entries of", x.shape[1], meta["metric"], names)
if len(sys.argv) > 2:
    lines = [line.split() for line in open(sys.argv[2]).read().strip().split("\n")]
    scores, best = (x @ x[0]).topk(len(lines))
    for (time, score, *_), s, e in zip(lines, scores.tolist(), best.tolist()):
        h, m, sec = time.split(":")
        ms = round((int(h) * 60 + int(m)) * 60000 + float(sec) * 1000)
        assert abs(float(score) - s) < 1e-3 and ms == index["timestamps"][e] // 1000000, (time, score, s, e)
    print(len(lines), "neighbours agree")
