# SPDX-License-Identifier: Apache-2.0
#
# Finds what Fettle is built from and gives each thing one imported target, fettle_deps::<name>:
#
#   xnnpack        XNNPACK, one static archive; the headers of XNNPACK, pthreadpool and cpuinfo
#   protobuf_lite  protobuf's lite runtime, static, hidden symbols
#   eigen fmt json xxhash cli11 stb     headers alone
#   catch2 catch2_nomain                Catch2 v3 with and without its main(); include(Catch) works too
#   onnxruntime openblas                for benchmarks alone, and only where they are there
#
# and the variables FETTLE_PROTOC and FETTLE_ONNX_PROTO. Each is looked for in this order:
#
#   1. the prefix that scripts/bootstrap fills (FETTLE_DEPS_PREFIX, by default asked of the script);
#   2. the system: what the distribution, vcpkg or Conan installed, by way of CMAKE_PREFIX_PATH;
#   3. with -DFETTLE_FETCH_DEPS=ON, the upstream source at a pinned version.
#
# fettle_require_dependencies(<name>...) stops with one message that lists all that is missing.

include_guard(GLOBAL)

option(FETTLE_FETCH_DEPS "Download dependencies that are not found" OFF)
set(FETTLE_DEPS_PREFIX "" CACHE PATH "Prefix with Fettle's dependencies; empty asks scripts/bootstrap")

set(_fettle_source "${CMAKE_CURRENT_LIST_DIR}/..")
include("${CMAKE_CURRENT_LIST_DIR}/FettleDependenciesFetch.cmake")

# The name that scripts/bootstrap has for the target machine.
function(_fettle_deps_target result)
  if(FETTLE_DEPS_TARGET)
    set(name "${FETTLE_DEPS_TARGET}")
  elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "^(aarch64|arm64)")
    set(name aarch64)
  elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "^arm")
    set(name armhf)
  elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|amd64)")
    set(name x86_64)
  else()
    set(name "")
  endif()
  set(${result} "${name}" PARENT_SCOPE)
endfunction()

function(_fettle_ask_bootstrap result)
  set(answer "")
  set(status 1)
  if(CMAKE_HOST_UNIX AND EXISTS "${_fettle_source}/scripts/bootstrap")
    execute_process(COMMAND "${_fettle_source}/scripts/bootstrap" ${ARGN}
                    OUTPUT_VARIABLE answer RESULT_VARIABLE status ERROR_QUIET OUTPUT_STRIP_TRAILING_WHITESPACE)
  endif()
  if(NOT status EQUAL 0)
    set(answer "")
  endif()
  set(${result} "${answer}" PARENT_SCOPE)
endfunction()

set(_fettle_prefix "${FETTLE_DEPS_PREFIX}")
if(NOT _fettle_prefix)
  _fettle_deps_target(_fettle_target)
  if(_fettle_target)
    _fettle_ask_bootstrap(_fettle_prefix --target ${_fettle_target} --print-prefix)
  endif()
endif()
if(_fettle_prefix)
  message(STATUS "Fettle's dependencies: ${_fettle_prefix}")
  list(APPEND CMAKE_MODULE_PATH "${_fettle_prefix}/lib/cmake/Catch2")
else()
  message(STATUS "Fettle's dependencies: no prefix from scripts/bootstrap; looking on the system")
endif()

# Sets `result` to the folder that holds `header`: in the prefix, else on the system.
function(_fettle_find_include result header)
  unset(folder)
  if(_fettle_prefix AND EXISTS "${_fettle_prefix}/include/${header}")
    set(folder "${_fettle_prefix}/include")
  else()
    find_path(folder "${header}" PATH_SUFFIXES ${ARGN} NO_CACHE)
  endif()
  if(NOT folder)
    set(folder "")
  endif()
  set(${result} "${folder}" PARENT_SCOPE)
endfunction()

# Sets `result` to the static archive of `name`: in the prefix, else on the system.
function(_fettle_find_archive result name)
  unset(file)
  if(_fettle_prefix AND EXISTS "${_fettle_prefix}/lib/lib${name}.a")
    set(file "${_fettle_prefix}/lib/lib${name}.a")
  else()
    find_library(file NAMES "lib${name}.a" "${name}.lib" NO_CACHE)
  endif()
  if(NOT file)
    set(file "")
  endif()
  set(${result} "${file}" PARENT_SCOPE)
endfunction()

function(_fettle_header_target name header)
  cmake_parse_arguments(PARSE_ARGV 2 arg "" "" "DEFINITIONS;SUFFIXES")
  _fettle_find_include(folder "${header}" ${arg_SUFFIXES})
  if(folder AND NOT TARGET fettle_deps::${name})
    add_library(fettle_deps::${name} INTERFACE IMPORTED GLOBAL)
    target_include_directories(fettle_deps::${name} SYSTEM INTERFACE "${folder}")
    target_compile_definitions(fettle_deps::${name} INTERFACE ${arg_DEFINITIONS})
  endif()
