// SPDX-License-Identifier: Apache-2.0
#include "kernels/common/winograd_loop.h"
#include "kernels/neon/loops.h"
#include "kernels/neon/simd_neon.h"

namespace fettle::kernels {

constinit const WinogradSet kWinogradF2Neon = {2, &kTilesNeon, winograd_input<Neon, 2>,
                                               winograd_output<Neon, 2>};
constinit const WinogradSet kWinogradF4Neon = {4, &kTilesNeon, winograd_input<Neon, 4>,
                                               winograd_output<Neon, 4>};
constinit const WinogradSet kWinogradF6Neon = {6, &kTilesNeon, winograd_input<Neon, 6>,
                                               winograd_output<Neon, 6>};

}  // namespace fettle::kernels
