// SPDX-License-Identifier: Apache-2.0
//
// Rotary position embedding as exporters write it for halves of rows: x * cos + concat(-second half, first
// half) * sin, where cosines and sines have the angles of a half twice.
#include "lib/graph/passes.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace fettle::graph {
namespace {

class RotaryMatcher {
 public:
  RotaryMatcher(Graph& graph, PassContext& context) : graph_(graph), context_(context) {}

  // Whether the addition is such an embedding, and has become it.
  Result<bool> rewrite(NodeId id) {
    const Node& add = graph_.node(id);
    if (add.removed || add.op != Op::add || add.clamp || add.inputs.size() != 2) return false;
    for (std::size_t at = 0; at < 2; ++at) {
      const std::optional<Match> match = match_sum(add.inputs[at], add.inputs[1 - at]);
      if (!match) continue;
      const Shape x = *graph_.value(match->x).shape;
      if (!are_angles(match->cosines, Op::cos, x) || !are_angles(match->sines, Op::sin, x)) return false;
      const std::string name = add.id;
      Result<ValueId> cosines = angles(name, match->cosines, Op::cos, x);
      if (!cosines) return std::move(cosines).error();
      Result<ValueId> sines = angles(name, match->sines, Op::sin, x);
      if (!sines) return std::move(sines).error();
      Node& node = graph_.node(id);
      node.op = Op::rotary_embedding;
      node.inputs = {match->x, *cosines, *sines};
      node.attributes = {};
      node.attributes.set("interleaved", std::int64_t{0});
      node.attributes.set("rotary_embedding_dim", x[3]);
      return true;
    }
    return false;
  }

 private:
  struct Match {
    ValueId x, cosines, sines;
  };

  const Node* made_by(ValueId value, Op op) const {
    if (value == kNoValue || graph_.value(value).producer == kNoNode) return nullptr;
    const Node& node = graph_.node(graph_.value(value).producer);
    return node.op == op && !node.clamp ? &node : nullptr;
  }

  bool is_rows(ValueId id) const {
    const Value& value = graph_.value(id);
    return value.type == DataType::f32 && value.shape && value.bounded == 0 && value.shape->rank() == 4 &&
           value.shape->elements() > 0 && (*value.shape)[3] % 2 == 0;
  }

  // The x of which `value` is one half of the last axis.
  ValueId half_of(ValueId value, bool second) const {
    if (const Node* split = made_by(value, Op::split)) {
      const ValueId x = split->inputs.front();
      const bool halves = is_rows(x) && split->outputs.size() == 2 &&
                          split->attributes.integer("axis") == 3 && split->outputs[second ? 1 : 0] == value &&
                          (*graph_.value(value).shape)[3] * 2 == (*graph_.value(x).shape)[3];
      return halves ? x : kNoValue;
    }
    const Node* slice = made_by(value, Op::slice);
    if (slice == nullptr || !is_rows(slice->inputs.front())) return kNoValue;
    const ValueId x = slice->inputs.front();
    const std::int64_t size = (*graph_.value(x).shape)[3];
    const auto only = [&](const char* name, std::int64_t number) {
      const auto numbers = slice->attributes.integers(name);
      return numbers.size() == 1 && numbers[0] == number;
    };
    const bool half = only("axes", 3) && only("steps", 1) && only("starts", second ? size / 2 : 0) &&
                      only("ends", second ? size : size / 2);
    return half ? x : kNoValue;
  }

  // The x of concat(-second half, first half).
  ValueId turned_from(ValueId value) const {
    const Node* concat = made_by(value, Op::concat);
    if (concat == nullptr || concat->inputs.size() != 2 || concat->attributes.integer("axis") != 3)
      return kNoValue;
    const Node* negative = made_by(concat->inputs[0], Op::neg);
    if (negative == nullptr) return kNoValue;
    const ValueId x = half_of(negative->inputs.front(), true);
    return x != kNoValue && half_of(concat->inputs[1], false) == x ? x : kNoValue;
  }

  // x * cosines and turned x * sines.
  std::optional<Match> match_sum(ValueId plain, ValueId turned) const {
    const Node* with_cosines = made_by(plain, Op::mul);
    const Node* with_sines = made_by(turned, Op::mul);
    if (with_cosines == nullptr || with_sines == nullptr) return std::nullopt;
    for (std::size_t at = 0; at < 2; ++at) {
      const ValueId x = turned_from(with_sines->inputs[at]);
      if (x == kNoValue) continue;
      for (std::size_t other = 0; other < 2; ++other) {
        if (with_cosines->inputs[other] == x)
          return Match{x, with_cosines->inputs[1 - other], with_sines->inputs[1 - at]};
      }
    }
    return std::nullopt;
  }

