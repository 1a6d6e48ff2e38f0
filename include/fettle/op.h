// SPDX-License-Identifier: Apache-2.0
//
// Operators and their attributes, in the form that layers and kernels see them: every default filled in,
// automatic padding resolved, and parameters that ONNX passes as constant tensors (axes, pads, sizes) turned
// into attributes.
#pragma once

#include <fettle/export.h>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace fettle {

/// X(enumerator, ONNX operator name). The enumerator is also the text of the operator in layer descriptions.
/// `convert`, `channel_shuffle`, `gelu_tanh`, `select` and `clamp` are Fettle's own: a change of format, a
/// turn of groups of channels (see Attributes), the approximation of Gelu by tanh, one of two tensors by a
/// condition (where an If has a computed one), and min(max(x, low), high). Some
/// never reach layers: what is rewritten when a model is read (flatten, sum, constant, branch, loop,
/// scan...).
// clang-format off
#define FETTLE_OPERATORS(X)                                                                                 \
  X(conv, "Conv") X(conv_transpose, "ConvTranspose") X(gemm, "Gemm") X(matmul, "MatMul")                    \
  X(max_pool, "MaxPool") X(average_pool, "AveragePool") X(global_average_pool, "GlobalAveragePool")         \
  X(global_max_pool, "GlobalMaxPool") X(lrn, "LRN") X(batch_norm, "BatchNormalization")                     \
  X(instance_norm, "InstanceNormalization") X(layer_norm, "LayerNormalization") X(relu, "Relu")             \
  X(leaky_relu, "LeakyRelu") X(prelu, "PRelu") X(elu, "Elu") X(selu, "Selu") X(celu, "Celu")                \
  X(thresholded_relu, "ThresholdedRelu") X(sigmoid, "Sigmoid") X(hard_sigmoid, "HardSigmoid")               \
  X(hard_swish, "HardSwish") X(swish, "Swish") X(tanh, "Tanh") X(softplus, "Softplus")                      \
  X(softsign, "Softsign") X(gelu, "Gelu") X(erf, "Erf") X(exp, "Exp") X(log, "Log") X(sqrt, "Sqrt")         \
  X(reciprocal, "Reciprocal") X(abs, "Abs") X(neg, "Neg") X(floor, "Floor") X(ceil, "Ceil")                 \
  X(round, "Round") X(sign, "Sign") X(sin, "Sin") X(cos, "Cos") X(logical_not, "Not") X(is_nan, "IsNaN")    \
  X(clamp, "Clip") X(add, "Add") X(sub, "Sub") X(mul, "Mul") X(div, "Div") X(pow, "Pow") X(mod, "Mod")      \
  X(min, "Min") X(max, "Max") X(sum, "Sum") X(mean, "Mean") X(equal, "Equal") X(greater, "Greater")         \
  X(less, "Less") X(greater_or_equal, "GreaterOrEqual") X(less_or_equal, "LessOrEqual")                     \
  X(logical_and, "And") X(logical_or, "Or") X(logical_xor, "Xor") X(where, "Where")                         \
  X(reduce_sum, "ReduceSum") X(reduce_mean, "ReduceMean") X(reduce_max, "ReduceMax")                        \
  X(reduce_min, "ReduceMin") X(reduce_prod, "ReduceProd") X(reduce_l1, "ReduceL1")                          \
  X(reduce_l2, "ReduceL2") X(reduce_sum_square, "ReduceSumSquare") X(reduce_log_sum, "ReduceLogSum")        \
  X(reduce_log_sum_exp, "ReduceLogSumExp") X(arg_max, "ArgMax") X(arg_min, "ArgMin")                        \
  X(softmax, "Softmax") X(log_softmax, "LogSoftmax") X(concat, "Concat") X(split, "Split")                  \
  X(slice, "Slice") X(pad, "Pad") X(transpose, "Transpose") X(reshape, "Reshape") X(flatten, "Flatten")     \
  X(squeeze, "Squeeze") X(unsqueeze, "Unsqueeze") X(expand, "Expand") X(tile, "Tile") X(gather, "Gather")   \
  X(resize, "Resize") X(upsample, "Upsample") X(depth_to_space, "DepthToSpace")                             \
  X(space_to_depth, "SpaceToDepth") X(cast, "Cast") X(shape, "Shape") X(size, "Size")                       \
  X(constant, "Constant") X(constant_of_shape, "ConstantOfShape") X(range, "Range")                         \
  X(identity, "Identity") X(dropout, "Dropout") X(quantize_linear, "QuantizeLinear")                        \
  X(dequantize_linear, "DequantizeLinear") X(tan, "Tan") X(asin, "Asin") X(acos, "Acos") X(atan, "Atan")    \
  X(sinh, "Sinh") X(cosh, "Cosh") X(asinh, "Asinh") X(acosh, "Acosh") X(atanh, "Atanh")                     \
  X(shrink, "Shrink") X(is_inf, "IsInf") X(bit_shift, "BitShift") X(hardmax, "Hardmax")                     \
  X(lp_pool, "LpPool") X(global_lp_pool, "GlobalLpPool") X(max_unpool, "MaxUnpool")                         \
  X(lp_normalization, "LpNormalization") X(mean_variance_norm, "MeanVarianceNormalization")                 \
  X(cum_sum, "CumSum") X(einsum, "Einsum") X(det, "Det") X(cast_like, "CastLike")                           \
  X(gather_elements, "GatherElements") X(gather_nd, "GatherND") X(scatter_elements, "ScatterElements")      \
  X(scatter, "Scatter") X(scatter_nd, "ScatterND") X(one_hot, "OneHot") X(trilu, "Trilu")                   \
  X(reverse_sequence, "ReverseSequence") X(eye_like, "EyeLike") X(top_k, "TopK") X(non_zero, "NonZero")     \
  X(compress, "Compress") X(unique, "Unique") X(non_max_suppression, "NonMaxSuppression")                   \
  X(grid_sample, "GridSample") X(roi_align, "RoiAlign") X(dft, "DFT") X(stft, "STFT")                       \
  X(hann_window, "HannWindow") X(hamming_window, "HammingWindow") X(blackman_window, "BlackmanWindow")      \
  X(mel_weight_matrix, "MelWeightMatrix") X(nll_loss, "NegativeLogLikelihoodLoss")                          \
  X(cross_entropy_loss, "SoftmaxCrossEntropyLoss") X(lstm, "LSTM") X(gru, "GRU") X(rnn, "RNN")              \
  X(branch, "If") X(loop, "Loop") X(scan, "Scan") X(dynamic_quantize_linear, "DynamicQuantizeLinear")      \
  X(qlinear_conv, "QLinearConv") X(qlinear_matmul, "QLinearMatMul") X(conv_integer, "ConvInteger")          \
  X(matmul_integer, "MatMulInteger") X(mish, "Mish") X(bitwise_and, "BitwiseAnd")                           \
  X(bitwise_or, "BitwiseOr") X(bitwise_xor, "BitwiseXor") X(bitwise_not, "BitwiseNot")                      \
  X(bit_cast, "BitCast") X(cum_prod, "CumProd") X(group_norm, "GroupNormalization")                         \
  X(rms_norm, "RMSNormalization") X(attention, "Attention") X(rotary_embedding, "RotaryEmbedding")          \
  X(tensor_scatter, "TensorScatter") X(causal_conv, "CausalConvWithState") X(deform_conv, "DeformConv")     \
  X(col2im, "Col2Im") X(center_crop_pad, "CenterCropPad") X(affine_grid, "AffineGrid")                      \
  X(gelu_tanh, "") X(channel_shuffle, "") X(convert, "") X(select, "")
