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

# A 64-bit kernel calls the processor aarch64 also where the programs are 32-bit.
lock_covers_this() {
  "$VENV/bin/python" -c 'import platform, sys
sys.exit(not ((3, 10) <= sys.version_info < (3, 14) and platform.machine() in ("x86_64", "aarch64") and sys.maxsize > 2**32))'
}

pip_install() { "$VENV/bin/python" -m pip install --disable-pip-version-check --no-input "$@"; }

# The hashes are those of the main index. Another one, such as Raspberry Pi OS adds, has other files for the same version.
main_index_only() {
  local settings name value
  settings=$("$VENV/bin/python" -m pip config list)
  if grep -q 'no-index' <<<"$settings"; then
    return  # an installation from a folder, without a network
  fi
  while IFS='=' read -r name value; do
    name=PIP_${name//-/_}
    name=${name^^}
    value=${value//\\n/ }
    export "$name=${!name:-$value}"
  done < <(sed -nE "s/^(global|install)\.(index-url|cert|client-cert|proxy|trusted-host|timeout|retries)='(.*)'$/\2=\3/p" \
    <<<"$settings")
  unset PIP_EXTRA_INDEX_URL PIP_FIND_LINKS PIP_CONSTRAINT
  export PIP_CONFIG_FILE=/dev/null
}

# What an installation needs of this tree. The service runs as another user, whatever the umask of who checked it out.
copy_sources() {
  install -d -m 0755 "$1"
  tar -C "$ROOT" --exclude='__pycache__' --exclude='vosk-model-*' -cf - \
    emoedge models config systemd scripts docs lock pyproject.toml setup.py MANIFEST.in README.md LICENSE CHANGELOG.md \
    | tar -C "$1" --no-same-owner -xf -
  chmod -R u=rwX,go=rX "$1"
}

as_root() {
  if is_root; then "$@"; else sudo "$@"; fi
}
