# SPDX-License-Identifier: Apache-2.0
#
# How Fettle's own code is compiled: one interface target with the flags, and object libraries for the parts.

include_guard(GLOBAL)

# Flags for everything that ends up in the library. Never part of what consumers see.
add_library(fettle_build_flags INTERFACE)
target_compile_features(fettle_build_flags INTERFACE cxx_std_20)
# Spelled so that it is no prefix of a build folder in the tree: ccache makes such paths relative, however far away the
# build folder is, and another build's then differ.
target_include_directories(fettle_build_flags INTERFACE "${PROJECT_SOURCE_DIR}/lib/.." "${PROJECT_SOURCE_DIR}/include")
target_compile_options(fettle_build_flags INTERFACE -Wall -Wextra -Wpedantic -Wconversion -Wno-sign-conversion
                                                    -ffunction-sections -fdata-sections)
# In joined sources a name of one file may shadow another's.
if(NOT FETTLE_UNITY_BUILD)
  target_compile_options(fettle_build_flags INTERFACE -Wshadow)
elseif(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  target_compile_options(fettle_build_flags INTERFACE -Wshadow=local)
endif()
# Unique symbols would stay visible in the static package, and keep a shared library from being unloaded.
target_compile_options(fettle_build_flags INTERFACE $<$<AND:$<COMPILE_LANGUAGE:CXX>,$<CXX_COMPILER_ID:GNU>>:-fno-gnu-unique>)
# GCC 12 sees an overlap in std::string's operator+ that is not there (its bug 105651), and on 32-bit targets vectors
# that free what they never allocated.
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  target_compile_options(fettle_build_flags INTERFACE -Wno-restrict -Wno-free-nonheap-object)
endif()
target_compile_definitions(fettle_build_flags INTERFACE $<$<BOOL:${FETTLE_ONNX}>:FETTLE_WITH_ONNX=1>
                                                        $<$<BOOL:${FETTLE_XNNPACK}>:FETTLE_WITH_XNNPACK=1>)
if(FETTLE_DEVELOPER_MODE)
  target_compile_options(fettle_build_flags INTERFACE -Werror)
  target_compile_definitions(fettle_build_flags INTERFACE FETTLE_VERIFY_PASSES=1)
endif()

# The parts of the runtime library, in the order in which they were added.
set_property(GLOBAL PROPERTY FETTLE_PARTS "")

# fettle_join_sources(<target> [SEPARATE ALL|<file>...]): lets FETTLE_UNITY_BUILD compile several of the target's sources
# as one, which reads their headers once. SEPARATE: sources that define a name that others of the target define too.
# Sources with compile options of their own always stay apart.
function(fettle_join_sources target)
  cmake_parse_arguments(join "" "" "SEPARATE" ${ARGN})
  if(join_SEPARATE STREQUAL "ALL")
    return()
  endif()
  set_target_properties(${target} PROPERTIES UNITY_BUILD ${FETTLE_UNITY_BUILD} UNITY_BUILD_BATCH_SIZE 24)
  set_source_files_properties(${join_SEPARATE} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
endfunction()

# fettle_add_part(<name> [COLD] SOURCES <file>... [SEPARATE <file>...] [LINK <target>...]): an object library that becomes
# part of libfettle. COLD: what runs once for each model that is loaded; optimised builds make it small rather than fast.
# SEPARATE: see fettle_join_sources.
function(fettle_add_part name)
  cmake_parse_arguments(part "COLD" "" "SOURCES;SEPARATE;LINK" ${ARGN})
  add_library(${name} OBJECT ${part_SOURCES})
  fettle_join_sources(${name} SEPARATE ${part_SEPARATE})
  target_link_libraries(${name} PRIVATE fettle_build_flags ${part_LINK})
  set_target_properties(${name} PROPERTIES CXX_VISIBILITY_PRESET hidden C_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON
                                           POSITION_INDEPENDENT_CODE ON CXX_EXTENSIONS OFF)
  # The presets with sanitizers optimise what takes long, and not the tests, which compile for longer than they run.
  target_compile_options(${name} PRIVATE $<$<CONFIG:Sanitize>:-O1>)
  if(part_COLD)
    target_compile_options(${name} PRIVATE $<$<CONFIG:Release,RelWithDebInfo,MinSizeRel>:-Os>)
  endif()
  if(NOT FETTLE_EXCEPTIONS)
    target_compile_options(${name} PRIVATE $<$<COMPILE_LANGUAGE:CXX>:-fno-exceptions>)
  endif()
  set_property(GLOBAL APPEND PROPERTY FETTLE_PARTS ${name})
endfunction()

# Sanitizers' checks in unrolled loops compile for minutes: what they read and write is checked, by calls.
set(FETTLE_SANITIZED_LOOPS "")
if(CMAKE_BUILD_TYPE STREQUAL "Sanitize" AND CMAKE_CXX_FLAGS MATCHES "-fsanitize=address")
  set(FETTLE_SANITIZED_LOOPS -fno-sanitize=fuzzer-no-link,undefined "SHELL:-mllvm -asan-stack=0"
                             "SHELL:-mllvm -asan-instrumentation-with-call-threshold=0")
endif()

# fettle_add_loops(<name> OPTIONS <option>... SOURCES <file>...): a part whose files have an instruction set's own options.
# They hold no inline function or foreign template that other files have too: the linker keeps one copy of those, perhaps
# this one. A test looks for such symbols.
function(fettle_add_loops name)
  cmake_parse_arguments(loops "" "" "OPTIONS;SOURCES" ${ARGN})
  # GCC gives out registers otherwise where several files are one, and some tiles spill.
  set(separate SEPARATE ALL)
  if(FETTLE_SANITIZED_LOOPS)
    set(separate "")
  endif()
  fettle_add_part(${name} SOURCES ${loops_SOURCES} ${separate})
  target_compile_options(${name} PRIVATE -fno-exceptions ${loops_OPTIONS} ${FETTLE_SANITIZED_LOOPS})
  set_property(GLOBAL APPEND PROPERTY FETTLE_ISA_OBJECTS "$<TARGET_OBJECTS:${name}>")
endfunction()
