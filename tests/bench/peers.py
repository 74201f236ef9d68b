# SPDX-License-Identifier: LGPL-2.1-or-later
"""One contestant of tests/bench/compare.py: sets up a work, warms up, prints {"memory": MB, "layers": ...}, then runs it once for
each line it reads and prints {variant: seconds}. Variants are ways of the same peer, the fastest of which counts; the memory
is the peak of the first of them.

Usage: peers.py PEER WORK PRECISION FOLDER COMPILE
"""
import json
import subprocess
import sys
import time
from unittest import mock

THREADS = 2
PEER, WORK, PRECISION, FOLDER = sys.argv[1:5]
COMPILE = sys.argv[5] == "1"
BFLOAT16 = PRECISION == "bfloat16"
ONNX = f"{FOLDER}/{WORK}.onnx"
kind, name, shape = (WORK.split("-") + [""])[:3]  # step-resnet18-16x224, frames-resnet18-1x224, loss-6144x128


def peak_memory(pid="self"):
    with open(f"/proc/{pid}/status") as status:
        return next(int(line.split()[1]) / 1000 for line in status if line.startswith("VmHWM"))


def serve(variants, layers=(), memory=peak_memory):
    """variants: {name: function}, the first one has run."""
    memory = memory()
    for run in list(variants.values())[1:]:
        run()
    print(json.dumps({"memory": memory, "layers": layers}), flush=True)
    for _ in sys.stdin:
        times = {}
        for variant, run in variants.items():
            begin, n = time.perf_counter(), 0
            while n == 0 or time.perf_counter() - begin < 0.1:
                run()
                n += 1
            times[variant] = (time.perf_counter() - begin) / n
        print(json.dumps(times), flush=True)


def pipeline_folder():
    """What the whole pipelines read, their shape and their augmentation: see compare.py."""
    return {"fashion": ("/usr/share/datasets/fashion-mnist", 32, 512, 2048, "resnet20"),
            "folder": (f"{FOLDER}/pictures", 224, 32, 64, "resnet18")}[name]


if PEER == "gst":
    location, size, batch, pictures, encoder = pipeline_folder()
    command = f"""supcondatasetsrc location={location} max-samples={pictures} epochs=1 shuffle=true
      ! supconaugment policy=simaugment views=2 ! video/x-raw,width={size},height={size} ! queue max-size-buffers=64
      ! supcontrainer encoder={encoder} stem={"small" if size < 64 else "imagenet"} batch-size={batch} threads={THREADS} precision={PRECISION}
        location={FOLDER}/m.safetensors"""
    memory = 0

    def launch():
        global memory
        process = subprocess.Popen(["gst-launch-1.0", "-q"] + command.split(), stdout=sys.stderr)
        while process.poll() is None:
            try:
                memory = max(memory, peak_memory(process.pid))
            except StopIteration:  # it has just ended
                pass
            time.sleep(0.01)
        if process.returncode:
            sys.exit(f"gst-launch-1.0 failed: {command}")

    launch()
    serve({"gst-supcon": launch}, memory=lambda: memory)
    sys.exit()

def frames_shape():
    n, size = map(int, shape.split("x"))
    return n, 3, size, size


def serve_onnxruntime():
    import numpy
    import onnxruntime
    x = numpy.random.default_rng(0).standard_normal(frames_shape(), numpy.float32)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = THREADS
    session = onnxruntime.InferenceSession(ONNX, options, providers=["CPUExecutionProvider"])
    run = lambda: session.run(None, {"x": x})
    run()
    serve({"onnxruntime": run})


def serve_openvino():
    import numpy
    import openvino
    x = numpy.random.default_rng(0).standard_normal(frames_shape(), numpy.float32)
    model = openvino.Core().compile_model(ONNX, "CPU", {
        "INFERENCE_NUM_THREADS": THREADS, "NUM_STREAMS": 1, "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": "bf16" if BFLOAT16 else "f32"})
    request = model.create_infer_request()
    run = lambda: request.infer([x])
    run()
    serve({"openvino": run})


if PEER in ("onnxruntime", "openvino"):
    {"onnxruntime": serve_onnxruntime, "openvino": serve_openvino}[PEER]()
    sys.exit()

import torch
import torch.nn as nn
import torch.nn.functional as F
import torchvision

torch.set_num_threads(THREADS)


def autocast():
    return torch.autocast("cpu", torch.bfloat16, enabled=BFLOAT16)


