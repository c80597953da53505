#!/bin/sh
# Makes .venv as requirements.lock and the pyproject.toml files say; does nothing when that is what is there.
set -eu

stamp=.venv/.installed
wanted=$(cat requirements.lock ./*/pyproject.toml scripts/install.sh | cksum; pwd)

version() {
    "$1" -c 'import sys; sys.version_info >= (3, 11) and print(sys.base_prefix, sys.version_info)' 2>/dev/null || true
}

there=""
if [ -x .venv/bin/python ]; then
    there=$(version .venv/bin/python)
fi
if [ -n "$there" ] && [ -z "${PYTHON:-}" ]; then
    python=""  # what is there will do
else
    python=$(sh scripts/python.sh)
    if [ "$(version "$python")" = "$there" ]; then
        python=""
    fi
fi
if [ -z "$python" ] && [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ]; then
    exit 0
fi

if command -v uv >/dev/null 2>&1; then
    make_venv() { uv venv --quiet --clear --seed --python "$1" .venv; }
    install() { uv pip install --quiet --python .venv/bin/python "$@"; }
else
    make_venv() { "$1" -m venv --clear .venv; }
    install() { .venv/bin/python -m pip install --quiet --disable-pip-version-check "$@"; }
fi

rm -f "$stamp"
if [ -n "$python" ]; then
    echo "Making .venv with $python"
    make_venv "$python"
fi
echo "Installing what requirements.lock names into .venv"
# The lock names everything; without a resolver the pip of a plain Debian 12 can read it too, which refuses its extras.
install --no-deps --require-hashes -r requirements.lock
install --no-deps --no-build-isolation -e contracts -e gateway -e projector -e services
echo "$wanted" > "$stamp"
