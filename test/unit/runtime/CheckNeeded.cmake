# cmake -DREADELF=... -DLIBRARY=... [-DALSO=z] -P CheckNeeded.cmake
# Fails if LIBRARY needs any shared library but those of libc and, with ALSO, the
# one of that name.
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
  if(NOT line MATCHES "\\[(lib(c|m|pthread|[a-z]*san)\\.so|ld-)" AND
     NOT (ALSO AND line MATCHES "\\[lib${ALSO}\\.so"))
    message(FATAL_ERROR "expected only libc ${ALSO}, got ${line}")
  endif()
endforeach()