  // The shape of a factor of x in four dimensions, if it is the same for all heads.
  std::optional<Shape> rows_of(ValueId factor, const Shape& x) const {
    const Value& value = graph_.value(factor);
    if (value.type != DataType::f32 || !value.shape || value.bounded != 0) return std::nullopt;
    const Shape& shape = *value.shape;
    if (shape.rank() < 1 || shape.rank() > 4 || shape[shape.rank() - 1] != x[3]) return std::nullopt;
    Shape rows{1, 1, 1, x[3]};
    for (int axis = 1; axis <= shape.rank(); ++axis) rows[4 - axis] = shape[shape.rank() - axis];
    const bool fits = rows[1] == 1 && (rows[0] == 1 || rows[0] == x[0]) && (rows[2] == 1 || rows[2] == x[2]);
    return fits ? std::optional(rows) : std::nullopt;
  }

  // Whether the halves of each row of a factor are the same: numbers, or a cosine or sine of angles that
  // stand there twice.
  bool are_angles(ValueId factor, Op function, const Shape& x) const {
    const std::optional<Shape> rows = rows_of(factor, x);
    if (!rows) return false;
    if (!graph_.is_constant(factor))
      return (*rows)[0] == x[0] && (*rows)[2] == x[2] && half_angles(factor, function, x) != kNoValue;
    const auto numbers = graph_.value(factor).constant->values<float>();
    const auto size = static_cast<std::size_t>(x[3]);
    const std::size_t half = size / 2;
    for (std::size_t row = 0; row < numbers.size(); row += size) {
      if (std::memcmp(&numbers[row], &numbers[row + half], half * sizeof(float)) != 0) return false;
    }
    return true;
  }

  // A value [batch, length, half] with the first half of each row of such a factor.
  Result<ValueId> angles(const std::string& name, ValueId factor, Op function, const Shape& x) {
    const Shape result{x[0], x[2], x[3] / 2};
    if (!graph_.is_constant(factor)) {
      const ValueId half = half_angles(factor, function, x);
      const Shape shape = *graph_.value(half).shape;
      return added(name, Op::reshape, added(name, function, half, shape), result);
    }
    const Shape rows = *rows_of(factor, x);
    const auto numbers = graph_.value(factor).constant->values<float>();
    std::vector<float> halves;
    halves.reserve(static_cast<std::size_t>(result.elements()));
    for (std::int64_t image = 0; image < x[0]; ++image) {
      for (std::int64_t place = 0; place < x[2]; ++place) {
        const std::int64_t row = (rows[0] == 1 ? 0 : image) * rows[2] + (rows[2] == 1 ? 0 : place);
        const float* from = numbers.data() + row * x[3];
        halves.insert(halves.end(), from, from + x[3] / 2);
      }
    }
    return graph_.add_constant(name + ".angles", DataType::f32, result, std::as_bytes(std::span(halves)));
  }

  // The angles of which a factor is the cosine or sine, reshaped: function(concat(angles, angles)).
  ValueId half_angles(ValueId factor, Op function, const Shape& x) const {
    ValueId value = factor;
    while (const Node* reshape = made_by(value, Op::reshape)) {
      const Shape& before = *graph_.value(reshape->inputs.front()).shape;
      if (before.rank() == 0 || before[before.rank() - 1] != x[3]) return kNoValue;
      value = reshape->inputs.front();
    }
    const Node* of_angles = made_by(value, function);
    const Node* concat = of_angles == nullptr ? nullptr : made_by(of_angles->inputs.front(), Op::concat);
    if (concat == nullptr || concat->inputs.size() != 2 || concat->inputs[0] != concat->inputs[1])
      return kNoValue;
    const ValueId half = concat->inputs.front();
    const Value& angle = graph_.value(half);
    const bool last = angle.shape && angle.shape->rank() > 0 && angle.bounded == 0 &&
                      concat->attributes.integer("axis") == angle.shape->rank() - 1;
    return last && angle.shape->elements() == x[0] * x[2] * x[3] / 2 ? half : kNoValue;
  }

  ValueId added(const std::string& name, Op op, ValueId input, const Shape& shape) {
    const std::string id = context_.ids(graph_).take(name + ".angles");
    Value value;
    value.name = id;
    value.type = DataType::f32;
    value.shape = shape;
    const ValueId result = graph_.add_value(std::move(value));
    graph_.add_node({op, id, {}, {}, {input}, {result}});
    return result;
  }

  Graph& graph_;
  PassContext& context_;
};

}  // namespace

Result<bool> recognise_rotary(Graph& graph, PassContext& context) {
  context.begin_pass();
  RotaryMatcher matcher(graph, context);
  bool changed = false;
  for (std::size_t i = 0; i < graph.node_count(); ++i) {
    // The parts stay until dead code removal finds that nothing uses them.
    Result<bool> rewritten = matcher.rewrite(static_cast<NodeId>(i));
    if (!rewritten) return rewritten;
    changed = changed || *rewritten;
  }
  return changed;
}

}  // namespace fettle::graph
