#!/bin/sh
# Runs the example line of every element's documentation as it is written, in an empty folder, and what the README's
# quickstart does in small: default properties at several batch sizes must bring the loss down.
# Usage: test_pipelines.sh SOURCE_ROOT    (GST_PLUGIN_PATH names the plugin's folder)
set -eu
root=$1
data=/usr/share/datasets/fashion-mnist
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

# run_examples ELEMENT: what stands between |[ and ]| in its documentation, each as a command of its own.
run_examples() {
  sed -n '/|\[/,/\]|/s/^ \* \{0,1\}//p' "$root/gst/gstsupcon$1.c" \
    | awk '/^\|\[$/ { line = ""; next } /^\]\|/ { print line; next } { line = line $0 " " }' > examples
  [ -s examples ] || { echo "supcon$1 has no example line"; exit 1; }
  while read -r line; do
    echo "$line"
    timeout 300 sh -c "$line" < /dev/null > log 2>&1 || { cat log; exit 1; }
  done < examples
}

# Every script says what it is for, and what it lacks before it does anything.
for script in "$root"/pipelines/*; do
  [ "${script##*/}" != common.sh ] || continue
  sh "$script" --help > log
  grep -q "Usage: sh pipelines/${script##*/}" log
done
code=0
sh "$root/pipelines/tag-live" 2> log || code=$?
[ $code = 2 ]
grep -q Usage log
if sh "$root/pipelines/tag-live" none.safetensors 2> log; then exit 1; fi
grep -q 'none.safetensors: there is no such file' log

# The trainer comes first: it writes the model.safetensors that others read, the tagger's needs a classifier too.
for element in trainer datasetsrc label augment encoder index scope; do
  run_examples $element
done
size=video/x-raw,format=GRAY8,width=28,height=28
timeout 300 gst-launch-1.0 -q supcondatasetsrc location=$data max-samples=1024 shuffle=true \
  ! supconaugment views=1 ! $size ! supcontrainer stage=linear location=model.safetensors
for element in tagger publish; do
  run_examples $element
done

# What a training and an evaluation write can be drawn.
timeout 300 gst-launch-1.0 -q supcondatasetsrc location=$data max-samples=256 ! supconaugment ! $size \
  ! supcontrainer encoder=resnet8 batch-size=64 message-interval=1 location=b.safetensors metrics-location=run.jsonl
timeout 300 gst-launch-1.0 -q supcondatasetsrc location=$data max-samples=64 split=test ! supconencoder location=model.safetensors \
  ! supcontagger location=model.safetensors evaluation-location=evaluation.json ! fakesink
for file in run.jsonl evaluation.json; do
  sh "$root/pipelines/plot" picture.svg $file
  grep -q '</svg>' picture.svg
done
if sh "$root/pipelines/plot" picture.svg model.safetensors 2> log; then exit 1; fi
grep -q "expected the file of a trainer's metrics-location" log

# With default properties, batches from 32 to 4,096: the loss must fall clearly below what one point for all gives,
# log (batch - 1).
while read -r batch epochs bound; do
  loss=$(timeout 600 gst-launch-1.0 -q supcondatasetsrc location=$data max-samples=4096 shuffle=true epochs="$epochs" \
    ! supconaugment scale-min=0.5 ! $size ! queue \
    ! supcontrainer encoder=resnet8 batch-size="$batch" location=b.safetensors progress=true \
    | sed -n 's/.*step \([0-9]*\)\/\1  *loss \([0-9.]*\) .*/\2/p' | tail -n 1)
  echo "batch $batch: loss $loss, at most $bound"
  [ -n "$loss" ] && awk "BEGIN { exit !($loss < $bound) }"
done <<BATCHES
32 1 2.90
256 2 4.95
4096 6 7.80
BATCHES
