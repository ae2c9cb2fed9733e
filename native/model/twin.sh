#!/bin/sh
# Print a source with one line changed: a broken twin.
#
# usage: twin.sh CHANGE SOURCE
#
# CHANGE says why the twin is wrong in lines that begin with #, then gives the line to change
# after `- ` and what comes in its place after `+ `. The line must stand in the source exactly once,
# whatever its indentation; otherwise the source has moved on and the twin has to follow it.
set -eu
exec awk '
function bare(line) {
    gsub(/^[ \t]+|[ \t]+$/, "", line)
    return line
}
FNR == NR {
    if (/^- /) { old = bare(substr($0, 3)) }
    if (/^\+ /) { new = substr($0, 3) }
    next
}
bare($0) == old { count++; print new; next }
{ print }
END {
    if (old == "" || count != 1) {
        print ARGV[1] ": its line stands " count + 0 " times in " ARGV[2] > "/dev/stderr"
        exit 1
    }
}' "$1" "$2"
