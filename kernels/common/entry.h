// SPDX-License-Identifier: Apache-2.0
//
// From an algorithm and what an instruction set brings for it to an entry of the table.
#pragma once

#include "kernels/common/algorithm.h"
#include "kernels/common/blocked.h"
#include "kernels/common/elementwise_unary.h"
#include "kernels/common/entry_name.h"
#include "kernels/common/epilogues.h"
#include "kernels/entry.h"
#include "kernels/selection.h"

#include <fettle/kernel.h>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

namespace fettle::kernels {

/// An instruction set as entries see it. Entries whose kernels are for in-order cores also have a `kInOrder`,
/// those with activations among their epilogues a `kFunctions`, which is a UnarySet.
template <typename T>
concept InstructionSet = requires {
  T::kName.view();
  Isa{T::kIsa};
};

// Kernel's functions, the same for all entries of an algorithm and a set.

/// Algorithms whose answer depends on the set take it first.
template <Algorithm A, const auto& set>
Refusal supports(const LayerDesc& layer, const Cpu&) {
  if constexpr (requires { A::supports(set, layer); })
    return A::supports(set, layer);
  else
    return A::supports(layer);
}

template <Algorithm A, const auto& set>
Result<std::unique_ptr<BoundKernel>> bind(const BindArgs& args) {
  return A::bind(set, args);
}

/// Whether an activation is behind a pattern of so many parts.
inline bool is_activated(const LayerDesc& layer, std::size_t parts) noexcept {
  return layer.parts.size() > parts && layer.parts.back().op != Op::add;
}

/// With activations: as others, but that what fills blocks of channels up must stay zero.
template <Algorithm A, const auto& set, std::size_t parts>
Refusal supports_activated(const LayerDesc& layer, const Cpu& cpu) {
  const Refusal refusal = supports<A, set>(layer, cpu);
  if (refusal != Refusal::none || !is_activated(layer, parts) ||
      layer.outputs[0].format.layout != Layout::nchwc)
    return refusal;
  return keeps_padding(layer) ? Refusal::none : Refusal::shape;
}

template <Algorithm A, const auto& set, std::size_t parts, const UnarySet& functions>
Result<std::unique_ptr<BoundKernel>> bind_activated(const BindArgs& args) {
  if (!is_activated(args.layer, parts)) return A::bind(set, args);
  return A::bind(set, args, UnaryFunction(functions, args.layer.parts.back()));
}

/// What an algorithm says of itself, written into an entry.
template <Algorithm A, const auto& set>
constexpr void describe(Kernel& kernel) {
  kernel.input_striding = A::kInputStriding;
  kernel.output_striding = A::kOutputStriding;
  kernel.threaded = true;
  if constexpr (requires { A::kRevision; }) kernel.revision = A::kRevision;
  if constexpr (requires { A::kInPlace; }) kernel.in_place = A::kInPlace;
  if constexpr (requires { A::kRounding; }) kernel.rounding = A::kRounding;
  if constexpr (requires { A::kNonFinite; }) kernel.nonfinite = A::kNonFinite;
  if constexpr (requires { A::kOverread; }) kernel.overread_bytes = A::kOverread;
  if constexpr (requires { &A::workspace_bytes; }) {
    kernel.workspace_bytes = [](const LayerDesc& layer, int threads) {
      return A::workspace_bytes(set, layer, threads);
    };
  }
  if constexpr (requires { &A::pack; }) {
    kernel.packed_bytes = [](const LayerDesc& layer, std::span<const ConstantBytes>) {
      return Result<std::size_t>(A::packed_bytes(set, layer));
    };
    kernel.packed_for_any_size = true;
    kernel.pack = [](const LayerDesc& layer, std::span<const ConstantBytes> constants,
                     std::span<std::byte> packed) { return A::pack(set, layer, constants, packed); };
  }
}

/// The entry "<name>.<instruction set>" with those of the epilogues that the build holds; `by_default` as in
/// Kernel.
template <InstructionSet I, Text name, const auto& pattern, Algorithm A, const auto& set,
          const auto& epilogues = kNoEpilogue, bool (*by_default)(const LayerDesc& layer) = nullptr>
struct EntryOf {
  static constexpr auto kChars = concatenated(name, Text("."), I::kName);
  static constexpr std::string_view kName = kChars.view();
  static constexpr auto& kEpilogues = kSelectedEpilogues<kName, epilogues>;
  static constexpr std::size_t kParts = std::size(pattern);
  static constexpr bool kAdds =
      std::any_of(kEpilogues.begin(), kEpilogues.end(),
                  [](std::span<const Op> epilogue) { return epilogue.front() == Op::add; });
  static constexpr bool kActivates =
      std::any_of(kEpilogues.begin(), kEpilogues.end(),
                  [](std::span<const Op> epilogue) { return epilogue.back() != Op::add; });

  static constexpr Kernel kKernel = [] {
    Kernel kernel = basic_entry(kName, pattern, A::kSignatures, supports<A, set>, bind<A, set>);
    describe<A, set>(kernel);
    kernel.isa = I::kIsa;
    kernel.epilogues = kEpilogues;
    kernel.by_default = by_default;
    if constexpr (requires { I::kInOrder; }) kernel.for_in_order_cores = I::kInOrder;
    if constexpr (kAdds && requires { A::kResidualInPlace; }) kernel.residual_in_place = A::kResidualInPlace;
    if constexpr (kActivates) {
      kernel.supports = supports_activated<A, set, kParts>;
      kernel.bind = bind_activated<A, set, kParts, I::kFunctions>;
    }
    return kernel;
  }();
};

/// Its address, or null where the build leaves it out.
template <InstructionSet I, Text name, const auto& pattern, Algorithm A, const auto& set,
          const auto& epilogues = kNoEpilogue, bool (*by_default)(const LayerDesc& layer) = nullptr>
inline constexpr const Kernel* kEntry = [] {
  using Entry = EntryOf<I, name, pattern, A, set, epilogues, by_default>;
  if constexpr (is_selected(Entry::kName))
    return &Entry::kKernel;
  else
    return static_cast<const Kernel*>(nullptr);
}();

}  // namespace fettle::kernels
