// SPDX-License-Identifier: Apache-2.0
//
// Products are cut as tiles are (tile_avx512.cc).
#include "kernels/common/winograd_loop.h"
#include "kernels/common/winograd_product_loop.h"
#include "kernels/x86/loops.h"
#include "kernels/x86/simd_avx512.h"

namespace fettle::kernels {
namespace {

template <int kRows, int kVectors>
constexpr WinogradProductSet::Kernel kProduct = winograd_product<Avx512, kRows, kVectors>;

constexpr WinogradProductSet kProducts = {
    .kernels = {{kProduct<1, 1>, kProduct<2, 1>, kProduct<3, 1>, kProduct<4, 1>, kProduct<5, 1>,
                 kProduct<6, 1>, kProduct<7, 1>, kProduct<8, 1>, kProduct<9, 1>, kProduct<10, 1>,
                 kProduct<11, 1>, kProduct<12, 1>, kProduct<13, 1>, kProduct<14, 1>},
                {kProduct<1, 2>, kProduct<2, 2>, kProduct<3, 2>, kProduct<4, 2>, kProduct<5, 2>,
                 kProduct<6, 2>, kProduct<7, 2>, kProduct<8, 2>, kProduct<9, 2>, kProduct<10, 2>,
                 kProduct<11, 2>, kProduct<12, 2>, kProduct<13, 2>, kProduct<14, 2>},
                {kProduct<1, 3>, kProduct<2, 3>, kProduct<3, 3>, kProduct<4, 3>, kProduct<5, 3>,
                 kProduct<6, 3>, kProduct<7, 3>, kProduct<8, 3>}},
};

template <int m>
constexpr WinogradSet kSet = {m, &kTilesAvx512, &kProducts, winograd_input<Avx512, m>,
                              winograd_output<Avx512, m>};

}  // namespace

constinit const WinogradSet kWinogradF2Avx512 = kSet<2>;
constinit const WinogradSet kWinogradF4Avx512 = kSet<4>;
constinit const WinogradSet kWinogradF5Avx512 = kSet<5>;
constinit const WinogradSet kWinogradF6Avx512 = kSet<6>;

}  // namespace fettle::kernels
