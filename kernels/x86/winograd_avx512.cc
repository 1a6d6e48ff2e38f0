// SPDX-License-Identifier: Apache-2.0
#include "kernels/common/winograd_loop.h"
#include "kernels/x86/loops.h"
#include "kernels/x86/simd_avx512.h"

namespace fettle::kernels {

constinit const WinogradSet kWinogradF2Avx512 = {2, &kTilesAvx512, winograd_input<Avx512, 2>,
                                                 winograd_output<Avx512, 2>};
constinit const WinogradSet kWinogradF4Avx512 = {4, &kTilesAvx512, winograd_input<Avx512, 4>,
                                                 winograd_output<Avx512, 4>};
constinit const WinogradSet kWinogradF6Avx512 = {6, &kTilesAvx512, winograd_input<Avx512, 6>,
                                                 winograd_output<Avx512, 6>};

}  // namespace fettle::kernels
