// SPDX-License-Identifier: Apache-2.0
//
// Runs one kernel on one layer, in guarded memory, and holds it to everything that <fettle/kernel.h>
// promises.
#pragma once

#include "tests/kernels/guarded_buffer.h"
#include "tests/kernels/layers.h"

#include <fettle/thread_pool.h>

#include <memory>
#include <string>
#include <vector>

namespace fettle::test {

/// What a layer gives, by the reference kernels.
struct Expected {
  std::vector<std::vector<std::byte>> outputs;  ///< dense bytes in nchw
  double largest = 0;                           ///< of the float results of all parts before they are clamped
};
Expected reference_outputs(const TestLayer& layer);

/// What a run gave: dense bytes in nchw, an entry an output.
using Results = std::vector<std::vector<std::byte>>;

/// How one run is set up.
struct Setting {
  Against against = Against::end;
  int threads = 1;
  int in_place = -1;  ///< the input whose memory the output shares, or -1
  /// The layer that is bound, whose bounded axes are then told the layer's extents; null: the layer itself.
  const LayerDesc* bounds = nullptr;
};

/// Packs, binds and runs `kernel` on `desc` (formats and strides as the kernel gets them) with the layer's
/// numbers, and checks what was written, that running allocates nothing and that running again changes
/// nothing. Returns the results.
Results run_variant(const Kernel& kernel, const LayerDesc& desc, const TestLayer& layer,
                    const Setting& setting);

/// A result beside what it must be: floats up to rounding, relative to the largest; numbers that are rounded
/// within one; the rest to the bit.
void check_same(const Kernel& kernel, const LayerDesc& desc, const TensorDesc& tensor,
                std::span<const std::byte> got, std::span<const std::byte> expected, double largest);

/// Both: runs and checks the results, too.
Results check_variant(const Kernel& kernel, const LayerDesc& desc, const TestLayer& layer,
                      const Expected& expected, const Setting& setting);

/// What `kernel`, which packs, writes for the layer's constants.
std::vector<std::byte> packed(const Kernel& kernel, const LayerDesc& desc, const TestLayer& layer);

/// The rows of that name, such as "conv.indirect.f32", for the instruction sets that this CPU has.
std::vector<const Kernel*> rows_here(const std::string& name);

}  // namespace fettle::test
