// SPDX-License-Identifier: Apache-2.0
#include "lib/runtime/subnormals.h"

#include <algorithm>

namespace fettle::runtime {
namespace {

// Beside this a subnormal number is less than rounding takes away.
constexpr float kOutweighs = 0x1p-100f;

// Layers whose results are sums and products. Trained networks have subnormal weights where a channel has
// died, and cores take a hundred cycles and more for a product with one, so that such a layer runs tens of
// times as long; beside numbers of the usual size it adds nothing. Zero in its place makes a sum or a product
// smaller at most. The same layer in another form flushes as well, so that it does not matter which of them
// a pass or a plan makes: a sum or product of elements may be part of a convolution, and a mean over pixels
// is a pool.
//
// All others keep subnormal numbers. To divide by one, or to take its logarithm or power, gives an ordinary
// number, which zero would make infinite; copies, casts and comparisons take no longer for them; other
// functions of one element hardly meet them, because their operands are results of such layers.
bool flushes(const LayerPart& part) noexcept {
  switch (part.op) {
    case Op::conv:
    case Op::conv_transpose:
    case Op::gemm:
    case Op::matmul:
    case Op::einsum:
    case Op::dft:
    case Op::stft:
    case Op::lstm:
    case Op::gru:
    case Op::rnn:
    case Op::average_pool:
    case Op::global_average_pool:
    case Op::reduce_mean:
    case Op::reduce_sum:
    case Op::add:
    case Op::sub:
    case Op::mul:
      return true;
    // These divide by a root or power of a variance or a sum of squares: only where what is added to it is
    // large enough that a flushed one makes no difference.
    case Op::batch_norm:
    case Op::instance_norm:
    case Op::layer_norm:
      return part.attributes.real("epsilon") >= kOutweighs;
    case Op::lrn:
      return part.attributes.real("bias") >= kOutweighs;
    default:
      return false;
  }
}

// Whether all that a part computes from are results of earlier parts. In a region, what is computed from
// them alone meets numbers that are flushed already.
bool inside_region(const LayerPart& part) noexcept {
  return std::ranges::all_of(
      part.operands, [](int operand) { return operand == kNoOperand || part_of_operand(operand) >= 0; });
}

}  // namespace

Subnormals subnormals_of(const LayerDesc& layer) noexcept {
  const bool any = std::ranges::any_of(layer.parts, flushes);
  const bool all = std::ranges::all_of(
      layer.parts, [](const LayerPart& part) { return flushes(part) || inside_region(part); });
  return any && all ? Subnormals::flush : Subnormals::keep;
}

}  // namespace fettle::runtime