endfunction()

function(_fettle_archive_target name archive header)
  cmake_parse_arguments(PARSE_ARGV 3 arg "" "" "DEFINITIONS;LINK")
  _fettle_find_include(folder "${header}")
  _fettle_find_archive(file "${archive}")
  if(folder AND file AND NOT TARGET fettle_deps::${name})
    add_library(fettle_deps::${name} STATIC IMPORTED GLOBAL)
    set_target_properties(fettle_deps::${name} PROPERTIES IMPORTED_LOCATION "${file}")
    target_include_directories(fettle_deps::${name} SYSTEM INTERFACE "${folder}")
    target_compile_definitions(fettle_deps::${name} INTERFACE ${arg_DEFINITIONS})
    target_link_libraries(fettle_deps::${name} INTERFACE ${arg_LINK})
  endif()
endfunction()

# XNNPACK must be static (a shared one would call another pthreadpool than Fettle's) and have the operator
# interface of 2024.
function(_fettle_find_xnnpack)
  _fettle_find_include(folder xnnpack.h)
  _fettle_find_include(pthreadpool pthreadpool.h)
  _fettle_find_include(cpuinfo cpuinfo.h)
  if(NOT folder OR NOT pthreadpool OR NOT cpuinfo)
    return()
  endif()
  file(STRINGS "${folder}/xnnpack.h" found REGEX "xnn_reshape_convolution2d_nhwc_f32" LIMIT_COUNT 1)
  if(NOT found)
    message(STATUS "Fettle's dependencies: ${folder}/xnnpack.h is too old")
    return()
  endif()
  _fettle_archive_target(xnnpack XNNPACK xnnpack.h DEFINITIONS PTHREADPOOL_NO_DEPRECATED_API=1)
  if(TARGET fettle_deps::xnnpack)
    target_include_directories(fettle_deps::xnnpack SYSTEM INTERFACE "${pthreadpool}" "${cpuinfo}")
    # Upstream's own build keeps the micro-kernels in an archive beside.
    _fettle_find_archive(kernels xnnpack-microkernels-prod)
    if(kernels AND NOT _fettle_prefix)
      target_link_libraries(fettle_deps::xnnpack INTERFACE "${kernels}")
    endif()
  endif()
endfunction()

# The generated code fits one release of protobuf only, so protoc and the runtime must agree.
function(_fettle_find_protobuf)
  find_program(FETTLE_PROTOC protoc DOC "protobuf's compiler")
  _fettle_archive_target(protobuf_lite protobuf-lite google/protobuf/message_lite.h)
  if(NOT TARGET fettle_deps::protobuf_lite OR NOT FETTLE_PROTOC)
    return()
  endif()
  execute_process(COMMAND "${FETTLE_PROTOC}" --version OUTPUT_VARIABLE text OUTPUT_STRIP_TRAILING_WHITESPACE)
  string(REGEX MATCH "([0-9]+)\\.([0-9]+)$" unused "${text}")
  set(text_minor "${CMAKE_MATCH_1}")
  set(text_patch "${CMAKE_MATCH_2}")
  if(text MATCHES "[0-9]+\\.[0-9]+\\.[0-9]+")
    string(REGEX MATCH "([0-9]+)\\.([0-9]+)\\.([0-9]+)" unused "${text}")
    set(text_minor "${CMAKE_MATCH_2}")
    set(text_patch "${CMAKE_MATCH_3}")
  endif()
  get_target_property(folder fettle_deps::protobuf_lite INTERFACE_INCLUDE_DIRECTORIES)
  file(STRINGS "${folder}/google/protobuf/port_def.inc" line REGEX "^#define PROTOBUF_VERSION [0-9]+" LIMIT_COUNT 1)
  if(line MATCHES "PROTOBUF_VERSION ([0-9]+)")
    set(number "${CMAKE_MATCH_1}")
    math(EXPR minor "${number} / 1000 % 1000")
    math(EXPR patch "${number} % 1000")
    if(NOT "${minor}.${patch}" STREQUAL "${text_minor}.${text_patch}")
      message(FATAL_ERROR "protoc is ${text}, but the protobuf runtime is release ${minor}.${patch}: install "
                          "protoc ${minor}.${patch} (FETTLE_PROTOC), or run scripts/bootstrap")
    endif()
  endif()
endfunction()

