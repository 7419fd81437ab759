# SPDX-License-Identifier: MIT
# Each finding of the check is named by a test, by its id in quotes or parentheses or by its FINDING_NAME:
#   cmake -DIN=src/diagnosis/findings.def -DTESTS=tests -P tests/check-findings.cmake
cmake_minimum_required(VERSION 3.25)

file(STRINGS "${IN}" rows REGEX "^FINDING\\(")
file(GLOB sources "${TESTS}/test_*.c")
set(named)
foreach(source IN LISTS sources)
  file(STRINGS "${source}" lines REGEX "FINDING_|[a-z0-9]-[a-z0-9]")
  string(REPLACE "\\" "" lines "${lines}") # of quotes inside of a text
  string(REGEX MATCHALL "FINDING_[A-Z0-9_]+|[(\"][a-z0-9]+(-[a-z0-9]+)+[)\"]" found "${lines}")
  list(APPEND named ${found})
endforeach()
if(NOT rows OR NOT named)
  message(FATAL_ERROR "no row in ${IN}, or no test in ${TESTS} names one")
endif()

set(missing "")
foreach(row IN LISTS rows)
  string(REGEX MATCH "^FINDING\\(([A-Z0-9_]+), \"([a-z0-9-]+)\"" whole "${row}")
  set(name "${CMAKE_MATCH_1}")
  set(id "${CMAKE_MATCH_2}")
  if(NOT "FINDING_${name}" IN_LIST named AND NOT "(${id})" IN_LIST named AND NOT "\"${id}\"" IN_LIST named)
    string(APPEND missing "\n  ${id} (FINDING_${name})")
  endif()
endforeach()
if(missing)
  message(FATAL_ERROR "no test names these findings of ${IN}; the parts of the check are tested in "
    "test_command_check.c, test_check_live.c and test_finding*.c:${missing}")
endif()