// clang-format on

/// An operator of the graph and of layers.
enum class Op : std::uint16_t {
#define FETTLE_X(name, onnx) name,
  FETTLE_OPERATORS(FETTLE_X)
#undef FETTLE_X
};

/// The enumerator's text, such as "conv" or "global_average_pool".
FETTLE_API std::string_view to_string(Op op) noexcept;

/// Never held. Without an alternative like this one, copying a variant of vectors and strings crashes with
/// GCC 12's library when it runs out of memory: it believes such a variant always holds something.
struct NoAttribute {
  NoAttribute() = default;
  NoAttribute(const NoAttribute&) noexcept {}
  NoAttribute& operator=(const NoAttribute&) noexcept { return *this; }
  friend bool operator==(const NoAttribute&, const NoAttribute&) noexcept { return true; }
};

/// A value of an attribute.
using AttributeValue = std::variant<std::int64_t, float, std::vector<std::int64_t>, std::vector<float>,
                                    std::string, NoAttribute>;

/// An operator's attributes under their ONNX names, kept sorted by name so that their text is canonical.
///
/// What layers carry, by operator (beside ONNX's own scalar attributes, defaults always filled in). An axis
/// is never negative. What ONNX has as an operand and an attribute here says is no operand any more.
///
/// Products and windows:
///   - conv, conv_transpose: kernel_shape, strides, dilations, pads (begin..., end...), group; conv_transpose
///     also output_padding
///   - max_pool, average_pool, lp_pool: kernel_shape, strides, pads, dilations, ceil_mode; average_pool also
///     count_include_pad, max_pool storage_order, lp_pool p (global_lp_pool has p alone)
///   - max_unpool: places_shape (of the tensor that was pooled, through which places count)
///   - gemm: alpha, beta, transA, transB
///   - matmul: perm_a, perm_b, perm_y where a transpose of the left operand, the right one or the result is
///     part of it (all of rank 2 and more); a third operand is a bias, a number of their type for each column
///     of the product
///   - einsum: labels (numbers in the place of letters: those of each operand's axes with -1 behind them,
///     then those of the result's)
///   - deform_conv: kernel_shape, strides, dilations, pads, group, offset_group
///   - col2im: image_shape, block_shape, strides, dilations, pads
///   - attention: queries, keys and values [batch, heads, length, size] and perhaps a mask (boolean: takes
///     part; real: added), which may be left out, and each image's number of keys (s64); scale (of queries
///     times keys), softcap (0: none), is_causal, left_window_size and right_window_size (-1: open), offset
///     (of the first query among the keys), qk_matmul_output_mode (what a second result shows); perm_q,
///     perm_k, perm_v, perm_y where a transpose of queries, keys, values or the first result is part of it;
///     plain_softmax 1 where a mask is a summand like any other (MatMul, Add, Softmax, MatMul as exporters
///     write attention, without windows, counts, a cap and boolean masks): -inf then hides nothing by itself,
///     and a query for which all scores are -inf gets NaN
///   - rotary_embedding: x [batch, heads, length, size], cosines and sines [batch, length, half], or
///     [positions, half] with positions [batch, length] behind them; interleaved, rotary_embedding_dim
///
/// Normalisation, reduction and choosing:
///   - softmax, log_softmax, hardmax: axis; before opset 13 they are rewritten to the later meaning (with
///     reshapes where the meanings differ)
///   - batch_norm, instance_norm: epsilon; layer_norm, rms_norm: axis, epsilon; group_norm: num_groups,
///     epsilon, with scale and bias per channel; lrn: alpha, beta, bias, size
///   - reduce_*: axes (sorted), keepdims; arg_max, arg_min: axis, keepdims, select_last_index
///   - cum_sum, cum_prod: exclusive, reverse, and the axis as an operand
///   - top_k: k, axis, largest (the results are always sorted)
///   - unique: sorted, and axis; compress: axis; without it they work on all elements in a row
///   - non_zero: transposed (the result has a row for each element)
///   - non_max_suppression: max_output_boxes (of a class), center_point_box
///   - nll_loss, cross_entropy_loss: reduction, and ignore_index if there is one
///
/// Movement:
///   - concat, split, gather, gather_elements, scatter_elements: axis; split also split (sizes)
///   - scatter_elements, scatter_nd: reduction; gather_nd: batch_dims; tensor_scatter: axis, mode
///   - one_hot: axis, depth; trilu: upper, and k as an operand; eye_like: k
///   - reverse_sequence: batch_axis, time_axis
///   - slice: starts, ends, axes, steps (all normalised and clamped to the extents); where starts, ends or an
///     axis's extent depend on data: axes and steps, with starts and ends as operands, as ONNX has them
///   - pad: pads, mode, value
///   - transpose: perm; depth_to_space: blocksize, mode; space_to_depth: blocksize
///   - channel_shuffle: group; channels as a matrix with a row a group are transposed: the result's channel
///     i * group + j is channel j * (C / group) + i
///   - reshape, flatten, squeeze, unsqueeze: none; the output shape says everything (op is `reshape` for
///     all). Where extents depend on data: `from`, for each axis of the result the axis of the operand whose
///     extent it has, -1 for what is left, -2 for the extent in the result's shape; or the shape as an
///     operand, with allowzero
///   - select: a condition (one boolean), and what is the result where it holds and where not
///   - shape, size, range, constant_of_shape: layers where the extents they give, or those of what they give,
///     depend on data; shape: start, end; constant_of_shape: type, value (the element's bytes)
///   - resize (and upsample): mode, coordinate_transformation_mode, nearest_mode (or floor_or_ceil: ceil if
///     an axis shrinks), cubic_coeff_a, exclude_outside, extrapolation_value, antialias, scales (empty:
///     extents say them)
///   - grid_sample: mode (linear, nearest, cubic), padding_mode, align_corners; affine_grid: align_corners,
///     the output shape gives the size; roi_align: mode, coordinate_transformation_mode,
///     output_height, output_width, sampling_ratio, spatial_scale
///   - expand, tile: the output shape says it (tile: repeats), or an operand whose numbers are computed, as
///     the sizes of resize may be, too, and top_k's k
///   - convert: none (formats say all: layout, type, scale and zero point), or scale, shift (floats, one per
///     channel) and swap (of red and blue) for images of bytes
///
/// Numbers one by one, signals and sequences:
///   - clamp: min, max
///   - leaky_relu, elu, hard_sigmoid...: alpha, beta, ...; mod: fmod; bit_shift: direction; is_inf:
///     detect_negative, detect_positive
///   - cast: to (text of a DataType), and for types of 8 and fewer bits saturate and round_mode; layers
///     of other types have convert in its place; bit_cast: to
///   - dft: axis, dft_length, inverse, onesided; stft: frame_step, frame_length, onesided, with the signal
///     and perhaps a window as operands
///   - hann_window, hamming_window, blackman_window: periodic, the output shape gives the length;
///     mel_weight_matrix: num_mel_bins, dft_length, sample_rate, with both edges as operands
///   - lstm, gru, rnn: direction, hidden_size, layout, clip (of the sums that gates are made from; infinite:
///     none); activations (names with commas between them, direction by direction) with alphas and betas, a
///     number each; outputs (which of Y, Y_h, Y_c the results are); lstm: input_forget; gru:
///     linear_before_reset. A sequence of length 0 leaves its initial state
///
/// Quantisation:
///   - quantize_linear, dequantize_linear: scale (floats), zero_point (integers): one number, or one for each
///     extent of axis; to (text of a DataType). Without them they are operands, computed while the network
///     runs, as they always are where a block of block_size elements along axis shares one (0: no blocks) and
///     for other types than f32, u8, s8 and s32; saturate for 8-bit floats
///
/// Quantised layers are those whose operands and results have formats with a scale. They compute what their
/// operator does with real numbers, round half to even and saturate; the clamp stays in real numbers.
///   - conv, gemm, matmul: x, weight (of x's type), bias (s32, one number an output channel, in units of both
///     scales), and for weights with a scale for each output channel these scales (f32), the weight's format
///     then having scale 1; gemm with alpha and beta 1, and transA 0. Sums fit 32 bits
///   - add, mul, average_pool, global_average_pool: any quantisation for each operand and the result
///   - concat, reshape, transpose, max_pool, clamp: one quantisation for all
///   - quantize_linear: without attributes, from one quantisation to another
///
/// Products whose x is quantised while the network runs (dynamic quantisation): conv, gemm or matmul with
/// dynamic_type (u8), x and the result in f32, weight as in quantised layers but of its own type (u8 or s8),
/// bias in f32 (one number an output channel), and scales as there. The range of all of x, extended to 0,
/// gives its scale and zero point, as DynamicQuantizeLinear has it; sums are of integers, and are then
/// multiplied by x's scale times the weight's, in f32, before the bias is added
class Attributes {
 public:
  using Entry = std::pair<std::string, AttributeValue>;