_fettle_find_xnnpack()
_fettle_find_protobuf()
_fettle_header_target(eigen Eigen/Core SUFFIXES eigen3 DEFINITIONS EIGEN_MPL2_ONLY)
_fettle_header_target(fmt fmt/format.h DEFINITIONS FMT_HEADER_ONLY=1)
_fettle_header_target(json nlohmann/json.hpp DEFINITIONS JSON_NOEXCEPTION=1)
_fettle_header_target(xxhash xxhash.h DEFINITIONS XXH_INLINE_ALL=1)
_fettle_header_target(cli11 CLI/CLI.hpp)
_fettle_header_target(stb stb_image.h SUFFIXES stb)
_fettle_archive_target(catch2_nomain Catch2 catch2/catch_test_macros.hpp)
_fettle_archive_target(catch2 Catch2Main catch2/catch_test_macros.hpp LINK fettle_deps::catch2_nomain)

# The ONNX backend tests, for the tests alone, which skip what is absent.
set(FETTLE_ONNX_TESTDATA "/usr/share/libonnx-testdata/data")
if(_fettle_prefix AND EXISTS "${_fettle_prefix}/share/onnx/testdata")
  set(FETTLE_ONNX_TESTDATA "${_fettle_prefix}/share/onnx/testdata")
endif()
if(_fettle_prefix AND EXISTS "${_fettle_prefix}/share/onnx/onnx.proto")
  set(FETTLE_ONNX_PROTO "${_fettle_prefix}/share/onnx/onnx.proto")
else()
  find_file(FETTLE_ONNX_PROTO onnx.proto PATH_SUFFIXES onnx DOC "onnx.proto of ONNX 1.17 or newer")
endif()

# For benchmarks alone: absent unless scripts/bootstrap --with-benchmarks (or the system) has them.
_fettle_ask_bootstrap(_fettle_rivals --print-benchmarks)
if(_fettle_rivals AND NOT TARGET fettle_deps::onnxruntime)
  _fettle_deps_target(_fettle_target)
  if(EXISTS "${_fettle_rivals}/lib/${_fettle_target}/libonnxruntime.so.1")
    add_library(fettle_deps::onnxruntime SHARED IMPORTED GLOBAL)
    set_target_properties(fettle_deps::onnxruntime PROPERTIES
      IMPORTED_LOCATION "${_fettle_rivals}/lib/${_fettle_target}/libonnxruntime.so.1"
      IMPORTED_SONAME libonnxruntime.so.1)
    target_include_directories(fettle_deps::onnxruntime SYSTEM INTERFACE "${_fettle_rivals}/include/onnxruntime")
  endif()
endif()
find_library(_fettle_openblas openblas NO_CACHE)
find_path(_fettle_cblas cblas.h PATH_SUFFIXES openblas openblas-pthread NO_CACHE)
if(_fettle_openblas AND _fettle_cblas AND NOT TARGET fettle_deps::openblas)
  add_library(fettle_deps::openblas UNKNOWN IMPORTED GLOBAL)
  set_target_properties(fettle_deps::openblas PROPERTIES IMPORTED_LOCATION "${_fettle_openblas}")
  target_include_directories(fettle_deps::openblas SYSTEM INTERFACE "${_fettle_cblas}")
endif()

# fettle_require_dependencies(<name>...): stops unless each of the named dependencies has its target. A macro,
# because fetching sets FETTLE_ONNX_PROTO and the module path in the caller's scope.
macro(fettle_require_dependencies)
  set(_fettle_missing "")
  foreach(_fettle_name IN ITEMS ${ARGN})
    if(FETTLE_FETCH_DEPS AND NOT TARGET fettle_deps::${_fettle_name})
      fettle_fetch_dependency(${_fettle_name})
    endif()
    if(NOT TARGET fettle_deps::${_fettle_name})
      list(APPEND _fettle_missing ${_fettle_name})
    elseif(_fettle_name STREQUAL "protobuf_lite")
      if(FETTLE_FETCH_DEPS AND NOT FETTLE_ONNX_PROTO)
        fettle_fetch_dependency(onnx_proto)
      endif()
      if(NOT FETTLE_PROTOC)
        list(APPEND _fettle_missing protoc)
      endif()
      if(NOT FETTLE_ONNX_PROTO)
        list(APPEND _fettle_missing onnx.proto)
      endif()
    endif()
  endforeach()
  if(_fettle_missing)
    list(JOIN _fettle_missing ", " _fettle_missing)
    message(FATAL_ERROR "Fettle needs what is not found here: ${_fettle_missing}.\n"
                        "On Debian 12 run scripts/bootstrap (with --target for a cross build). Elsewhere install "
                        "them and set CMAKE_PREFIX_PATH, or configure with -DFETTLE_FETCH_DEPS=ON.")
  endif()
endmacro()
