// SPDX-License-Identifier: Apache-2.0
//
// From an algorithm and what an instruction set brings for it to an entry of the table.
#pragma once

#include "kernels/common/signatures.h"
#include "kernels/selection.h"
#include "lib/base/guard.h"

#include <fettle/kernel.h>

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

namespace fettle::kernels {

/// Algorithms whose answer depends on the set take it first.
template <typename Algorithm, const auto& set>
Refusal supports(const LayerDesc& layer) {
  if constexpr (requires { Algorithm::supports(set, layer); })
    return Algorithm::supports(set, layer);
  else
    return Algorithm::supports(layer);
}

/// An entry. `Algorithm` has static functions as Kernel's, most with the set before their other
/// arguments, and says in `kSignatures` and `k...Striding` what it takes:
///
///   Refusal supports(const LayerDesc&) noexcept;   // perhaps with the set
///   Result<std::unique_ptr<BoundKernel>> bind(const Set&, const BindArgs&);
///
/// If it needs a workspace:
///
///   std::size_t workspace_bytes(const Set&, const LayerDesc&, int threads);
///
/// If it is not exact with NaN and infinities:
///
///   NonFinite kNonFinite;
///
/// And if it has weights; what `pack` writes does not depend on the size of the input:
///
///   std::size_t packed_bytes(const Set&, const LayerDesc&);
///   Status pack(const Set&, const LayerDesc&, std::span<const ConstantBytes>, std::span<std::byte>);
template <typename Algorithm, const auto& set>
constexpr Kernel entry(std::string_view name, Isa isa, std::span<const Op> pattern) {
  Kernel kernel{};
  kernel.name = name;
  kernel.revision = 1;
  kernel.pattern = pattern;
  kernel.isa = isa;
  kernel.signatures = Algorithm::kSignatures;
  kernel.input_striding = Algorithm::kInputStriding;
  kernel.output_striding = Algorithm::kOutputStriding;
  kernel.threaded = true;
  if constexpr (requires { Algorithm::kNonFinite; }) kernel.nonfinite = Algorithm::kNonFinite;
  kernel.supports = [](const LayerDesc& layer, const Cpu&) { return supports<Algorithm, set>(layer); };
  if constexpr (requires { &Algorithm::workspace_bytes; }) {
    kernel.workspace_bytes = [](const LayerDesc& layer, int threads) {
      return Algorithm::workspace_bytes(set, layer, threads);
    };
  }
  if constexpr (requires { &Algorithm::pack; }) {
    kernel.packed_bytes = [](const LayerDesc& layer, std::span<const ConstantBytes>) {
      return Result<std::size_t>(Algorithm::packed_bytes(set, layer));
    };
    kernel.packed_for_any_size = true;
    kernel.pack = [](const LayerDesc& layer, std::span<const ConstantBytes> constants,
                     std::span<std::byte> packed) { return Algorithm::pack(set, layer, constants, packed); };
  }
  kernel.bind = [](const BindArgs& args) { return Algorithm::bind(set, args); };
  return if_selected(kernel);
}

/// The entry of a region that adds a residual: it reads each number of the residual before it writes the
/// result in its place. The residual stands behind the weights and, if there is one, the bias of each
/// convolution: it is input 2 or 3 behind one of them, and 3 to 5 behind two.
constexpr Kernel over_residual(Kernel kernel) {
  kernel.in_place = kernel.pattern.size() == 2 ? 0b1100 : 0b111000;
  return kernel;
}

/// The entry that the static defaults take for some layers alone.
constexpr Kernel by_default_where(bool (*pays)(const LayerDesc& layer), Kernel kernel) {
  kernel.by_default = pays;
  return kernel;
}

/// The entry with Kernel::rounding.
constexpr Kernel rounding(Kernel kernel, float rounding) {
  kernel.rounding = rounding;
  return kernel;
}

/// What `bind` returns: a Bound made of the set, the arguments, and what else it wants.
template <typename Bound, typename Set, typename... More>
Result<std::unique_ptr<BoundKernel>> bind_as(const Set& set, const BindArgs& args, const More&... more) {
  return guard_allocation([&]() -> Result<std::unique_ptr<BoundKernel>> {
    return std::unique_ptr<BoundKernel>(std::make_unique<Bound>(set, args, more...));
  });
}

}  // namespace fettle::kernels
