// SPDX-License-Identifier: Apache-2.0
#include "kernels/common/fresh_panels.h"

#include <algorithm>

namespace fettle::kernels {

void pack_fresh_panel(const ConvertSet& set, const Panels& panels, const FreshMatrix& matrix,
                      std::int64_t panel, float* packed) noexcept {
  const std::int64_t width = panels.width_of(panel);
  const std::int64_t used = panels.columns_of(panel);
  const std::int64_t depth = panels.packed_depth;
  const float* from = matrix.first + panels.first_column(panel) * matrix.column;
  float* to = packed + panels.first_float(panel);
  if (matrix.column == 1 || panels.columns == 1) {
    const std::int64_t lanes = panels.vector;
    for (std::int64_t j = 0; j < width; j += lanes)
      set.regroup({from + j, to + j, matrix.row, 1, width, 1, depth, std::min(lanes, used - j), lanes});
  } else {
    set.from_planes({from, to, 1, matrix.column, width, 1, depth, used, width});
  }
}

}  // namespace fettle::kernels
