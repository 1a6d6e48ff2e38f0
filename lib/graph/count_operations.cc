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

double conv(const LayerDesc& layer) {
  return for_each_result(layer, product(layer.operand(1)->shape.dims().subspan(1)));
}

// Every tap of the window is looked at, whether the stride lets it meet an input or not.
double conv_transpose(const LayerDesc& layer) {
  const auto groups = std::max<std::int64_t>(1, layer.main().attributes.integer("group", 1));
  const auto channels = static_cast<double>(layer.operand(0)->shape[1] / groups);
  return for_each_result(layer, channels * product(layer.operand(1)->shape.dims().subspan(2)));
}

double gemm(const LayerDesc& layer) {
  const bool transposed = layer.main().attributes.integer("transA") != 0;
  return for_each_result(layer, static_cast<double>(layer.operand(0)->shape[transposed ? 0 : 1]));
}

double matmul(const LayerDesc& layer) {
  const Shape& x = layer.operand(0)->shape;
  return for_each_result(layer, static_cast<double>(x[x.rank() - 1]));
}

// Every combination of the labels that are summed over is looked at for each result.
double einsum(const LayerDesc& layer) {
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

double det(const LayerDesc& layer) {
  const Shape& x = layer.operand(0)->shape;
  return for_each_result(layer, std::pow(static_cast<double>(x[x.rank() - 1]), 3));
}

double dft(const LayerDesc& layer) { return for_each_result(layer, extent_along(layer, "axis")); }

double stft(const LayerDesc& layer) {
  return for_each_result(layer, static_cast<double>(layer.main().attributes.integer("frame_length")));
}

// The next element is looked for among all.
double top_k(const LayerDesc& layer) { return for_each_result(layer, extent_along(layer, "axis")); }

double pool(const LayerDesc& layer) {
  return for_each_result(layer, product(layer.main().attributes.integers("kernel_shape")));
}

double lrn(const LayerDesc& layer) {
  const Shape& x = layer.operand(0)->shape;
  const std::int64_t size = layer.main().attributes.integer("size");
  return for_each_result(layer, static_cast<double>(std::min(size, x.rank() < 2 ? 1 : x[1])));
}

double resize(const LayerDesc& layer) {
  const std::string_view mode = layer.main().attributes.string("mode");
  const int taps = mode == "cubic" ? 4 : mode == "linear" ? 2 : 1;
  return for_each_result(layer, std::pow(taps, layer.operand(0)->shape.rank()));
}

double grid_sample(const LayerDesc& layer) {
  return for_each_result(layer, layer.main().attributes.string("mode") == "bicubic" ? 16 : 4);
}

// Each point is interpolated from four pixels. Without a ratio points are between half a pixel and a pixel
// apart, and those outside the picture are not looked at, however large the region is.
double roi_align(const LayerDesc& layer) {
  const auto ratio = static_cast<double>(layer.main().attributes.integer("sampling_ratio"));
  if (ratio > 0) return for_each_result(layer, 4 * ratio * ratio);
  const Shape& x = layer.operand(0)->shape;
  const Shape& y = layer.outputs.front().shape;
  const double points = 4 * static_cast<double>(x[2] + 4) * static_cast<double>(x[3] + 4);
  return for_each_result(layer, 4) + 4 * static_cast<double>(y[0] * y[1]) * points;
}

double recurrent(const LayerDesc& layer) { return once(layer) + static_cast<double>(recurrent_macs(layer)); }

// Scores are N x classes x boxes: each looks for the next among all.
double non_max_suppression(const LayerDesc& layer) {
  const Shape& scores = layer.operand(1)->shape;
  return once(layer) + product(scores.dims()) * static_cast<double>(scores[2]);
}

// Sorted; slices along an axis are compared element by element.
double unique(const LayerDesc& layer) {
  const auto elements = static_cast<double>(layer.operand(0)->shape.elements());
  return once(layer) + elements * std::log2(elements + 1);
}

using Estimate = double (*)(const LayerDesc&);

// Without a default, so that the compiler asks for the work of a new operator.
Estimate estimate_of(Op op) noexcept {
  switch (op) {
    case Op::conv:
    case Op::conv_integer:
      return conv;
    case Op::conv_transpose:
      return conv_transpose;
    case Op::gemm:
      return gemm;
    case Op::matmul:
    case Op::matmul_integer:
      return matmul;
    case Op::einsum:
      return einsum;
    case Op::det:
      return det;
    case Op::dft:
      return dft;
    case Op::stft:
      return stft;
    case Op::top_k:
      return top_k;
    case Op::max_pool:
    case Op::average_pool:
    case Op::lp_pool:
      return pool;
    case Op::lrn:
      return lrn;
    case Op::resize:
      return resize;
    case Op::grid_sample:
      return grid_sample;
    case Op::roi_align:
      return roi_align;
    case Op::lstm:
    case Op::gru:
    case Op::rnn:
      return recurrent;
    case Op::non_max_suppression:
      return non_max_suppression;
    case Op::unique:
      return unique;
    case Op::global_average_pool:
    case Op::global_max_pool:
    case Op::batch_norm:
    case Op::instance_norm:
    case Op::layer_norm:
    case Op::leaky_relu:
    case Op::prelu:
    case Op::elu:
    case Op::selu:
    case Op::celu:
    case Op::thresholded_relu:
    case Op::sigmoid:
    case Op::hard_sigmoid:
    case Op::hard_swish:
    case Op::swish:
    case Op::tanh:
    case Op::softplus:
    case Op::softsign:
    case Op::gelu:
    case Op::erf:
    case Op::exp:
    case Op::log:
    case Op::sqrt:
    case Op::reciprocal:
    case Op::abs:
    case Op::neg:
    case Op::floor:
    case Op::ceil:
    case Op::round:
    case Op::sign:
    case Op::sin:
    case Op::cos:
    case Op::logical_not:
    case Op::is_nan:
    case Op::clamp:
    case Op::add:
    case Op::sub:
    case Op::mul:
    case Op::div:
    case Op::pow:
    case Op::mod:
    case Op::min:
    case Op::max:
    case Op::equal:
    case Op::greater:
    case Op::less:
    case Op::greater_or_equal:
    case Op::less_or_equal:
    case Op::logical_and:
    case Op::logical_or:
    case Op::logical_xor:
    case Op::where:
    case Op::reduce_sum:
    case Op::reduce_mean:
    case Op::reduce_max:
    case Op::reduce_min:
    case Op::reduce_prod:
    case Op::reduce_l1:
    case Op::reduce_l2:
    case Op::reduce_sum_square:
    case Op::reduce_log_sum:
    case Op::reduce_log_sum_exp:
    case Op::arg_max:
    case Op::arg_min:
    case Op::softmax:
    case Op::log_softmax:
    case Op::concat:
    case Op::split:
    case Op::slice:
    case Op::pad:
    case Op::transpose:
    case Op::reshape:
    case Op::expand:
    case Op::tile:
    case Op::gather:
    case Op::depth_to_space:
    case Op::space_to_depth:
    case Op::cast:
    case Op::quantize_linear:
    case Op::dequantize_linear:
    case Op::tan:
    case Op::asin:
    case Op::acos:
    case Op::atan:
    case Op::sinh:
    case Op::cosh:
    case Op::asinh:
    case Op::acosh:
    case Op::atanh:
    case Op::shrink:
    case Op::is_inf:
    case Op::bit_shift:
    case Op::hardmax:
    case Op::global_lp_pool:
    case Op::max_unpool:
    case Op::cum_sum:
    case Op::gather_elements:
    case Op::gather_nd:
    case Op::scatter_elements:
    case Op::scatter_nd:
    case Op::one_hot:
    case Op::trilu:
    case Op::reverse_sequence:
    case Op::eye_like:
    case Op::non_zero:
    case Op::compress:
    case Op::hann_window:
    case Op::hamming_window:
    case Op::blackman_window:
    case Op::mel_weight_matrix:
    case Op::nll_loss:
    case Op::channel_shuffle:
    case Op::convert:
    case Op::identity:
    case Op::dynamic_quantize_linear:
      return once;
    // Rewritten when a model is read: no layer has them.
    case Op::relu:
    case Op::sum:
    case Op::mean:
    case Op::flatten:
    case Op::squeeze:
    case Op::unsqueeze:
    case Op::upsample:
    case Op::shape:
    case Op::size:
    case Op::constant:
    case Op::constant_of_shape:
    case Op::range:
    case Op::dropout:
    case Op::branch:
    case Op::loop:
    case Op::scan:
    case Op::qlinear_conv:
    case Op::qlinear_matmul:
    case Op::cast_like:
    case Op::scatter:
    case Op::cross_entropy_loss:
    case Op::mean_variance_norm:
    case Op::lp_normalization:
      return once;
  }
  return nullptr;
}

}  // namespace

bool has_estimate(Op op) noexcept { return estimate_of(op) != nullptr; }

double count_operations(const LayerDesc& layer) {
  const Estimate estimate = estimate_of(layer.main().op);
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
