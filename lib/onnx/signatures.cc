// SPDX-License-Identifier: Apache-2.0
#include "lib/onnx/signatures.h"

#include "lib/base/op_names.h"
#include "lib/base/utf8.h"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <limits>

namespace fettle::onnx_import {
namespace {

/// Words with spaces between them. Operands: how many there may be ("*": any number), and where later opsets
/// allow others "opset:number". Attributes: names, with "first opset" or "first-last" behind a colon where
/// not every opset that has the operator has them.
struct Signature {
  Op op;
  std::string_view operands;
  std::string_view attributes = {};
};

// In the order of the enumerators.
constexpr Signature kSignatures[] = {
    {Op::conv, "3", "auto_pad dilations group kernel_shape pads strides"},
    {Op::conv_transpose, "3",
     "auto_pad dilations group kernel_shape output_padding output_shape pads strides"},
    {Op::gemm, "3", "alpha beta broadcast:1-6 transA transB"},
    {Op::matmul, "2"},
    {Op::max_pool, "1", "auto_pad ceil_mode:10 dilations:10 kernel_shape pads storage_order:8 strides"},
    {Op::average_pool, "1",
     "auto_pad ceil_mode:10 count_include_pad:7 dilations:19 kernel_shape pads strides"},
    {Op::global_average_pool, "1"},
    {Op::global_max_pool, "1"},
    {Op::lrn, "1", "alpha beta bias size"},
    {Op::batch_norm, "5", "epsilon is_test:1-6 momentum spatial:1-8 training_mode:14"},
    {Op::instance_norm, "3", "epsilon"},
    {Op::layer_norm, "3", "axis epsilon stash_type"},
    {Op::relu, "1"},
    {Op::leaky_relu, "1", "alpha"},
    {Op::prelu, "2"},
    {Op::elu, "1", "alpha"},
    {Op::selu, "1", "alpha gamma"},
    {Op::celu, "1", "alpha"},
    {Op::thresholded_relu, "1", "alpha"},
    {Op::sigmoid, "1"},
    {Op::hard_sigmoid, "1", "alpha beta"},
    {Op::hard_swish, "1"},
    {Op::swish, "1", "alpha"},
    {Op::tanh, "1"},
    {Op::softplus, "1"},
    {Op::softsign, "1"},
    {Op::gelu, "1", "approximate"},
    {Op::erf, "1"},
    {Op::exp, "1"},
    {Op::log, "1"},
    {Op::sqrt, "1"},
    {Op::reciprocal, "1"},
    {Op::abs, "1"},
    {Op::neg, "1"},
    {Op::floor, "1"},
    {Op::ceil, "1"},
    {Op::round, "1"},
    {Op::sign, "1"},
    {Op::sin, "1"},
    {Op::cos, "1"},
    {Op::logical_not, "1"},
    {Op::is_nan, "1"},
    {Op::clamp, "1 11:3", "max:1-10 min:1-10"},
    {Op::add, "2", "axis:1-6 broadcast:1-6"},
    {Op::sub, "2", "axis:1-6 broadcast:1-6"},
    {Op::mul, "2", "axis:1-6 broadcast:1-6"},
    {Op::div, "2", "axis:1-6 broadcast:1-6"},
    {Op::pow, "2", "axis:1-6 broadcast:1-6"},
    {Op::mod, "2", "fmod"},
    {Op::min, "*"},
    {Op::max, "*"},
    {Op::sum, "*"},
    {Op::mean, "*"},
    {Op::equal, "2", "axis:1-6 broadcast:1-6"},
    {Op::greater, "2", "axis:1-6 broadcast:1-6"},
    {Op::less, "2", "axis:1-6 broadcast:1-6"},
    {Op::greater_or_equal, "2"},
    {Op::less_or_equal, "2"},
    {Op::logical_and, "2", "axis:1-6 broadcast:1-6"},
    {Op::logical_or, "2", "axis:1-6 broadcast:1-6"},
    {Op::logical_xor, "2", "axis:1-6 broadcast:1-6"},
    {Op::where, "3"},
    {Op::reduce_sum, "1 13:2", "axes:1-12 keepdims noop_with_empty_axes:13"},
    {Op::reduce_mean, "1 18:2", "axes:1-17 keepdims noop_with_empty_axes:18"},
    {Op::reduce_max, "1 18:2", "axes:1-17 keepdims noop_with_empty_axes:18"},
    {Op::reduce_min, "1 18:2", "axes:1-17 keepdims noop_with_empty_axes:18"},
    {Op::reduce_prod, "1 18:2", "axes:1-17 keepdims noop_with_empty_axes:18"},
    {Op::reduce_l1, "1 18:2", "axes:1-17 keepdims noop_with_empty_axes:18"},
    {Op::reduce_l2, "1 18:2", "axes:1-17 keepdims noop_with_empty_axes:18"},
    {Op::reduce_sum_square, "1 18:2", "axes:1-17 keepdims noop_with_empty_axes:18"},
    {Op::reduce_log_sum, "1 18:2", "axes:1-17 keepdims noop_with_empty_axes:18"},
    {Op::reduce_log_sum_exp, "1 18:2", "axes:1-17 keepdims noop_with_empty_axes:18"},
    {Op::arg_max, "1", "axis keepdims select_last_index:12"},
    {Op::arg_min, "1", "axis keepdims select_last_index:12"},
    {Op::softmax, "1", "axis"},
    {Op::log_softmax, "1", "axis"},
    {Op::concat, "*", "axis"},
    {Op::split, "2 2:1 13:2", "axis num_outputs:18 split:1-12"},
    {Op::slice, "1 10:5", "axes:1-9 ends:1-9 starts:1-9"},
    {Op::pad, "1 11:3 18:4", "mode paddings:1-1 pads:2-10 value:1-10"},
    {Op::transpose, "1", "perm"},
    {Op::reshape, "1 5:2", "allowzero:14 shape:1-4"},
    {Op::flatten, "1", "axis"},
    {Op::squeeze, "1 13:2", "axes:1-12"},
    {Op::unsqueeze, "1 13:2", "axes:1-12"},
    {Op::expand, "2"},
    {Op::tile, "3 6:2"},
    {Op::gather, "2", "axis"},
    {Op::resize, "2 11:4",
     "antialias:18 axes:18 coordinate_transformation_mode:11 cubic_coeff_a:11 exclude_outside:11 "
     "extrapolation_value:11 keep_aspect_ratio_policy:18 mode nearest_mode:11"},
    {Op::upsample, "1 9:2", "height_scale:1-6 mode scales:7-8 width_scale:1-6"},
    {Op::depth_to_space, "1", "blocksize mode:11"},
    {Op::space_to_depth, "1", "blocksize"},
    {Op::cast, "1", "round_mode:24 saturate:19 to"},
    {Op::shape, "1", "end:15 start:15"},
    {Op::size, "1"},
    {Op::constant, "0",
     "sparse_value:11 value value_float:12 value_floats:12 value_int:12 value_ints:12 value_string:12 "
     "value_strings:12"},
    {Op::constant_of_shape, "1", "value"},
    {Op::range, "3", "stash_type:27"},
    {Op::identity, "1"},
    {Op::dropout, "1 12:3", "is_test:1-6 ratio:1-11 seed:12"},
    {Op::quantize_linear, "3", "axis:13 block_size:21 output_dtype:21 precision:23 saturate:19"},
    {Op::dequantize_linear, "3", "axis:13 block_size:21 output_dtype:23"},
    {Op::tan, "1"},
    {Op::asin, "1"},
    {Op::acos, "1"},
    {Op::atan, "1"},
    {Op::sinh, "1"},
    {Op::cosh, "1"},
    {Op::asinh, "1"},
    {Op::acosh, "1"},
    {Op::atanh, "1"},
    {Op::shrink, "1", "bias lambd"},
    {Op::is_inf, "1", "detect_negative detect_positive"},
    {Op::bit_shift, "2", "direction"},
    {Op::hardmax, "1", "axis"},
    {Op::lp_pool, "1", "auto_pad ceil_mode:18 dilations:18 kernel_shape p pads strides"},
    {Op::global_lp_pool, "1", "p"},
    {Op::max_unpool, "3", "kernel_shape pads strides"},
    {Op::lp_normalization, "1", "axis p"},
    {Op::mean_variance_norm, "1", "axes"},
    {Op::cum_sum, "2", "exclusive reverse"},
    {Op::einsum, "*", "equation"},
    {Op::det, "1"},
    {Op::cast_like, "2", "round_mode:24 saturate:19"},
    {Op::gather_elements, "2", "axis"},
    {Op::gather_nd, "2", "batch_dims:12"},
    {Op::scatter_elements, "3", "axis reduction:16"},
    {Op::scatter, "3", "axis"},
    {Op::scatter_nd, "3", "reduction:16"},
    {Op::one_hot, "3", "axis"},
    {Op::trilu, "2", "upper"},
    {Op::reverse_sequence, "2", "batch_axis time_axis"},
    {Op::eye_like, "1", "dtype k"},
    {Op::top_k, "1 10:2", "axis k:1-9 largest:11 sorted:11"},
    {Op::non_zero, "1"},
    {Op::compress, "2", "axis"},
    {Op::unique, "1", "axis sorted"},
    {Op::non_max_suppression, "5", "center_point_box"},
    {Op::grid_sample, "2", "align_corners mode padding_mode"},
    {Op::roi_align, "3",
     "coordinate_transformation_mode:16 mode output_height output_width sampling_ratio spatial_scale"},
    {Op::dft, "2 20:3", "axis:17-19 inverse onesided"},
    {Op::stft, "4", "onesided"},
    {Op::hann_window, "1", "output_datatype periodic"},
    {Op::hamming_window, "1", "output_datatype periodic"},
    {Op::blackman_window, "1", "output_datatype periodic"},
    {Op::mel_weight_matrix, "5", "output_datatype"},
    {Op::nll_loss, "3", "ignore_index reduction"},
    {Op::cross_entropy_loss, "3", "ignore_index reduction"},
    {Op::lstm, "8",
     "activation_alpha activation_beta activations clip direction hidden_size input_forget layout:14 "
     "output_sequence:1-6"},
    {Op::gru, "6",
     "activation_alpha activation_beta activations clip direction hidden_size layout:14 "
     "linear_before_reset:3 output_sequence:1-6"},
    {Op::rnn, "6",
     "activation_alpha activation_beta activations clip direction hidden_size layout:14 "
     "output_sequence:1-6"},
    {Op::branch, "1", "else_branch then_branch"},
    {Op::loop, "*", "body"},
    {Op::scan, "*",
     "body directions:8-8 num_scan_inputs scan_input_axes:9 scan_input_directions:9 "
     "scan_output_axes:9 scan_output_directions:9"},
    {Op::dynamic_quantize_linear, "1"},
    {Op::qlinear_conv, "9", "auto_pad dilations group kernel_shape pads strides"},
    {Op::qlinear_matmul, "8"},
    {Op::conv_integer, "4", "auto_pad dilations group kernel_shape pads strides"},
    {Op::matmul_integer, "4"},
    {Op::mish, "1"},
    {Op::bitwise_and, "2"},
    {Op::bitwise_or, "2"},
    {Op::bitwise_xor, "2"},
    {Op::bitwise_not, "1"},
    {Op::bit_cast, "1", "to"},
    {Op::cum_prod, "2", "exclusive reverse"},
    {Op::group_norm, "3", "epsilon num_groups stash_type:21"},
    {Op::rms_norm, "2", "axis epsilon stash_type"},
    {Op::attention, "6 24:7",
     "is_causal kv_num_heads left_window_size:25 q_num_heads qk_matmul_output_mode "
     "right_window_size:25 scale softcap softmax_precision"},
    {Op::rotary_embedding, "4", "interleaved num_heads rotary_embedding_dim"},
    {Op::tensor_scatter, "3", "axis mode"},
    {Op::causal_conv, "4", "activation"},
    {Op::deform_conv, "5", "dilations group kernel_shape offset_group pads strides"},
    {Op::col2im, "3", "dilations pads strides"},
    {Op::center_crop_pad, "2", "axes"},
    {Op::affine_grid, "2", "align_corners"},
};

constexpr bool is_complete() {
  const Signature* next = std::begin(kSignatures);
#define FETTLE_X(name, onnx)                                                                          \
  if (!std::string_view(onnx).empty() && (next == std::end(kSignatures) || (next++)->op != Op::name)) \
    return false;
  FETTLE_OPERATORS(FETTLE_X)
#undef FETTLE_X
  return next == std::end(kSignatures);
}
static_assert(is_complete());

const Signature* signature_of(Op op) {
  const auto found = std::find_if(std::begin(kSignatures), std::end(kSignatures),
                                  [&](const Signature& signature) { return signature.op == op; });
  return found == std::end(kSignatures) ? nullptr : found;
}

std::int64_t number(std::string_view text) {
  std::int64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

// Takes the first word off a list.
std::string_view next_word(std::string_view& list) {
  const std::size_t space = std::min(list.find(' '), list.size());
  const std::string_view word = list.substr(0, space);
  list.remove_prefix(std::min(space + 1, list.size()));
  return word;
}

}  // namespace

std::optional<std::string> wrong_attribute(Op op, std::string_view attribute, std::int64_t opset) {
  constexpr std::size_t kShown = 40;  // of a text that may be anything
  const Signature* signature = signature_of(op);
  for (std::string_view rest = signature == nullptr ? std::string_view() : signature->attributes;
       !rest.empty();) {
    const std::string_view word = next_word(rest);
    const std::size_t colon = std::min(word.find(':'), word.size());
    if (word.substr(0, colon) != attribute) continue;
    const std::string_view opsets = word.substr(std::min(colon + 1, word.size()));
    const std::size_t dash = std::min(opsets.find('-'), opsets.size());
    if (opset < number(opsets.substr(0, dash)))
      return "attribute " + std::string(attribute) + " came with opset " +
             std::string(opsets.substr(0, dash)) + ", the file has " + std::to_string(opset);
    if (dash < opsets.size() && opset > number(opsets.substr(dash + 1)))
      return "attribute " + std::string(attribute) + " went with opset " +
             std::to_string(number(opsets.substr(dash + 1)) + 1) + ", the file has " + std::to_string(opset);
    return std::nullopt;
  }
  return "there is no attribute " + valid_utf8(attribute.substr(0, kShown)) + " of this operator";
}

std::optional<std::string> too_many_operands(Op op, std::size_t operands, std::int64_t opset) {
  const Signature* signature = signature_of(op);
  std::size_t most = 0;
  std::string later;
  for (std::string_view rest = signature == nullptr ? std::string_view() : signature->operands;
       !rest.empty();) {
    const std::string_view word = next_word(rest);
    const std::size_t colon = word.find(':');
    const bool first = colon == std::string_view::npos;
    const std::string_view count = first ? word : word.substr(colon + 1);
    const auto allowed =
        count == "*" ? std::numeric_limits<std::size_t>::max() : static_cast<std::size_t>(number(count));
    if (first || number(word.substr(0, colon)) <= opset)
      most = allowed;
    else if (operands <= allowed && later.empty())
      later = " (so many came with opset " + std::string(word.substr(0, colon)) + ")";
  }
  if (operands <= most) return std::nullopt;
  return "there are " + std::to_string(operands) + " inputs, the operator takes " + std::to_string(most) +
         " in opset " + std::to_string(opset) + later;
}

}  // namespace fettle::onnx_import
