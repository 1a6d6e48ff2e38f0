// SPDX-License-Identifier: Apache-2.0
#include "kernels/common/winograd_loop.h"
#include "kernels/x86/loops.h"
#include "kernels/x86/simd_avx2.h"

namespace fettle::kernels {

constinit const WinogradSet kWinogradF2Avx2 = {2, &kTilesAvx2, winograd_input<Avx2, 2>,
                                               winograd_output<Avx2, 2>};
constinit const WinogradSet kWinogradF4Avx2 = {4, &kTilesAvx2, winograd_input<Avx2, 4>,
                                               winograd_output<Avx2, 4>};
constinit const WinogradSet kWinogradF6Avx2 = {6, &kTilesAvx2, winograd_input<Avx2, 6>,
                                               winograd_output<Avx2, 6>};

}  // namespace fettle::kernels
