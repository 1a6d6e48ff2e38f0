// SPDX-License-Identifier: Apache-2.0
//
// How much work a layer is. Nothing here is exact: models may hold a few small constants that take days to
// combine, and what counts is that such layers are told from the others.
#include "lib/graph/passes.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace fettle::graph {
namespace {

// Every gate of every step takes a product with the input and one with the state.
std::int64_t recurrent_macs(const LayerDesc& layer) {
  const Shape& x = layer.inputs.front().shape;
  const TensorDesc* r = layer.operand(2);
  return r == nullptr ? 0 : x[0] * x[1] * r->shape[0] * r->shape[1] * (x[2] + r->shape[2]);
}

double product(std::span<const std::int64_t> factors) {
  double result = 1;
  for (std::int64_t factor : factors) result *= static_cast<double>(factor);
  return result;
}

double extent_along(const LayerDesc& layer, std::string_view attribute) {
  const auto axis = static_cast<int>(layer.main().attributes.integer(attribute));
  return static_cast<double>(layer.operand(0)->shape[axis]);
}

// Every combination of the labels that are summed over is looked at for each result.
double einsum_operations(const LayerDesc& layer) {
  std::array<std::int64_t, kMaxRank> extents;
  extents.fill(1);
  const auto labels = layer.main().attributes.integers("labels");
  std::size_t operand = 0;
  int axis = 0;
  for (const std::int64_t label : labels) {
    const bool result = operand == layer.main().operands.size();
    if (label < 0) {
      ++operand;
      axis = 0;
    } else if (result) {
      extents[static_cast<std::size_t>(label)] = 1;
    } else {
      std::int64_t& extent = extents[static_cast<std::size_t>(label)];
      extent = std::max(extent, layer.operand(operand)->shape[axis++]);
    }
  }
  return product(extents);
}

// Without a ratio there is about a sampling point a pixel, and those outside the picture are not looked at.
double roi_align_operations(const LayerDesc& layer) {
  const auto ratio = static_cast<double>(layer.main().attributes.integer("sampling_ratio"));
  return ratio > 0 ? ratio * ratio : 4 * product(layer.operand(0)->shape.dims().subspan(2));
}

// How many inputs each result is computed from; 0 where that is no more than the input has in all.
double operations_per_result(const LayerDesc& layer) {
  const Attributes& attributes = layer.main().attributes;
  const TensorDesc* x = layer.operand(0);
  const TensorDesc* weight = layer.operand(1);
  switch (layer.main().op) {
    case Op::conv:
    case Op::conv_integer:
      return product(weight->shape.dims().subspan(1));
    case Op::conv_transpose:
      return static_cast<double>(x->shape[1]) * product(weight->shape.dims().subspan(2));
    case Op::gemm:
      return static_cast<double>(x->shape[attributes.integer("transA") != 0 ? 0 : 1]);
    case Op::matmul:
    case Op::matmul_integer:
      return static_cast<double>(x->shape[x->shape.rank() - 1]);
    case Op::einsum:
      return einsum_operations(layer);
    case Op::det:
      return std::pow(static_cast<double>(x->shape[x->shape.rank() - 1]), 3);
    case Op::dft:
      return extent_along(layer, "axis");
    case Op::stft:
      return static_cast<double>(attributes.integer("frame_length"));
    case Op::top_k:
      return extent_along(layer, "axis");
    case Op::max_pool:
    case Op::average_pool:
    case Op::lp_pool:
      return product(attributes.integers("kernel_shape"));
    case Op::lrn:
      return static_cast<double>(std::min(attributes.integer("size"), x->shape.rank() < 2 ? 1 : x->shape[1]));
    case Op::resize: {
      const std::string_view mode = attributes.string("mode");
      return std::pow(mode == "cubic" ? 4 : mode == "linear" ? 2 : 1, x->shape.rank());
    }
    case Op::grid_sample:
      return attributes.string("mode") == "bicubic" ? 16 : 4;
    case Op::roi_align:
      return roi_align_operations(layer);
    default:
      return 0;
  }
}

// Work that the number of results says nothing of.
double further_operations(const LayerDesc& layer) {
  switch (layer.main().op) {
    case Op::lstm:
    case Op::gru:
    case Op::rnn:
      return static_cast<double>(recurrent_macs(layer));
    case Op::non_max_suppression: {  // scores N x classes x boxes: each looks for the next among all
      const Shape& scores = layer.operand(1)->shape;
      return product(scores.dims()) * static_cast<double>(scores[2]);
    }
    case Op::unique: {  // sorted
      const auto elements = static_cast<double>(layer.operand(0)->shape.elements());
      return elements * std::log2(elements + 1);
    }
    default:
      return 0;
  }
}

}  // namespace

double count_operations(const LayerDesc& layer) {
  double count = further_operations(layer);
  for (const TensorDesc& input : layer.inputs) count += static_cast<double>(input.shape.elements());
  for (const TensorDesc& output : layer.outputs)
    count += static_cast<double>(output.shape.elements()) * std::max(1.0, operations_per_result(layer));
  return count;
}

std::int64_t count_macs(const LayerDesc& layer) {
  const TensorDesc* x = layer.operand(0);
  const TensorDesc* weight = layer.operand(1);
  if (x == nullptr || weight == nullptr || layer.outputs.empty()) return 0;
  const std::int64_t outputs = layer.outputs.front().shape.elements();
  switch (layer.main().op) {
    case Op::conv:
      return weight->shape[0] == 0 ? 0 : outputs * (weight->shape.elements() / weight->shape[0]);
    case Op::conv_transpose:
      return weight->shape[0] == 0 ? 0 : x->shape.elements() * (weight->shape.elements() / weight->shape[0]);
    case Op::gemm:
      return outputs * x->shape[layer.main().attributes.integer("transA") != 0 ? 0 : 1];
    case Op::matmul:
      return outputs * x->shape[x->shape.rank() - 1];
    case Op::lstm:
    case Op::gru:
    case Op::rnn:
      return recurrent_macs(layer);
    default:
      return 0;
  }
}

}  // namespace fettle::graph
