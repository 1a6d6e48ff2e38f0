// SPDX-License-Identifier: Apache-2.0
//
// Shape and type inference, together with turning each node into its canonical form (see op.h): constant
// parameters become attributes, defaults are filled in, automatic padding is resolved. Running it again on a
// canonical node changes nothing.
#pragma once

#include "lib/graph/infer/numbers.h"
#include "lib/graph/passes.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace fettle::graph {

/// One node under inference, with the questions that rules ask. All inputs have known shapes.
class NodeView {
 public:
  NodeView(Graph& graph, NodeId id, PassContext& context) : graph_(graph), id_(id), context_(context) {}

  Graph& graph() { return graph_; }
  Node& node() { return graph_.node(id_); }
  Attributes& attributes() { return node().attributes; }

  std::size_t inputs() { return node().inputs.size(); }
  bool has(std::size_t i) { return i < node().inputs.size() && node().inputs[i] != kNoValue; }
  const Shape& shape(std::size_t i) { return *graph_.value(node().inputs[i]).shape; }
  int rank(std::size_t i) { return shape(i).rank(); }
  DataType type(std::size_t i) { return graph_.value(node().inputs[i]).type; }
  /// The contents of a constant integer (s64, s32) or float input.
  std::optional<std::vector<std::int64_t>> integers(std::size_t i);
  std::optional<std::vector<float>> reals(std::size_t i);
  /// Integers from an attribute, or from a constant input; fails when the input is there and not constant.
  bool parameter(std::string_view attribute, std::size_t input,
                 std::optional<std::vector<std::int64_t>>& result);
  /// Keeps the first `count` inputs.
  void keep_inputs(std::size_t count) { node().inputs.resize(std::min(count, node().inputs.size())); }
  /// Sets an attribute only when it is absent.
  void fill(std::string_view name, AttributeValue value) {
    if (!attributes().has(name)) attributes().set(name, std::move(value));
  }

  /// The only element of a constant integer input.
  std::optional<std::int64_t> integer(std::size_t i);
  /// The only element of a constant boolean input.
  std::optional<bool> truth(std::size_t i);
  /// Whether the input is a constant of one element, and this is 0 in its type.
  bool is_zero(std::size_t i);
  /// The data type that the attribute names (as text), else `fallback`. Erases the attribute.
  DataType take_type(std::string_view attribute, DataType fallback);

  // Rewriting into several nodes. References to nodes, values and shapes do not survive these.

  /// A new node whose one output has this shape and type; returns the output.
  ValueId add(Op op, const char* suffix, std::vector<ValueId> inputs, const Shape& shape, DataType type,
              Attributes attributes = {});
  /// A constant scalar of a numeric type; kNoValue (and a problem noted) when out of memory.
  ValueId scalar(float value, DataType type);
  /// The shape with its axes in the order that attribute `perm`, which passes set, says; as it is without
  /// one. A problem is noted where the attribute is no order of them.
  std::optional<Shape> in_order(const Shape& shape, std::string_view perm);
  /// Input `i` with another shape of as many elements.
  void reshape_input(std::size_t i, const Shape& shape);
  /// Outputs that the model leaves out, up to `count`, made up.
  void complete_outputs(std::size_t count);
  /// An output whose extents along the axes of `bounded` (a bit an axis) are at most those of `shape`.
  bool set_bounded(std::size_t output, const Shape& shape, DataType type, std::uint8_t bounded);
  /// An output with extents that are found by computing: at most `shape`, the actual ones in output
  /// `extents`.
  bool set_found(std::size_t output, const Shape& shape, DataType type, std::uint8_t bounded,
                 std::size_t extents);

  // Extents that depend on data.

  std::uint8_t bounded(std::size_t i) { return graph_.value(node().inputs[i]).bounded; }
  /// Whether an input is there and computed while the network runs.
  bool computed(std::size_t i) { return has(i) && !graph_.is_constant(node().inputs[i]); }
  /// The broadcast shape of inputs; a problem is noted where they do not fit.
  std::optional<Shape> broadcast_inputs(std::initializer_list<std::size_t> inputs);
  /// The shape that an input says, within the bounds that are known of its numbers. A problem is noted where
  /// one is negative or has no bound.
  bool computed_shape(std::size_t i, TensorDesc& shape);
  /// Sets an output whose extents input `from` says, within the bounds that are known of its numbers: those
  /// of `extents`. A problem is noted where one has no bound.
  bool set_computed(std::size_t output, std::span<const Interval> extents, DataType type, std::size_t from);
  /// The bounds of the numbers of an input, one an element: nothing is known of some, or their number
  /// depends on data, too.
  std::vector<Interval> numbers(std::size_t i);
  /// Whether the output has a shape that stands, with nothing known of what says it: layers by themselves.
  bool stands_alone(std::size_t output);
  /// An integer parameter as an operand of rank 1.
  bool add_operand(std::string_view name, std::span<const std::int64_t> values);

  /// Makes an axis attribute non-negative; fails when it lies outside [-rank, rank + beyond).
  bool normal_axis(std::int64_t& axis, int rank, int beyond = 0);
  /// The same for a list of axes, none of which may be named twice.
  bool normal_axes(std::vector<std::int64_t>& axes, int rank);
  bool set(std::size_t output, const Shape& shape, DataType type);
  bool same_as_input() { return set(0, shape(0), type(0)); }
  /// Notes the problem and returns false.
  bool fail(std::string reason);
  bool expect(bool condition, const char* reason) { return condition || fail(reason); }

