// SPDX-License-Identifier: Apache-2.0
#include "kernels/common/winograd_weights.h"

namespace fettle::kernels {
namespace {

// G for the points that kernels/common/winograd_loop.h names: row i is (1, p, p^2) of point i, divided by the
// product of the differences to the other points, up to signs and powers of two that B^T takes.
constexpr double kG2[4][3] = {{1, 0, 0}, {0.5, 0.5, 0.5}, {0.5, -0.5, 0.5}, {0, 0, 1}};
constexpr double kG4[6][3] = {{1. / 4, 0, 0},
                              {-1. / 6, -1. / 6, -1. / 6},
                              {-1. / 6, 1. / 6, -1. / 6},
                              {1. / 24, 1. / 12, 1. / 6},
                              {1. / 24, -1. / 12, 1. / 6},
                              {0, 0, 1}};
constexpr double kG5[7][3] = {{0, 0, 1},
                              {-2. / 9, -2. / 9, -2. / 9},
                              {2. / 9, -2. / 9, 2. / 9},
                              {1. / 45, 2. / 45, 4. / 45},
                              {-1. / 45, 2. / 45, -4. / 45},
                              {16. / 45, 8. / 45, 4. / 45},
                              {-16. / 45, 8. / 45, -4. / 45}};
constexpr double kG6[8][3] = {{1, 0, 0},
                              {-2. / 9, -2. / 9, -2. / 9},
                              {-2. / 9, 2. / 9, -2. / 9},
                              {1. / 90, 1. / 45, 2. / 45},
                              {1. / 90, -1. / 45, 2. / 45},
                              {32. / 45, 16. / 45, 8. / 45},
                              {32. / 45, -16. / 45, 8. / 45},
                              {0, 0, 1}};

}  // namespace

void transform_weights(int m, const float* window, float* transformed) noexcept {
  const double(*g)[3] = m == 2 ? kG2 : m == 4 ? kG4 : m == 5 ? kG5 : kG6;
  for (int i = 0; i < m + 2; ++i) {
    double row[3] = {};  // of G g
    for (int x = 0; x < 3; ++x) {
      for (int y = 0; y < 3; ++y) row[x] += g[i][y] * static_cast<double>(window[y * 3 + x]);
    }
    for (int j = 0; j < m + 2; ++j)
      *transformed++ = static_cast<float>(row[0] * g[j][0] + row[1] * g[j][1] + row[2] * g[j][2]);
  }
}

}  // namespace fettle::kernels
