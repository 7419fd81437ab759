# SPDX-License-Identifier: MIT
# Puts the table of events into docs/events.md, in place of all that stands behind the page's mark:
#   cmake -DIN=src/base/events.def -DPAGE=docs/events.md -P service/make_events_md.cmake
# With -DCHECK=yes nothing is written, and it fails where the page is another.
cmake_minimum_required(VERSION 3.25)
include(${CMAKE_CURRENT_LIST_DIR}/events_table.cmake)

set(mark "<!-- Made from src/base/events.def by service/make_events_md.cmake. -->\n")
set(filter_ERROR "`errors`")
set(filter_LIFECYCLE "`lifecycle`")
set(filter_NEVER "`all`")

file(READ "${PAGE}" page)
set(text "${page}")
string(FIND "${text}" "${mark}" at)
if(at EQUAL -1)
  message(FATAL_ERROR "${PAGE} has no line ${mark}")
endif()
string(LENGTH "${mark}" length)
math(EXPR at "${at} + ${length}")
string(SUBSTRING "${text}" 0 ${at} text)

string(APPEND text "\n| id | name | level | `event_log` | what it means, and what to do |\n|---|---|---|---|---|\n")
foreach(row IN LISTS events_rows)
  events_row("${row}")
  string(TOLOWER "${event_level}" level)
  set(filter ${filter_${event_class}})
  string(REPLACE "|" "\\|" meaning "${event_meaning}")
  string(APPEND text "| PL${event_id} | `${event_name}` | ${level} | ${filter} | ${meaning} |\n")
endforeach()
events_text(text)
if(NOT CHECK)
  file(WRITE "${PAGE}" "${text}")
elseif(NOT text STREQUAL page)
  message(FATAL_ERROR "${PAGE} is not what the table has; make it again, as service/make_events_md.cmake tells")
endif()