 private:
  bool shape_within(std::span<const Interval> extents, std::size_t from, TensorDesc& result);

  Graph& graph_;
  NodeId id_;
  PassContext& context_;
};

/// Why a result of a higher rank is refused.
inline constexpr char kTooManyDimensions[] = "the result has more than the 8 dimensions that Fettle has";
static_assert(kMaxRank == 8);

/// A rule: false when it has noted a problem.
using Rule = bool (*)(NodeView&);

/// Which extents of a node's results depend on data, after its rule has said what they are at most. Notes a
/// problem, and returns false, where the operator cannot follow its operands.
bool follow_data(NodeView& view);

// The rules, by family.
bool infer_conv(NodeView& view);
bool infer_conv_transpose(NodeView& view);
bool infer_pool(NodeView& view);
bool infer_global_pool(NodeView& view);
bool infer_gemm(NodeView& view);
bool infer_matmul(NodeView& view);
/// The shape of a product of matrices, or of vectors as matrices without one axis; nothing, and a problem,
/// when the operands do not fit.
std::optional<Shape> matmul_shape(NodeView& view);
bool infer_normalisation(NodeView& view);
bool infer_unary(NodeView& view);
bool infer_swish(NodeView& view);
bool infer_gelu(NodeView& view);
bool infer_clamp(NodeView& view);
bool infer_binary(NodeView& view);
bool infer_where(NodeView& view);
bool infer_softmax(NodeView& view);
bool infer_reduce(NodeView& view);
bool infer_arg(NodeView& view);
bool infer_reshape(NodeView& view);
bool infer_flatten(NodeView& view);
bool infer_squeeze(NodeView& view);
bool infer_unsqueeze(NodeView& view);
bool infer_concat(NodeView& view);
bool infer_split(NodeView& view);
bool infer_slice(NodeView& view);
bool infer_pad(NodeView& view);

/// The node's first operand between `starts` and `ends` of `axes`: what a node before it gives, of this
/// shape. They are in range.
ValueId add_crop(NodeView& view, std::vector<std::int64_t> axes, std::vector<std::int64_t> starts,
                 std::vector<std::int64_t> ends, const Shape& shape);

bool infer_transpose(NodeView& view);
bool infer_expand(NodeView& view);
bool infer_tile(NodeView& view);
bool infer_gather(NodeView& view);
bool infer_resize(NodeView& view);
bool infer_depth_space(NodeView& view);
bool infer_cast(NodeView& view);
bool infer_identity(NodeView& view);
bool infer_channel_shuffle(NodeView& view);
bool infer_shape(NodeView& view);
bool infer_constant_of_shape(NodeView& view);
bool infer_range(NodeView& view);
bool infer_quantize(NodeView& view);
bool infer_mean_variance_norm(NodeView& view);
bool infer_lp_normalization(NodeView& view);
bool infer_cum_sum(NodeView& view);
bool infer_einsum(NodeView& view);
bool infer_det(NodeView& view);
bool infer_cast_like(NodeView& view);
bool infer_max_unpool(NodeView& view);
bool infer_gather_elements(NodeView& view);
bool infer_gather_nd(NodeView& view);
bool infer_scatter_elements(NodeView& view);
bool infer_scatter_nd(NodeView& view);
bool infer_one_hot(NodeView& view);
bool infer_trilu(NodeView& view);
bool infer_reverse_sequence(NodeView& view);
bool infer_eye_like(NodeView& view);
bool infer_top_k(NodeView& view);
bool infer_non_zero(NodeView& view);
bool infer_compress(NodeView& view);
bool infer_unique(NodeView& view);
bool infer_non_max_suppression(NodeView& view);
bool infer_select(NodeView& view);
bool infer_grid_sample(NodeView& view);
bool infer_roi_align(NodeView& view);
bool infer_dft(NodeView& view);
bool infer_stft(NodeView& view);
bool infer_window(NodeView& view);
bool infer_mel_weight_matrix(NodeView& view);
bool infer_nll_loss(NodeView& view);
bool infer_cross_entropy_loss(NodeView& view);
bool infer_recurrent(NodeView& view);
bool infer_dequantize(NodeView& view);
bool infer_dynamic_quantize(NodeView& view);
bool infer_conv_integer(NodeView& view);
bool infer_matmul_integer(NodeView& view);
bool infer_bit_cast(NodeView& view);
bool infer_group_norm(NodeView& view);
bool infer_attention(NodeView& view);
bool infer_rotary_embedding(NodeView& view);
bool infer_tensor_scatter(NodeView& view);
bool infer_causal_conv(NodeView& view);
bool infer_deform_conv(NodeView& view);
bool infer_col2im(NodeView& view);
bool infer_center_crop_pad(NodeView& view);
bool infer_affine_grid(NodeView& view);

/// Whether the first input has elements that indices may name, as far as the result needs some.
bool has_elements_for(NodeView& view, const Shape& output);

/// Lets NonZero give an axis a column instead of a row: exporters transpose its result at once.
bool transpose_coordinates(NodeView& view);

/// Makes a value without elements a constant: nothing is left to compute.
void become_empty_constant(Value& value);

/// The elements of a Range that infer_range has accepted.
void fill_range(NodeView& view, std::span<std::byte> bytes);

/// Numpy's broadcasting of two shapes; nothing when they do not fit.
std::optional<Shape> broadcast(const Shape& a, const Shape& b);

}  // namespace fettle::graph
