#!/usr/bin/env bash
# The program with the libraries that it needs beside it, for any Linux with glibc 2.36 or newer: nothing is installed, no other package needed.
#   tarball.sh TWINHUB FOLDER     FOLDER: gets twinhub-VERSION-linux-ARCHITECTURE.tar.xz; prints its path
set -euo pipefail
source "$(dirname "$(readlink -f "$0")")/program.sh" "$1"
folder=$(mkdir -p "$2" && readlink -f "$2")
name=twinhub-$version-linux-$architecture
root=$work/$name

"$here/install_files.sh" "$program" "$root"
mkdir -p "$root/lib/twinhub"
mv "$root/bin/twinhub" "$root/lib/twinhub/twinhub"
libraries | while read -r library; do
  # glibc and its loader belong together, and to the system.
  [[ $library =~ /(ld-linux|libc\.so|libm\.so|libdl\.so|librt\.so|libpthread\.so) ]] || cp -L "$sysroot$library" "$root/lib/twinhub/"
done
cat >"$root/bin/twinhub" <<'END'
#!/bin/sh
# The program with the libraries beside it.
lib=$(dirname "$(dirname "$(readlink -f "$0")")")/lib/twinhub
LD_LIBRARY_PATH=$lib exec "$lib/twinhub" "$@"
END
chmod 0755 "$root/bin/twinhub"

archive=$folder/$name.tar.xz
tar -C "$work" --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$SOURCE_DATE_EPOCH" -cf - "$name" | xz -2 -T0 >"$archive"
echo "$archive"
