# cmake -DREADELF=... -DLIBRARY=... -P CheckNeeded.cmake
# Fails if LIBRARY needs any shared library but those of libc.
execute_process(COMMAND ${READELF} -d ${LIBRARY}
  OUTPUT_VARIABLE dynamic RESULT_VARIABLE status)
if(NOT status EQUAL 0)
  message(FATAL_ERROR "${READELF} cannot read ${LIBRARY}")
endif()
string(REGEX MATCHALL "\\(NEEDED\\)[^\n]*" needed "${dynamic}")
if(NOT needed)
  message(FATAL_ERROR "expected ${LIBRARY} to need at least libc, got nothing")
endif()
foreach(line IN LISTS needed)
  # Sanitiser builds bring their own; that is no fault of the runtime.
  if(NOT line MATCHES "\\[(lib(c|m|pthread|[a-z]*san)\\.so|ld-)")
    message(FATAL_ERROR "expected only libc, got ${line}")
  endif()
endforeach()
