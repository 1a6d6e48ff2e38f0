// SPDX-License-Identifier: Apache-2.0
//
// Elementwise operators of one operand: one bound kernel for all of them, a row for each.
#include "kernels/xnnpack/elementwise.h"
#include "kernels/xnnpack/operator.h"
#include "kernels/xnnpack/pixels.h"
#include "kernels/xnnpack/rows.h"

#include <limits>
#include <new>

namespace fettle::kernels::xnnpack {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// XNNPACK's operator and its parameters. ONNX's defaults are filled in by the layer, so absent attributes
// mean the same.
struct Unary {
  xnn_unary_operator type = xnn_unary_invalid;
  xnn_unary_params params{};
};

Unary unary_of(const LayerPart& part) noexcept {
  Unary unary;
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
  return unary;
}

Refusal check_attributes(const LayerPart& part) noexcept {
  const Unary unary = unary_of(part);
  switch (part.op) {
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

template <Op kOp>
Refusal supports(const LayerDesc& layer, const Cpu&) {
  if (Refusal no = check_pattern(layer, kOp, 1); no != Refusal::none) return no;
  const TensorDesc& x = *layer.operand(0);
  const TensorDesc& y = layer.outputs[0];
  if (x.constant) return Refusal::constant;
  if (Refusal no = check_dense(x); no != Refusal::none) return no;
  if (Refusal no = check_dense(y); no != Refusal::none) return no;
  if (!(x.shape == y.shape)) return Refusal::shape;
  if (x.format.layout != y.format.layout) return Refusal::layout;
  if (Refusal no = check_attributes(layer.main()); no != Refusal::none) return no;
  return clamp_is_valid(layer) ? Refusal::none : Refusal::clamp;
}

class Bound final : public BoundOperator {
 public:
  explicit Bound(const BindArgs& args) noexcept : BoundOperator(args), input_(input_index(args.layer, 0)) {}

  Status prepare(const BindArgs& args) noexcept {
    if (Status ready = ensure_initialized(); !ready) return ready;
    const auto elements = static_cast<std::size_t>(args.layer.operand(0)->shape.elements());
    const Unary unary = unary_of(args.layer.main());
    const xnn_status status = xnn_create_unary_elementwise_nc(
        unary.type, xnn_datatype_fp32, xnn_datatype_fp32, &unary.params, nullptr, nullptr, 0, op_.out());
    if (Status created = check_created(status, op_); !created) return created;
    const xnn_status shaped =
        xnn_reshape_unary_elementwise_nc(op_.get(), 1, elements, elements, elements, &threads_);
    if (Status done = check(shaped, "reshape an operator"); !done) return done;
    add_clamp(args.layer, elements);
    return {};
  }

  Status set_buffers(std::span<const void* const> inputs, std::span<void* const> outputs,
                     void*) noexcept override {
    return check(xnn_setup_unary_elementwise_nc(op_.get(), inputs[input_], set_output(outputs[0])),
                 "set up an operator");
  }

 private:
  std::size_t input_;
};

Result<std::unique_ptr<BoundKernel>> bind(const BindArgs& args) {
  std::unique_ptr<Bound> bound(new (std::nothrow) Bound(args));
  if (bound == nullptr) return out_of_memory();
  Status status = bound->prepare(args);
  return bound_or_error(std::move(bound), std::move(status));
}

template <Op kOp>
constexpr Op kPattern[] = {kOp};

template <Op kOp>
constexpr Kernel row(std::string_view name) noexcept {
  return {
      .name = name,
      .revision = 1,
      .pattern = kPattern<kOp>,
      .isa = kRequiredIsa,
      .type = DataType::f32,
      .layouts = kSameLayout,
      .overread_bytes = kOverreadBytes,
      .in_place = 1,
      .threaded = true,
      .supports = supports<kOp>,
      .workspace_bytes = nullptr,
      .packed_bytes = nullptr,
      .pack = nullptr,
      .bind = bind,
  };
}

}  // namespace

constinit const Kernel kClamp = row<Op::clamp>("clamp.direct.f32.xnnpack");
constinit const Kernel kLeakyRelu = row<Op::leaky_relu>("leaky_relu.direct.f32.xnnpack");
constinit const Kernel kElu = row<Op::elu>("elu.direct.f32.xnnpack");
constinit const Kernel kSigmoid = row<Op::sigmoid>("sigmoid.direct.f32.xnnpack");
constinit const Kernel kTanh = row<Op::tanh>("tanh.direct.f32.xnnpack");
constinit const Kernel kHardSwish = row<Op::hard_swish>("hard_swish.direct.f32.xnnpack");
constinit const Kernel kExp = row<Op::exp>("exp.direct.f32.xnnpack");
constinit const Kernel kSqrt = row<Op::sqrt>("sqrt.direct.f32.xnnpack");
constinit const Kernel kAbs = row<Op::abs>("abs.direct.f32.xnnpack");
constinit const Kernel kNeg = row<Op::neg>("neg.direct.f32.xnnpack");
constinit const Kernel kFloor = row<Op::floor>("floor.direct.f32.xnnpack");
constinit const Kernel kCeil = row<Op::ceil>("ceil.direct.f32.xnnpack");
constinit const Kernel kRound = row<Op::round>("round.direct.f32.xnnpack");

}  // namespace fettle::kernels::xnnpack
