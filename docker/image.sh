#!/usr/bin/env bash
# The image of a program that was built, as an archive: docker load -i ARCHIVE.
#   image.sh TWINHUB FOLDER     FOLDER: gets twinhub-VERSION-image-ARCHITECTURE.tar.gz; prints its path
# A program of another architecture: config/packaging/program.sh.
set -euo pipefail
source "$(dirname "$(readlink -f "$0")")/../config/packaging/program.sh" "$1"
folder=$(mkdir -p "$2" && readlink -f "$2")
"$tree/docker/image_root.sh" "$program" "$work/root"
archive=$folder/twinhub-$version-image-$architecture.tar.gz
python3 "$tree/docker/image_archive.py" "$work/root" "$architecture" "$version" "$archive" >&2
echo "$archive"
