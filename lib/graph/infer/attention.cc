// SPDX-License-Identifier: Apache-2.0
//
// Operators of transformers, and those that carry a state from one call to the next.
#include "lib/graph/infer/infer.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

namespace fettle::graph {
namespace {

using Ints = std::vector<std::int64_t>;

Attributes with_perm(Ints perm) {
  Attributes attributes;
  attributes.set("perm", std::move(perm));
  return attributes;
}

// [batch, length, heads * size] as [batch, heads, length, size].
ValueId split_heads(NodeView& view, const char* suffix, ValueId value, std::int64_t heads) {
  const Shape x = *view.graph().value(value).shape;
  const DataType type = view.graph().value(value).type;
  const std::int64_t size = x[2] / heads;
  const ValueId split = view.add(Op::reshape, suffix, {value}, Shape{x[0], x[1], heads, size}, type);
  return view.add(Op::transpose, suffix, {split}, Shape{x[0], heads, x[1], size}, type,
                  with_perm({0, 2, 1, 3}));
}

// The node becomes the way back: its first result, of an operator that is added, in three dimensions.
bool merge_heads(NodeView& view, ValueId value) {
  const Shape y = *view.graph().value(value).shape;
  const DataType type = view.graph().value(value).type;
  const ValueId turned = view.add(Op::transpose, ".merge", {value}, Shape{y[0], y[2], y[1], y[3]}, type,
                                  with_perm({0, 2, 1, 3}));
  view.node().op = Op::reshape;
  view.node().attributes = {};
  view.node().inputs = {turned};
  view.node().outputs.resize(1);
  return view.set(0, Shape{y[0], y[2], y[1] * y[3]}, type);
}

// Two values one after the other along an axis.
ValueId joined(NodeView& view, const char* suffix, ValueId first, ValueId second, int axis) {
  Shape shape = *view.graph().value(first).shape;
  shape[axis] += (*view.graph().value(second).shape)[axis];
  const DataType type = view.graph().value(first).type;
  Attributes attributes;
  attributes.set("axis", std::int64_t{axis});
  return view.add(Op::concat, suffix, {first, second}, shape, type, std::move(attributes));
}

// A result of the node that is another value, under the name that others know it by.
bool make_result(NodeView& view, std::size_t output, ValueId value, const char* suffix) {
  if (output >= view.node().outputs.size() || view.node().outputs[output] == kNoValue) return true;
  const Value source = view.graph().value(value);
  if (!view.set(output, *source.shape, source.type)) return false;
  const ValueId result = view.node().outputs[output];
  view.node().outputs[output] = kNoValue;
  view.graph().add_node({Op::identity, view.node().id + suffix, {}, {}, {value}, {result}});
  return true;
}

// Queries, keys and values in four dimensions.
bool read_heads(NodeView& view, bool& merged) {
  const int rank = view.rank(0);
  merged = rank == 3;
  for (std::size_t i = 0; i < 3; ++i) {
    if (!view.expect(view.rank(i) == rank && (rank == 3 || rank == 4) && view.type(i) == view.type(0),
                     "queries, keys and values need rank 4, or all of them rank 3, and one type"))
      return false;
  }
  const std::int64_t heads[] = {view.attributes().integer("q_num_heads"),
                                view.attributes().integer("kv_num_heads"),
                                view.attributes().integer("kv_num_heads")};
  for (const char* name : {"q_num_heads", "kv_num_heads"}) view.attributes().erase(name);
  for (std::size_t i = 0; merged && i < 3; ++i) {
    if (!view.expect(heads[i] >= 1 && view.shape(i)[2] % heads[i] == 0,
                     "q_num_heads and kv_num_heads must divide the last extents of inputs of rank 3"))
      return false;
    const char* suffixes[] = {".queries", ".keys", ".values"};
    const ValueId split = split_heads(view, suffixes[i], view.node().inputs[i], heads[i]);
    view.node().inputs[i] = split;
  }
  return true;
}

// Keys and values of earlier calls go before the new ones; both together are results.
bool join_past(NodeView& view, std::int64_t& offset) {
  offset = 0;
  for (std::size_t i = 1; i < 3; ++i) {
    const std::size_t past = i + 3;
    if (!view.expect(view.has(4) == view.has(5), "past_key and past_value belong together")) return false;
    if (view.has(past)) {
      const Shape& before = view.shape(past);
      const Shape& now = view.shape(i);
      if (!view.expect(before.rank() == 4 && before[0] == now[0] && before[1] == now[1] &&
                           before[3] == now[3] && view.type(past) == view.type(i),
                       "past_key and past_value need the shapes of keys and values, but for the length"))
        return false;
      offset = before[2];
      const ValueId both = joined(view, i == 1 ? ".past_keys" : ".past_values", view.node().inputs[past],
                                  view.node().inputs[i], 2);
      view.node().inputs[i] = both;
    }
    if (!make_result(view, i, view.node().inputs[i], i == 1 ? ".present_keys" : ".present_values"))
      return false;
  }
  return true;
}

// A mask for fewer keys than there are masks the others.
void lengthen_mask(NodeView& view, std::int64_t keys) {
  Shape shape = view.shape(3);
  const std::int64_t missing = shape.rank() == 0 ? 0 : keys - shape[shape.rank() - 1];
  if (missing <= 0 || shape[shape.rank() - 1] == 1) return;
  const auto rank = static_cast<std::size_t>(shape.rank());
  Ints pads(2 * rank, 0);
  pads.back() = missing;
  Attributes attributes;
  attributes.set("mode", std::string("constant"));
  attributes.set("pads", std::move(pads));
  attributes.set("value", view.type(3) == DataType::boolean ? 0.0f : -std::numeric_limits<float>::infinity());
  shape[shape.rank() - 1] = keys;
  const ValueId longer =
      view.add(Op::pad, ".mask", {view.node().inputs[3]}, shape, view.type(3), std::move(attributes));
  view.node().inputs[3] = longer;
}

// A mask of integers, as ONNX Runtime's own attention has it: how many keys each batch has, or which of them
// there are (not 0), perhaps for each query. What is masked gets a large negative number instead of none.
bool take_integer_mask(NodeView& view) {
  constexpr std::size_t kMask = 7;
  const float filter = view.attributes().real("mask_filter_value", -10000);
  view.attributes().erase("mask_filter_value");
  if (!view.has(kMask)) return true;
  const DataType type = view.type(0);
  const Shape given = view.shape(kMask);
  const std::int64_t batch = view.shape(0)[0];
  const std::int64_t keys = view.shape(1)[2];
  if (!view.expect(view.type(kMask) == DataType::s32 || view.type(kMask) == DataType::s64,
                   "the mask must be integers"))
    return false;
  const bool counts = given == Shape{batch};
  const bool by_key = given == Shape{batch, keys};
  if (!view.expect(counts || by_key || given == Shape({batch, view.shape(0)[2], keys}),
                   "a mask needs the shape batch, batch x keys, or batch x queries x keys"))
    return false;
  const Shape rows = counts ? Shape{batch, keys} : given;
  ValueId there = view.node().inputs[kMask];
  if (counts) {
    const ValueId lengths = view.add(Op::reshape, ".lengths", {there}, Shape{batch, 1}, view.type(kMask));
    std::vector<std::int32_t> numbers(static_cast<std::size_t>(keys));
    for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = static_cast<std::int32_t>(i);
    Result<ValueId> places = view.graph().add_constant(view.node().id + ".places", DataType::s32,
                                                       Shape{1, keys}, std::as_bytes(std::span(numbers)));
    if (!places) return view.fail("out of memory");
    Attributes attributes;
    attributes.set("to", std::string("s32"));
    const ValueId narrow =
        view.add(Op::cast, ".counts", {lengths}, Shape{batch, 1}, DataType::s32, std::move(attributes));
    there = view.add(Op::less, ".there", {*places, narrow}, rows, DataType::boolean);
  } else {
    Attributes attributes;
    attributes.set("to", std::string("boolean"));
    there = view.add(Op::cast, ".there", {there}, rows, DataType::boolean, std::move(attributes));
  }
  const ValueId zero = view.scalar(0, type);
  const ValueId masked = view.scalar(filter, type);
  if (zero == kNoValue || masked == kNoValue) return false;
  ValueId added = view.add(Op::where, ".filter", {there, zero, masked}, rows, type);
  Shape spread{batch, 1, 1, keys};
  if (rows.rank() == 3) spread[2] = rows[1];
  added = view.add(Op::reshape, ".mask", {added}, spread, type);
  if (view.has(3)) {
    const std::optional<Shape> both = broadcast(spread, view.shape(3));
    if (!view.expect(both && view.type(3) == type, "what is added to the scores does not fit the mask"))
      return false;
    added = view.add(Op::add, ".masks", {added, view.node().inputs[3]}, *both, type);
  }
  view.node().inputs[3] = added;
  return true;
}

// A mask of numbers of another type than the queries', which ONNX allows, is added to the scores all the
// same.
void take_type_of_queries(NodeView& view) {
  const DataType type = view.type(0);
  if (!view.has(3) || view.type(3) == type || view.type(3) == DataType::boolean) return;
  Attributes attributes;
  attributes.set("to", std::string(to_string(type)));
  view.node().inputs[3] =
      view.add(Op::cast, ".cast", {view.node().inputs[3]}, view.shape(3), type, std::move(attributes));
}

// Keys are fewer by far: a window of as many is open, and places never overflow.
constexpr std::int64_t kOpenWindow = std::int64_t{1} << 40;

// What a canonical node is: four dimensions, a mask that can be broadcast to the scores.
bool check_attention(NodeView& view) {
  const std::optional<Shape> operands[] = {view.in_order(view.shape(0), "perm_q"),
                                           view.in_order(view.shape(1), "perm_k"),
                                           view.in_order(view.shape(2), "perm_v")};
  if (!operands[0] || !operands[1] || !operands[2]) return false;
  const Shape queries = *operands[0];
  const Shape keys = *operands[1];
  const Shape values = *operands[2];
  const bool fit = queries.rank() == 4 && keys.rank() == 4 && values.rank() == 4 && keys[0] == queries[0] &&
                   values[0] == queries[0] && keys[1] >= 1 && values[1] == keys[1] &&
                   queries[1] % keys[1] == 0 && keys[2] == values[2] && keys[3] == queries[3] &&
                   view.type(1) == view.type(0) && view.type(2) == view.type(0);
  if (!view.expect(fit,
                   "keys and values must fit the queries: one batch, heads that divide theirs, one size"))
    return false;
  const Shape scores{queries[0], queries[1], queries[2], keys[2]};
  if (view.has(3)) {
    if (!view.expect(view.type(3) == view.type(0) || view.type(3) == DataType::boolean,
                     "the mask must be boolean, or of the queries' type") ||
        !view.expect(broadcast(view.shape(3), scores) == scores,
                     "the mask cannot be broadcast to batch x heads x queries x keys"))
      return false;
  }
  if (view.has(4) && !view.expect(view.type(4) == DataType::s64 && view.shape(4) == Shape{queries[0]},
                                  "nonpad_kv_seqlen needs one s64 for each batch"))
    return false;
  const auto counts = [&](const char* name, std::int64_t least) {
    const std::int64_t count = view.attributes().integer(name, least);
    return count >= least && count <= kOpenWindow;
  };
  if (!view.expect(counts("left_window_size", -1) && counts("right_window_size", -1) && counts("offset", 0),
                   "a window or the offset is out of range"))
    return false;
  const Attributes& attributes = view.attributes();
  const bool plain = attributes.integer("plain_softmax") != 0;
  const bool hides = attributes.integer("is_causal") != 0 || attributes.integer("left_window_size") >= 0 ||
                     attributes.integer("right_window_size") >= 0 || attributes.real("softcap") != 0 ||
                     view.has(4) || (view.has(3) && view.type(3) == DataType::boolean);
  if (!view.expect(!plain || !hides, "attention by a plain softmax hides no keys but by what it adds"))
    return false;
  const std::int64_t mode = view.attributes().integer("qk_matmul_output_mode");
  const bool shows = view.node().outputs.size() > 1;
  if (!view.expect(mode >= 0 && mode <= 3, "attribute qk_matmul_output_mode must be from 0 to 3"))
    return false;
  const std::optional<Shape> result =
      view.in_order(Shape{queries[0], queries[1], queries[2], values[3]}, "perm_y");
  return result && view.set(0, *result, view.type(0)) && (!shows || view.set(1, scores, view.type(0)));
}

// A window counts elements on one side; anything negative leaves it open.
void fill_window(NodeView& view, const char* name) {
  view.attributes().set(name, std::clamp<std::int64_t>(view.attributes().integer(name, -1), -1, kOpenWindow));
}

}  // namespace

bool infer_attention(NodeView& view) {
  if (view.attributes().has("offset")) return check_attention(view);
  bool merged = false;
  std::int64_t offset = 0;
  if (!read_heads(view, merged) || !join_past(view, offset) || !take_integer_mask(view)) return false;
  const std::int64_t size = view.shape(0)[3];
  take_type_of_queries(view);
  if (view.has(3)) lengthen_mask(view, view.shape(1)[2]);
  view.fill("scale", static_cast<float>(1 / std::sqrt(static_cast<double>(std::max<std::int64_t>(1, size)))));
  view.fill("softcap", 0.0f);
  view.fill("is_causal", std::int64_t{0});
  view.fill("qk_matmul_output_mode", std::int64_t{0});
  view.attributes().erase("softmax_precision");  // sums are taken more finely than any type
  fill_window(view, "left_window_size");
  fill_window(view, "right_window_size");
  view.attributes().set("offset", offset);
  // The mask, and how many keys of each batch are there, without what has been joined.
  const ValueId mask = view.has(3) ? view.node().inputs[3] : kNoValue;
  const ValueId lengths = view.has(6) ? view.node().inputs[6] : kNoValue;
  view.keep_inputs(3);
  if (mask != kNoValue || lengths != kNoValue) view.node().inputs.push_back(mask);
  if (lengths != kNoValue) view.node().inputs.push_back(lengths);
  // The scores are the second result now.
  std::vector<ValueId>& outputs = view.node().outputs;
  const ValueId scores = outputs.size() > 3 ? outputs[3] : kNoValue;
  outputs.resize(1);
  if (scores != kNoValue) outputs.push_back(scores);
  if (!merged) return check_attention(view);
  // The result goes back to three dimensions.
  Graph& graph = view.graph();
  const Shape queries = view.shape(0);
  const ValueId inner = view.add(Op::attention, ".heads", std::vector<ValueId>(view.node().inputs),
                                 Shape{queries[0], queries[1], queries[2], view.shape(2)[3]}, view.type(0),
                                 Attributes(view.attributes()));
  const NodeId made = graph.value(inner).producer;
  if (scores != kNoValue) {
    if (!view.set(1, Shape{queries[0], queries[1], queries[2], view.shape(1)[2]}, view.type(0))) return false;
    graph.node(made).outputs.push_back(scores);
    graph.value(scores).producer = made;
  }
  return merge_heads(view, inner);
}

bool infer_rotary_embedding(NodeView& view) {
  if (view.rank(0) == 3) {
    const std::int64_t heads = view.attributes().integer("num_heads");
    if (!view.expect(heads >= 1 && view.shape(0)[2] % heads == 0,
                     "num_heads must divide the last extent of an input of rank 3"))
      return false;
    view.attributes().erase("num_heads");
    std::vector<ValueId> inputs = view.node().inputs;
    inputs[0] = split_heads(view, ".heads", inputs[0], heads);
    const Shape shape = *view.graph().value(inputs[0]).shape;
    const ValueId inner = view.add(Op::rotary_embedding, ".rotated", std::move(inputs), shape, view.type(0),
                                   Attributes(view.attributes()));
    return merge_heads(view, inner);
  }
  const Shape& x = view.shape(0);
  if (!view.expect(x.rank() == 4, "the input needs rank 3 or 4")) return false;
  view.attributes().erase("num_heads");
  view.fill("interleaved", std::int64_t{0});
  if (view.attributes().integer("rotary_embedding_dim") == 0)
    view.attributes().set("rotary_embedding_dim", std::int64_t{x[3]});
  const std::int64_t rotated = view.attributes().integer("rotary_embedding_dim");
  if (!view.expect(rotated >= 0 && rotated <= x[3] && rotated % 2 == 0,
                   "rotary_embedding_dim must be even, and not larger than a head"))
    return false;
  const Shape& cosines = view.shape(1);
  const Shape& sines = view.shape(2);
  if (!view.has(3)) view.keep_inputs(3);
  const bool by_position = view.has(3);
  if (!view.expect(view.type(1) == view.type(0) && view.type(2) == view.type(0) && cosines == sines,
                   "cosines and sines need one shape, and the input's type"))
    return false;
  if (by_position) {
    return view.expect(view.type(3) == DataType::s64 && view.shape(3) == Shape{x[0], x[2]},
                       "positions need one s64 for each batch and place") &&
           view.expect(cosines.rank() == 2 && cosines[0] >= 1 && cosines[1] == rotated / 2,
                       "cosines and sines need half a head for each position") &&
           view.same_as_input();
  }
  return view.expect(cosines == Shape({x[0], x[2], rotated / 2}),
                     "cosines and sines need half a head for each batch and place") &&
         view.same_as_input();
}

// An update is written into a cache, from where each batch says on.
bool infer_tensor_scatter(NodeView& view) {
  view.fill("mode", std::string("linear"));
  const Shape& cache = view.shape(0);
  std::int64_t axis = view.attributes().integer("axis", -2);
  if (!view.normal_axis(axis, cache.rank())) return false;
  view.attributes().set("axis", axis);
  if (!view.expect(axis > 0, "the axis must not be that of batches")) return false;
  const Shape& update = view.shape(1);
  bool fits = update.rank() == cache.rank() && view.type(1) == view.type(0);
  for (int i = 0; fits && i < cache.rank(); ++i)
    fits = i == axis ? update[i] <= cache[i] : update[i] == cache[i];
  if (!view.expect(fits, "the update needs the cache's shape, but for fewer elements along the axis"))
    return false;
  if (!view.has(2)) view.keep_inputs(2);
  if (view.has(2) && !view.expect(view.type(2) == DataType::s64 && view.shape(2) == Shape{cache[0]},
                                  "write_indices needs one s64 for each batch"))
    return false;
  return view.same_as_input();
}

// A depthwise convolution behind the end of the sequence before, which is a result again.
bool infer_causal_conv(NodeView& view) {
  const Shape x = view.shape(0);
  const Shape weight = view.shape(1);
  const DataType type = view.type(0);
  if (!view.expect(x.rank() == 3 && weight.rank() == 3 && weight[0] == x[1] && weight[1] == 1 &&
                       weight[2] >= 1 && weight[2] <= (1 << 20),
                   "a sequence N x C x L and weights C x 1 x k are needed"))
    return false;
  const std::int64_t before = weight[2] - 1;
  const Shape state{x[0], x[1], before};
  if (!view.expect(!view.has(3) || (view.shape(3) == state && view.type(3) == type),
                   "past_state needs the shape N x C x (k - 1)"))
    return false;
  ValueId sequence = view.node().inputs[0];
  const Shape longer{x[0], x[1], x[2] + before};
  if (before > 0 && view.has(3)) {
    sequence = joined(view, ".sequence", view.node().inputs[3], sequence, 2);
  } else if (before > 0) {
    Attributes attributes;
    attributes.set("mode", std::string("constant"));
    attributes.set("value", 0.0f);
    attributes.set("pads", Ints{0, 0, before, 0, 0, 0});
    sequence = view.add(Op::pad, ".sequence", {sequence}, longer, type, std::move(attributes));
  }
  Attributes last;
  last.set("starts", Ints{x[2]});
  last.set("ends", Ints{x[2] + before});
  last.set("axes", Ints{2});
  last.set("steps", Ints{1});
  last.set("normalised", std::int64_t{1});
  const ValueId end = view.add(Op::slice, ".end", {sequence}, state, type, std::move(last));
  if (!make_result(view, 1, end, ".state")) return false;
  std::vector<ValueId> operands{sequence, view.node().inputs[1]};
  if (view.has(2)) operands.push_back(view.node().inputs[2]);
  Attributes window;
  window.set("group", x[1]);
  const bool gated = view.attributes().string("activation", "none") != "none";
  view.node().outputs.resize(1);
  if (gated) {
    const ValueId sums = view.add(Op::conv, ".conv", std::move(operands), x, type, std::move(window));
    view.node().op = Op::swish;
    view.node().attributes = {};
    view.node().inputs = {sums};
  } else {
    view.node().op = Op::conv;
    view.node().attributes = std::move(window);
    view.node().inputs = std::move(operands);
  }
  return view.set(0, x, type);
}

}  // namespace fettle::graph
