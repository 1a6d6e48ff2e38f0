// SPDX-License-Identifier: Apache-2.0
#include "kernels/portable/portable.h"

#include "kernels/portable/portable_kernels.h"
#include "lib/base/static_vector.h"

#include <array>

namespace fettle::kernels {
namespace portable {

std::span<const Kernel* const> convolution_entries() noexcept {
  static const std::array<const Kernel*, 5> entries{&depthwise_entry(), &conv_entry(), &conv_add_entry(),
                                                    &conv_volume_entry(), &conv_transpose_volume_entry()};
  return entries;
}

}  // namespace portable

std::span<const Kernel* const> portable_kernels() noexcept {
  static const auto all = [] {
    StaticVector<const Kernel*, 128> made;
    for (auto family :
         {portable::convolution_entries(), portable::product_entries(), portable::einsum_entries(),
          portable::pooling_entries(), portable::volume_pooling_entries(), portable::normalisation_entries(),
          portable::selection_entries(), portable::elementwise_entries(), portable::movement_entries(),
          portable::cast_entries(), portable::resize_entries(), portable::convert_entries(),
          portable::picture_entries(), portable::shuffle_entries(), portable::recurrent_entries(),
          portable::quantised_entries()}) {
      for (const Kernel* kernel : family) made.push_back(kernel);
    }
    return made;
  }();
  return all.span();
}

}  // namespace fettle::kernels
