// SPDX-License-Identifier: Apache-2.0
//
// Quantised layers as XNNPACK knows them: activations and weights of u8 with one scale and zero point each
// ("qu8"), or of s8 with a scale for each output channel and weights without zero point ("qs8_qc8w").
#pragma once

#include "kernels/xnnpack/operator.h"
#include "lib/base/quantise.h"

#include <fettle/kernel.h>

#include <xnnpack.h>

#include <memory>
#include <span>

namespace fettle::kernels::xnnpack {

/// Whether every operand and result is quantised to one type, u8 or s8, which is `type`.
Refusal check_quantised(const LayerDesc& layer, DataType type) noexcept;

xnn_datatype datatype_of(DataType type) noexcept;
xnn_quantization_params quantization_of(const Format& format) noexcept;

/// The stored numbers that the layer's result may have.
StoredRange range_of(const LayerDesc& layer) noexcept;
/// Whether these are all of its type, so that saturation is all the clamping there is.
bool range_is_full(const LayerDesc& layer) noexcept;
/// One scale divided by another.
double scale_ratio(const TensorDesc& from, const TensorDesc& to) noexcept;

/// Whether a conv, gemm or matmul with these operands is of one of the two kinds.
Refusal check_product(const LayerDesc& layer, std::int64_t outputs) noexcept;
/// A scale for each output channel of an s8 layer. Without constants, which `bind` does not see, some that
/// XNNPACK accepts: the packed weights hold the real ones. Null when out of memory.
std::unique_ptr<float[]> weight_scales(const LayerDesc& layer, std::size_t outputs,
                                       std::span<const ConstantBytes> constants) noexcept;

}  // namespace fettle::kernels::xnnpack
