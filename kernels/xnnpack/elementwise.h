// SPDX-License-Identifier: Apache-2.0
//
// What the elementwise rows share: they look at dense tensors as runs of numbers, whose order is the layout's
// affair.
#pragma once

#include <fettle/kernel.h>

#include <array>
#include <cstdint>

namespace fettle::kernels::xnnpack {

/// Elementwise operators keep the layout, whichever it is.
inline constexpr LayoutPair kSameLayout[] = {{Layout::nchw, Layout::nchw}, {Layout::nhwc, Layout::nhwc}};

/// The axes of a tensor of that rank and layout from the outermost in memory to the innermost.
std::array<int, kMaxRank> storage_order(int rank, Layout layout) noexcept;

}  // namespace fettle::kernels::xnnpack
