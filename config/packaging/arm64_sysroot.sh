#!/usr/bin/env bash
# Debian's arm64 packages that the program is built and packed against, as files in a folder: none of them is installed, nothing of arm64 runs.
#   arm64_sysroot.sh FOLDER PACKAGE...     FOLDER: is made; one that is there already is taken as it is
set -euo pipefail
folder=$1
shift
[[ ! -e $folder/complete ]] || exit 0
rm -rf "$folder"
mkdir -p "$(dirname "$folder")"
umask 022
mmdebstrap --quiet --variant=extract --architectures=arm64 --aptopt='Acquire::Languages "none"' --skip=cleanup/apt --include="$*" bookworm "$folder"

# The database of packages, which extracting leaves empty: for dpkg-shlibdeps, and for the list that an image carries.
cd "$folder"
for deb in var/cache/apt/archives/*.deb; do
  package=$(dpkg-deb --field "$deb" Package)
  control=$(mktemp -d)
  dpkg-deb --control "$deb" "$control"
  { sed '/^Package:/a Status: install ok installed' "$control/control" && echo; } >>var/lib/dpkg/status
  qualified=$package
  ! grep -qx 'Multi-Arch: same' "$control/control" || qualified=$package:arm64
  for kind in symbols shlibs; do
    [[ ! -e $control/$kind ]] || cp "$control/$kind" "var/lib/dpkg/info/$qualified.$kind"
  done
  dpkg-deb --fsys-tarfile "$deb" | tar -t | sed -e 's/^\.//' -e 's/\/$//' -e 's/^$/\/./' >"var/lib/dpkg/info/$qualified.list"
  rm -r "$control"
done
rm var/cache/apt/archives/*.deb
printf 'arm64\n' >var/lib/dpkg/arch
printf '1\n' >var/lib/dpkg/info/format  # files are named with the architecture

# A link to /lib/... means this folder's, and not this machine's.
find . -type l -lname '/*' | while read -r link; do ln -snf -r ".$(readlink "$link")" "$link"; done
# So do the paths in what some packages tell CMake.
find usr -name '*.cmake' -print0 | xargs -0 sed -Ei 's#(["; ])/usr(/|")#\1${CMAKE_SYSROOT}/usr\2#g'
touch complete
