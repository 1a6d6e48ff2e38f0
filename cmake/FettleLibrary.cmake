# SPDX-License-Identifier: Apache-2.0
#
# From parts to libraries: fettle_internal for tests, which need what is hidden, and fettle::runtime for everybody else.

get_property(_parts GLOBAL PROPERTY FETTLE_PARTS)
set(_objects "")
foreach(part IN LISTS _parts)
  list(APPEND _objects $<TARGET_OBJECTS:${part}>)
endforeach()

set(_private_archives "")
if(FETTLE_XNNPACK)
  list(APPEND _private_archives fettle_deps::xnnpack)
endif()
if(FETTLE_ONNX)
  list(APPEND _private_archives fettle_deps::protobuf_lite)
endif()

add_library(fettle_archive STATIC EXCLUDE_FROM_ALL ${_objects})
target_link_libraries(fettle_archive PUBLIC fettle_build_flags fettle_deps::fmt Threads::Threads)
# XNNPACK calls back into Fettle (pthreadpool's and cpuinfo's entry points): the linker must go round.
set(_group fettle_archive ${_private_archives})
list(JOIN _group "," _group)
add_library(fettle_internal INTERFACE)
target_link_libraries(fettle_internal INTERFACE fettle_archive ${_private_archives} "$<LINK_GROUP:RESCAN,${_group}>")

# What stays visible of the library: namespace fettle and the C interface.
set(_public_symbols "fettle_*" "_ZN6fettle*" "_ZNK6fettle*" "_ZTVN6fettle*" "_ZTIN6fettle*" "_ZTSN6fettle*")

if(BUILD_SHARED_LIBS)
  set(_script "${CMAKE_CURRENT_BINARY_DIR}/fettle.map")
  list(JOIN _public_symbols "; " _names)
  file(CONFIGURE OUTPUT "${_script}" CONTENT "{ global: ${_names}; local: *; };\n" @ONLY)
  add_library(fettle_runtime SHARED ${_objects})
  target_link_libraries(fettle_runtime PRIVATE ${_private_archives})
  target_link_options(fettle_runtime PRIVATE -Wl,--exclude-libs,ALL -Wl,--gc-sections "-Wl,--version-script=${_script}"
                                             -Wl,--no-undefined)
  set_target_properties(fettle_runtime PROPERTIES VERSION ${PROJECT_VERSION} LINK_DEPENDS "${_script}"
                                                  SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
else()
  # One relocatable object of everything, dependencies included, in which all but the public symbols are local: an
  # application with another protobuf or XNNPACK links beside it. Sections stay apart, so that --gc-sections works.
  # protobuf's archive may hold unique symbols, which cannot be made local before they are made weak.
  # Groups are resolved first, or the linker would merge a now local inline function with somebody else's.
  set(_list "${CMAKE_CURRENT_BINARY_DIR}/fettle_objects.rsp")
  file(GENERATE OUTPUT "${_list}" CONTENT "$<JOIN:${_objects},\n>\n")
  set(_archive_files "")
  foreach(archive IN LISTS _private_archives)
    list(APPEND _archive_files $<TARGET_FILE:${archive}>)
    get_target_property(_more ${archive} INTERFACE_LINK_LIBRARIES)
    foreach(item IN LISTS _more)
      if(item MATCHES "\\.a$")
        list(APPEND _archive_files "${item}")
      endif()
    endforeach()
  endforeach()
  list(TRANSFORM _public_symbols PREPEND "--keep-global-symbol=" OUTPUT_VARIABLE _keep)
  separate_arguments(_arch UNIX_COMMAND "${CMAKE_CXX_FLAGS}")
  list(FILTER _arch INCLUDE REGEX "^-m")
  set(_whole "${CMAKE_CURRENT_BINARY_DIR}/fettle_whole.o")
  set(_object "${CMAKE_CURRENT_BINARY_DIR}/fettle.o")
  add_custom_command(
    OUTPUT "${_object}"
    COMMAND "${CMAKE_CXX_COMPILER}" ${_arch} -r -nostdlib -Wl,--force-group-allocation -o "${_whole}" "@${_list}"
            ${_archive_files}
    COMMAND "${CMAKE_OBJCOPY}" --wildcard "--weaken-symbol=*N6google8protobuf*" "${_whole}"
    COMMAND "${CMAKE_OBJCOPY}" --wildcard ${_keep} "${_whole}" "${_object}"
    DEPENDS ${_objects} ${_archive_files} "${_list}"
    COMMENT "Making one object of the library and its dependencies"
    COMMAND_EXPAND_LISTS VERBATIM)
  set_source_files_properties("${_object}" PROPERTIES EXTERNAL_OBJECT ON GENERATED ON)
  add_library(fettle_runtime STATIC "${_object}")
  set_target_properties(fettle_runtime PROPERTIES LINKER_LANGUAGE CXX)
endif()
set_target_properties(fettle_runtime PROPERTIES OUTPUT_NAME fettle EXPORT_NAME runtime)
target_compile_features(fettle_runtime INTERFACE cxx_std_20)
target_include_directories(fettle_runtime INTERFACE "$<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>"
                                                    "$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>")
target_link_libraries(fettle_runtime PUBLIC Threads::Threads)
add_library(fettle::runtime ALIAS fettle_runtime)
