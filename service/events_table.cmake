# SPDX-License-Identifier: MIT
# Reads the table of events for who makes something of it: include() it with IN set to src/base/events.def.
#
# events_rows: the rows, one item each. events_row(ROW): takes one apart, into event_name, event_id, event_level,
# event_class and event_meaning. events_text(TEXT): gives the characters back that lists take for their own.
file(READ "${IN}" table)
if(table MATCHES "[^ -~\r\n]")
  message(FATAL_ERROR "${IN}: a character that is not ASCII; the message compilers would read it as they like")
endif()
string(ASCII 1 semicolon)
string(ASCII 2 open)
string(ASCII 3 close)
string(REPLACE ";" "${semicolon}" table "${table}")
string(REPLACE "[" "${open}" table "${table}")
string(REPLACE "]" "${close}" table "${table}")

string(REGEX MATCHALL "EVENT\\([A-Z]" begun "${table}")
string(REGEX MATCHALL "EVENT\\([A-Z0-9_]+, [0-9]+, [A-Z]+, [A-Z]+, \"[^\"\\\\\n]+\"\\)\r?\n" events_rows "${table}")
list(LENGTH begun begun_count)
list(LENGTH events_rows row_count)
if(row_count EQUAL 0 OR NOT row_count EQUAL begun_count)
  message(FATAL_ERROR "${IN}: ${begun_count} rows begin with EVENT(, but only ${row_count} have the form "
    "EVENT(NAME, ID, LEVEL, CLASS, \"meaning\") on one line, without quotes and backslashes in the meaning")
endif()

macro(events_row row)
  string(REGEX MATCH "EVENT\\(([A-Z0-9_]+), ([0-9]+), ([A-Z]+), ([A-Z]+), \"(.*)\"\\)" whole "${row}")
  set(event_name ${CMAKE_MATCH_1})
  set(event_id ${CMAKE_MATCH_2})
  set(event_level ${CMAKE_MATCH_3})
  set(event_class ${CMAKE_MATCH_4})
  set(event_meaning "${CMAKE_MATCH_5}")
endmacro()

macro(events_text text)
  string(REPLACE "${semicolon}" ";" ${text} "${${text}}")
  string(REPLACE "${open}" "[" ${text} "${${text}}")
  string(REPLACE "${close}" "]" ${text} "${${text}}")
endmacro()
