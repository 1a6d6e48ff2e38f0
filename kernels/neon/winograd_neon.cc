// SPDX-License-Identifier: Apache-2.0
#include "kernels/common/winograd_loop.h"
#include "kernels/neon/loops.h"
#include "kernels/neon/simd_neon.h"

namespace fettle::kernels {

namespace {

template <int m>
constexpr WinogradSet with(const TileSet& tiles) {
  return {m, &tiles, nullptr, winograd_input<Neon, m>, winograd_output<Neon, m>};
}

}  // namespace

constinit const WinogradSet kWinogradF2Neon = with<2>(kTilesNeon);
constinit const WinogradSet kWinogradF4Neon = with<4>(kTilesNeon);
constinit const WinogradSet kWinogradF5Neon = with<5>(kTilesNeon);
constinit const WinogradSet kWinogradF6Neon = with<6>(kTilesNeon);
constinit const WinogradSet kWinogradF2NeonInOrder = with<2>(kTilesNeonInOrder);
constinit const WinogradSet kWinogradF4NeonInOrder = with<4>(kTilesNeonInOrder);
constinit const WinogradSet kWinogradF5NeonInOrder = with<5>(kTilesNeonInOrder);
constinit const WinogradSet kWinogradF6NeonInOrder = with<6>(kTilesNeonInOrder);

}  // namespace fettle::kernels