class Block(nn.Module):
    def __init__(self, i, o, stride):
        super().__init__()
        self.c1, self.b1 = nn.Conv2d(i, o, 3, stride, 1, bias=False), nn.BatchNorm2d(o)
        self.c2, self.b2 = nn.Conv2d(o, o, 3, 1, 1, bias=False), nn.BatchNorm2d(o)
        self.stride, self.more = stride, o - i

    def forward(self, x):
        y = self.b2(self.c2(F.relu(self.b1(self.c1(x)))))
        r = x if self.stride == 1 else F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 0, self.more))
        return F.relu(y + r)


def network(encoder):
    """With the projection head of two layers; resnet20 as He et al. 2015, section 4.2."""
    if encoder == "resnet20":
        layers, c = [nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU()], 16
        for stage, width in enumerate((16, 32, 64)):
            for b in range(3):
                layers.append(Block(c, width, 2 if stage and b == 0 else 1))
                c = width
        net = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Sequential())
        dim = 64
    else:
        net = getattr(torchvision.models, encoder)()
        dim = net.fc.in_features
    head = nn.Sequential(nn.Linear(dim, dim), nn.ReLU(), nn.Linear(dim, 128))
    if encoder == "resnet20":
        net[-1] = head
    else:
        net.fc = head
    return net.to(memory_format=torch.channels_last)


def layers_of(net, x, training):
    """What no implementation can save: (operations, elements moved) of each pass of each convolution and linear layer."""
    passes = []

    def count(layer, inputs, out):
        macs = out.numel() * layer.weight[0].numel()
        moved = inputs[0].numel() + out.numel() + layer.weight.numel()
        first = not passes and training
        passes.extend([(2 * macs, moved)] * (1 if not training else 2 if first else 3))

    hooks = [m.register_forward_hook(count) for m in net.modules() if isinstance(m, (nn.Conv2d, nn.Linear))]
    with torch.no_grad():
        net(x)
    for hook in hooks:
        hook.remove()
    return passes


def supcon(z, labels, t=0.1):
    """Equation 2 as the authors' code writes it: whole n x n matrices."""
    s = z @ z.T / t
    s = s - s.max(1, keepdim=True)[0].detach()
    others = 1 - torch.eye(len(z))
    positives = (labels[:, None] == labels[None]).float() * others
    log_p = s - torch.log((torch.exp(s) * others).sum(1, keepdim=True))
    return -((positives * log_p).sum(1) / positives.sum(1).clamp(min=1)).mean()


def supcon_tiles(z, labels, t=0.1, block=1024):
    """Inf-CL's way (Cheng et al. 2024, arXiv 2410.17243): a running log-sum-exp over tiles, which the backward pass makes again.
    Loss and gradient."""
    blocks = [slice(b, min(b + block, len(z))) for b in range(0, len(z), block)]
    lse, pull, count = torch.full((len(z),), -torch.inf), torch.zeros(len(z)), torch.zeros(len(z))
    dz = torch.zeros_like(z)

    def tile(i, j):
        s, same = z[i] @ z[j].T / t, (labels[i, None] == labels[None, j]).float()
        if i == j:
            s.fill_diagonal_(-torch.inf)
            same.fill_diagonal_(0)
        return s, same

    for i in blocks:
        for j in blocks:
            s, same = tile(i, j)
            lse[i] = torch.logaddexp(lse[i], torch.logsumexp(s, 1))
            pull[i] += torch.where(same > 0, s, 0).sum(1)
            count[i] += same.sum(1)
    for i in blocks:
        for j in blocks:
            s, same = tile(i, j)
            g = torch.exp(s - lse[i, None]).sub_(same / count[i, None].clamp(min=1)).div_(t * len(z))
            dz[i] += g @ z[j]
            dz[j] += g.T @ z[i]
    return (lse - pull / count.clamp(min=1)).mean(), dz


def supcon_chunks(z, labels, t=0.1, chunk=1024):
    """GradCache's way (Gao et al. 2021, arXiv 2101.06983): the gradient by all representations, of chunks of anchors one after the
    other, by autograd."""
    for first in range(0, len(z), chunk):
        rows = torch.arange(first, min(first + chunk, len(z)))
        s = z[rows] @ z.T / t
        others = torch.ones_like(s)
        others[torch.arange(len(rows)), rows] = 0
        positives = (labels[rows, None] == labels[None]).float() * others
        s = s - s.max(1, keepdim=True)[0].detach()
        log_p = s - torch.log((torch.exp(s) * others).sum(1, keepdim=True))
        (-((positives * log_p).sum(1) / positives.sum(1).clamp(min=1)).sum() / len(z)).backward()


def loss_works():
    n, dim = map(int, name.split("x"))
    z = F.normalize(torch.randn(n, dim))
    labels = torch.randint(0, 1000, (n,))

    def floor(block=1024):
        """The products alone: S and its gradient times z, n x n x dim multiplications and additions each."""
        for first in range(0, n, block):
            z[first:first + block] @ z.T @ z

    return {"plain": lambda: supcon(z.clone().requires_grad_(), labels).backward(),
            "infcl": lambda: supcon_tiles(z, labels),
            "gradcache": lambda: supcon_chunks(z.clone().requires_grad_(), labels),
            "floor": floor}[PEER]


