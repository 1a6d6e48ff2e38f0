// SPDX-License-Identifier: Apache-2.0
//
// Stands in for the compiler's header of this name where the processor is no Arm.
#pragma once

#define SIMDE_ENABLE_NATIVE_ALIASES
#include <simde/arm/neon.h>
