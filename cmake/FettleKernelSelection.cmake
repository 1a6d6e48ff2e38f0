# SPDX-License-Identifier: Apache-2.0
#
# Which kernels the library holds, for kernels/selection.h: only what is in kernels/ sees them, so that the rest of the
# library compiles the same with any of them. But without a kernel that computes with integers it leaves out what makes
# layers do so.

set(FETTLE_WITH_QUANTISATION 1)
if(FETTLE_KERNELS)
  set(_names "")
  foreach(_item IN LISTS FETTLE_KERNELS)
    cmake_path(ABSOLUTE_PATH _item BASE_DIRECTORY "${CMAKE_SOURCE_DIR}" OUTPUT_VARIABLE _file)
    if(EXISTS "${_file}")
      set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${_file}")
      file(STRINGS "${_file}" _lines REGEX "^[^#]")
      list(APPEND _names ${_lines})
    else()
      list(APPEND _names "${_item}")
    endif()
  endforeach()
  if(NOT _names)
    message(FATAL_ERROR "FETTLE_KERNELS: no kernel is named in ${FETTLE_KERNELS}; `fettle kernels MODEL` lists what a model needs")
  endif()
  foreach(_name IN LISTS _names)
    if(NOT _name MATCHES "^[a-z0-9_]+(\\.[a-z0-9_]+)+(\\+[a-z0-9_]+)*$")
      message(FATAL_ERROR "FETTLE_KERNELS: ${_name} is neither a file nor the name of a kernel such as "
                          "conv.gemm.f32.portable or conv.gemm.f32.portable+add; `fettle kernels MODEL` lists what a model needs")
    endif()
  endforeach()
  list(REMOVE_DUPLICATES _names)
  if(NOT _names MATCHES "\\.q8\\.")
    set(FETTLE_WITH_QUANTISATION 0)
  endif()
  list(TRANSFORM _names REPLACE "(.+)" "    \"\\1\",\n")
  list(JOIN _names "" _names)
  file(CONFIGURE OUTPUT "${PROJECT_BINARY_DIR}/selected/selected_kernels.h" @ONLY CONTENT
"// Made by CMake from FETTLE_KERNELS.
namespace fettle::kernels {
inline constexpr std::string_view kSelectedKernels[] = {
@_names@};
}
")
endif()
