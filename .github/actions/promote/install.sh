#!/usr/bin/env bash
# The command line, out of the same commit as this action; one that is there already is taken.
set -euo pipefail

if command -v modelalias >/dev/null; then
    exit 0
fi
source_folder="$GITHUB_ACTION_PATH/../../.."
environment="$RUNNER_TEMP/modelalias-cli"
python3 -m venv "$environment"
"$environment/bin/pip" install --quiet --disable-pip-version-check -c "$source_folder/constraints.txt" "$source_folder"
echo "$environment/bin" >>"$GITHUB_PATH"
