// SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/layers/random_layer.h"

#include "tests/fuzz/layers/makers.h"

namespace fettle::fuzz {
namespace {

std::vector<LayerMaker> all_makers() {
  std::vector<LayerMaker> makers;
  for (const auto& family :
       {window_layers(), product_layers(), elementwise_layers(), reduction_layers(), movement_layers(),
        region_layers(), quantised_layers(), recurrent_layers(), indexing_layers(), selection_layers(),
        sampling_layers(), signal_layers(), attention_layers()})
    makers.insert(makers.end(), family.begin(), family.end());
  return makers;
}

}  // namespace

std::optional<test::TestLayer> random_layer(ByteSource& bytes) {
  static const std::vector<LayerMaker> makers = all_makers();
  const LayerMaker& maker = bytes.one_of(makers);
  return maker.make(bytes, maker.op);
}

}  // namespace fettle::fuzz
