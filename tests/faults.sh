#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# tests/faults.sh BUILD: the full form of the ordeals of a debug build: every scenario, with every one of its calls failing,
# in each way; 10,000 faults that come and go; 1,000 starts and stops. A line of progress for each; then which calls were
# never reached: they must be those of tests/data/unreached.txt, no more and no fewer. Takes more than an hour. The report:
# build/faults/report.txt. Inside Wine's prefix, as tests/run.sh makes it.
set -euo pipefail
build=$1
tests=$(dirname "$0")
reports=build/faults
rm -rf $reports
mkdir -p $reports
status=0

# run PROGRAM SCENARIO: its problems go to SCENARIO.log
run() {
    local report=$reports/$1.$2
    if ! "$tests/wine-run.sh" "$build/bin/$1.exe" --full "$2" "$report" </dev/null >"$report.log" 2>&1; then
        grep -E '^(ERROR|--once|it hangs|crash|it was|thread|left over)' "$report.log" | tail -n 20
        echo "== $2 failed; all of its output: $report.log; one of these again: $build/bin/$1.exe --once ..."
        status=1
    fi
}

# The calls that no scenario reaches, "2 bind at listener__bind, src/endpoint/listener.c": how many there are in a function,
# for lines move; as they are, and as they are known to be.
unreached() {
    sed -nE 's/^NEVER REACHED +(.*):[0-9]+$/\1/p' $reports/sites.txt | sort | uniq -c | sed 's/^ *//' | sort
}
known_unreached() {
    sed -nE 's/^([0-9]+ [^:]+): .+/\1/p' "$tests/data/unreached.txt" | sort
}

# One core: Wine's processes take turns anyway.
taskset -cp "$(taskset -cp $$ | sed 's/.*: \([0-9]*\).*/\1/')" $$ >/dev/null
scenarios=()
for program in test_faults test_faults_program; do
    while read -r scenario; do
        scenarios+=("$program $scenario")
    done < <("$tests/wine-run.sh" "$build/bin/$program.exe" --list </dev/null | tr -d '\r')
done
for i in "${!scenarios[@]}"; do
    read -r program scenario <<<"${scenarios[i]}"
    printf '%3d of %d, %5d s: %s\n' $((i + 1)) ${#scenarios[@]} $SECONDS "$scenario"
    run "$program" "$scenario"
done

# often PROGRAM COUNT WHAT
often() {
    printf 'and %5d s: %s %s\n' $SECONDS "$2" "$3"
    if ! "$tests/wine-run.sh" "$build/bin/$1.exe" "$2" </dev/null >"$reports/$1.log" 2>&1; then
        tail -n 5 "$reports/$1.log"
        echo "== failed; all of its output: $reports/$1.log"
        status=1
    fi
}
often test_fault_cycles 10000 'faults that come and go'
often test_growth 1000 'starts and stops that leave nothing'

"$tests/sites.sh" "$build" $reports/*.sites >$reports/sites.txt
awk -v seconds=$SECONDS '{ tries += $2; hits += $3; problems += $4 }
    END { printf "%d scenarios, %d runs with a fault, %d met it, %d problems, in %d s\n", NR, tries, hits, problems, seconds }' \
    $reports/*.sums | tee $reports/report.txt
printf '%d calls that can fail, %d never reached, %d never made to fail\n' "$(wc -l <$reports/sites.txt)" \
    "$(grep -c '^NEVER' $reports/sites.txt)" "$(grep -c ' 0 failed ' $reports/sites.txt)" | tee -a $reports/report.txt
grep -E '^NEVER| 0 failed ' $reports/sites.txt | tee -a $reports/report.txt || true

known_unreached >$reports/known.txt
unreached | comm -3 $reports/known.txt - | sed -E 's/^\t/never reached, and not known to be: /; t
    s/^/no longer unreached as tests\/data\/unreached.txt has it: /' >$reports/unreached.txt
if [ -s $reports/unreached.txt ]; then
    tee -a $reports/report.txt <$reports/unreached.txt
    status=1
fi
exit $status
