// SPDX-License-Identifier: Apache-2.0
//
// Scores of a query to weights whose sum is 1 (softmax with a scale and a mask). Included by the files of
// instruction sets alone, as tile_loop.h is.
#pragma once

#include "kernels/common/attention.h"
#include "kernels/common/softmax_loop.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace fettle::kernels {

/// scores = scores * scale + added; returns the largest. What is not a number may be passed over.
template <typename Simd, bool kAdds, bool kHides>
inline float masked_scores(const ScoreRow& row) noexcept {
  constexpr float kMasked = -std::numeric_limits<float>::infinity();
  const auto scale = Simd::all(row.scale);
  [[maybe_unused]] const auto masked = Simd::all(kMasked);
  [[maybe_unused]] const auto smallest = Simd::all(std::numeric_limits<float>::lowest());
  return largest_of_row<Simd>(row.count, [&](std::int64_t i, auto... mask) {
    auto y = Simd::load(row.scores + i, mask...);
    if constexpr (kAdds) {
      const auto added = Simd::load(row.added + i, mask...);
      y = Simd::fma(y, scale, added);
      if constexpr (kHides) y = Simd::select(Simd::less(added, smallest), masked, y);
    } else {
      y = Simd::mul(y, scale);
    }
    Simd::store(row.scores + i, y, mask...);
    return y;
  });
}

template <typename Simd>
void weigh_scores(const ScoreRow& row) noexcept {
  const float largest = row.added == nullptr ? masked_scores<Simd, false, false>(row)
                        : row.hides          ? masked_scores<Simd, true, true>(row)
                                             : masked_scores<Simd, true, false>(row);
  const bool nothing = row.hides && largest == -std::numeric_limits<float>::infinity() &&
                       std::none_of(row.scores, row.scores + row.count, [](float x) { return x != x; });
  if (nothing) {
    std::fill_n(row.scores, row.count, 0.0f);
    return;
  }
  const float sum = powers_of_row<Simd>(row.scores, row.scores, row.count, largest);
  scale_row<Simd>(row.scores, row.count, 1 / sum);
}

}  // namespace fettle::kernels
