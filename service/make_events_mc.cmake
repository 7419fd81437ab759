# SPDX-License-Identifier: MIT
# Makes the message text file of the event log from the table of events:
#   cmake -DIN=src/base/events.def -DOUT=events.mc -P make_events_mc.cmake
# mc (Windows SDK) and windmc (binutils) take it.
#
# A message's number is that of event_log_id(): the severity in the two top bits, facility 0, the event's id. Its text is
# what the program says (%1), and below that what the event means.
cmake_minimum_required(VERSION 3.25)

file(READ "${IN}" table)
if(table MATCHES "[^ -~\r\n]")
  message(FATAL_ERROR "${IN}: a character that is not ASCII; the message compilers would read it as they like")
endif()
# What lists take for their own. The characters come back below.
string(ASCII 1 semicolon)
string(ASCII 2 open)
string(ASCII 3 close)
string(REPLACE ";" "${semicolon}" table "${table}")
string(REPLACE "[" "${open}" table "${table}")
string(REPLACE "]" "${close}" table "${table}")

string(REGEX MATCHALL "EVENT\\([A-Z]" begun "${table}")
string(REGEX MATCHALL "EVENT\\([A-Z0-9_]+, [0-9]+, [A-Z]+, [A-Z]+, \"[^\"\\\\\n]+\"\\)\r?\n" rows "${table}")
list(LENGTH begun begun_count)
list(LENGTH rows row_count)
if(row_count EQUAL 0 OR NOT row_count EQUAL begun_count)
  message(FATAL_ERROR "${IN}: ${begun_count} rows begin with EVENT(, but only ${row_count} have the form "
    "EVENT(NAME, ID, LEVEL, CLASS, \"meaning\") on one line, without quotes and backslashes in the meaning")
endif()

set(severity_ERROR Error)
set(severity_WARNING Warning)
set(severity_INFO Informational)
set(severity_DEBUG Informational)

set(text ";// Made by make_events_mc.cmake from events.def.
MessageIdTypedef=DWORD
SeverityNames=(Informational=0x1 Warning=0x2 Error=0x3)
FacilityNames=(None=0x0)
LanguageNames=(English=0x409:MSG00409)
")
foreach(row IN LISTS rows)
  string(REGEX MATCH "EVENT\\(([A-Z0-9_]+), ([0-9]+), ([A-Z]+), [A-Z]+, \"(.*)\"\\)" row "${row}")
  set(name ${CMAKE_MATCH_1})
  set(id ${CMAKE_MATCH_2})
  set(severity ${severity_${CMAKE_MATCH_3}})
  string(REPLACE "%" "%%" meaning "${CMAKE_MATCH_4}")
  if(NOT severity)
    message(FATAL_ERROR "${IN}: ${name} has no level that exists")
  endif()
  string(APPEND text "
MessageId=${id}
Severity=${severity}
Facility=None
SymbolicName=MESSAGE_${name}
Language=English
%1

${meaning}
.
")
endforeach()
string(REPLACE "${semicolon}" ";" text "${text}")
string(REPLACE "${open}" "[" text "${text}")
string(REPLACE "${close}" "]" text "${text}")
file(WRITE "${OUT}" "${text}")
