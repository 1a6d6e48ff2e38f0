// SPDX-License-Identifier: Apache-2.0
#include "kernels/portable/portable.h"

#include "kernels/portable/portable_kernels.h"

#include <array>
#include <limits>

namespace fettle::kernels {
namespace portable {

Layout layout_of(const LayerDesc& layer) {
  for (const auto* list : {&layer.inputs, &layer.outputs}) {
    for (const TensorDesc& tensor : *list) {
      if (!tensor.constant && tensor.shape.rank() >= 3) return tensor.format.layout;
    }
  }
  return Layout::nchw;
}

Refusal uniform_f32(const LayerDesc& layer) {
  const Layout layout = layout_of(layer);
  if (layout == Layout::nchwc) return Refusal::layout;
  for (const auto* list : {&layer.inputs, &layer.outputs}) {
    for (const TensorDesc& tensor : *list) {
      if (tensor.format.type != DataType::f32 || tensor.format.scale != 0) return Refusal::data_type;
      if (!tensor.constant && tensor.shape.rank() >= 3 && tensor.format.layout != layout)
        return Refusal::layout;
    }
  }
  return Refusal::none;
}

Clamp clamp_of(const LayerDesc& layer) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  return layer.parts.back().clamp.value_or(Clamp{-kInfinity, kInfinity});
}

std::span<const Kernel* const> convolution_rows() noexcept {
  static const std::array<const Kernel*, 3> rows{&depthwise_row(), &conv_row(), &conv_add_row()};
  return rows;
}

}  // namespace portable

std::span<const Kernel* const> portable_kernels() noexcept {
  struct Table {
    std::array<const Kernel*, 128> rows{};
    std::size_t count = 0;
  };
  static const Table table = [] {
    Table made;
    for (auto family : {portable::convolution_rows(), portable::product_rows(), portable::pooling_rows(),
                        portable::elementwise_rows(), portable::movement_rows(), portable::convert_rows(),
                        portable::picture_rows(), portable::recurrent_rows(), portable::quantised_rows()}) {
      for (const Kernel* kernel : family) made.rows[made.count++] = kernel;
    }
    return made;
  }();
  return {table.rows.data(), table.count};
}

}  // namespace fettle::kernels
