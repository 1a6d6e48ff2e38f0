// SPDX-License-Identifier: Apache-2.0
//
// Arithmetic of two operands, one of which may be broadcast, in either layout. The innermost two loops over
// the result are rows of numbers; along a row each operand has neighbouring numbers or one alone.
#pragma once

#include "kernels/common/algorithm.h"

#include <fettle/kernel.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <span>

namespace fettle::kernels {

/// The operators that there are functions for.
inline constexpr Op kBinaryOps[] = {Op::add, Op::sub, Op::mul, Op::div, Op::min, Op::max, Op::prelu};
inline constexpr std::size_t kBinaryCount = std::size(kBinaryOps);

/// y[i][j] = clamp(function(a[i][j], b[i][j])).
struct BinaryRows {
  const float* a;
  const float* b;
  float* y;                                ///< may be `a` or `b`
  std::int64_t a_pitch, b_pitch, y_pitch;  ///< floats from row to row
  std::int64_t rows, length;
  Clamp clamp;
};

using BinaryKernel = void (*)(const BinaryRows& rows) noexcept;

/// Which operand has one number for each row.
enum class Single : std::uint8_t { none, a, b };

/// What an instruction set brings: functions for each of kBinaryOps, by Single.
struct BinarySet {
  std::array<std::array<BinaryKernel, 3>, kBinaryCount> kernels;
};

/// Operands of the result's shape, single numbers, one number for each channel, row or column...: whatever
/// leaves neighbours, or one number, along the innermost axis.
struct Binary {
  static constexpr std::uint32_t kInPlace = 3;
  static constexpr std::span<const Signature> kSignatures = kNchwNhwc<kF32>;
  static constexpr Striding kInputStriding = Striding::pixels;
  static constexpr Striding kOutputStriding = Striding::pixels;

  static Refusal supports(const LayerDesc& layer) noexcept;
  static Result<std::unique_ptr<BoundKernel>> bind(const BinarySet& set, const BindArgs& args);
};

}  // namespace fettle::kernels
