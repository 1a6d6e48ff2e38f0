# SPDX-License-Identifier: Apache-2.0
#
# fettle::tuner, from the tuner's objects; it uses the runtime through its public interface.
add_library(fettle_tuner $<TARGET_OBJECTS:fettle_tuner_objects>)
set_target_properties(fettle_tuner PROPERTIES EXPORT_NAME tuner LINKER_LANGUAGE CXX VERSION ${PROJECT_VERSION}
                                              SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR}
                                              INSTALL_RPATH "$ORIGIN")
target_link_libraries(fettle_tuner PUBLIC fettle_runtime)
if(BUILD_SHARED_LIBS)
  target_link_options(fettle_tuner PRIVATE "-Wl,--version-script=${CMAKE_CURRENT_BINARY_DIR}/fettle.map" -Wl,--no-undefined)
endif()
add_library(fettle::tuner ALIAS fettle_tuner)
