// SPDX-License-Identifier: Apache-2.0
//
// The library's version. CMakeLists.txt reads it from here.
#pragma once

#define FETTLE_VERSION_MAJOR 0
#define FETTLE_VERSION_MINOR 1
#define FETTLE_VERSION_PATCH 0
#define FETTLE_VERSION "0.1.0"
