# Five helpers; every folder of the compiler uses one of them.
#
#   add_fovea_library(NAME sources... [DEPENDS targets...] [LINK libs...])
#   add_fovea_dialect(NAME ...)    a library whose .td files lie beside it
#   add_fovea_passes(NAME ...)     a library of passes declared in Passes.td
#   add_fovea_tool(name sources... LINK libs...)
#   add_fovea_unittest(NAME sources... LINK libs...)
#
# The compiler links the shared MLIR and LLVM libraries and nothing else of
# theirs: naming a static MLIR library beside them puts a second copy in.

add_library(fovea_headers INTERFACE)
target_include_directories(fovea_headers INTERFACE
  "${CMAKE_SOURCE_DIR}/include" "${CMAKE_BINARY_DIR}/include")
target_include_directories(fovea_headers SYSTEM INTERFACE
  ${LLVM_INCLUDE_DIRS} ${MLIR_INCLUDE_DIRS})
target_compile_options(fovea_headers INTERFACE
  -fno-exceptions)
target_link_libraries(fovea_headers INTERFACE MLIR LLVM)

if(FOVEA_PCH)
  file(WRITE "${CMAKE_BINARY_DIR}/FoveaPch.cpp" "")
  add_library(FoveaPch OBJECT "${CMAKE_BINARY_DIR}/FoveaPch.cpp")
  target_link_libraries(FoveaPch PUBLIC fovea_headers)
  target_precompile_headers(FoveaPch PRIVATE
    <mlir/IR/PatternMatch.h> <mlir/Pass/Pass.h>
    <mlir/Dialect/Arith/IR/Arith.h> <mlir/Dialect/Func/IR/FuncOps.h>
    <mlir/Dialect/Math/IR/Math.h> <mlir/Dialect/MemRef/IR/MemRef.h>
    <mlir/Dialect/SCF/IR/SCF.h> <mlir/Dialect/Tensor/IR/Tensor.h>
    <mlir/Dialect/Vector/IR/VectorOps.h>)
endif()

add_custom_target(fovea-headers)

# Generates one .inc file from a .td file, into the build tree's include/.
function(fovea_tablegen td out)
  get_filename_component(td_abs ${td} ABSOLUTE)
  set(LLVM_TARGET_DEFINITIONS ${td_abs})
  get_filename_component(dir "${CMAKE_BINARY_DIR}/include/fovea/${out}" DIRECTORY)
  file(MAKE_DIRECTORY ${dir})
  file(RELATIVE_PATH rel ${CMAKE_CURRENT_BINARY_DIR}
       "${CMAKE_BINARY_DIR}/include/fovea/${out}")
  mlir_tablegen(${rel} ${ARGN} EXTRA_INCLUDES "${CMAKE_SOURCE_DIR}" ${MLIR_INCLUDE_DIRS})
  set(FOVEA_TABLEGEN_OUTPUT ${TABLEGEN_OUTPUT} PARENT_SCOPE)
  set(TABLEGEN_OUTPUT ${TABLEGEN_OUTPUT} PARENT_SCOPE)
endfunction()

function(add_fovea_library name)
  cmake_parse_arguments(ARG "" "" "DEPENDS;LINK" ${ARGN})
  add_library(${name} STATIC ${ARG_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PUBLIC fovea_headers ${ARG_LINK})
  add_dependencies(${name} fovea-headers)
  if(ARG_DEPENDS)
    add_dependencies(${name} ${ARG_DEPENDS})
  endif()
  if(FOVEA_PCH)
    target_precompile_headers(${name} REUSE_FROM FoveaPch)
  endif()
endfunction()

# <D>Dialect.td, <D>Attrs.td (optional), <D>Types.td (optional), <D>Ops.td in
# dialects/<D>; the generated files lie under include/fovea/dialects/<D>.
function(add_fovea_dialect folder mnemonic)
  cmake_parse_arguments(ARG "" "" "LINK" ${ARGN})
  set(here "${CMAKE_CURRENT_SOURCE_DIR}")
  set(out "dialects/${folder}/${folder}")
  set(TABLEGEN_OUTPUT "")
  fovea_tablegen(${folder}Dialect.td ${out}Dialect.h.inc -gen-dialect-decls -dialect=${mnemonic})
  fovea_tablegen(${folder}Dialect.td ${out}Dialect.cpp.inc -gen-dialect-defs -dialect=${mnemonic})
  fovea_tablegen(${folder}Ops.td ${out}Ops.h.inc -gen-op-decls)
  fovea_tablegen(${folder}Ops.td ${out}Ops.cpp.inc -gen-op-defs)
  if(EXISTS ${here}/${folder}Attrs.td)
    fovea_tablegen(${folder}Attrs.td ${out}Enums.h.inc -gen-enum-decls)
    fovea_tablegen(${folder}Attrs.td ${out}Enums.cpp.inc -gen-enum-defs)
    fovea_tablegen(${folder}Attrs.td ${out}Attrs.h.inc -gen-attrdef-decls -attrdefs-dialect=${mnemonic})
    fovea_tablegen(${folder}Attrs.td ${out}Attrs.cpp.inc -gen-attrdef-defs -attrdefs-dialect=${mnemonic})
  endif()
  if(EXISTS ${here}/${folder}Types.td)
    fovea_tablegen(${folder}Types.td ${out}Types.h.inc -gen-typedef-decls -typedefs-dialect=${mnemonic})
    fovea_tablegen(${folder}Types.td ${out}Types.cpp.inc -gen-typedef-defs -typedefs-dialect=${mnemonic})
  endif()
  add_public_tablegen_target(FoveaDialect${folder}IncGen)
  add_dependencies(fovea-headers FoveaDialect${folder}IncGen)
  add_fovea_library(FoveaDialect${folder} ${ARG_UNPARSED_ARGUMENTS} LINK ${ARG_LINK})
endfunction()

# Passes.td in passes/<Group>; generates include/fovea/passes/<Group>/Passes.h.inc.
function(add_fovea_passes folder)
  cmake_parse_arguments(ARG "" "" "LINK" ${ARGN})
  set(TABLEGEN_OUTPUT "")
  string(REPLACE "/" "" group "${folder}")
  fovea_tablegen(Passes.td passes/${folder}/Passes.h.inc -gen-pass-decls -name=${group})
  add_public_tablegen_target(FoveaPasses${group}IncGen)
  add_dependencies(fovea-headers FoveaPasses${group}IncGen)
  add_fovea_library(FoveaPasses${group} ${ARG_UNPARSED_ARGUMENTS} LINK ${ARG_LINK})
endfunction()

function(add_fovea_tool name)
  cmake_parse_arguments(ARG "" "" "LINK" ${ARGN})
  add_executable(${name} ${ARG_UNPARSED_ARGUMENTS})
  set_target_properties(${name} PROPERTIES
    RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/bin")
  target_link_libraries(${name} PRIVATE fovea_headers ${ARG_LINK})
  add_dependencies(${name} fovea-headers)
endfunction()

function(add_fovea_unittest name)
  cmake_parse_arguments(ARG "" "" "LINK" ${ARGN})
  add_executable(${name} ${ARG_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PRIVATE fovea_headers ${ARG_LINK} GTest::gtest GTest::gtest_main)
  set_target_properties(${name} PROPERTIES
    RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/test/unit")
  add_dependencies(${name} fovea-headers)
  add_test(NAME ${name} COMMAND ${name})
endfunction()
