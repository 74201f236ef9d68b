# SPDX-License-Identifier: LGPL-2.1-or-later
"""Checks that PyTorch and gst-supcon read each other's checkpoints. By hand, or in CI where PyTorch is there.

Usage: python3 tests/oracle/checkpoint.py FILE...
           Reads checkpoints of ours: their heads and optimiser state dropped and torchvision's own fc added,
           load_state_dict (strict=True) must be content and the network must give finite embeddings.
       python3 tests/oracle/checkpoint.py --same FILE FRAMES EMBEDDINGS
           Besides, the network's embeddings of FRAMES (RGB bytes of the model's input size) must be those that
           supconencoder wrote to EMBEDDINGS (float32), to 1e-4 of their length:
               gst-launch-1.0 -q videotestsrc pattern=snow num-buffers=4 ! video/x-raw,format=RGB,width=64,height=64 ! tee name=t \
                 ! queue ! filesink location=FRAMES \
                 t. ! queue ! supconencoder location=FILE normalize=false ! other/tensors ! filesink location=EMBEDDINGS
       python3 tests/oracle/checkpoint.py --write FILE ENCODER [F32|F16|BF16|F64]
           Writes torchvision's randomly initialised ENCODER, for supconencoder or supcontrainer to read.
(needs torch, torchvision, safetensors)
"""
import json
import sys

import numpy as np
import torch
import torchvision
from safetensors import safe_open
from safetensors.torch import load_file, save_file

DTYPES = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16, "F64": torch.float64}
HEADS = ("projection.", "classifier.", "optimizer.", "queue.", "calibration.")


def network(encoder, stem):
    """torchvision's graph of that name; its small stem is the usual one, 3x3 of stride 1 without pooling."""
    block, layers = torchvision.models.resnet.Bottleneck, [3, 24, 36, 3]
    model = torchvision.models.ResNet(block, layers) if encoder == "resnet200" else getattr(torchvision.models, encoder)()
    if stem == "small":
        model.conv1 = torch.nn.Conv2d(3, 64, 3, 1, 1, bias=False)
        model.maxpool = torch.nn.Identity()
    return model


def check(location):
    """The network of a checkpoint, ready to embed, and its metadata."""
    with safe_open(location, "pt") as file:
        metadata = file.metadata()
    tensors = load_file(location)
    labels = json.loads(metadata["labels"])
    encoder, stem, step = metadata["encoder"], metadata["stem"], int(metadata["step"])
    assert metadata["format"] == "gst-supcon", metadata
    assert encoder in ("resnet18", "resnet34", "resnet50", "resnet101", "resnet152", "resnet200"), \
        f"{location}: torchvision has no {encoder}"
    assert float(metadata["width"]) == 1, f"{location}: torchvision has width 1 alone, found {metadata['width']}"

    model = network(encoder, stem).eval()
    state = {name: t for name, t in tensors.items() if not name.startswith(HEADS)}
    assert all(int(t) == step for name, t in state.items() if name.endswith("num_batches_tracked"))
    state |= {f"fc.{name}": t for name, t in model.fc.state_dict().items()}
    model.load_state_dict(state, strict=True)

    model.fc = torch.nn.Identity()
    with torch.no_grad():
        x = torch.zeros(2, 3, int(metadata["input-height"]), int(metadata["input-width"]))
        r = model(x)
    assert torch.isfinite(r).all(), f"{location}: embeddings are not finite"
    if "classifier.weight" in tensors:
        assert tensors["classifier.weight"].shape == (len(labels), r.shape[1])
    for name, t in tensors.items():
        if name.startswith("optimizer.momentum."):
            assert t.shape == tensors[name.removeprefix("optimizer.momentum.")].shape, name
    print(f"{location}: {encoder}, stem {stem}, step {step}, {len(labels)} labels, {len(tensors)} tensors: good")
    return model, metadata


def same(location, frames, embeddings):
    model, metadata = check(location)
    height, width = int(metadata["input-height"]), int(metadata["input-width"])
    mean, std = (torch.tensor([float(v) for v in metadata[k].split()]) for k in ("mean", "std"))
    pixels = torch.from_numpy(np.fromfile(frames, np.uint8).reshape(-1, height, width, 3).copy())
    with torch.no_grad():
        expected = model(((pixels / 255 - mean) / std).permute(0, 3, 1, 2))
    found = torch.from_numpy(np.fromfile(embeddings, np.float32)).reshape(expected.shape)
    error = ((found - expected).norm(dim=1) / expected.norm(dim=1)).max().item()
    assert error < 1e-4, f"{location}: embeddings are {error} off"
    print(f"{location}: the same embeddings of {len(pixels)} frames, to {error:.1e}")


def write(location, encoder, dtype="F32"):
    state = network(encoder, "imagenet").state_dict()
    save_file({n: t.to(DTYPES[dtype]) if t.is_floating_point() else t for n, t in state.items()}, location,
              metadata={"format": "pt"})


if sys.argv[1:2] == ["--write"] and len(sys.argv) in (4, 5):
    write(*sys.argv[2:])
elif sys.argv[1:2] == ["--same"] and len(sys.argv) == 5:
    same(*sys.argv[2:])
elif len(sys.argv) > 1 and not sys.argv[1].startswith("-"):
    for path in sys.argv[1:]:
        check(path)
else:
    sys.exit(__doc__)