# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every work of docs/performance.md here and in its peers, by turns in one run: medians, ratios, peak memory, and the share of what
the machine's products and memory, measured in the same run, permit. tests/bench/run builds what it needs and calls it.

Usage: compare.py BUILD [--quick] [--only TEXT] [TURNS]
Each contestant is a process of its own that waits for its turn; so memory is that of the one work. --quick: three turns,
without torch.compile, whose compilations take minutes when its cache is empty (TORCHINDUCTOR_CACHE_DIR, BUILD/inductor).
"""
import argparse
import ctypes
import json
import os
import platform
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
THREADS = 2
ROW_SECONDS = 25  # a row ends after so long, but not before three turns

parser = argparse.ArgumentParser()
parser.add_argument("build")
parser.add_argument("turns", nargs="?", type=int)
parser.add_argument("--quick", action="store_true")
parser.add_argument("--only", default="")
options = parser.parse_intermixed_args()
turns = options.turns or (3 if options.quick else 7)
folder = os.path.join(options.build, "bench-data")
bench = os.path.join(options.build, "tests", "bench_train")
environment = dict(os.environ, GST_PLUGIN_PATH=os.path.join(options.build, "gst"),
                   GST_REGISTRY=os.path.join(folder, "registry.bin"))
environment.setdefault("TORCHINDUCTOR_CACHE_DIR", os.path.abspath(os.path.join(options.build, "inductor")))


class Contestant:
    """memory: MB; times: {variant: [seconds]}; layers, amount: see peers.py and bench_train.c; failure: why it did not start."""

    def __init__(self, command):
        self.log = open(os.path.join(folder, "log"), "w+")
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, text=True,
                                        env=environment)
        self.memory, self.layers, self.amount, self.times, self.failure = 0, [], 0, {}, None

    def read(self):
        line = self.process.stdout.readline()
        if not line:
            self.log.seek(0)
            self.failure = (self.log.read().strip().splitlines() or ["ended"])[-1]
        return json.loads(line) if line else {}

    def wait_ready(self):
        while not self.failure and not self.memory:
            for key, value in self.read().items():
                setattr(self, key, value)
        return self

    def turn(self):
        if self.failure:
            return
        time.sleep(0.02)  # the threads of the one before may still wait for work, awake
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        for variant, seconds in self.read().items():
            self.times.setdefault(variant, []).append(seconds)

    def end(self):
        self.process.stdin.close()
        self.process.wait()
        self.log.close()

    @property
    def fastest(self):
        """(seconds, variant)"""
        return min(((statistics.median(t), v) for v, t in self.times.items()), default=(None, None))


def ours(work, precision):
    if work.startswith("pipeline"):
        return peer("gst", work, precision)
    return Contestant([bench, work, precision, str(THREADS)])


def peer(name, work, precision):
    return Contestant([sys.executable, os.path.join(HERE, "peers.py"), name, work, precision, folder,
                       "0" if options.quick else "1"])


def race(contestants):
    begin = time.monotonic()
    for c in contestants:
        c.wait_ready()
    ready = time.monotonic()
    for turn in range(turns):
        if turn >= 3 and time.monotonic() - ready > ROW_SECONDS:
            break
        for c in contestants:
            c.turn()
    for c in contestants:
        c.end()
    print(f"  {ready - begin:.0f} s to start, {time.monotonic() - ready:.0f} s to measure", file=sys.stderr)


def measure_peaks():
    """Operations or bytes a second: sgemm, bf16, copy."""
    peaks = {name: ours(name, "float32") for name in ("sgemm", "bf16", "copy")}
    race(list(peaks.values()))
    return {name: c.amount / min(c.times["gst-supcon"]) for name, c in peaks.items()}


def roofline(layers, precision, peaks):
    """The least seconds that the layers' products and the memory they must move take."""
    compute, size = (peaks["bf16"], 2) if precision == "bfloat16" else (peaks["sgemm"], 4)
    return sum(max(operations / compute, moved * size / peaks["copy"]) for operations, moved in layers)


def cell(contestant, reference=None):
    seconds, variant = contestant.fastest
    if seconds is None:
        print(f"  no measurement: {contestant.failure}", file=sys.stderr)
        return "-"
    text = f"{seconds * 1000:.1f}"
    if reference:
        text += f" ({seconds / reference:.2f})"
    return text + (f" {variant}" if len(contestant.times) > 1 else "")


def table(title, works, peers, peaks, bound=None):
    """A row for each work and precision. peers: {column: (name, precisions)}; bound: seconds of the roofline, by work."""
    works = [(w, p) for w, p in works if options.only in f"{w} {p}"]
    if not works:
        return
    print(f"\n## {title}\n\nMilliseconds; in brackets how many times as long as gst-supcon.\n")
    print("| work | precision | gst-supcon | " + " | ".join(peers) + " | of the roofline | memory, MB: gst-supcon, "
          + ", ".join(peers) + " |")
    print("|---" * (5 + len(peers)) + "|", flush=True)
    for work, precision in works:
        here = ours(work, precision)
        others = [peer(name, work, precision) if (work, precision) not in without else None for name, without in peers.values()]
        present = [c for c in others if c]
        race([here] + present)
        seconds = here.fastest[0]
        least = bound(work) if bound else roofline(next((c.layers for c in present if c.layers), []), precision, peaks)
        print(f"| {work} | {precision} | {cell(here)} | " + " | ".join(cell(c, seconds) if c else "-" for c in others)
              + f" | {f'{least / seconds:.0%}' if least and seconds else '-'} | "
              + ", ".join(f"{c.memory:.0f}" if c and c.memory else "-" for c in [here] + others) + " |", flush=True)


