#!/bin/sh
# The scripts of pipelines/ that work on clips, as a user runs them: things taught while they play are known later in their
# clips (teach-live fails below 90 %), a frame's picture is found at its time, and a clip's tags leave as JSON; and those that
# show augmentation.
# Usage: test_clips.sh SOURCE_ROOT
set -eu
root=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
# They build the plugin themselves, and make it known; the other lines take the same one.
GST_PLUGIN_PATH=$root/build-release/gst
export GST_PLUGIN_PATH

sh "$root/pipelines/teach-live" taught
for thing in cup box; do
  grep -q "top-1 [0-9.]* %" taught/$thing.txt
done

# The 60th frame of the clip, at ten a second.
gst-launch-1.0 -q filesrc location=taught/box.mp4 ! decodebin ! videorate ! video/x-raw,framerate=10/1 ! videoconvert ! pngenc \
  ! multifilesink location=%d.png
sh "$root/pipelines/find-similar" 60.png taught/box.mp4 taught/encoder.safetensors > found.txt
tail -n 5 found.txt
tail -n 5 found.txt | head -n 1 | grep -qE '^0:00:06\.0+ +(1\.000|0\.99[0-9]*) '

# Own pictures, without a test folder: it is measured by some that were held out.
for thing in cup box; do
  mkdir -p pictures/$thing
  gst-launch-1.0 -q filesrc location=taught/$thing.mp4 ! decodebin ! videorate ! video/x-raw,framerate=10/1 ! videoconvert ! videoscale \
    ! video/x-raw,width=64,height=48 ! identity eos-after=31 ! jpegenc ! multifilesink location=pictures/$thing/%d.jpg
done
sh "$root/pipelines/train-images" pictures images.safetensors 2 > images.log 2>&1 || { cat images.log; exit 1; }
held_out=$(sed -n 's/^\([0-9]*\) labelled pictures: .*/\1/p' images.log)
echo "$held_out of $(find pictures -type f | wc -l) pictures measure"
[ "$held_out" -gt 0 ] && [ "$((2 * held_out))" -lt "$(find pictures -type f | wc -l)" ]

gst-launch-1.0 -q supcondatasetsrc location=/usr/share/datasets/fashion-mnist max-samples=512 shuffle=true ! supconaugment views=1 \
  ! video/x-raw,format=RGB,width=32,height=32 ! supcontrainer stage=cross-entropy encoder=resnet8 batch-size=64 location=model.safetensors
sh "$root/pipelines/tag-to-json" model.safetensors taught/cup.mp4 > tags.jsonl 2> tags.log || { cat tags.log; exit 1; }
jq -e -s 'length > 100 and all(.objects[0].detection.label != null and (.objects[0].tensors | length) == 3)' tags.jsonl

sh "$root/pipelines/augment-live" "operations=flip(0.5) rotate(+-30)" consistent=clip > live.log 2>&1 || { cat live.log; exit 1; }
gst-launch-1.0 -q filesrc location=views.avi ! avidemux ! image/jpeg,width=960,height=240 ! fakesink
sh "$root/pipelines/augment-gallery" 60.png > gallery.log 2>&1 || { cat gallery.log; exit 1; }
for sheet in policies operations corruptions; do
  gst-launch-1.0 -q filesrc location=gallery/$sheet.jpg ! jpegdec ! fakesink
done
