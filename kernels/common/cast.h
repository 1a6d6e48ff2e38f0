// SPDX-License-Identifier: Apache-2.0
//
// Casts between f32 and the floating-point types of 16 bits, by an instruction set's own conversions.
#pragma once

#include "kernels/common/algorithm.h"

#include <fettle/kernel.h>

#include <cstdint>
#include <memory>
#include <span>

namespace fettle::kernels {

/// Casts `count` elements. `from` and `to` do not overlap.
using NarrowLine = void (*)(const float* from, std::uint16_t* to, std::int64_t count) noexcept;
using WidenLine = void (*)(const std::uint16_t* from, float* to, std::int64_t count) noexcept;

/// What an instruction set brings. Narrowing rounds to nearest, ties to even.
struct CastSet {
  NarrowLine to_f16;
  NarrowLine to_bf16;
  WidenLine from_f16;
  WidenLine from_bf16;
};

/// f32 to f16 or bf16 and back, in nchw and nhwc.
struct Cast {
  static constexpr std::span<const Signature> kSignatures = kNchwNhwc<>;
  static constexpr Striding kInputStriding = Striding::dense;
  static constexpr Striding kOutputStriding = Striding::dense;

  static Refusal supports(const LayerDesc& layer) noexcept;
  static Result<std::unique_ptr<BoundKernel>> bind(const CastSet& set, const BindArgs& args);
};

}  // namespace fettle::kernels
