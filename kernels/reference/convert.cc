// SPDX-License-Identifier: Apache-2.0
//
// From one format to another: layout, type, scale and zero point; and images of bytes, which are scaled and
// shifted. What cast, quantize_linear and dequantize_linear of one scale become.
#include "kernels/reference/numbers.h"
#include "kernels/reference/stored.h"

namespace fettle::kernels::reference {
namespace {

bool is_image(const LayerDesc& layer) { return !layer.main().attributes.reals("scale").empty(); }
bool has_scale(const TensorDesc& tensor) { return tensor.format.scale != 0; }

// (pixel * scale + shift), perhaps with red and blue exchanged.
void convert_image(const Buffers& b) {
  const auto x = b.in<std::byte>(0);
  const auto y = b.out<std::byte>();
  const auto scale = b.attributes().reals("scale");
  const auto shift = b.attributes().reals("shift");
  const bool swap = b.attributes().integer("swap") != 0;
  for_each_index(y.desc.shape, [&](const Index& i) {
    Index from = i;
    if (swap) from[1] = 2 - i[1];
    const auto value = static_cast<float>(load<double>(x.desc.format.type, x.data, x.offset(from)));
    const auto c = static_cast<std::size_t>(i[1]);
    store(y.desc.format.type, y.data, y.offset(i), static_cast<double>(value * scale[c] + shift[c]));
  });
}

void move(const Buffers& b) {
  const auto x = b.in<std::byte>(0);
  const auto y = b.out<std::byte>();
  const Mover mover(b);
  for_each_index(y.desc.shape, [&](const Index& i) { mover(y, i, x, i); });
}

void cast_elements(const Buffers& b) {
  with_number(b.layer.inputs.front().format.type, [&](auto number) {
    using T = decltype(number);
    const auto x = operand<T>(b, 0);
    const auto y = result<T>(b);
    for_each_index(y.shape(), [&](const Index& i) { y.set(i, x[i]); });
  });
}

// The quotient is taken in f32, as ONNX says.
void quantize(const Buffers& b) {
  const auto x = operand(b, 0);
  const Rounded y(b);
  const auto scale = static_cast<float>(y.scale());
  for_each_index(y.shape(),
                 [&](const Index& i) { y.set(i, static_cast<double>(static_cast<float>(x[i]) / scale)); });
}

void dequantize(const Buffers& b) {
  const Stored x(b, 0);
  const auto y = result(b);
  const auto scale = static_cast<float>(x.scale());
  for_each_index(y.shape(), [&](const Index& i) {
    y.set(i, static_cast<double>(static_cast<float>(x.steps(i)) * scale));
  });
}

// From one quantisation to another.
void requantize(const Buffers& b) {
  const Stored x(b, 0);
  const Rounded y(b);
  for_each_index(y.shape(), [&](const Index& i) { y.set(i, x.steps(i) * x.scale() / y.scale()); });
}

void convert(const Buffers& b) {
  const TensorDesc& x = b.layer.inputs.front();
  const TensorDesc& y = b.layer.outputs.front();
  if (is_image(b.layer)) return convert_image(b);
  const bool same_numbers = x.format.type == y.format.type && x.format.scale == y.format.scale &&
                            x.format.zero_point == y.format.zero_point;
  if (same_numbers && !b.layer.main().clamp) return move(b);
  if (has_scale(x) && has_scale(y)) return requantize(b);
  if (has_scale(y)) return quantize(b);
  if (has_scale(x)) return dequantize(b);
  cast_elements(b);
}

Refusal check_image(const LayerDesc& layer) {
  const TensorDesc& x = layer.inputs.front();
  const auto scale = layer.main().attributes.reals("scale");
  if (layer.main().clamp) return Refusal::clamp;
  const bool each = scale.size() == layer.main().attributes.reals("shift").size() && x.shape.rank() >= 2 &&
                    scale.size() == static_cast<std::size_t>(x.shape[1]);
  const bool swaps = layer.main().attributes.integer("swap") != 0;
  return each && (!swaps || x.shape[1] == 3) ? Refusal::none : Refusal::attribute;
}

// Whether a tensor is not quantised, or is 8-bit numbers that are.
bool fits(const TensorDesc& tensor) {
  return !has_scale(tensor) || (is_quantised_type(tensor.format.type) && is_valid_scale(tensor.format.scale));
}

Refusal supports_convert(const LayerDesc& layer, const Cpu&) {
  const TensorDesc& x = layer.inputs.front();
  const TensorDesc& y = layer.outputs.front();
  if (!(x.shape == y.shape)) return Refusal::shape;
  if (x.format.layout == Layout::nchwc || y.format.layout == Layout::nchwc) return Refusal::layout;
  if (!fits(x) || !fits(y)) return Refusal::data_type;
  if (is_image(layer)) return check_image(layer);
  if (!layer.main().attributes.entries().empty()) return Refusal::attribute;
  // Only real numbers are quantised, and made of quantised ones.
  const bool real_result = kind_of(y.format.type) == Kind::real;
  if (has_scale(x) && !has_scale(y) && !real_result && x.format.type != y.format.type)
    return Refusal::data_type;
  if (has_scale(y) && !has_scale(x) && kind_of(x.format.type) != Kind::real && x.format.type != y.format.type)
    return Refusal::data_type;
  if (!layer.main().clamp || has_scale(y)) return Refusal::none;
  return y.format.type == DataType::f32 ? Refusal::none : Refusal::clamp;
}

constexpr Kernel kConvert = [] {
  Kernel kernel = kRowOf<Op::convert, convert, supports_convert>;
  kernel.signatures = kNchwNhwcAny<>;
  return kernel;
}();
constexpr const Kernel* kConvertEntries[] = {kept(kConvert)};

}  // namespace

std::span<const Kernel* const> convert_entries() noexcept { return kConvertEntries; }

}  // namespace fettle::kernels::reference
