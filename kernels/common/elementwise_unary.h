// SPDX-License-Identifier: Apache-2.0
//
// Operators of one operand, number by number, in whatever layout: activations above all. An entry of the
// table for each, one algorithm for all. Convolutions and dense layers apply the same functions to what they
// have just stored.
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
inline constexpr Op kUnaryOps[] = {Op::clamp,        Op::leaky_relu, Op::elu,      Op::sigmoid,
                                   Op::hard_sigmoid, Op::hard_swish, Op::swish,    Op::tanh,
                                   Op::erf,          Op::gelu,       Op::softplus, Op::exp,
                                   Op::sqrt,         Op::reciprocal, Op::abs,      Op::neg};
inline constexpr std::size_t kUnaryCount = std::size(kUnaryOps);

/// Rows of numbers, and what is computed from each.
struct UnaryRows {
  const float* x;
  std::int64_t x_pitch;  ///< floats from row to row
  float* y;              ///< may be `x`
  std::int64_t y_pitch;
  std::int64_t rows, length;
  float a, b;  ///< the operator's own parameters: alpha and beta, or min and max
};

using UnaryKernel = void (*)(const UnaryRows& rows) noexcept;

/// What an instruction set brings: a function for each of kUnaryOps.
struct UnarySet {
  std::array<UnaryKernel, kUnaryCount> kernels;
};

/// The function of a layer's part, and what it needs to know of it; or none.
struct UnaryFunction {
  UnaryKernel kernel = nullptr;
  UnaryRows rows{};  ///< all but places and extents

  UnaryFunction() = default;
  UnaryFunction(const UnarySet& set, const LayerPart& part) noexcept;

  /// Computes rows of results in place, if there is a function.
  void apply(float* results, std::int64_t pitch, std::int64_t count, std::int64_t length) const noexcept {
    if (kernel == nullptr) return;
    UnaryRows here = rows;
    here.x = here.y = results;
    here.x_pitch = here.y_pitch = pitch;
    here.rows = count;
    here.length = length;
    kernel(here);
  }
};

/// Whether there is a function for the part, and its numbers are in order. Clamps behind functions do not
/// occur in networks.
Refusal check_unary_part(const LayerPart& part) noexcept;

/// Tensors of any rank and size.
struct Unary {
  static constexpr std::uint32_t kInPlace = 1;
  static constexpr std::span<const Signature> kSignatures = kNchwNhwc<kF32>;
  static constexpr Striding kInputStriding = Striding::pixels;
  static constexpr Striding kOutputStriding = Striding::pixels;

  static Refusal supports(const LayerDesc& layer) noexcept;
  static Result<std::unique_ptr<BoundKernel>> bind(const UnarySet& set, const BindArgs& args);
};

}  // namespace fettle::kernels
