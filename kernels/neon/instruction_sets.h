// SPDX-License-Identifier: Apache-2.0
//
// Arm's NEON as entries see it (InstructionSet in kernels/common/entry.h): aarch64, and armv7 with fused
// multiply-adds.
#pragma once

#include "kernels/common/entry_name.h"
#include "kernels/neon/loops.h"

#include <fettle/types.h>

namespace fettle::kernels {

struct Neon {
  static constexpr Text kName{"neon"};
  /// What fused multiply-adds of vectors need.
#if defined(__arm__)
  static constexpr Isa kIsa = Isa::neon | Isa::neon_fma;
#else
  static constexpr Isa kIsa = Isa::neon;
#endif
  static constexpr const UnarySet& kFunctions = kUnaryNeon;
};

/// Tiles that are written for in-order cores (Kernel::for_in_order_cores).
#if !defined(__arm__)
struct NeonDot {
  static constexpr Text kName{"neondot"};
  static constexpr Isa kIsa = Neon::kIsa | Isa::dotprod;
};
#endif

struct NeonInOrder {
  static constexpr Text kName{"neon_in_order"};
  static constexpr Isa kIsa = Neon::kIsa;
  static constexpr bool kInOrder = true;
};

}  // namespace fettle::kernels
