// SPDX-License-Identifier: Apache-2.0
//
// How much work a layer is. Nothing here is exact: models may hold a few small constants that take days to
// combine, and what counts is that such layers are told from the others.
#include "lib/graph/estimates.h"

#include "lib/graph/operators.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace fettle::graph {
namespace {

double product(std::span<const std::int64_t> factors) {
  double result = 1;
  for (std::int64_t factor : factors) result *= static_cast<double>(factor);
  return result;
}

// Every gate of every step takes a product with the input and one with the state. As many as there are when
// they cannot be counted.
std::int64_t recurrent_macs(const LayerDesc& layer) {
  const Shape& x = layer.inputs.front().shape;
  const TensorDesc* r = layer.operand(2);
  if (r == nullptr) return 0;
  const double macs = product(std::array{x[0], x[1], r->shape[0], r->shape[1], x[2] + r->shape[2]});
  constexpr std::int64_t kMost = std::int64_t{1} << 62;
  return macs < static_cast<double>(kMost) ? static_cast<std::int64_t>(macs) : kMost;
}

double extent_along(const LayerDesc& layer, std::string_view attribute) {
  const auto axis = static_cast<int>(layer.main().attributes.integer(attribute));
  return static_cast<double>(layer.operand(0)->shape[axis]);
}

// One for each element of the results: what is computed from a few inputs, moved, or summed up while the
// inputs are read.
double once(const LayerDesc& layer) {
  double count = 0;
  for (const TensorDesc& output : layer.outputs) count += static_cast<double>(output.shape.elements());
  return count;
}

// As many for each result; one at least, since it is written.
double for_each_result(const LayerDesc& layer, double operations) {
  return once(layer) * std::max(1.0, operations);
}

}  // namespace

double work_of_each(const LayerDesc& layer) { return once(layer); }

double work_of_conv(const LayerDesc& layer) {
  return for_each_result(layer, product(layer.operand(1)->shape.dims().subspan(1)));
}

// Every tap of the window is looked at, whether the stride lets it meet an input or not.
double work_of_conv_transpose(const LayerDesc& layer) {
  const auto groups = std::max<std::int64_t>(1, layer.main().attributes.integer("group", 1));
  const auto channels = static_cast<double>(layer.operand(0)->shape[1] / groups);
  return for_each_result(layer, channels * product(layer.operand(1)->shape.dims().subspan(2)));
}

double work_of_gemm(const LayerDesc& layer) {
  const bool transposed = layer.main().attributes.integer("transA") != 0;
  return for_each_result(layer, static_cast<double>(layer.operand(0)->shape[transposed ? 0 : 1]));
}

double work_of_matmul(const LayerDesc& layer) {
  const Shape& x = layer.operand(0)->shape;
  const auto perm = layer.main().attributes.integers("perm_a");
  return for_each_result(layer,
                         static_cast<double>(x[perm.empty() ? x.rank() - 1 : static_cast<int>(perm.back())]));
}

// Every combination of the labels that are summed over is looked at for each result.
double work_of_einsum(const LayerDesc& layer) {
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
  return for_each_result(layer, product(extents) * static_cast<double>(layer.main().operands.size()));
}

double work_of_det(const LayerDesc& layer) {
  const Shape& x = layer.operand(0)->shape;
  return for_each_result(layer, std::pow(static_cast<double>(x[x.rank() - 1]), 3));
}

double work_of_dft(const LayerDesc& layer) { return for_each_result(layer, extent_along(layer, "axis")); }

double work_of_stft(const LayerDesc& layer) {
  return for_each_result(layer, static_cast<double>(layer.main().attributes.integer("frame_length")));
}

// The next element is looked for among all.
double work_of_top_k(const LayerDesc& layer) { return for_each_result(layer, extent_along(layer, "axis")); }

double work_of_pool(const LayerDesc& layer) {
  return for_each_result(layer, product(layer.main().attributes.integers("kernel_shape")));
}