  FETTLE_API void set(std::string_view name, AttributeValue value);
  FETTLE_API void erase(std::string_view name);
  FETTLE_API bool has(std::string_view name) const noexcept;
  /// The value, or nullptr when absent.
  FETTLE_API const AttributeValue* find(std::string_view name) const noexcept;
  /// Typed readers: the fallback when the attribute is absent or of another type.
  FETTLE_API std::int64_t integer(std::string_view name, std::int64_t fallback = 0) const noexcept;
  FETTLE_API float real(std::string_view name, float fallback = 0) const noexcept;
  FETTLE_API std::span<const std::int64_t> integers(std::string_view name) const noexcept;
  FETTLE_API std::span<const float> reals(std::string_view name) const noexcept;
  FETTLE_API std::string_view string(std::string_view name, std::string_view fallback = {}) const noexcept;
  std::span<const Entry> entries() const noexcept { return entries_; }
  /// "alpha=1.0 group=1 mode=linear pads=[1,1,1,1]": tells types and values apart to the bit. Integers have
  /// digits alone; floats, in the shortest form that reads back to the same bits, have a point, an exponent
  /// or a name (inf, nan); lists have brackets, [.] being the empty list of floats; strings and names that
  /// are no plain words have quotes. Printable ASCII.
  FETTLE_API std::string text() const;

  friend bool operator==(const Attributes&, const Attributes&) = default;

 private:
  std::vector<Entry> entries_;
};

}  // namespace fettle
