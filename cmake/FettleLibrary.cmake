# SPDX-License-Identifier: Apache-2.0
#
# From parts to libraries: fettle_internal for tests, which need what is hidden, and fettle::runtime for everybody else.

get_property(_parts GLOBAL PROPERTY FETTLE_PARTS)
set(_objects "")
foreach(part IN LISTS _parts)
  list(APPEND _objects $<TARGET_OBJECTS:${part}>)
endforeach()

set(_private_deps Threads::Threads)
if(FETTLE_XNNPACK)
  list(APPEND _private_deps fettle_deps::xnnpack)
endif()
if(FETTLE_ONNX)
  list(APPEND _private_deps fettle_deps::protobuf_lite)
endif()

add_library(fettle_internal STATIC EXCLUDE_FROM_ALL ${_objects})
target_link_libraries(fettle_internal PUBLIC fettle_build_flags ${_private_deps} fettle_deps::fmt)
