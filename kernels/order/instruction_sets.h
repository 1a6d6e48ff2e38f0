// SPDX-License-Identifier: Apache-2.0
//
// The instruction sets that lists are compiled for, with the loops that they bring.
#pragma once

#include "kernels/order/order.h"
#if FETTLE_ORDER_X86
#include "kernels/x86/instruction_sets.h"
#elif FETTLE_ORDER_NEON
#include "kernels/neon/instruction_sets.h"
#endif
