// SPDX-License-Identifier: Apache-2.0
//
// How much work a layer is.
#pragma once

#include <fettle/layer.h>

#include <cstdint>

namespace fettle::graph {

/// Multiply-accumulates of a layer; 0 for those without.
std::int64_t count_macs(const LayerDesc& layer);
/// About how many elements the reference reads and writes for a layer: a bound on time, not a measure of it.
double count_operations(const LayerDesc& layer);

/// The same without reading the operands, by operator.
using Estimate = double (*)(const LayerDesc& layer);
/// One for each element of the results: what is computed from a few operands, moved, or summed up while the
/// operands are read.
double work_of_each(const LayerDesc& layer);
double work_of_conv(const LayerDesc& layer);
double work_of_conv_transpose(const LayerDesc& layer);
double work_of_gemm(const LayerDesc& layer);
double work_of_matmul(const LayerDesc& layer);
double work_of_einsum(const LayerDesc& layer);
double work_of_det(const LayerDesc& layer);
double work_of_dft(const LayerDesc& layer);
double work_of_stft(const LayerDesc& layer);
double work_of_top_k(const LayerDesc& layer);
double work_of_pool(const LayerDesc& layer);
double work_of_lrn(const LayerDesc& layer);
double work_of_resize(const LayerDesc& layer);
double work_of_grid_sample(const LayerDesc& layer);
double work_of_roi_align(const LayerDesc& layer);
double work_of_recurrent(const LayerDesc& layer);
double work_of_non_max_suppression(const LayerDesc& layer);
double work_of_unique(const LayerDesc& layer);
double work_of_attention(const LayerDesc& layer);
double work_of_deform_conv(const LayerDesc& layer);
double work_of_col2im(const LayerDesc& layer);

}  // namespace fettle::graph