double work_of_lrn(const LayerDesc& layer) {
  const Shape& x = layer.operand(0)->shape;
  const std::int64_t size = layer.main().attributes.integer("size");
  return for_each_result(layer, static_cast<double>(std::min(size, x.rank() < 2 ? 1 : x[1])));
}

double work_of_resize(const LayerDesc& layer) {
  const std::string_view mode = layer.main().attributes.string("mode");
  const int taps = mode == "cubic" ? 4 : mode == "linear" ? 2 : 1;
  const Shape& x = layer.operand(0)->shape;
  const Shape& y = layer.outputs.front().shape;
  const bool stretched = layer.main().attributes.integer("antialias") != 0;
  double count = 1;
  for (int axis = 0; axis < x.rank(); ++axis) {
    const auto shrunk =
        static_cast<double>(x[axis]) / static_cast<double>(std::max<std::int64_t>(1, y[axis]));
    count *= taps * (stretched ? std::max(1.0, shrunk) : 1);
  }
  return for_each_result(layer, count);
}

double work_of_grid_sample(const LayerDesc& layer) {
  const int taps = layer.main().attributes.string("mode") == "cubic" ? 4 : 2;
  return for_each_result(layer, std::pow(taps, layer.operand(0)->shape.rank() - 2));
}

// Each point is interpolated from four pixels. Without a ratio points are between half a pixel and a pixel
// apart, and those outside the picture are not looked at, however large the region is.
double work_of_roi_align(const LayerDesc& layer) {
  const auto ratio = static_cast<double>(layer.main().attributes.integer("sampling_ratio"));
  if (ratio > 0) return for_each_result(layer, 4 * ratio * ratio);
  const Shape& x = layer.operand(0)->shape;
  const Shape& y = layer.outputs.front().shape;
  const double points = 4 * static_cast<double>(x[2] + 4) * static_cast<double>(x[3] + 4);
  return for_each_result(layer, 4) + 4 * static_cast<double>(y[0] * y[1]) * points;
}

double work_of_recurrent(const LayerDesc& layer) {
  return once(layer) + static_cast<double>(recurrent_macs(layer));
}

// Scores are N x classes x boxes: each looks for the next among all.
double work_of_non_max_suppression(const LayerDesc& layer) {
  const Shape& scores = layer.operand(1)->shape;
  return once(layer) + product(scores.dims()) * static_cast<double>(scores[2]);
}

// Sorted; slices along an axis are compared element by element.
double work_of_unique(const LayerDesc& layer) {
  const auto elements = static_cast<double>(layer.operand(0)->shape.elements());
  return once(layer) + elements * std::log2(elements + 1);
}

// Each query looks at every key twice: for its score, and for its share of the values.
double work_of_attention(const LayerDesc& layer) {
  const auto extent = [&](std::size_t operand, const char* name, int axis) {
    const auto perm = layer.main().attributes.integers(name);
    return static_cast<double>(
        layer.operand(operand)
            ->shape[perm.empty() ? axis : static_cast<int>(perm[static_cast<std::size_t>(axis)])]);
  };
  const double size = extent(0, "perm_q", 3);
  const double queries = product(layer.operand(0)->shape.dims()) / std::max(1.0, size);
  return once(layer) + queries * extent(1, "perm_k", 2) * (1 + size + extent(2, "perm_v", 3));
}

// Each tap is interpolated from four pixels.
double work_of_deform_conv(const LayerDesc& layer) {
  const auto taps = layer.operand(1)->shape.dims().subspan(1);
  return for_each_result(layer, 4 * product(taps));
}

// Every result looks at each tap of the window.
double work_of_col2im(const LayerDesc& layer) {
  return for_each_result(layer, product(layer.main().attributes.integers("block_shape")));
}

double count_operations(const LayerDesc& layer) {
  const Estimate estimate = operator_info(layer.main().op).estimate;
  double count = estimate == nullptr ? once(layer) : estimate(layer);
  for (const TensorDesc& input : layer.inputs) count += static_cast<double>(input.shape.elements());
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
