# SPDX-License-Identifier: LGPL-2.1-or-later
"""Exact search beside faiss's IndexFlatIP and numpy (a product, then argpartition), by turns; medians.

    meson compile -C build-release bench_index    (a build with -Dtests=true)
    python3 tests/bench/index.py build-release/tests/bench_index [ENTRIES] [DIM] [ROUNDS]
"""
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "2"
import faiss
import numpy as np
from safetensors.numpy import save_file

bench = sys.argv[1]
entries, dim, rounds = (int(a) for a in (sys.argv[2:] + ["1000000", "128", "7"][len(sys.argv) - 2:]))
THREADS, K, REPEATS = 2, 10, 5
faiss.omp_set_num_threads(THREADS)

x = np.random.default_rng(1).standard_normal((entries, dim), dtype=np.float32)
x /= np.linalg.norm(x, axis=1, keepdims=True)
flat = faiss.IndexFlatIP(dim)
flat.add(x)


def by_numpy(queries):
    scores = queries @ x.T
    best = np.argpartition(scores, -K, axis=1)[:, -K:]
    return np.sort(np.take_along_axis(scores, best, 1), axis=1)[:, ::-1]


def median(function):
    times = []
    for _ in range(REPEATS):
        begin = time.perf_counter()
        function()
        times.append(time.perf_counter() - begin)
    return statistics.median(times)


with tempfile.NamedTemporaryFile(suffix=".safetensors") as file:
    save_file({"embeddings": x}, file.name)
    print(f"{entries} x {dim}, {K} neighbours, {THREADS} threads; faiss {faiss.__version__}, numpy {np.__version__}")
    print("| batch | gst-supcon, ms | faiss, ms | numpy, ms | ratio to the faster |\n|---|---|---|---|---|")
    for batch in 1, 16, 64, 256:
        queries = x[:batch].copy()
        ours, theirs, numpys = [], [], []
        for _ in range(rounds):
            line = subprocess.run([bench, file.name, str(batch), str(K), str(THREADS), str(REPEATS)],
                                  capture_output=True, text=True, check=True).stdout
            ours.append(json.loads(line)["seconds"])
            theirs.append(median(lambda: flat.search(queries, K)))
            if batch <= 64:  # its scores take 4 bytes for each pair
                numpys.append(median(lambda: by_numpy(queries)))
        last = json.loads(line)["last"]
        assert abs(last - flat.search(queries[:1], K)[0][0, K - 1]) < 1e-5, last
        o, t, n = (statistics.median(v) * 1000 if v else float("nan") for v in (ours, theirs, numpys))
        print(f"| {batch} | {o:.1f} | {t:.1f} | {n:.1f} | {min(t, n if numpys else t) / o:.2f} |", flush=True)
