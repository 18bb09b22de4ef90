#!/usr/bin/env bash
# Manual pages of the program, made from its --help: twinhub(1), a page for each command with its sub-commands, and twinhub.toml(5) from the
# example of the settings file.
#   man_pages.sh TWINHUB FOLDER     TWINHUB: the program; FOLDER: gets man1/ and man5/
# help2man makes one page of a program; it does not read the help of sub-commands.
set -euo pipefail
twinhub=$1
folder=$2
example=$(dirname "$(readlink -f "$0")")/../twinhub.example.toml
version=$("$twinhub" --version)
mkdir -p "$folder/man1" "$folder/man5"

# heading PAGE SECTION
heading() { printf '.TH %s %s "" "%s" "twinhub manual"\n' "${1^^}" "$2" "$version"; }

# Text for troff: no escapes, no hyphenation of flags, no line that begins a request.
troff() { sed -e 's/\\/\\e/g' -e 's/-/\\-/g' -e "s/^[.']/\\\\\\&&/"; }

# help_of COMMAND... : the help's parts as troff. The first line is the summary, "Usage:" the synopsis; "Heading:" begins a list of "  name  help", where the
# help of a long name stands on the next line; what is left at the margin is a paragraph.
help_of() {
  "$twinhub" help "$@" | sed 's/[[:space:]]*$//' | troff | awk -v is_part="${part:-}" '
    function section(name) { print (is_part ? ".SS " : ".SH ") "\"" name "\""; in_list = 0 }
    NR == 1 { summary = $0; next }
    /^Usage: / { sub(/^Usage: /, ""); section("SYNOPSIS"); print; section("DESCRIPTION"); print summary "."; next }
    /^$/ { in_list = 0; next }
    /^[A-Z].*:$/ { name = substr($0, 1, length($0) - 1); section(toupper(name)); in_list = 1; next }
    in_list && /^   +/ { sub(/^ +/, ""); print; next }
    in_list && /^  / {
      sub(/^  /, "")
      split_at = match($0, /   */)
      print ".TP"
      if (split_at) { print ".B " substr($0, 1, split_at - 1); print substr($0, split_at + RLENGTH) } else print ".B " $0
      next
    }
    { if (!in_footer) section(/^Exit codes/ ? "EXIT STATUS" : "NOTES"); in_footer = 1; print; print ".br" }'
}

# One line for each sub-command of the command: "name  help".
children_of() {
  "$twinhub" help "$@" | awk '/^Subcommands:$/ { on = 1; next } /^$/ { on = 0 } on && /^  [a-z]/ { print $1 }'
}

page() {
  local name=$1 section=$2 summary=$3
  heading "$name" "$section"
  printf '.SH NAME\n%s \\- %s\n' "$name" "$(troff <<<"$summary")"
}

see_also() {
  printf '.SH "SEE ALSO"\n'
  local separator='' name
  for name in "$@"; do
    printf '%s.BR %s (%s)' "$separator" "$(troff <<<"${name%.*}")" "${name##*.}"
    separator=$',\n'
  done
  printf '\n'
}

summary_of() { "$twinhub" help "$@" | head -1; }

# The page of one command, its sub-commands behind it.
command_page() {
  local command=$1 child
  page "twinhub-$command" 1 "$(summary_of "$command")"
  help_of "$command"
  for child in $(children_of "$command"); do
    printf '.SH "twinhub %s %s"\n' "$command" "$child" | troff_title
    part=1 help_of "$command" "$child" | sed '/^\.SS "EXIT STATUS"/,$d'
  done
  see_also twinhub.1 twinhub.toml.5
}
troff_title() { sed 's/-/\\-/g'; }

commands=$(children_of)
{
  page twinhub 1 "$("$twinhub" --help | sed -n '1s/^twinhub: //p')"
  help_of
  printf '.SH FILES\n.TP\n.I /etc/twinhub/twinhub.toml\nThe settings of the hub that the system service runs.\n'
  printf '.TP\n.I /var/lib/twinhub\nIts data folder, readable by user twinhub alone.\n'
  # shellcheck disable=SC2046
  see_also $(printf 'twinhub-%s.1 ' $commands) twinhub.toml.5
} >"$folder/man1/twinhub.1"
for command in $commands; do command_page "$command" >"$folder/man1/twinhub-$command.1"; done
{
  page twinhub.toml 5 'settings of twinhub'
  printf '.SH DESCRIPTION\nEvery setting with its default. A file names those that differ; a key that is no setting is an error.\n.nf\n'
  troff <"$example"
  printf '.fi\n'
  see_also twinhub.1 twinhub-serve.1 twinhub-config.1
} >"$folder/man5/twinhub.toml.5"
