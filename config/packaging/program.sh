# Sourced:  source program.sh TWINHUB. The program that is packed, and a folder to work in, gone at the end.
#   program, version, architecture (amd64, arm64), here (this folder), tree (the project's), work
# For a program of another architecture than this machine's:
#   PACKAGE_RUN       a program that runs it; its help is in the package (default: the program itself)
#   PACKAGE_SYSROOT   where the libraries of that architecture are
program=$(readlink -f "$1")
here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
tree=$(dirname "$(dirname "$here")")
run=${PACKAGE_RUN:-$program}
sysroot=${PACKAGE_SYSROOT:-}
version=$("$run" --version)
version=${version#twinhub }
umask 022

shlibdeps_flags=()
case $(od -An -tx1 -j18 -N2 "$program" | tr -d ' ') in  # e_machine
  3e00) architecture=amd64 triplet=x86_64-linux-gnu ;;
  b700) architecture=arm64 triplet=aarch64-linux-gnu ;;
  *) echo "$program is for neither amd64 nor arm64" >&2 && exit 1 ;;
esac
if [[ $sysroot ]]; then
  shlibdeps_flags=(-l"$sysroot/usr/lib/$triplet" -l"$sysroot/lib/$triplet")
fi

# The same tree makes the same bytes: the times in a package are the commit's.
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git -C "$tree" log -1 --format=%ct 2>/dev/null || date +%s)}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The shared libraries that the program loads, one path for each; the loader is the last one.
libraries() {
  local loader
  loader=$(readelf -l "$program" | sed -n 's/.*program interpreter: \(.*\)\]$/\1/p')
  # The loader itself lists them; ldd would ask that of this machine's.
  if [[ $sysroot ]]; then
    QEMU_SET_ENV=LD_TRACE_LOADED_OBJECTS=1 "$run"
  else
    "$loader" --list "$program"
  fi | sed -n 's/.* => \(\/[^ ]*\) .*/\1/p'
  echo "$loader"
}

# Binutils of one architecture do not know the other's files; those of the cross compiler are named after it.
strip_program() {
  local strip=strip
  [[ $architecture == "$(dpkg --print-architecture)" ]] || strip=$triplet-strip
  "$strip" --remove-section=.comment "$1"
}
