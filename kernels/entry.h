// SPDX-License-Identifier: Apache-2.0
//
// The beginning of every entry of the table. Each back end has a factory that fills in the rest.
#pragma once

#include <fettle/kernel.h>

#include <memory>
#include <span>
#include <string_view>

namespace fettle::kernels {

using Supports = Refusal (*)(const LayerDesc& layer, const Cpu& cpu);
using Bind = Result<std::unique_ptr<BoundKernel>> (*)(const BindArgs& args);

/// An entry that has all that it must: for any CPU, dense tensors, one thread, without packed weights.
constexpr Kernel basic_entry(std::string_view name, std::span<const Op> pattern,
                             std::span<const Signature> signatures, Supports supports, Bind bind) {
  Kernel kernel{};
  kernel.name = name;
  kernel.revision = 1;
  kernel.pattern = pattern;
  kernel.signatures = signatures;
  kernel.supports = supports;
  kernel.bind = bind;
  return kernel;
}

}  // namespace fettle::kernels
