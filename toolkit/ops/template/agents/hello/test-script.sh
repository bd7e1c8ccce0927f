#!/bin/sh
# Runs instead of a model session, with everything that one would have: variables, credential files, al-* commands.
set -eu
echo "hello, I am run $AL_RUN_ID of agent $AL_AGENT in environment $AL_ENVIRONMENT"
asked=$(printf '%s\n' "${PROMPT:-}" | sed -n '/<user-prompt>/,/<\/user-prompt>/p' | sed '1d;$d')
[ -z "$asked" ] || echo "I was asked: $asked"
echo "credential files, by name only:"
find "$AL_CREDENTIALS_PATH" -type f 2>/dev/null | sed "s|$AL_CREDENTIALS_PATH/|  |" | sort
al-status "greeting" >/dev/null
for n in 1 2 3; do
    echo "working, step $n of 3"
    sleep 0.3
done
al-return "hello from $AL_RUN_ID" >/dev/null
