#!/bin/sh
# Kills trainings by kill -9 at a hundred random instants and goes on with them by resume=true each time: the last file of
# each has the bytes of a training that was left alone, and so have the best one of those and the metrics.
# Usage: test_resume.sh SOURCE_ROOT    (GST_PLUGIN_PATH names the plugin's folder)
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
amid=0

# train FILE: $steps steps on what $source plays by a trainer of those $properties, beside $validation, in the background. Its
# pid is in $!.
train() {
  # shellcheck disable=SC2086 # lists of words
  gst-launch-1.0 -q $source \
    ! supconaugment ! video/x-raw,format=GRAY8,width=8,height=8 \
    ! supcontrainer name=t encoder=resnet8 width=0.25 batch-size=20 checkpoint-interval=1 resume=true $properties \
    metrics-location="$1.jsonl" location="$1" ${validation:+"best-location=$1.best"} $validation \
    > "$work/log" 2>&1 &
}

# step: how far the file is.
step() {
  grep -ao '"step":"[0-9]*"' "$work/killed.safetensors" 2> "$work/none" | tr -dc 0-9
}

# milliseconds.
now() {
  echo $(($(date +%s%N) / 1000000))
}

# metrics FILE: of FILE.jsonl the steps up to gradient-norm, since what follows depends on time too, and the validations.
metrics() {
  sed -n -e 's/^{\("step":.*,"gradient-norm":[^,]*\),.*/\1/p' -e 's/^{\("step":[0-9]*,"count":.*\)}$/\1/p' "$1.jsonl"
}

# kill_and_resume KILLS STEPS SOURCE PROPERTIES [VALIDATION]: so many that a piece is done between two kills.
kill_and_resume() {
  kills=$1 steps=$2 source=$3 properties=$4 validation=${5:-}
  rm -f "$work"/whole.safetensors* "$work"/killed.safetensors*
  train "$work/whole.safetensors"
  wait $! || { cat "$work/log"; exit 1; }

  # How long it takes until the first step is written, on this machine as busy as it is.
  began=$(now)
  train "$work/killed.safetensors"
  while [ ! -f "$work/killed.safetensors" ]; do
    sleep 0.01
  done
  first=$(($(now) - began))
  kill -9 $!
  wait $! 2> "$work/finished" || true

  i=0
  while [ "$i" -lt "$kills" ]; do
    train "$work/killed.safetensors"
    pid=$!
    before=$(step)
    # From before the first frame to some steps.
    sleep "$(awk -v seed="$i" -v first="$first" 'BEGIN { srand (seed); printf "%.3f", first * (0.2 + 1.6 * rand ()) / 1000 }')"
    kill -9 $pid 2> "$work/finished" || true
    wait $pid 2> "$work/finished" || true
    after=$(step)
    [ "$after" = "$before" ] || [ "$after" = "$steps" ] || amid=$((amid + 1))
    i=$((i + 1))
  done
  echo "killed $kills times, the last time at step ${after:-0}: ${source%% *} $properties"
  train "$work/killed.safetensors"
  wait $! || { cat "$work/log"; exit 1; }
  [ "$(find "$work" -name '*.partial' | wc -l)" = 0 ] || { echo "a killed writer's file is left"; exit 1; }
  cmp "$work/whole.safetensors" "$work/killed.safetensors"
  [ -z "$validation" ] || cmp "$work/whole.safetensors.best" "$work/killed.safetensors.best"
  metrics "$work/whole.safetensors" > "$work/whole"
  metrics "$work/killed.safetensors" > "$work/killed"
  lines=$((steps / 10 + (${#validation} ? 12 : 0)))
  [ "$(wc -l < "$work/whole")" = $lines ] || { cat "$work/whole"; echo "expected $lines lines of metrics"; exit 1; }
  cmp "$work/whole" "$work/killed"
}

data="supcondatasetsrc location=/usr/share/datasets/fashion-mnist max-samples=3000 shuffle=true"
kill_and_resume 40 1500 "$data epochs=5" "online-linear=true"
mv "$work/whole.safetensors" "$work/encoder.safetensors"
kill_and_resume 10 300 "$data" "queue-size=100 momentum-encoder=true"
kill_and_resume 10 300 "$data" "stage=cross-entropy dropout=0.2 optimizer=adam validate-interval=25" \
  "supcondatasetsrc location=/usr/share/datasets/fashion-mnist split=test max-samples=500
    ! supconaugment policy=none views=1 ! video/x-raw,format=GRAY8,width=8,height=8 ! t.validation"
kill_and_resume 10 300 "$data" "stage=linear init-location=$work/encoder.safetensors"
kill_and_resume 10 300 "$data" "stage=finetune freeze=layer1 average-decay=0.9 init-location=$work/encoder.safetensors"
kill_and_resume 10 300 "$data" "stage=regression learning-rate=0.001 init-location=$work/encoder.safetensors"
# A file that can be sought in.
gst-launch-1.0 -q videotestsrc pattern=ball num-buffers=3000 ! video/x-raw,width=32,height=32 ! jpegenc ! avimux \
  ! filesink location="$work/clip.avi"
awk 'BEGIN { for (i = 0; i < 3000; i++) print i % 30 < 15 ? "left" : "right" }' > "$work/labels"
kill_and_resume 10 300 "filesrc location=$work/clip.avi ! decodebin ! videoconvert ! video/x-raw,format=GRAY8
    ! supconlabel labels-location=$work/labels" ""
echo "the same bytes after a hundred kills, $amid of them after steps of their own"
[ "$amid" -ge 10 ]
