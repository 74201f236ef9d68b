#!/bin/sh
# Frames a second through supconencoder for batch sizes, by turns; medians. What starting takes is left out, as the
# difference of a long run and a short one.
# Usage: meson devenv -C build-release sh tests/bench/batch.sh MODEL [PROPERTIES OF SUPCONENCODER]
set -eu
model=$1
properties=${2:-}
short=16
long=80

# seconds FRAMES BATCH
seconds() {
  begin=$(date +%s.%N)
  # shellcheck disable=SC2086 # a list of words
  gst-launch-1.0 -q videotestsrc num-buffers="$1" pattern=snow ! video/x-raw,format=I420,width=320,height=240,framerate=30/1 \
    ! supconencoder location="$model" batch-size="$2" batch-timeout=3600000000000 $properties ! fakesink sync=false
  echo "$begin $(date +%s.%N)" | awk '{ print $2 - $1 }'
}

for _ in 1 2 3 4 5; do
  for batch in 1 2 4 8 16; do
    echo "$batch $(seconds $short $batch) $(seconds $long $batch)"
  done
done | awk -v frames=$((long - short)) '{ print $1, frames / ($3 - $2) }' | sort -n -k 1 -k 2 |
  awk '{ n[$1]++; value[$1, n[$1]] = $2 }
    END { for (batch = 1; batch <= 16; batch *= 2) printf "batch-size=%d: %.1f frames a second\n", batch, value[batch, 3] }'
