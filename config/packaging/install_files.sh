#!/usr/bin/env bash
# What every kind of package holds: the program without debugging symbols, manual pages, completions, documents.
#   install_files.sh TWINHUB PREFIX     PREFIX: gets bin and share, as /usr has them
set -euo pipefail
source "$(dirname "$(readlink -f "$0")")/program.sh" "$1"
prefix=$2

install -D -m 0755 "$program" "$prefix/bin/twinhub"
strip_program "$prefix/bin/twinhub"
mkdir -p "$prefix/share"/{man,bash-completion/completions,zsh/vendor-completions,fish/vendor_completions.d}
"$here/man_pages.sh" "$run" "$prefix/share/man"
"$run" completion bash >"$prefix/share/bash-completion/completions/twinhub"
"$run" completion zsh >"$prefix/share/zsh/vendor-completions/_twinhub"
"$run" completion fish >"$prefix/share/fish/vendor_completions.d/twinhub.fish"
install -D -m 0644 -t "$prefix/share/doc/twinhub" "$tree"/{README,BACKUP,CHANGELOG,COMPATIBILITY,EVENTS,UPGRADING}.md
install -D -m 0644 -t "$prefix/share/doc/twinhub/examples" "$tree/config/twinhub.example.toml"
