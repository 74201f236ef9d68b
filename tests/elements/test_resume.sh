#!/bin/sh
# Kills a training by kill -9 at a hundred random instants and goes on with it by resume=true each time: the last file has
# the bytes of a training that was left alone.
# Usage: test_resume.sh SOURCE_ROOT    (GST_PLUGIN_PATH names the plugin's folder)
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
kills=100

# train FILE: in the background. Its pid is in $!. 2,400 steps, of which a piece is done between two kills.
train() {
  gst-launch-1.0 -q supcondatasetsrc location=/usr/share/datasets/fashion-mnist max-samples=3000 shuffle=true epochs=8 \
    ! supconaugment ! video/x-raw,format=GRAY8,width=8,height=8 \
    ! supcontrainer encoder=resnet8 width=0.25 batch-size=20 checkpoint-interval=1 resume=true location="$1" \
    > "$work/log" 2>&1 &
}

train "$work/whole.safetensors"
wait $! || { cat "$work/log"; exit 1; }

# step: how far the file is.
step() {
  grep -ao '"step":"[0-9]*"' "$work/killed.safetensors" 2> "$work/none" | tr -dc 0-9
}

# How long it takes until the first step is written, on this machine as busy as it is: milliseconds.
now() {
  echo $(($(date +%s%N) / 1000000))
}
began=$(now)
train "$work/killed.safetensors"
while [ ! -f "$work/killed.safetensors" ]; do
  sleep 0.01
done
first=$(($(now) - began))
kill -9 $!
wait $! 2> "$work/finished" || true

i=0
amid=0
while [ $i -lt $kills ]; do
  train "$work/killed.safetensors"
  pid=$!
  before=$(step)
  # From before the first frame to some steps.
  sleep "$(awk -v seed="$i" -v first="$first" 'BEGIN { srand (seed); printf "%.3f", first * (0.2 + 1.6 * rand ()) / 1000 }')"
  kill -9 $pid 2> "$work/finished" || true
  wait $pid 2> "$work/finished" || true
  after=$(step)
  [ "$after" = "$before" ] || [ "$after" = 2400 ] || amid=$((amid + 1))
  i=$((i + 1))
done
echo "killed at step ${after:-0}; $amid of $kills kills came after steps of their own"
[ "$amid" -ge 10 ]
train "$work/killed.safetensors"
wait $! || { cat "$work/log"; exit 1; }
[ "$(find "$work" -name '*.partial' | wc -l)" = 0 ] || { echo "a killed writer's file is left"; exit 1; }
cmp "$work/whole.safetensors" "$work/killed.safetensors"
echo "the same bytes after $kills kills"
