#!/bin/sh
# What a frame takes in supconencoder by batch size, by turns; medians: milliseconds, and milliseconds of the processors,
# which other work on the machine changes less. What starting takes is left out, as the difference of a long run and a
# short one.
# Usage: GST_PLUGIN_PATH=$PWD/build-release/gst sh tests/bench/batch.sh MODEL [FRAMES [PROPERTIES OF SUPCONENCODER]]
set -eu
model=$1
frames=${2:-320}
properties=${3:-}
times=$(mktemp)
trap 'rm -f "$times"' EXIT

# run FRAMES BATCH: seconds, and seconds of the processors.
run() {
  # shellcheck disable=SC2086 # a list of words
  { time -p gst-launch-1.0 -q videotestsrc num-buffers="$1" pattern=black ! video/x-raw,format=I420,width=320,height=240,framerate=30/1 \
    ! supconencoder location="$model" batch-size="$2" batch-timeout=3600000000000 $properties ! fakesink sync=false; } 2> "$times" || cat "$times" >&2
  awk '/^real/{ real = $2 } /^user|^sys/{ used += $2 } END{ print real, used }' "$times"
}

for _ in 1 2 3 4 5; do
  for batch in 1 2 4 8 16; do
    echo "$batch $(run 16 "$batch") $(run $((frames + 16)) "$batch")"
  done
done | awk -v frames="$frames" '{ print $1, ($4 - $2) / frames * 1000, ($5 - $3) / frames * 1000 }' > "$times.all"
echo "| batch-size | ms a frame | processors' ms a frame |"
echo "|---|---|---|"
for batch in 1 2 4 8 16; do
  median() {
    awk -v batch="$batch" -v column="$1" '$1 == batch { print $column }' "$times.all" | sort -n | sed -n 3p
  }
  printf '| %s | %.2f | %.2f |\n' "$batch" "$(median 2)" "$(median 3)"
done
rm "$times.all"
