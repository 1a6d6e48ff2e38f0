# SPDX-License-Identifier: Apache-2.0
#
# fettle_fetch_dependency(<name>): gets one dependency from upstream at a pinned version and builds it the way
# scripts/bootstrap does. Used by FettleDependencies.cmake, only with -DFETTLE_FETCH_DEPS=ON.

include_guard(GLOBAL)
include(FetchContent)

set(_fettle_deps_dir "${CMAKE_CURRENT_LIST_DIR}/../scripts/deps")

# Downloads a source without adding it to the build (SOURCE_SUBDIR names a folder that is not there), and sets
# <name>_SOURCE_DIR for the caller.
macro(_fettle_get_source name repository tag)
  FetchContent_Declare(${name} GIT_REPOSITORY "https://github.com/${repository}.git" GIT_TAG "${tag}"
                       SOURCE_SUBDIR .fettle-sources-only)
  FetchContent_MakeAvailable(${name})
endmacro()

macro(_fettle_fetched_headers name folder)
  add_library(fettle_deps::${name} INTERFACE IMPORTED GLOBAL)
  target_include_directories(fettle_deps::${name} SYSTEM INTERFACE "${folder}")
  target_compile_definitions(fettle_deps::${name} INTERFACE ${ARGN})
endmacro()

macro(_fettle_fetched_archive name target)
  add_library(fettle_deps::${name} ALIAS ${target})
endmacro()

macro(_fettle_fetch_xnnpack)
  _fettle_get_source(fettle_xnnpack_source google/XNNPACK 4ea82e595b36106653175dcb04b2aa532660d0d8)
  _fettle_get_source(fettle_pthreadpool Maratyszcza/pthreadpool 560c60d342a76076f0557a3946924c6478470044)
  _fettle_get_source(fettle_fxdiv Maratyszcza/FXdiv b408327ac2a15ec3e43352421954f5b1967701d1)
  _fettle_get_source(fettle_fp16 Maratyszcza/FP16 4dfe081cf6bcd15db339cf2680b9281b8451eeb3)
  _fettle_get_source(fettle_cpuinfo pytorch/cpuinfo dff2616ddd49122b63abcf44d2c097483b77f861)
  set(XNNPACK_SOURCE "${fettle_xnnpack_source_SOURCE_DIR}")
  set(PTHREADPOOL_SOURCE "${fettle_pthreadpool_SOURCE_DIR}")
  set(FXDIV_SOURCE "${fettle_fxdiv_SOURCE_DIR}")
  set(FP16_SOURCE "${fettle_fp16_SOURCE_DIR}")
  set(CPUINFO_INCLUDE "${fettle_cpuinfo_SOURCE_DIR}/include")
  add_subdirectory("${_fettle_deps_dir}/xnnpack" fettle-xnnpack EXCLUDE_FROM_ALL SYSTEM)
  target_include_directories(fettle_xnnpack SYSTEM INTERFACE "${XNNPACK_SOURCE}/include"
                             "${PTHREADPOOL_SOURCE}/include" "${CPUINFO_INCLUDE}")
  target_compile_definitions(fettle_xnnpack INTERFACE PTHREADPOOL_NO_DEPRECATED_API=1)
  _fettle_fetched_archive(xnnpack fettle_xnnpack)
endmacro()

macro(_fettle_fetch_protobuf_lite)
  _fettle_get_source(fettle_protobuf protocolbuffers/protobuf v21.12)
  set(PROTOBUF_SOURCE "${fettle_protobuf_SOURCE_DIR}")
  add_subdirectory("${_fettle_deps_dir}/protobuf" fettle-protobuf EXCLUDE_FROM_ALL SYSTEM)
  _fettle_fetched_archive(protobuf_lite libprotobuf-lite)
endmacro()

macro(_fettle_fetch_catch2)
  _fettle_get_source(fettle_catch2 catchorg/Catch2 v3.7.1)
  set(CATCH2_SOURCE "${fettle_catch2_SOURCE_DIR}")
  add_subdirectory("${_fettle_deps_dir}/catch2" fettle-catch2 EXCLUDE_FROM_ALL SYSTEM)
  target_include_directories(Catch2 SYSTEM INTERFACE "${CATCH2_SOURCE}/src"
                             "${CMAKE_CURRENT_BINARY_DIR}/fettle-catch2/generated")
  target_link_libraries(Catch2Main INTERFACE Catch2)
  list(APPEND CMAKE_MODULE_PATH "${CATCH2_SOURCE}/extras")
  _fettle_fetched_archive(catch2_nomain Catch2)
  _fettle_fetched_archive(catch2 Catch2Main)
endmacro()

macro(fettle_fetch_dependency name)
  if("${name}" STREQUAL "xnnpack")
    _fettle_fetch_xnnpack()
  elseif("${name}" STREQUAL "protobuf_lite")
    _fettle_fetch_protobuf_lite()
  elseif("${name}" MATCHES "^catch2(_nomain)?$")
    _fettle_fetch_catch2()
  elseif("${name}" STREQUAL "eigen")
    FetchContent_Declare(fettle_eigen GIT_REPOSITORY "https://gitlab.com/libeigen/eigen.git" GIT_TAG 3.4.0
                         SOURCE_SUBDIR .fettle-sources-only)
    FetchContent_MakeAvailable(fettle_eigen)
    _fettle_fetched_headers(eigen "${fettle_eigen_SOURCE_DIR}" EIGEN_MPL2_ONLY)
  elseif("${name}" STREQUAL "fmt")
    _fettle_get_source(fettle_fmt fmtlib/fmt 9.1.0)
    _fettle_fetched_headers(fmt "${fettle_fmt_SOURCE_DIR}/include" FMT_HEADER_ONLY=1)
  elseif("${name}" STREQUAL "json")
    _fettle_get_source(fettle_json nlohmann/json v3.11.2)
    _fettle_fetched_headers(json "${fettle_json_SOURCE_DIR}/include" JSON_NOEXCEPTION=1)
  elseif("${name}" STREQUAL "xxhash")
    _fettle_get_source(fettle_xxhash Cyan4973/xxHash v0.8.1)
    _fettle_fetched_headers(xxhash "${fettle_xxhash_SOURCE_DIR}" XXH_INLINE_ALL=1)
  elseif("${name}" STREQUAL "cli11")
    _fettle_get_source(fettle_cli11 CLIUtils/CLI11 v2.1.2)
    _fettle_fetched_headers(cli11 "${fettle_cli11_SOURCE_DIR}/include")
  elseif("${name}" STREQUAL "stb")
    _fettle_get_source(fettle_stb nothings/stb 5736b15f7ea0ffb08dd38af21067c314d6a3aae9)
    _fettle_fetched_headers(stb "${fettle_stb_SOURCE_DIR}")
  elseif("${name}" STREQUAL "onnx_proto")
    _fettle_get_source(fettle_onnx onnx/onnx v1.17.0)
    set(FETTLE_ONNX_PROTO "${fettle_onnx_SOURCE_DIR}/onnx/onnx.proto")
  endif()
endmacro()
