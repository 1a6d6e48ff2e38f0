// SPDX-License-Identifier: Apache-2.0
//
// Clamping of quantised numbers, and making real ones of them. The way back is not XNNPACK's: it multiplies
// by the reciprocal of the scale, and pictures of bytes are full of numbers half-way between two integers,
// which must be rounded as ONNX says.
#include "kernels/xnnpack/elementwise.h"
#include "kernels/xnnpack/entries.h"
#include "kernels/xnnpack/quantised.h"

namespace fettle::kernels::xnnpack {
namespace {

struct UnaryQ8 : Unary {
  Refusal read(const LayerDesc& layer) noexcept {
    if (layer.inputs.size() != 1) return Refusal::op;
    if (layer.main().clamp) return Refusal::clamp;
    const Format& x = layer.operand(0)->format;
    const Format& y = layer.outputs[0].format;
    if (Refusal no = check_unary(layer, x.type, y.type); no != Refusal::none) return no;
    elements = static_cast<std::size_t>(layer.operand(0)->shape.elements());
    return layer.main().op == Op::clamp ? read_clamp(layer) : read_dequantize(layer);
  }

 private:
  Refusal read_clamp(const LayerDesc& layer) noexcept {
    const Format& x = layer.operand(0)->format;
    const Format& y = layer.outputs[0].format;
    if (Refusal no = check_quantised(layer, y.type); no != Refusal::none) return no;
    if (x.scale != y.scale || x.zero_point != y.zero_point) return Refusal::data_type;
    type = xnn_unary_clamp;
    from = to = datatype_of(y.type);
    input = output = quantization_of(y);
    params.clamp.min = layer.main().attributes.real("min");
    params.clamp.max = layer.main().attributes.real("max");
    return params.clamp.min <= params.clamp.max ? Refusal::none : Refusal::attribute;
  }
  Refusal read_dequantize(const LayerDesc& layer) noexcept {
    const DataType stored = layer.operand(0)->format.type;
    if (!is_quantised_type(stored) || layer.outputs[0].format.type != DataType::f32)
      return Refusal::data_type;
    type = xnn_unary_convert;
    from = datatype_of(stored);
    if (!layer.main().attributes.entries().empty()) return Refusal::attribute;
    const Format& x = layer.operand(0)->format;
    if (!is_valid_scale(x.scale)) return Refusal::data_type;
    input = quantization_of(x);
    return Refusal::none;
  }
};

struct ClampQ8 : UnaryQ8 {
  static constexpr std::uint32_t kInPlace = 1;
};

}  // namespace

constinit const Kernel kClampQ8 = entry<ClampQ8, Op::clamp>("clamp.direct.q8.xnnpack", kNchwNhwc<>);
constinit const Kernel kDequantize =
    entry<UnaryQ8, Op::convert>("convert.dequantize.q8.xnnpack", kNchwNhwc<>);

}  // namespace fettle::kernels::xnnpack
