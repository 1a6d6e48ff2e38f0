// SPDX-License-Identifier: Apache-2.0
//
// What operations with weights add to operation.h: XNNPACK packs weights while it creates an operator, so
// measuring, packing and binding all do that, each with a weights cache of another mode. Such an operation
// has
//
//   std::size_t outputs() const;                   // channels, one scale each where weights are quantised
//   xnn_status create(const LayerDesc&, const Weights&, xnn_weights_cache_t, Operator&) const;
//   Status reorder(Weights&) const;                // from ONNX's order to XNNPACK's, for packing
#pragma once

#include "kernels/xnnpack/operator.h"
#include "kernels/xnnpack/pixels.h"
#include "kernels/xnnpack/quantised.h"
#include "kernels/xnnpack/weights_cache.h"

#include <fettle/kernel.h>

#include <xnnpack.h>

#include <cstddef>
#include <memory>
#include <new>
#include <span>

namespace fettle::kernels::xnnpack {

/// A layer's constants as create functions take them.
struct Weights {
  const std::byte* values = nullptr;
  const std::byte* bias = nullptr;
  std::unique_ptr<float[]> scales;         // of an s8 layer
  std::unique_ptr<std::byte[]> reordered;  // what `values` is then

  template <typename T>
  const T* values_as() const noexcept {
    return reinterpret_cast<const T*>(values);
  }
  template <typename T>
  const T* bias_as() const noexcept {
    return reinterpret_cast<const T*>(bias);
  }
};

template <typename Special>
concept Weighted = requires(const Special& special, const LayerDesc& layer, const Weights& weights,
                            Operator& op) {
  special.create(layer, weights, xnn_weights_cache_t{}, op);
};

/// The layer's constants; none are there when `bind` asks.
Status gather_weights(const LayerDesc& layer, std::size_t outputs, std::span<const ConstantBytes> constants,
                      Weights& weights) noexcept;
/// Memory for as many reordered weights. Null when there is none.
std::byte* reorder_into(Weights& weights, std::size_t bytes) noexcept;

/// Creates the operator from what `pack` wrote.
template <typename Special>
Status create_from_packed(const Special& special, const LayerDesc& layer, std::span<const std::byte> packed,
                          WeightsCache& cache, Operator& op) noexcept {
  if (Status found = cache.read(packed); !found) return found;
  Weights weights;
  if (Status done = gather_weights(layer, special.outputs(), {}, weights); !done) return done;
  weights.values = reinterpret_cast<const std::byte*>(cache.dummy_weights());
  return cache.result(special.create(layer, weights, cache.get(), op), op);
}

/// Kernel functions, see Kernel.
template <typename Special>
Result<std::size_t> packed_bytes(const LayerDesc& layer, std::span<const ConstantBytes> constants) {
  Special special;
  if (special.read(layer) != Refusal::none) return kernel_failed("not a layer for XNNPACK");
  Weights weights;
  if (Status done = gather_weights(layer, special.outputs(), constants, weights); !done)
    return std::move(done).error();
  return measure_packed(
      [&](xnn_weights_cache_t cache, Operator& op) { return special.create(layer, weights, cache, op); });
}

template <typename Special>
Status pack(const LayerDesc& layer, std::span<const ConstantBytes> constants, std::span<std::byte> packed) {
  Special special;
  if (special.read(layer) != Refusal::none) return kernel_failed("not a layer for XNNPACK");
  Weights weights;
  if (Status done = gather_weights(layer, special.outputs(), constants, weights); !done) return done;
  if (Status done = special.reorder(weights); !done) return done;
  return write_packed(packed, [&](xnn_weights_cache_t cache, Operator& op) {
    return special.create(layer, weights, cache, op);
  });
}

}  // namespace fettle::kernels::xnnpack
