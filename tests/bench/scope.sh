#!/bin/sh
# How much of a core supconscope takes: 640x480 at 30 frames a second with 2,000 points, as the processor time of a pipeline
# with it less that of one without it, over the video's duration.
# Usage: tests/bench/scope.sh MODEL    (GST_PLUGIN_PATH names the plugin's folder; MODEL: any checkpoint)
set -eu
frames=3600
cpu() {
  # shellcheck disable=SC2086 # a list of words
  { /usr/bin/env time -f '%U %S' gst-launch-1.0 -q videotestsrc num-buffers=$frames pattern=snow \
    ! video/x-raw,format=RGB,width=32,height=32,framerate=30/1 ! supconencoder "location=$1" threads=1 $2 ! fakesink; } 2>&1 \
    | awk '{ print $1 + $2 }'
}
for round in 1 2 3; do
  without=$(cpu "$1" "")
  with=$(cpu "$1" "! supconlabel label=noise ! supconscope view=embeddings max-points=2000 ! video/x-raw,width=640,height=480")
  echo "round $round: $(awk "BEGIN { printf \"%.2f %% of a core\", 100 * ($with - $without) / ($frames / 30.0) }") (with $with s, without $without s, $frames frames)"
done
