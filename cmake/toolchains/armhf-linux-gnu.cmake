# SPDX-License-Identifier: Apache-2.0
#
# Cross-compiles for 32-bit Arm Linux (Armv7-A with NEON, hard float) with Debian's g++-arm-linux-gnueabihf;
# tests run under qemu-user.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR armv7l)
set(FETTLE_DEPS_TARGET armhf)

set(CMAKE_C_COMPILER arm-linux-gnueabihf-gcc)
set(CMAKE_CXX_COMPILER arm-linux-gnueabihf-g++)
set(CMAKE_ASM_COMPILER arm-linux-gnueabihf-gcc)
# -mfpu=neon on top of Debian's baseline (VFPv3-D16): the smallest core that Fettle means to run on has NEON.
set(CMAKE_C_FLAGS_INIT "-march=armv7-a -mfpu=neon -mfloat-abi=hard")
set(CMAKE_CXX_FLAGS_INIT "-march=armv7-a -mfpu=neon -mfloat-abi=hard")
set(CMAKE_ASM_FLAGS_INIT "-march=armv7-a -mfpu=neon -mfloat-abi=hard")

set(CMAKE_FIND_ROOT_PATH /usr/arm-linux-gnueabihf)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)

find_program(FETTLE_QEMU_ARM qemu-arm)
if(FETTLE_QEMU_ARM)
  set(CMAKE_CROSSCOMPILING_EMULATOR "${FETTLE_QEMU_ARM};-L;/usr/arm-linux-gnueabihf")
endif()
