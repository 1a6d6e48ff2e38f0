// SPDX-License-Identifier: Apache-2.0
#include "kernels/portable/portable.h"

#include "kernels/portable/portable_kernels.h"
#include "lib/base/static_vector.h"

#include <array>

namespace fettle::kernels {
namespace portable {

std::span<const Kernel* const> convolution_rows() noexcept {
  static const std::array<const Kernel*, 5> rows{&depthwise_row(), &conv_row(), &conv_add_row(),
                                                 &conv_volume_row(), &conv_transpose_volume_row()};
  return rows;
}

}  // namespace portable

std::span<const Kernel* const> portable_kernels() noexcept {
  static const auto all = [] {
    StaticVector<const Kernel*, 128> made;
    for (auto family :
         {portable::convolution_rows(), portable::product_rows(), portable::einsum_rows(),
          portable::pooling_rows(), portable::volume_pooling_rows(), portable::normalisation_rows(),
          portable::selection_rows(), portable::elementwise_rows(), portable::movement_rows(),
          portable::cast_rows(), portable::resize_rows(), portable::convert_rows(), portable::picture_rows(),
          portable::shuffle_rows(), portable::recurrent_rows(), portable::quantised_rows()}) {
      for (const Kernel* kernel : family) made.push_back(kernel);
    }
    return made;
  }();
  return all.span();
}

}  // namespace fettle::kernels
