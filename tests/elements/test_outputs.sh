#!/bin/sh
# What leaves in files is read by others: JSON Lines and the index by Python's own modules; the examples of docs/examples run,
# Python's through gi, C's against the library as pkg-config describes it.
# Usage: test_outputs.sh SOURCE_ROOT BUILD_ROOT    (GST_PLUGIN_PATH names the plugin's folder)
set -eu
root=$1
build=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
size=video/x-raw,format=GRAY8,width=28,height=28
data="supcondatasetsrc location=/usr/share/datasets/fashion-mnist max-samples=512"
# shellcheck disable=SC2086 # lists of words
{
gst-launch-1.0 -q $data shuffle=true ! supconaugment views=1 ! $size \
  ! supcontrainer stage=cross-entropy encoder=resnet8 batch-size=64 location=model.safetensors
gst-launch-1.0 -q $data ! supconencoder location=model.safetensors ! supcontagger location=model.safetensors top-k=3 \
  ! supconpublish location=tags.jsonl ! supconindex mode=add location=index.safetensors uri=test:fashion ! fakesink
}
gst-launch-1.0 -q videotestsrc num-buffers=10 ! video/x-raw,width=64,height=48 ! jpegenc ! avimux ! filesink location=clip.avi

# The system's Python, where gi is.
/usr/bin/python3 - <<'PYTHON'
import array, json, math, struct

lines = [json.loads(line) for line in open("tags.jsonl")]
assert len(lines) == 512 and all(len(line["objects"]) == 1 for line in lines)
for line in lines:
    tags = line["objects"][0]["tensors"]
    assert line["resolution"] == {"width": 28, "height": 28} and len(tags) <= 3
    assert tags[0]["label"] == line["objects"][0]["detection"]["label"] and isinstance(tags[0]["label_id"], int)
    assert tags == sorted(tags, key=lambda tag: -tag["confidence"]) and 0 <= tags[0]["confidence"] <= 1

data = open("index.safetensors", "rb").read()
size = struct.unpack("<Q", data[:8])[0]
header = json.loads(data[8:8 + size])
assert header["__metadata__"]["format"] == "gst-supcon-index" and header["__metadata__"]["metric"] == "cosine"


def tensor(name, code):
    begin, end = header[name]["data_offsets"]
    return array.array(code, data[8 + size:][begin:end])


n, dim = header["embeddings"]["shape"]
rows = tensor("embeddings", "f")
labels, times = tensor("labels", "i"), tensor("timestamps", "q")
names = bytes(tensor("label-names", "B")).split(b"\0")[:-1]
assert n == 512 and len(rows) == n * dim and len(labels) == n and all(a < b for a, b in zip(times, times[1:]))
assert all(abs(math.fsum(v * v for v in rows[i * dim:(i + 1) * dim]) - 1) < 1e-5 for i in range(0, n, 37))
assert len(names) == 10 and min(labels) == 0 and max(labels) == 9
assert bytes(tensor("uri-names", "B")) == b"test:fashion\0"
PYTHON

/usr/bin/python3 "$root/docs/examples/tag.py" model.safetensors "file://$work/clip.avi" > tags
/usr/bin/python3 "$root/docs/examples/tag.py" model.safetensors "file://$work/clip.avi" 2> piped | head -n 1 > first
! grep -E 'BrokenPipe|CRITICAL' piped || exit 1
[ "$(grep -c '^0\.[0-9]* s: ' tags)" = 10 ] || { cat tags; exit 1; }
! /usr/bin/python3 "$root/docs/examples/tag.py" none.safetensors "file://$work/clip.avi" 2> error || exit 1
grep -q none.safetensors error

# Embeddings as NNStreamer's tensors: the caps of its elements' pads (tensor_typedef.h: GST_TENSORS_CAP_WITH_NUM and the list of
# types) let ours through, which say type and dimensions by its grammar, d1:d2:... up to rank 16; a buffer holds just that.
gst-launch-1.0 -v videotestsrc num-buffers=3 ! video/x-raw,format=RGB,width=28,height=28 ! supconencoder location=model.safetensors \
  ! 'other/tensors,format=(string)static,num_tensors=(int)[1,16],framerate=(fraction)[0,max]' ! filesink location=tensors \
  | sed -n 's/.*filesink0.GstPad:sink: caps = //p' > caps
cat caps
grep -qE '^other/tensors, format=\(string\)static, ' caps
grep -qE ' num_tensors=\(int\)1(,|$)' caps
grep -qE ' types=\(string\)(u?int(8|16|32|64)|float(16|32|64))(,|$)' caps
grep -qE ' dimensions=\(string\)[1-9][0-9]*(:[1-9][0-9]*){0,15}(,|$)' caps
grep -qE ' framerate=\(fraction\)[0-9]+/[0-9]+' caps
[ "$(wc -c < tensors)" = $((3 * 4 * $(sed 's/.*dimensions=(string)\([0-9:]*\).*/\1/; s/:/*/g' caps))) ]

# Installed elsewhere, as a package's files would be.
DESTDIR=$work/installed meson install -C "$build" --no-rebuild > /dev/null
pc=$(find installed -name libsupcon.pc)
export PKG_CONFIG_PATH="${pc%/*}" PKG_CONFIG_SYSROOT_DIR="$work/installed"
library=$(dirname "$(find "$work/installed" -name libsupcon.so)")
# The system root is put before GLib's folders too; they are the system's own.
# shellcheck disable=SC2046 # lists of words
cc "$root/docs/examples/nearest.c" $(pkg-config --cflags --libs libsupcon) $(PKG_CONFIG_SYSROOT_DIR='' pkg-config --cflags --libs glib-2.0) \
  -Wall -Werror -o nearest
LD_LIBRARY_PATH=$library ./nearest index.safetensors > nearest.txt
cat nearest.txt
grep -q '^512 entries of 64 numbers$' nearest.txt
grep -q '^1.000  0.00 s  test:fashion$' nearest.txt
! LD_LIBRARY_PATH=$library ./nearest model.safetensors 2> error || exit 1
grep -q 'no tensor embeddings' error
