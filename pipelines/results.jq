# The tables of pipelines/reproduce, from its lines of results: jq -r -s -f pipelines/results.jq lines.jsonl
# Means over seeds, and from the smallest to the largest where there are several. mCE by Hendrycks and Dietterich 2019: of
# each corruption the errors, summed over severities, as a share of cross-entropy's; their mean over the corruptions.
def mean: add / length;
def rounded(digits): . * pow(10; digits) | round / pow(10; digits);
def shown(digits): "\(mean | rounded(digits))" + if length > 1 then " (\(min | rounded(digits)) to \(max | rounded(digits)))" else "" end;
# Of several lines, each corruption's mean.
def mean_errors: map(.errors | to_entries[]) | group_by(.key) | map({key: .[0].key, value: (map(.value) | mean)}) | from_entries;

group_by(.group)[] | . as $group
  | "\n### \(.[0].group)\n\n| method | top-1, % | ECE, % | NLL | error on corruptions, % | mCE, % | processor seconds |\n|---|---|---|---|---|---|---|",
  (group_by(.name)[] | map(.seed) as $seeds
    | ($group | map(select(.name == "cross-entropy" and (.seed | IN($seeds[])))) | mean_errors) as $base
    | "| \(.[0].name) | \(map(.top1 * 100) | shown(2)) | \(map(.ece * 100) | shown(2)) | \(map(.nll) | shown(3)) | \(map(.corrupt * 100) | shown(1))"
      + " | \(map(100 * (.errors | to_entries | map(.value / $base[.key]) | mean)) | shown(1)) | \(map(.seconds) | shown(0)) |")
