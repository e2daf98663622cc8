#!/bin/sh
# Makes .venv with everything that the commands of the Makefile use. Quick when nothing changed.
set -eu
cd "$(dirname "$0")/.."

# What .venv was made from. The folder counts, because scripts in .venv hold its path.
wanted=$( (pwd; cat pyproject.toml constraints.txt "tools/setup.sh") | cksum)
stamp=.venv/erp-singer.stamp
if [ -x .venv/bin/python ] && [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ]; then
    exit 0
fi

# Prints the path of a suitable interpreter; inside a virtual environment the one it was made from.
suitable() {
    "$1" -c '
import sys
import ensurepip, venv
if not (3, 10) <= sys.version_info[:2] <= (3, 14):
    sys.exit(1)
print(getattr(sys, "_base_executable", "") or sys.executable)' 2>/dev/null
}

python=
for candidate in ${PYTHON:+"$PYTHON"} \
    ${PYTHON:-python3.14 python3.13 python3.12 python3.11 python3.10 python3 python}; do
    if python=$(suitable "$candidate"); then
        break
    fi
done
if [ -z "$python" ]; then
    echo "No Python 3.10 to 3.14 with venv and pip was found${PYTHON:+ as $PYTHON}" >&2
    echo "(on Debian and Ubuntu: apt install python3-venv). PYTHON=/path/to/python names one." >&2
    exit 1
fi

echo "Installing into .venv with $("$python" --version) (about a minute, once)"
rm -rf .venv
"$python" -m venv .venv
# A configuration that installs for the user by default has no place in a virtual environment.
export PIP_USER=0
pip() {
    .venv/bin/python -m pip --disable-pip-version-check --quiet --quiet "$@"
}
# --group, below, came with pip 25.1.
pip install --upgrade "pip>=25.1" --constraint constraints.txt
extras=$(sed -n '/^\[project.optional-dependencies\]/,/^$/s/^\([a-z]*\) = .*/\1/p' pyproject.toml |
    paste -sd , -)
pip install --constraint constraints.txt --editable ".[$extras]" --group dev --group docs
echo "$wanted" >"$stamp"
