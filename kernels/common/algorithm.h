// SPDX-License-Identifier: Apache-2.0
//
// What an algorithm is: everything about a kernel but the innermost loops, which an instruction set brings as
// a set of functions. entry.h makes entries of the table of the two.
#pragma once

#include "kernels/common/signatures.h"
#include "lib/base/guard.h"

#include <fettle/kernel.h>

#include <concepts>
#include <memory>
#include <span>

namespace fettle::kernels {

/// Static functions as Kernel's, most with the set before their other arguments, and what it takes:
///
///   Refusal supports(const LayerDesc&) noexcept;   // perhaps with the set
///   Result<std::unique_ptr<BoundKernel>> bind(const Set&, const BindArgs&);
///
/// If it has activations among its epilogues, `bind` takes a UnaryFunction (elementwise_unary.h) after these.
/// If it needs a workspace:
///
///   std::size_t workspace_bytes(const Set&, const LayerDesc&, int threads);
///
/// If it has weights; what `pack` writes does not depend on the size of the input:
///
///   std::size_t packed_bytes(const Set&, const LayerDesc&);
///   Status pack(const Set&, const LayerDesc&, std::span<const ConstantBytes>, std::span<std::byte>);
///
/// And where they are not as in an entry of revision 1: kRevision, kInPlace, kResidualInPlace, kRounding,
/// kNonFinite, kOverread (Kernel::overread_bytes).
template <typename T>
concept Algorithm = requires {
  { T::kSignatures } -> std::convertible_to<std::span<const Signature>>;
  { T::kInputStriding } -> std::convertible_to<Striding>;
  { T::kOutputStriding } -> std::convertible_to<Striding>;
  &T::supports;
};

/// What `bind` returns: a Bound made of the set, the arguments, and what else it wants.
template <typename Bound, typename Set, typename... More>
Result<std::unique_ptr<BoundKernel>> bind_as(const Set& set, const BindArgs& args, const More&... more) {
  return guard_allocation([&]() -> Result<std::unique_ptr<BoundKernel>> {
    return std::unique_ptr<BoundKernel>(std::make_unique<Bound>(set, args, more...));
  });
}

}  // namespace fettle::kernels
