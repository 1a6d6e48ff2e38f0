// SPDX-License-Identifier: Apache-2.0
//
// From an algorithm and what an instruction set brings for it to a row of the table.
#pragma once

#include "lib/base/guard.h"

#include <fettle/kernel.h>

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

namespace fettle::kernels {

inline constexpr LayoutPair kNhwcPair[] = {{Layout::nhwc, Layout::nhwc}};
inline constexpr LayoutPair kNchwPair[] = {{Layout::nchw, Layout::nchw}};

/// An f32 row. `Algorithm` has static functions as Kernel's, the last three with the set before their other
/// arguments, and says in `kLayouts` and `kStriding` what it takes:
///
///   Refusal supports(const LayerDesc&) noexcept;
///   std::size_t workspace_bytes(const Set&, const LayerDesc&, int threads);
///   std::size_t packed_bytes(const Set&, const LayerDesc&);
///   Status pack(const Set&, const LayerDesc&, std::span<const ConstantBytes>, std::span<std::byte>);
///   Result<std::unique_ptr<BoundKernel>> bind(const Set&, const BindArgs&);
///
/// `supports` may take the set first too. Without weights there is no `packed_bytes` and no `pack`; what
/// `pack` writes does not depend on the size of the input.
template <typename Algorithm, const auto& set>
constexpr Kernel row(std::string_view name, Isa isa, std::span<const Op> pattern) {
  Kernel kernel{};
  kernel.name = name;
  kernel.revision = 1;
  kernel.pattern = pattern;
  kernel.isa = isa;
  kernel.type = DataType::f32;
  kernel.layouts = Algorithm::kLayouts;
  kernel.input_striding = Algorithm::kInputStriding;
  kernel.output_striding = Algorithm::kOutputStriding;
  kernel.threaded = true;
  kernel.supports = [](const LayerDesc& layer, const Cpu&) {
    if constexpr (requires { Algorithm::supports(set, layer); })
      return Algorithm::supports(set, layer);
    else
      return Algorithm::supports(layer);
  };
  kernel.workspace_bytes = [](const LayerDesc& layer, int threads) {
    return Algorithm::workspace_bytes(set, layer, threads);
  };
  if constexpr (requires { &Algorithm::pack; }) {
    kernel.packed_bytes = [](const LayerDesc& layer, std::span<const ConstantBytes>) {
      return Result<std::size_t>(Algorithm::packed_bytes(set, layer));
    };
    kernel.packed_for_any_size = true;
    kernel.pack = [](const LayerDesc& layer, std::span<const ConstantBytes> constants,
                     std::span<std::byte> packed) { return Algorithm::pack(set, layer, constants, packed); };
  }
  kernel.bind = [](const BindArgs& args) { return Algorithm::bind(set, args); };
  return kernel;
}

/// The row of a region that adds a residual: it reads each number of the residual before it writes the result
/// in its place. The residual is input 2 or 3, behind the weights and the bias, if there is one.
constexpr Kernel over_residual(Kernel kernel) {
  kernel.in_place = 0b1100;
  return kernel;
}

/// The row of a sum, which may be written over either operand.
constexpr Kernel over_operands(Kernel kernel) {
  kernel.in_place = 0b11;
  return kernel;
}

/// The row with Kernel::rounding.
constexpr Kernel rounding(Kernel kernel, float rounding) {
  kernel.rounding = rounding;
  return kernel;
}

/// What `bind` returns: a Bound made of the set and the arguments.
template <typename Bound, typename Set>
Result<std::unique_ptr<BoundKernel>> bind_as(const Set& set, const BindArgs& args) {
  return guard_allocation([&]() -> Result<std::unique_ptr<BoundKernel>> {
    return std::unique_ptr<BoundKernel>(std::make_unique<Bound>(set, args));
  });
}

}  // namespace fettle::kernels
