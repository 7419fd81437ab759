# SPDX-License-Identifier: MIT
# Makes the message text file of the event log from the table of events:
#   cmake -DIN=src/base/events.def -DOUT=events.mc -P make_events_mc.cmake
# mc (Windows SDK) and windmc (binutils) take it.
#
# A message's number is that of event_log_id(): the severity in the two top bits, facility 0, the event's id. Its text is
# what the program says (%1), and below that what the event means.
cmake_minimum_required(VERSION 3.25)
include(${CMAKE_CURRENT_LIST_DIR}/events_table.cmake)

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
foreach(row IN LISTS events_rows)
  events_row("${row}")
  set(severity ${severity_${event_level}})
  string(REPLACE "%" "%%" meaning "${event_meaning}")
  if(NOT severity)
    message(FATAL_ERROR "${IN}: ${event_name} has no level that exists")
  endif()
  string(APPEND text "
MessageId=${event_id}
Severity=${severity}
Facility=None
SymbolicName=MESSAGE_${event_name}
Language=English
%1

${meaning}
.
")
endforeach()
events_text(text)
file(WRITE "${OUT}" "${text}")
