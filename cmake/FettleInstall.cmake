# SPDX-License-Identifier: Apache-2.0
#
# What is installed: the libraries, their headers, and how CMake and pkg-config find them. Nothing in the package names
# a folder of the machine that built it, so the prefix may be moved.

include(CMakePackageConfigHelpers)

set(_config_dir "${CMAKE_INSTALL_LIBDIR}/cmake/fettle")
set(_targets fettle_runtime)
if(FETTLE_BUILD_TUNER)
  list(APPEND _targets fettle_tuner)
endif()
install(TARGETS ${_targets} EXPORT fettleTargets
        ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}" LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}")
if(TARGET fettle_cli)
  install(TARGETS fettle_cli RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}")
endif()
install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/fettle" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" FILES_MATCHING PATTERN "*.h")
install(EXPORT fettleTargets NAMESPACE fettle:: DESTINATION "${_config_dir}")

configure_package_config_file("${PROJECT_SOURCE_DIR}/cmake/templates/fettleConfig.cmake.in"
  "${CMAKE_CURRENT_BINARY_DIR}/fettleConfig.cmake" INSTALL_DESTINATION "${_config_dir}")
write_basic_package_version_file("${CMAKE_CURRENT_BINARY_DIR}/fettleConfigVersion.cmake" COMPATIBILITY SameMinorVersion)
install(FILES "${CMAKE_CURRENT_BINARY_DIR}/fettleConfig.cmake" "${CMAKE_CURRENT_BINARY_DIR}/fettleConfigVersion.cmake"
        DESTINATION "${_config_dir}")

file(RELATIVE_PATH _pc_prefix "/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/")
string(REGEX REPLACE "/$" "" _pc_prefix "${_pc_prefix}")
# A static archive has to bring the C++ runtime along for linkers that are not driven as C++.
set(_pc_libs "")
if(NOT BUILD_SHARED_LIBS)
  set(_pc_libs " -lstdc++ -lm -pthread")
endif()
configure_file("${PROJECT_SOURCE_DIR}/cmake/templates/fettle.pc.in" "${CMAKE_CURRENT_BINARY_DIR}/fettle.pc" @ONLY)
install(FILES "${CMAKE_CURRENT_BINARY_DIR}/fettle.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
install(FILES "${PROJECT_SOURCE_DIR}/LICENSE" DESTINATION "${CMAKE_INSTALL_DATADIR}/licenses/fettle")
