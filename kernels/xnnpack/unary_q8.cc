// SPDX-License-Identifier: Apache-2.0
//
// Clamping of quantised numbers, and making real ones of them. The way back is not XNNPACK's: it multiplies
// by the reciprocal of the scale, and pictures of bytes are full of numbers half-way between two integers,
// which must be rounded as ONNX says.
#include "kernels/xnnpack/elementwise.h"
#include "kernels/xnnpack/operator.h"
#include "kernels/xnnpack/pixels.h"
#include "kernels/xnnpack/quantised.h"
#include "kernels/xnnpack/rows.h"

#include <new>

namespace fettle::kernels::xnnpack {
namespace {

// The quantisation that a dequantize_linear has as attributes, if it is one for all.
bool read_attributes(const Attributes& attributes, xnn_quantization_params& quantization) noexcept {
  const auto scale = attributes.reals("scale");
  const auto zero = attributes.integers("zero_point");
  if (scale.size() != 1 || zero.size() != 1 || !is_valid_scale(scale.front())) return false;
  quantization = {static_cast<std::int32_t>(zero.front()), scale.front()};
  return true;
}

struct Unary {
  xnn_unary_operator type = xnn_unary_convert;
  xnn_datatype from = xnn_datatype_fp32;
  xnn_datatype to = xnn_datatype_fp32;
  xnn_quantization_params input{0, 1};
  xnn_quantization_params output{0, 1};
  xnn_unary_params params{};
};

Refusal read_types(const LayerDesc& layer, Unary& u) noexcept {
  const Format& x = layer.operand(0)->format;
  const Format& y = layer.outputs[0].format;
  const LayerPart& part = layer.main();
  if (part.op == Op::clamp) {
    if (Refusal no = check_quantised(layer, y.type); no != Refusal::none) return no;
    if (x.scale != y.scale || x.zero_point != y.zero_point) return Refusal::data_type;
    u.type = xnn_unary_clamp;
    u.from = u.to = datatype_of(y.type);
    u.input = u.output = quantization_of(y);
    u.params.clamp.min = part.attributes.real("min");
    u.params.clamp.max = part.attributes.real("max");
    return u.params.clamp.min <= u.params.clamp.max ? Refusal::none : Refusal::attribute;
  }
  if (!is_quantised_type(x.type) || y.type != DataType::f32) return Refusal::data_type;
  u.from = datatype_of(x.type);
  return read_attributes(part.attributes, u.input) ? Refusal::none : Refusal::attribute;
}

Refusal read(const LayerDesc& layer, Unary& u) noexcept {
  const TensorDesc& x = *layer.operand(0);
  const TensorDesc& y = layer.outputs[0];
  if (x.constant) return Refusal::constant;
  if (layer.main().clamp) return Refusal::clamp;
  if (Refusal no = check_dense(x, x.format.type); no != Refusal::none) return no;
  if (Refusal no = check_dense(y, y.format.type); no != Refusal::none) return no;
  if (!(x.shape == y.shape)) return Refusal::shape;
  if (x.format.layout != y.format.layout) return Refusal::layout;
  return read_types(layer, u);
}

template <Op kOp>
Refusal supports(const LayerDesc& layer, const Cpu&) {
  if (Refusal no = check_pattern(layer, kOp, 1); no != Refusal::none) return no;
  if (layer.inputs.size() != 1) return Refusal::op;
  Unary u;
  return read(layer, u);
}

class Bound final : public BoundOperator {
 public:
  explicit Bound(const BindArgs& args) noexcept : BoundOperator(args), input_(input_index(args.layer, 0)) {}

  Status prepare(const BindArgs& args) noexcept {
    if (Status ready = ensure_initialized(); !ready) return ready;
    Unary u;
    if (read(args.layer, u) != Refusal::none) return check(xnn_status_unsupported_parameter, "bind");
    const auto elements = static_cast<std::size_t>(args.layer.operand(0)->shape.elements());
    const xnn_status status =
        xnn_create_unary_elementwise_nc(u.type, u.from, u.to, &u.params, &u.input, &u.output, 0, op_.out());
    if (Status created = check_created(status, op_); !created) return created;
    return check(xnn_reshape_unary_elementwise_nc(op_.get(), 1, elements, elements, elements, &threads_),
                 "reshape an operator");
  }

  Status set_buffers(std::span<const void* const> inputs, std::span<void* const> outputs,
                     void*) noexcept override {
    return check(xnn_setup_unary_elementwise_nc(op_.get(), inputs[input_], outputs[0]), "set up an operator");
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
      .type = DataType::undefined,
      .layouts = kSameLayout,
      .overread_bytes = kOverreadBytes,
      .in_place = kOp == Op::clamp ? 1U : 0U,
      .threaded = true,
      .supports = supports<kOp>,
      .workspace_bytes = nullptr,
      .packed_bytes = nullptr,
      .pack = nullptr,
      .bind = bind,
  };
}

}  // namespace

constinit const Kernel kClampQ8 = row<Op::clamp>("clamp.direct.q8.xnnpack");
constinit const Kernel kDequantize = row<Op::dequantize_linear>("dequantize_linear.direct.q8.xnnpack");

}  // namespace fettle::kernels::xnnpack
