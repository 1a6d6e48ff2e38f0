// SPDX-License-Identifier: Apache-2.0
//
// The kernels that one compilation may use, and the one question asked of them.
#pragma once

#include <fettle/cpu.h>
#include <fettle/kernel.h>

#include <span>
#include <string_view>
#include <vector>

namespace fettle::runtime {

/// Whether an entry has all that compiling and running it takes.
bool is_complete(const Kernel* entry);

/// An application's entries first, then the built-in ones, in order of preference on the CPU that is compiled
/// for. An entry of the application's hides a built-in one of the same name.
class KernelTable {
 public:
  /// Entries of `own` that are not complete are left out; those that are weaker with NaN and infinities than
  /// `nonfinite` are refused.
  KernelTable(std::span<const Kernel* const> own, const Cpu& cpu, NonFinite nonfinite = NonFinite::loses_nan);

  std::span<const Kernel* const> entries() const { return entries_; }
  const Kernel* find(std::string_view name) const;
  const Cpu& cpu() const { return *cpu_; }
  bool allows(const Kernel& kernel) const { return kernel.nonfinite <= nonfinite_; }

  /// Whether the kernel runs the layer as described on this CPU: refusal_of, then what it makes of NaN.
  Refusal check(const Kernel& kernel, const LayerDesc& layer) const;
  /// The first single-operator entry that runs the layer as described, or nullptr.
  const Kernel* first_for(const LayerDesc& layer) const;

 private:
  std::vector<const Kernel*> entries_;
  const Cpu* cpu_;
  NonFinite nonfinite_;
};

/// Takes the last part's clamp away and returns it, for kernels that leave it to a step of its own.
std::optional<Clamp> take_clamp(LayerDesc& layer);

}  // namespace fettle::runtime
