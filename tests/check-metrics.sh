#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What Prometheus' own tool says of the metrics that test_report makes. Usage: check-metrics.sh TEST_REPORT
# promtool is a part of Debian's package prometheus; PROMTOOL may name another one.
set -euo pipefail
promtool=${PROMTOOL:-promtool}
if ! command -v "$promtool" >/dev/null; then
    echo "SKIP: there is no promtool (Debian: apt-get install prometheus)"
    exit 77
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
PORTLISTENER_TEST_METRICS="$folder/metrics" "$1" >/dev/null 2>&1
[ "$(grep -c '^# TYPE ' "$folder/metrics")" -gt 30 ]
complaints=$("$promtool" check metrics <"$folder/metrics" 2>&1) || true
if [ -n "$complaints" ]; then
    printf 'promtool check metrics:\n%s\n' "$complaints" >&2
    exit 1
fi
# And it does look.
if printf 'wrong{ 1\n' | "$promtool" check metrics >/dev/null 2>&1; then
    echo "promtool takes everything" >&2
    exit 1
fi
