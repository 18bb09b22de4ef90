#!/usr/bin/env bash
# The Debian package of a program that was built.
#   deb.sh TWINHUB FOLDER     TWINHUB: the program; FOLDER: gets twinhub_VERSION_ARCHITECTURE.deb; prints its path
# The dependencies are what dpkg-shlibdeps finds in the program, so they are those of the Debian release that it was built on.
# A program of another architecture: see program.sh.
set -euo pipefail
source "$(dirname "$(readlink -f "$0")")/program.sh" "$1"
folder=$(mkdir -p "$2" && readlink -f "$2")
root=$work/debian/twinhub

"$here/install_files.sh" "$program" "$root/usr"
install -D -m 0644 -t "$root/lib/systemd/system" "$here/twinhub.service"
install -D -m 0644 -t "$root/etc/twinhub" "$here/twinhub.toml"
gzip -9n "$root"/usr/share/man/man?/*
gzip -9nc "$tree/CHANGELOG.md" >"$root/usr/share/doc/twinhub/changelog.gz"
rm "$root/usr/share/doc/twinhub/CHANGELOG.md"

# dpkg-shlibdeps wants a source package around it.
mkdir -p "$root/DEBIAN"
printf 'Source: twinhub\nMaintainer: twinhub\n\nPackage: twinhub\nArchitecture: any\n' >"$work/debian/control"
# It finds no package for a library outside of /: for those of a sysroot it is told what their packages say.
[[ -z $sysroot ]] || cat "$sysroot"/var/lib/dpkg/info/*.shlibs | grep -v '^udeb:' >"$work/debian/shlibs.local"
libraries=$(cd "$work" && DEB_HOST_ARCH=$architecture dpkg-shlibdeps -O --warnings=1 "${shlibdeps_flags[@]}" debian/twinhub/usr/bin/twinhub |
  sed -n 's/^shlibs:Depends=//p')
[[ -n $libraries ]]

cat >"$root/DEBIAN/control" <<END
Package: twinhub
Version: $version
Architecture: $architecture
Maintainer: The twinhub maintainers <twinhub@localhost>
Installed-Size: $(du -sk --exclude=DEBIAN "$root" | cut -f1)
Depends: $libraries, adduser
Recommends: ca-certificates
Section: net
Priority: optional
Description: self-hosted, Azure IoT Hub-compatible device-twin hub
 Devices talk to it over MQTT, AMQP or HTTPS, back ends over REST or AMQP, all with
 the unmodified Azure IoT SDKs. Every write that it has acknowledged survives a power
 cut. This package has the program, its manual pages and the system service.
END
echo /etc/twinhub/twinhub.toml >"$root/DEBIAN/conffiles"
install -m 0755 -t "$root/DEBIAN" "$here/postinst" "$here/prerm" "$here/postrm"
(cd "$root" && find usr lib -type f -print0 | sort -z | xargs -0 md5sum) >"$root/DEBIAN/md5sums"

package=$folder/twinhub_${version}_$architecture.deb
dpkg-deb --root-owner-group --build -Zxz "$root" "$package" >/dev/null
echo "$package"
