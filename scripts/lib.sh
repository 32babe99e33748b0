# Shared by the scripts of this folder; to be sourced by bash.
# shellcheck shell=bash

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
VENV=${VENV:-$ROOT/.venv}

# Progress goes to standard error: standard output belongs to the program that a script runs.
say() { printf '%s: %s\n' "$(basename "$0")" "$*" >&2; }

fail() {
  say "$*"
  exit 1
}

is_root() { [ "$(id -u)" -eq 0 ]; }

# sudo that would ask for a password needs somebody who can answer.
can_be_root() {
  is_root || { command -v sudo >/dev/null && { sudo -n true 2>/dev/null || [ -t 0 ]; }; }
}

# An environment with uv, which chooses versions, and what scripts/lock and scripts/release need.
TOOLS=${TOOLS:-$ROOT/.venv-lock}
prepare_uv() {
  local index
  if [ ! -x "$TOOLS/bin/uv" ]; then
    say "making the environment $TOOLS"
    python3 -m venv "$TOOLS"
    "$TOOLS/bin/python" -m pip install --quiet --disable-pip-version-check uv packaging tomli
  fi
  # uv does not read pip's configuration.
  index=$(python3 -m pip config get global.index-url 2>/dev/null || true)
  [ -z "${PIP_INDEX_URL:-$index}" ] || export UV_DEFAULT_INDEX=${PIP_INDEX_URL:-$index}
}

as_root() {
  if is_root; then "$@"; else sudo "$@"; fi
}
