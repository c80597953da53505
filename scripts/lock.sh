#!/bin/sh
# Writes requirements.lock: the versions of everything that the four distributions and the developers need, with hashes.
# Versions that are locked stay; `make lock UPGRADE=1` takes the newest that the pyproject.toml files allow.
set -eu

uv=$(command -v uv || echo .venv/bin/uv)
if [ ! -x "$uv" ]; then
    .venv/bin/python -m pip install --quiet --disable-pip-version-check uv
fi

# The four find each other in this repository and stay out of the lock.
ours=$(mktemp)
trap 'rm -f "$ours"' EXIT
for name in contracts gateway projector; do
    echo "rollbook-$name @ file://$(pwd)/$name"
done > "$ours"

# No address of a package index goes into the file: it serves wherever the packages come from.
"$uv" pip compile --quiet --universal --python-version 3.11 \
    ${UPGRADE:+--upgrade} \
    --generate-hashes --no-emit-index-url --no-emit-find-links --no-header \
    --no-emit-package rollbook-contracts --no-emit-package rollbook-gateway \
    --no-emit-package rollbook-projector --no-emit-package rollbook \
    --overrides "$ours" --group pyproject.toml:dev --output-file requirements.lock \
    services/pyproject.toml gateway/pyproject.toml projector/pyproject.toml contracts/pyproject.toml