def make_pictures():
    """Photographs are not at hand: noise that is smooth, so that JPEG is of a usual size. Two classes of 32."""
    import numpy
    from PIL import Image
    random = numpy.random.default_rng(0)
    for i in range(64):
        path = os.path.join(folder, "pictures", str(i % 2))
        os.makedirs(path, exist_ok=True)
        small = Image.fromarray(random.integers(0, 256, (30, 40, 3), dtype=numpy.uint8))
        small.resize((400, 300), Image.BICUBIC).save(os.path.join(path, f"{i}.jpg"), quality=90)


def export(work):
    """The network as an ONNX file, by a process of its own, so that its memory is not the runtimes'."""
    if not os.path.exists(os.path.join(folder, f"{work}.onnx")):
        exporter = peer("export", work, "float32")
        exporter.read()
        exporter.end()


def versions():
    import torch
    import torchvision
    found = [f"PyTorch {torch.__version__}", f"torchvision {torchvision.__version__}"]
    for name in "onnxruntime", "openvino":
        try:
            found.append(f"{name} {__import__(name).__version__}")
        except ImportError:
            found.append(f"no {name}")
    return ", ".join(found)


def processor():
    with open("/proc/cpuinfo") as info:
        lines = dict(line.split(":", 1) for line in info.read().split("\n\n")[0].splitlines() if ":" in line)
    lines = {key.strip(): value.strip() for key, value in lines.items()}
    flags = lines.get("flags", "").split()
    wanted = "avx2", "fma", "avx512f", "avx512_bf16", "avx512_vnni", "avx512_fp16", "amx_tile", "amx_bf16", "amx_int8"
    name = lines.get("model name", platform.machine())
    return f"{name} (family {lines.get('cpu family')}), {os.cpu_count()} processors; " + " ".join(f for f in wanted if f in flags)


def openblas():
    """Which processor's kernels it takes, and whether the environment and not the processor says so: figures are another's then."""
    library = ctypes.CDLL("libopenblas.so.0")
    library.openblas_get_corename.restype = ctypes.c_char_p
    return library.openblas_get_corename().decode() + (" by OPENBLAS_CORETYPE" if "OPENBLAS_CORETYPE" in os.environ else "")


os.makedirs(folder, exist_ok=True)
make_pictures()
begin = time.monotonic()
commit = subprocess.run(["git", "-C", HERE, "describe", "--always", "--dirty"], capture_output=True, text=True).stdout.strip()
print(f"gst-supcon {commit}, {versions()}, Python {platform.python_version()}\n\n{processor()}; OpenBLAS {openblas()}; SUPCON_CPU="
      f"{os.environ.get('SUPCON_CPU', '')}; {THREADS} threads each; medians of {turns} turns; load before: {os.getloadavg()[0]:.1f}")
peaks = measure_peaks()
print(f"\nPeaks of {THREADS} threads: sgemm {peaks['sgemm'] / 1e9:.0f} GF/s, bfloat16 products {peaks['bf16'] / 1e12:.2f} TF/s, "
      f"copy {peaks['copy'] / 1e9:.1f} GB/s (read and written)")

BOTH = "float32", "bfloat16"
steps = [(w, p) for p in BOTH for w in ("step-resnet18-16x224", "step-resnet50-16x224", "step-resnet20-512x32")]
frames = [(f"frames-{net}-{n}x224", p) for p in BOTH for n in (1, 16) for net in ("resnet18", "resnet50")]
losses = [("loss-6144x128", "float32"), ("loss-32768x128", "float32")]
pipelines = [("pipeline-fashion", "float32"), ("pipeline-fashion", "bfloat16"), ("pipeline-folder", "float32"),
             ("pipeline-folder", "bfloat16")]


def products_alone(work):
    n, dim = map(int, work.split("-")[1].split("x"))
    return 4 * n * n * dim / peaks["sgemm"]


table("Training steps", steps, {"PyTorch": ("pytorch", ())}, peaks)
for work in sorted({w for w, p in frames if options.only in f"{w} {p}"}):
    export(work)
table("Embeddings of frames", frames, {
    "PyTorch": ("pytorch", ()),
    "ONNX Runtime": ("onnxruntime", [f for f in frames if f[1] == "bfloat16"]),  # it has none on x86
    "OpenVINO": ("openvino", ())}, peaks)
table("Loss and gradient", losses, {
    "plain PyTorch": ("plain", losses[1:]),  # takes more than 24 GB
    "Inf-CL's tiles": ("infcl", ()), "GradCache's chunks": ("gradcache", ()), "products alone": ("floor", ())},
    peaks, products_alone)
table("Whole pipelines", pipelines, {"PyTorch with DataLoader": ("pytorch", ())}, peaks)
print(f"\nThe run took {(time.monotonic() - begin) / 60:.1f} minutes.")
