#!/bin/sh
# Takes the services' API models, and the note on their origin and licence, from the folder given (by default the project's shared one).
set -eu
from=${1:-/work/shared/models}
cp "$from"/README.md "$from"/efs-2015-02-01.json "$from"/ebs-2019-11-02.json "$(dirname "$0")"/
chmod 644 "$(dirname "$0")"/*.json "$(dirname "$0")"/README.md
