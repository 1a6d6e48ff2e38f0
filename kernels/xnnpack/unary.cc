// SPDX-License-Identifier: Apache-2.0
//
// Elementwise operators of one operand: one bound kernel for all of them, a row for each.
#include "kernels/xnnpack/elementwise.h"
#include "kernels/xnnpack/entries.h"

#include <limits>

namespace fettle::kernels::xnnpack {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// XNNPACK's operator and its parameters. ONNX's defaults are filled in by the layer, so absent attributes
// mean the same.
void read_operator(const LayerPart& part, Unary& unary) noexcept {
  switch (part.op) {
    case Op::clamp:
      unary.type = xnn_unary_clamp;
      unary.params.clamp.min = part.attributes.real("min", -kInfinity);
      unary.params.clamp.max = part.attributes.real("max", kInfinity);
      break;
    case Op::leaky_relu:
      unary.type = xnn_unary_leaky_relu;
      unary.params.leaky_relu.negative_slope = part.attributes.real("alpha", 0.01F);
      break;
    case Op::elu:
      unary.type = xnn_unary_elu;
      unary.params.elu.alpha = part.attributes.real("alpha", 1);
      break;
    case Op::sigmoid:
      unary.type = xnn_unary_sigmoid;
      break;
    case Op::tanh:
      unary.type = xnn_unary_tanh;
      break;
    case Op::hard_swish:
      unary.type = xnn_unary_hardswish;
      break;
    case Op::exp:
      unary.type = xnn_unary_exp;
      break;
    case Op::sqrt:
      unary.type = xnn_unary_square_root;
      break;
    case Op::abs:
      unary.type = xnn_unary_abs;
      break;
    case Op::neg:
      unary.type = xnn_unary_negate;
      break;
    case Op::floor:
      unary.type = xnn_unary_floor;
      break;
    case Op::ceil:
      unary.type = xnn_unary_ceiling;
      break;
    case Op::round:
      unary.type = xnn_unary_bankers_rounding;
      break;
    default:
      break;
  }
}

Refusal check_parameters(Op op, const Unary& unary) noexcept {
  switch (op) {
    // Comparisons that NaN fails.
    case Op::clamp:
      return unary.params.clamp.min <= unary.params.clamp.max ? Refusal::none : Refusal::attribute;
    case Op::leaky_relu:
      return unary.params.leaky_relu.negative_slope - unary.params.leaky_relu.negative_slope == 0
                 ? Refusal::none
                 : Refusal::attribute;
    case Op::elu:
      return unary.params.elu.alpha > 0 && unary.params.elu.alpha < kInfinity ? Refusal::none
                                                                              : Refusal::attribute;
    default:
      return Refusal::none;
  }
}

struct UnaryF32 : Unary {
  static constexpr std::uint32_t kInPlace = 1;

  Refusal read(const LayerDesc& layer) noexcept {
    if (Refusal no = check_unary(layer, DataType::f32, DataType::f32); no != Refusal::none) return no;
    elements = static_cast<std::size_t>(layer.operand(0)->shape.elements());
    read_operator(layer.main(), *this);
    if (Refusal no = check_parameters(layer.main().op, *this); no != Refusal::none) return no;
    return clamp_is_valid(layer) ? Refusal::none : Refusal::clamp;
  }
  std::size_t unclamped() const noexcept { return elements; }
};

}  // namespace

constinit const Kernel kClamp = entry<UnaryF32, Op::clamp>("clamp.direct.f32.xnnpack", kNchwNhwc<kF32>);
constinit const Kernel kLeakyRelu =
    entry<UnaryF32, Op::leaky_relu>("leaky_relu.direct.f32.xnnpack", kNchwNhwc<kF32>);
constinit const Kernel kElu = entry<UnaryF32, Op::elu>("elu.direct.f32.xnnpack", kNchwNhwc<kF32>);
// That for AVX-512 finds NaN for numbers from about 4e26 on.
constinit const Kernel kSigmoid = with_nonfinite(
    kLosesNanOnX86, entry<UnaryF32, Op::sigmoid>("sigmoid.direct.f32.xnnpack", kNchwNhwc<kF32>));
constinit const Kernel kTanh = entry<UnaryF32, Op::tanh>("tanh.direct.f32.xnnpack", kNchwNhwc<kF32>);
constinit const Kernel kHardSwish =
    entry<UnaryF32, Op::hard_swish>("hard_swish.direct.f32.xnnpack", kNchwNhwc<kF32>);
constinit const Kernel kExp = entry<UnaryF32, Op::exp>("exp.direct.f32.xnnpack", kNchwNhwc<kF32>);
// By an estimate of the reciprocal root, which is no number for infinity and infinite for subnormal numbers.
constinit const Kernel kSqrt =
    with_nonfinite(kLosesNanOnX86, entry<UnaryF32, Op::sqrt>("sqrt.direct.f32.xnnpack", kNchwNhwc<kF32>));
constinit const Kernel kAbs = entry<UnaryF32, Op::abs>("abs.direct.f32.xnnpack", kNchwNhwc<kF32>);
constinit const Kernel kNeg = entry<UnaryF32, Op::neg>("neg.direct.f32.xnnpack", kNchwNhwc<kF32>);
constinit const Kernel kFloor = entry<UnaryF32, Op::floor>("floor.direct.f32.xnnpack", kNchwNhwc<kF32>);
constinit const Kernel kCeil = entry<UnaryF32, Op::ceil>("ceil.direct.f32.xnnpack", kNchwNhwc<kF32>);
constinit const Kernel kRound = entry<UnaryF32, Op::round>("round.direct.f32.xnnpack", kNchwNhwc<kF32>);

}  // namespace fettle::kernels::xnnpack
