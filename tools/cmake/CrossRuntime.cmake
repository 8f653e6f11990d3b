# fovea_cross_runtime(ARCHITECTURE OUT): sets OUT to the path of the runtime's
# static library for another architecture, and says how it is made: with clang,
# against the C library that Debian has in libc6-dev-<arch>-cross. OUT is empty
# if one of them is missing, or if the architecture is this machine's.
function(fovea_cross_runtime architecture out)
  set(${out} "" PARENT_SCOPE)
  if(architecture STREQUAL CMAKE_SYSTEM_PROCESSOR)
    return()
  endif()
  find_program(FOVEA_CROSS_CXX NAMES clang++-22 clang++)
  find_program(FOVEA_CROSS_AR NAMES llvm-ar-22 llvm-ar
    HINTS "${LLVM_TOOLS_BINARY_DIR}")
  if(NOT FOVEA_CROSS_CXX OR NOT FOVEA_CROSS_AR)
    return()
  endif()
  # Outlined atomics are calls into libgcc, which a bare linker does not find.
  set(flags --target=${architecture}-linux-gnu -mno-outline-atomics -std=gnu++17
    -O2 -Wall -Wextra -fPIC -fvisibility=hidden -fvisibility-inlines-hidden
    -fno-exceptions -fno-rtti -fno-threadsafe-statics
    "-I${CMAKE_SOURCE_DIR}/include" "-I${CMAKE_SOURCE_DIR}/runtime")
  if(NOT DEFINED FOVEA_CROSS_WORKS_${architecture})
    set(probe "${CMAKE_BINARY_DIR}/cross-probe.cpp")
    file(WRITE ${probe} "#include <atomic>\n#include <pthread.h>\n")
    execute_process(COMMAND ${FOVEA_CROSS_CXX} ${flags} -fsyntax-only ${probe}
      RESULT_VARIABLE status OUTPUT_QUIET ERROR_QUIET)
    if(status EQUAL 0)
      set(FOVEA_CROSS_WORKS_${architecture} ON CACHE INTERNAL "")
    else()
      # Not cached: it may be installed later.
      message(STATUS "No C++ library for ${architecture}: shared libraries for "
        "it cannot be made, object files can")
      return()
    endif()
  endif()
  set(folder "${CMAKE_BINARY_DIR}/runtime/${architecture}")
  file(MAKE_DIRECTORY ${folder})
  get_target_property(sources fovea_rt_objects SOURCES)
  set(objects "")
  foreach(source IN LISTS sources)
    get_filename_component(stem ${source} NAME_WE)
    set(object "${folder}/${stem}.o")
    add_custom_command(OUTPUT ${object}
      COMMAND ${CMAKE_CXX_COMPILER_LAUNCHER} ${FOVEA_CROSS_CXX} ${flags}
        -MD -MF ${object}.d -c "${CMAKE_SOURCE_DIR}/runtime/${source}"
        -o ${object}
      DEPENDS "${CMAKE_SOURCE_DIR}/runtime/${source}"
      DEPFILE ${object}.d
      COMMENT "Building ${stem}.cpp of the runtime for ${architecture}"
      VERBATIM)
    list(APPEND objects ${object})
  endforeach()
  set(archive "${folder}/libfovea_rt.a")
  add_custom_command(OUTPUT ${archive}
    COMMAND ${CMAKE_COMMAND} -E rm -f ${archive}
    COMMAND ${FOVEA_CROSS_AR} rcs ${archive} ${objects}
    DEPENDS ${objects}
    COMMENT "Linking the runtime for ${architecture}"
    VERBATIM)
  set(${out} ${archive} PARENT_SCOPE)
endfunction()
