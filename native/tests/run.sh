#!/bin/sh
# Run C test programs one after the other and add up what they say.
#
# usage: run.sh NAME LIMIT WRAPPER PROGRAM...
#
# A program that ends badly without having counted a failure (a crash, a sanitizer's report, the
# time limit), or that says nothing, counts as one failure. The total is the last line and stands
# in the file `total` beside the programs.
set -u
name=$1 limit=$2 wrapper=$3
shift 3

if [ $# -eq 0 ]; then
    echo "run.sh: no test program to run" >&2
    exit 1
fi

passed=0 failed=0
out=$(dirname "$1")
for program in "$@"; do
    log=$program.log
    # shellcheck disable=SC2086 # the wrapper is a command and its options
    timeout -k 5 "$limit" $wrapper "$program" >"$log" 2>&1 </dev/null
    code=$?
    counts=$(sed -n 's/^\([0-9][0-9]*\) passed, \([0-9][0-9]*\) failed$/\1 \2/p' "$log" | tail -n 1)
    good=${counts% *} bad=${counts#* }
    [ -n "$counts" ] || good=0 bad=0
    if [ "$bad" -eq 0 ] && { [ "$code" -ne 0 ] || [ "$((good + bad))" -eq 0 ]; }; then
        bad=1
    fi
    if [ "$bad" -ne 0 ]; then
        printf '%s: %s ended with %d; what it printed:\n' "$name" "$(basename "$program")" "$code"
        sed 's/^/    /' "$log"
    fi
    passed=$((passed + good)) failed=$((failed + bad))
done
total="$name: $passed passed, $failed failed"
echo "$total" >"$out/total"
echo "$total"
[ "$failed" -eq 0 ]
