// SPDX-License-Identifier: Apache-2.0
#include "benchmarks/contenders/difference.h"

#include <algorithm>
#include <cmath>

namespace fettle::benchmarks {

double relative_error(const std::vector<Values>& got, const std::vector<Values>& wanted) {
  double worst = got.size() == wanted.size() ? 0 : INFINITY;
  for (std::size_t i = 0; i < got.size() && i < wanted.size(); ++i) {
    if (got[i].size() != wanted[i].size()) return INFINITY;
    double largest = 0;
    double difference = 0;
    for (std::size_t j = 0; j < got[i].size(); ++j) {
      largest = std::max(largest, std::abs(static_cast<double>(wanted[i][j])));
      difference = std::max(difference, std::abs(static_cast<double>(got[i][j]) - wanted[i][j]));
    }
    worst = std::max(worst, largest == 0 ? difference : difference / largest);
  }
  return worst;
}

}  // namespace fettle::benchmarks
