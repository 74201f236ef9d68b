#!/bin/sh
# Runs every pipeline of docs/training.md in small, in its order: few pictures, one epoch, small batches, the smallest
# network, a test picture for the camera.
# Usage: test_training.sh SOURCE_ROOT    (GST_PLUGIN_PATH names the plugin's folder)
set -eu
root=$1
data=/usr/share/datasets/fashion-mnist
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

# Each of the page's pipelines on a line of its own.
sed -n 's/^    //p' "$root/docs/training.md" | sed -e :a -e '/\\$/N; s/ *\\\n */ /; ta' > lines
count=0
while read -r line; do
  small=$(printf '%s\n' "$line" | sed \
    -e "s|location=DIR|location=$data max-samples=1024|g" \
    -e 's/epochs=[0-9]*/epochs=1/g' \
    -e 's/ batch-size=[0-9]*/ batch-size=64/' -e 's/-interval=[0-9]*/-interval=4/g' \
    -e 's/queue-size=[0-9]*/queue-size=128/' \
    -e 's/supcontrainer /supcontrainer width=0.25 /' \
    -e 's/encoder=resnet20/encoder=resnet8/' \
    -e '/init-location\|stage=linear\|stage=finetune/s/ width=0.25//' \
    -e 's/width=224,height=224/width=32,height=32/' \
    -e 's/v4l2src/videotestsrc num-buffers=200/')
  echo "$small"
  timeout 300 sh -c "$small" > log 2>&1 < /dev/null || { cat log; exit 1; }
  if ! grep -q 'step [0-9]*' log; then cat log; exit 1; fi
  count=$((count + 1))
done < lines
[ "$count" -ge 10 ] || { echo "found $count pipelines in docs/training.md, expected ten or more"; exit 1; }
