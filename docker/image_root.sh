#!/usr/bin/env bash
# The files of the image: the program, the shared libraries that it loads, root certificates for webhooks, a user, and nothing that could be run beside it.
#   image_root.sh TWINHUB ROOT     ROOT: is made; the files in it belong to whoever runs this
# A program of another architecture: config/packaging/program.sh.
set -euo pipefail
source "$(dirname "$(readlink -f "$0")")/../config/packaging/program.sh" "$1"
root=$2

install -D -m 0755 "$program" "$root/usr/bin/twinhub"
strip_program "$root/usr/bin/twinhub"
# As Debian has them since its /usr merge: the loader is found by its old name.
mkdir -p "$root"/usr/lib "$root"/usr/lib64 "$root"/etc/ssl/certs "$root"/var/lib/dpkg/status.d
ln -s usr/lib "$root/lib"
ln -s usr/lib64 "$root/lib64"

libraries >"$work/libraries"
while read -r library; do
  install -D -m 0644 "$sysroot$library" "$root$library"
done <"$work/libraries"
chmod 0755 "$root$(tail -1 "$work/libraries")"

# What scanners look for: which Debian packages, in which version, the files come from. And those packages' licences.
dpkg=(dpkg-query ${sysroot:+--admindir="$sysroot/var/lib/dpkg"})
while read -r library; do
  # The database has a file by the path that its package was made with, before or behind the merge.
  { "${dpkg[@]}" --search "${library#/usr}" || "${dpkg[@]}" --search "/usr${library#/usr}"; } 2>/dev/null | sed -n 's/^\([^:]*\):.*/\1/p'
done <"$work/libraries" | sort -u >"$work/packages"
[[ -s $work/packages ]]
while read -r package; do
  "${dpkg[@]}" --status "$package:$architecture" >"$root/var/lib/dpkg/status.d/$package"
  licence=usr/share/doc/$package/copyright  # an image's own base may have been made without them
  [[ ! -r $sysroot/$licence ]] || install -D -m 0644 "$sysroot/$licence" "$root/$licence"
done <"$work/packages"

install -m 0644 /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"
printf 'root:x:0:0:root:/:/usr/sbin/nologin\ntwinhub:x:10001:10001:twinhub:/data:/usr/sbin/nologin\n' >"$root/etc/passwd"
printf 'root:x:0:\ntwinhub:x:10001:\n' >"$root/etc/group"
printf 'hosts: files dns\n' >"$root/etc/nsswitch.conf"
printf 'PRETTY_NAME="twinhub %s, on files of Debian GNU/Linux 12 (bookworm)"\nNAME="Debian GNU/Linux"\nVERSION_ID="12"\nVERSION_CODENAME=bookworm\nID=debian\n' \
  "$version" >"$root/etc/os-release"
install -d -m 1777 "$root/tmp"
install -d -m 0700 "$root/data"
