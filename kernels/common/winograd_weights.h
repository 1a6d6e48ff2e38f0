// SPDX-License-Identifier: Apache-2.0
//
// The transform of weights for Winograd's minimal filtering.
#pragma once

namespace fettle::kernels {

inline constexpr int kMostWinogradPoints = 64;

/// G g G^T for a 3x3 window, computed in double: (m + 2)^2 numbers, row by row. m is 2, 4, 5 or 6.
void transform_weights(int m, const float* window, float* transformed) noexcept;

}  // namespace fettle::kernels
