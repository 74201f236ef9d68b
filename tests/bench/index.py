# SPDX-License-Identifier: LGPL-2.1-or-later
"""Search beside faiss, by turns; medians: exact beside its IndexFlatIP and numpy (a product, then argpartition); with
PROBES approximate beside its IndexIVFFlat of as many lists, learnt from as many examples, and its share of the true
neighbours.

    meson compile -C build-release bench_index    (a build with -Dtests=true)
    python3 tests/bench/index.py build-release/tests/bench_index [ENTRIES] [DIM] [ROUNDS] [PROBES]
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
entries, dim, rounds, probes = (int(a) for a in (sys.argv[2:] + ["1000000", "128", "7", "0"][len(sys.argv) - 2:]))
THREADS, K, REPEATS = 2, 10, 5
faiss.omp_set_num_threads(THREADS)

# Things of a kind lie close together; how long an exact search takes does not depend on it.
random = np.random.default_rng(1)
x = random.standard_normal((entries, dim), dtype=np.float32) / 2
x += random.standard_normal((5000, dim), dtype=np.float32)[random.integers(0, 5000, entries)]
x /= np.linalg.norm(x, axis=1, keepdims=True)
lists = int(entries**0.5)
theirs_is = faiss.IndexIVFFlat(faiss.IndexFlatIP(dim), dim, lists, faiss.METRIC_INNER_PRODUCT) if probes else faiss.IndexFlatIP(dim)
begin = time.perf_counter()
if probes:
    theirs_is.nprobe = probes
    theirs_is.train(x[:: max(entries // (lists * 64), 1)])
theirs_is.add(x)
made = time.perf_counter() - begin


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
    if probes:
        print(f"{probes} of {lists} lists, faiss makes them in {made:.1f} s")
    print("| batch | gst-supcon, ms | faiss, ms | numpy, ms | ratio to the faster |\n|---|---|---|---|---|")
    for batch in 1, 16, 64, 256:
        queries = x[:batch].copy()
        ours, theirs, numpys = [], [], []
        for _ in range(rounds):
            line = subprocess.run([bench, file.name, str(batch), str(K), str(THREADS), str(REPEATS)] + [str(probes)] * (probes > 0),
                                  capture_output=True, text=True, check=True).stdout
            ours.append(json.loads(line)["seconds"])
            theirs.append(median(lambda: theirs_is.search(queries, K)))
            if batch <= 64 and not probes:  # its scores take 4 bytes for each pair
                numpys.append(median(lambda: by_numpy(queries)))
        if probes:
            print("#", line.strip())
        else:
            last = json.loads(line)["last"]
            assert abs(last - theirs_is.search(queries[:1], K)[0][0, K - 1]) < 1e-5, last
        o, t, n = (statistics.median(v) * 1000 if v else float("nan") for v in (ours, theirs, numpys))
        print(f"| {batch} | {o:.2f} | {t:.2f} | {n:.2f} | {min(t, n if numpys else t) / o:.2f} |", flush=True)