def serve_steps():
    n, size = map(int, shape.split("x"))
    net = network(name)
    x = torch.randn(n, 3, size, size).to(memory_format=torch.channels_last)
    layers = layers_of(net, x, True)
    step = make_step(net)
    labels = torch.arange(n) // 2 % 10
    step(net, x, labels)
    step(net, x, labels)
    variants = {"eager": lambda: step(net, x, labels)}
    if COMPILE:
        compiled = torch.compile(net)
        variants["compile"] = lambda: step(compiled, x, labels)
    serve(variants, layers)


def make_step(net):
    sgd = torch.optim.SGD(net.parameters(), 0.01, momentum=0.9, weight_decay=1e-4)

    def step(net, x, labels):
        sgd.zero_grad()
        with autocast():
            z = net(x)
        supcon(F.normalize(z.float()), labels).backward()
        sgd.step()

    return step


def frames_network():
    net = getattr(torchvision.models, name)().eval()
    net.fc = nn.Identity()
    return net


def serve_frames():
    net = frames_network().to(memory_format=torch.channels_last)
    x = torch.randn(*frames_shape()).to(memory_format=torch.channels_last)
    layers = layers_of(net, x, False)

    def runner(net, x):
        def run():
            with torch.inference_mode(), autocast():
                net(x)
        return run

    variants = {"eager": runner(net, x)}
    variants["eager"]()
    if BFLOAT16:
        half = frames_network().to(memory_format=torch.channels_last).to(torch.bfloat16)
        variants["eager, bf16 weights"] = runner(half, x.to(torch.bfloat16))
    if COMPILE:
        variants["compile"] = runner(torch.compile(net), x)
    serve(variants, layers)


def export_onnx():
    x = torch.randn(*frames_shape())
    if torch.__version__.startswith("1."):
        torch.onnx.export(frames_network(), x, ONNX, input_names=["x"])
        return
    import torch.onnx._internal.torchscript_exporter.onnx_proto_utils as proto
    # It wants the package onnx to add functions of onnxscript, of which there are none.
    with mock.patch.object(proto, "_add_onnxscript_fn", lambda model, _: model):
        torch.onnx.export(frames_network(), x, ONNX, input_names=["x"], dynamo=False)


def serve_pipeline():
    """A loop with a DataLoader of two processes, SimCLR's augmentation as torchvision's own transforms on PIL pictures."""
    from torch.utils.data import DataLoader, Dataset, Subset
    from torchvision import transforms as T
    location, size, batch, pictures, encoder = pipeline_folder()
    augment = T.Compose([
        T.RandomResizedCrop(size), T.RandomHorizontalFlip(), T.RandomApply([T.ColorJitter(0.8, 0.8, 0.8, 0.2)], 0.8),
        T.RandomGrayscale(0.2), T.RandomApply([T.GaussianBlur(size // 10 // 2 * 2 + 1, (0.1, 2.0))], 0.5), T.ToTensor(),
        T.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))])

    class Fashion(Dataset):
        def __init__(self):
            import gzip
            import numpy
            def read(file, skip):
                return numpy.frombuffer(gzip.open(f"{location}/train-{file}.gz").read(), numpy.uint8)[skip:]
            self.pixels, self.labels = read("images-idx3-ubyte", 16).reshape(-1, 28, 28), read("labels-idx1-ubyte", 8)

        def __len__(self):
            return len(self.pixels)

        def __getitem__(self, i):
            from PIL import Image
            picture = Image.fromarray(self.pixels[i]).convert("RGB")
            return augment(picture), augment(picture), int(self.labels[i])

    class Folder(torchvision.datasets.ImageFolder):
        def __getitem__(self, i):
            path, label = self.samples[i]
            picture = self.loader(path)
            return augment(picture), augment(picture), label

    data = Fashion() if name == "fashion" else Folder(location)
    data = Subset(data, range(pictures))
    net = network(encoder)
    step = make_step(net)

    def run():
        for a, b, labels in DataLoader(data, batch // 2, shuffle=True, num_workers=2):
            x = torch.cat([a, b]).contiguous(memory_format=torch.channels_last)
            step(net, x, torch.cat([labels, labels]))

    run()
    serve({"eager": run})


if PEER == "export":
    export_onnx()
elif kind == "loss":
    run = loss_works()
    run()
    serve({PEER: run})
elif kind == "pipeline":
    serve_pipeline()
elif kind == "step":
    serve_steps()
else:
    serve_frames()
