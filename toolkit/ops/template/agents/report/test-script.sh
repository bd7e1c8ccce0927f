#!/bin/sh
set -eu
echo "report of run $AL_RUN_ID: $(uname -s) $(uname -m), $(getconf _NPROCESSORS_ONLN) processors"
for part in one two three four; do
    echo "writing part $part"
    sleep 0.4
done
echo "the report is done"
