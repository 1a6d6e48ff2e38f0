// SPDX-License-Identifier: Apache-2.0
#include "kernels/xnnpack/quantised.h"

#include "kernels/xnnpack/pixels.h"

#include <algorithm>
#include <new>

namespace fettle::kernels::xnnpack {
namespace {

// The least factor of a sum that XNNPACK takes. Sums that have a smaller one all round to 0, also with this.
constexpr double kLeastMultiplier = 1.0 / (std::int64_t{1} << 32);

bool is_quantised(const TensorDesc& tensor, DataType type) noexcept {
  return tensor.format.type == type && is_valid_scale(tensor.format.scale);
}

}  // namespace

Refusal check_quantised(const LayerDesc& layer, DataType type) noexcept {
  if (!is_quantised_type(type)) return Refusal::data_type;
  for (const auto* list : {&layer.inputs, &layer.outputs}) {
    for (const TensorDesc& tensor : *list) {
      if (!is_quantised(tensor, type)) return Refusal::data_type;
    }
  }
  return Refusal::none;
}

xnn_datatype datatype_of(DataType type) noexcept {
  return type == DataType::s8 ? xnn_datatype_qint8 : xnn_datatype_quint8;
}

xnn_quantization_params quantization_of(const Format& format) noexcept {
  return {format.zero_point, format.scale};
}

StoredRange range_of(const LayerDesc& layer) noexcept {
  return stored_range(layer.parts.back().clamp, layer.outputs[0].format);
}

bool range_is_full(const LayerDesc& layer) noexcept {
  const StoredRange range = range_of(layer);
  const DataType type = layer.outputs[0].format.type;
  return range.low == lowest_of(type) && range.high == highest_of(type);
}

double scale_ratio(const TensorDesc& from, const TensorDesc& to) noexcept {
  return static_cast<double>(from.format.scale) / static_cast<double>(to.format.scale);
}

Refusal check_product(const LayerDesc& layer, std::int64_t outputs) noexcept {
  const TensorDesc& x = *layer.operand(0);
  const TensorDesc& w = *layer.operand(1);
  const TensorDesc* bias = layer.operand(2);
  const TensorDesc* scales = layer.operand(3);
  const TensorDesc& y = layer.outputs[0];
  const DataType type = x.format.type;
  if (!is_quantised_type(type) || !is_quantised(x, type) || !is_quantised(w, type) || !is_quantised(y, type))
    return Refusal::data_type;
  if (bias == nullptr || !bias->constant || (scales != nullptr && !scales->constant))
    return Refusal::not_constant;
  if (bias->format.type != DataType::s32 || bias->shape.elements() != outputs) return Refusal::data_type;
  if (scales != nullptr &&
      (scales->format.type != DataType::f32 || scales->shape.elements() != outputs || type != DataType::s8))
    return Refusal::data_type;
  if (type == DataType::s8) return w.format.zero_point == 0 ? Refusal::none : Refusal::data_type;
  const double multiplier = scale_ratio(x, y) * static_cast<double>(w.format.scale);
  return multiplier >= kLeastMultiplier && is_valid_multiplier(multiplier) ? Refusal::none
                                                                           : Refusal::attribute;
}

std::unique_ptr<float[]> weight_scales(const LayerDesc& layer, std::size_t outputs,
                                       std::span<const ConstantBytes> constants) noexcept {
  std::unique_ptr<float[]> scales(new (std::nothrow) float[outputs]);
  if (scales == nullptr) return scales;
  const double y_by_x = scale_ratio(layer.outputs[0], *layer.operand(0));
  const float least = static_cast<float>(kLeastMultiplier * y_by_x);
  const bool known = !constants.empty() && layer.operand(3) != nullptr;
  const auto* given =
      known ? reinterpret_cast<const float*>(constants[input_index(layer, 3)].data()) : nullptr;
  const float same = layer.operand(3) == nullptr ? layer.operand(1)->format.scale : least;
  for (std::size_t i = 0; i < outputs; ++i) scales[i] = std::max(least, known ? given[i] : same);
  return scales;
}

}  // namespace fettle::kernels::xnnpack
