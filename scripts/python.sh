#!/bin/sh
# Prints the Python that .venv is made with: $PYTHON, else the version that .python-version names, else any from 3.11 on.
# Each candidate is run, because a name on the PATH may be a shim that selects nothing. Without uv it must have venv too.
set -u

wanted=$(cat .python-version)
needs="sys"
command -v uv >/dev/null 2>&1 || needs="sys, venv, ensurepip"

location() {
    "$1" -c "import $needs; sys.version_info >= (3, 11) and print(sys.executable)" 2>/dev/null
}

if [ -n "${PYTHON:-}" ]; then
    candidates=$PYTHON
else
    candidates="python$wanted python3 python python3.12 python3.11 python3.14"
fi

lacks_venv=""
for candidate in $candidates; do
    found=$(location "$candidate")
    if [ -n "$found" ]; then
        echo "$found"
        exit 0
    fi
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        lacks_venv=$candidate
    fi
done

if [ -n "$lacks_venv" ]; then
    echo "$lacks_venv cannot make a virtual environment: install its venv module (Debian, Ubuntu: apt install python3-venv), or uv." >&2
elif [ -n "${PYTHON:-}" ]; then
    echo "PYTHON=$PYTHON is no Python 3.11 or newer that runs. Name one, or leave PYTHON out." >&2
else
    echo "No Python 3.11 or newer was found. Install Python $wanted (Debian, Ubuntu: apt install python3 python3-venv), or name one: make PYTHON=/path/to/python3 ..." >&2
fi
exit 1
