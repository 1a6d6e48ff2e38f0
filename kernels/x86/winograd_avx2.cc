// SPDX-License-Identifier: Apache-2.0
//
// Products are cut as tiles are (tile_avx2.cc).
#include "kernels/common/winograd_loop.h"
#include "kernels/common/winograd_product_loop.h"
#include "kernels/x86/loops.h"
#include "kernels/x86/simd_avx2.h"

namespace fettle::kernels {
namespace {

template <int kRows, int kVectors>
constexpr WinogradProductSet::Kernel kProduct = winograd_product<Avx2, kRows, kVectors>;

constexpr WinogradProductSet kProducts = {
    .kernels = {{kProduct<1, 1>, kProduct<2, 1>, kProduct<3, 1>, kProduct<4, 1>, kProduct<5, 1>,
                 kProduct<6, 1>, kProduct<7, 1>, kProduct<8, 1>, kProduct<9, 1>, kProduct<10, 1>,
                 kProduct<11, 1>, kProduct<12, 1>},
                {kProduct<1, 2>, kProduct<2, 2>, kProduct<3, 2>, kProduct<4, 2>, kProduct<5, 2>,
                 kProduct<6, 2>},
                {kProduct<1, 3>, kProduct<2, 3>, kProduct<3, 3>, kProduct<4, 3>}},
};

template <int m>
constexpr WinogradSet kSet = {m, &kTilesAvx2, &kProducts, winograd_input<Avx2, m>, winograd_output<Avx2, m>};

}  // namespace

constinit const WinogradSet kWinogradF2Avx2 = kSet<2>;
constinit const WinogradSet kWinogradF4Avx2 = kSet<4>;
constinit const WinogradSet kWinogradF5Avx2 = kSet<5>;
constinit const WinogradSet kWinogradF6Avx2 = kSet<6>;

}  // namespace fettle::kernels
