#!/bin/sh
# Takes the services' API models, and the note on their origin and licence, from the folder given (by default ../shared/models beside the checkout).
set -eu
here=$(cd "$(dirname "$0")" && pwd)
from=${1:-$here/../../../../shared/models}
for file in README.md efs-2015-02-01.json ebs-2019-11-02.json; do
  cat "$from/$file" > "$here/$file"
done
