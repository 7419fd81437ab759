# SPDX-License-Identifier: MIT
# CPack runs this before it archives: every file gets the time of the last commit, or SOURCE_DATE_EPOCH where it is set, so
# that the same sources make the same archive. CPack reads that variable itself, in this very process.
if(NOT DEFINED ENV{SOURCE_DATE_EPOCH})
  execute_process(COMMAND git log -1 --format=%ct WORKING_DIRECTORY "${CPACK_PORTLISTENER_SOURCE}"
    OUTPUT_VARIABLE epoch OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE result)
  if(result EQUAL 0)
    set(ENV{SOURCE_DATE_EPOCH} "${epoch}")
  endif()
endif()
