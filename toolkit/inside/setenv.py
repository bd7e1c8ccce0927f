"""`setenv NAME VALUE [NAME VALUE ...]`: a variable that outlives the command that sets it.

Every command of a model session, hook and shell step is a process of its own, whose exports end with it.  This shell
function exports a variable at once, and notes it in AL_ENV_FILE, which is read before the next command.  It is no
program, because a program cannot change the shell that calls it.
"""

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

INIT, FILE = "AL_INIT", "AL_ENV_FILE"  # the function, and what it has noted
# POSIX, because hooks run in /bin/sh.  A stray `setenv` between two pairs is taken for none: models write it.
_FUNCTION = r"""
setenv() {
  _al_set=0
  while [ $# -gt 0 ]; do
    case $1 in
      setenv) shift; continue ;;
      '' | [!A-Za-z_]* | *[!A-Za-z0-9_]*) echo "setenv: '$1' is no name of a variable" >&2; return 9 ;;
    esac
    if [ $# -lt 2 ]; then echo "setenv: there is no value for $1" >&2; return 9; fi
    _al_left=$2 _al_quoted=
    while case $_al_left in *\'*) true ;; *) false ;; esac; do
      _al_quoted=$_al_quoted${_al_left%%\'*}"'\\''"
      _al_left=${_al_left#*\'}
    done
    printf "export %s='%s'\n" "$1" "$_al_quoted$_al_left" >> "$AL_ENV_FILE" || return 9
    export "$1=$2"
    _al_set=$((_al_set + 1))
    shift 2
  done
  if [ $_al_set -eq 0 ]; then echo 'setenv: use it as: setenv NAME VALUE' >&2; return 9; fi
  echo "set $_al_set variable(s)"
}
if [ -f "$AL_ENV_FILE" ]; then . "$AL_ENV_FILE"; fi
"""


def install(directory: Path) -> dict[str, str]:
    """Writes the function into `directory`; the variables by which commands find it."""
    file = directory / "setenv.sh"
    file.write_text(_FUNCTION, "utf-8")
    return {INIT: str(file), FILE: str(directory / "env.sh")}


def with_variables(text: str, env: Mapping[str, str]) -> str:
    """A line of shell that knows `setenv`, and what it has set; as it is where it is not installed."""
    return f". {shlex.quote(env[INIT])}; {text}" if INIT in env else text


def started_with(command: Sequence[str], env: Mapping[str, str]) -> tuple[str, ...]:
    """A program that gets what `setenv` has set."""
    if FILE not in env or not Path(env[FILE]).exists():
        return tuple(command)
    return ("/bin/sh", "-c", f'. {shlex.quote(env[FILE])}; exec "$@"', "sh", *command)
