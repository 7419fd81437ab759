#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Checks what is in the repository: its top level, how files begin, nothing left open, every source in a build.
set -euo pipefail
cd "$(dirname "$0")/.."
status=0

# complain HEADING: lists what stands on standard input, if anything does, as a finding.
complain() {
    local lines
    lines=$(cat)
    if [ -n "$lines" ]; then
        printf '%s:\n%s\n' "$1" "$lines" >&2
        status=1
    fi
}

complain 'outside the layout, at the top level' < <(
    git ls-files | sed 's|/.*||' | sort -u |
        grep -vxE 'CMakeLists\.txt|CMakePresets\.json|README\.md|LICENSE|src|include|tests|service|docs|\..*'
)

complain 'no SPDX line among the first three' < <(
    git ls-files -- '*.[ch]' '*.cmake' '*CMakeLists.txt' '*.def' '*.mc' '*.rc' '*.rc.in' '*.sh' '*.cmd' .ci/run |
        while read -r file; do
            head -n 3 "$file" | grep -q 'SPDX-License-Identifier: MIT' || echo "$file"
        done
)

complain 'left open' < <(git grep -nIE 'TODO|FIXME|XXX|#if 0' -- src include service)

complain 'not executable' < <(
    git ls-files --stage -- '*.sh' .ci/run | grep -v '^100755' | sed 's/.*\t//' | grep -vxE "tests/(setup|bench/(instructions|servers)|load/(counted|endpoints|expect|neighbours))\.sh"
)

# unlisted FOLDER PATTERN ...: files that the folder's CMakeLists.txt does not name.
unlisted() {
    local folder=$1 file name
    shift
    git ls-files -- "$@" | while read -r file; do
        name=${file#"$folder/"}
        grep -qE "(^|[ (/])${name%.c}([.) ]|\$)" "$folder/CMakeLists.txt" || echo "$file"
    done
}
complain 'in no CMakeLists.txt' < <(
    unlisted src 'src/*.c'
    unlisted service 'service/*.c'
    unlisted tests 'tests/test_*.c'
)

exit $status
