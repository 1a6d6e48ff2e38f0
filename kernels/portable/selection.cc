// SPDX-License-Identifier: Apache-2.0
//
// The first elements of an order, without sorting the rest: TopK and NonMaxSuppression. The order is that of
// the reference: larger (or smaller) first, NaN behind all numbers, then by index.
#include "kernels/portable/portable.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <compare>
#include <cstdint>
#include <limits>

namespace fettle::kernels::portable {
namespace {

// A place in the order: what comes first is smaller. No two are equal, since indices differ.
struct Key {
  std::uint64_t value;
  std::int64_t index;

  friend auto operator<=>(const Key&, const Key&) = default;
};

// Numbers as unsigned integers of the same order; NaN is the largest in either direction.
std::uint64_t ordered(std::int64_t x, bool descending) {
  const std::uint64_t up = static_cast<std::uint64_t>(x) ^ (std::uint64_t{1} << 63);
  return descending ? ~up : up;
}
std::uint64_t ordered(std::int32_t x, bool descending) {
  return ordered(static_cast<std::int64_t>(x), descending);
}
std::uint64_t ordered(float x, bool descending) {
  auto bits = std::bit_cast<std::uint32_t>(x);
  if (bits == 0x80000000u) bits = 0;  // zeros are equal, whatever their sign
  const std::uint32_t up = bits >> 31 != 0 ? ~bits : bits | 0x80000000u;
  const std::uint32_t key = descending ? ~up : up;
  return std::isnan(x) ? std::numeric_limits<std::uint64_t>::max() : key;
}

// Keeps the first `count` of all keys that are pushed, in memory for twice as many: when that is full, what
// is behind the `count`-th is dropped, and nothing behind it is taken any more.
class First {
 public:
  static std::int64_t capacity(std::int64_t count, std::int64_t of) {
    constexpr std::int64_t kLeast = 64;  // fewer would be sorted out all the time
    return std::min(of, std::max(2 * count, count + kLeast));
  }

  First(Key* memory, std::int64_t count, std::int64_t of)
      : begin_(memory), end_(memory), full_(memory + capacity(count, of)), count_(count) {}

  void push(Key key) {
    if (last_.index >= 0 && !(key < last_)) return;
    if (end_ == full_) {
      drop();
      if (!(key < last_)) return;
    }
    *end_++ = key;
  }
  /// The first ones in order.
  std::span<const Key> sorted() {
    if (end_ - begin_ > count_) drop();
    std::sort(begin_, end_);
    return {begin_, end_};
  }

 private:
  void drop() {
    std::nth_element(begin_, begin_ + (count_ - 1), end_);
    end_ = begin_ + count_;
    last_ = end_[-1];
  }

  Key* begin_;
  Key* end_;
  Key* full_;
  std::int64_t count_;
  Key last_{0, -1};  // the last that counts, once there are so many
};

// ---- TopK ----

// Lines along an axis.
struct Lines {
  std::int64_t count, length, kept, step;

  explicit Lines(const LayerDesc& layer) {
    const Shape& x = layer.inputs[0].shape;
    const auto axis = static_cast<int>(layer.main().attributes.integer("axis"));
    length = x[axis];
    kept = layer.outputs[0].shape[axis];
    step = Shape(x.dims().subspan(static_cast<std::size_t>(axis) + 1)).elements();
    count = length == 0 ? 0 : x.elements() / length;
  }
  std::size_t keys() const { return static_cast<std::size_t>(First::capacity(kept, length)); }
};

template <typename T>
void top_k(const Call& call) {
  const Lines lines(call.layer);
  const bool largest = call.attributes().integer("largest", 1) != 0;
  call.parallel(lines.count, [&](std::int64_t begin, std::int64_t end, int worker) {
    Key* keys = reinterpret_cast<Key*>(call.workspace) + static_cast<std::size_t>(worker) * lines.keys();
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t outer = i / lines.step;
      const std::int64_t inner = i % lines.step;
      const T* x = call.in<T>(0) + outer * lines.length * lines.step + inner;
      First first(keys, lines.kept, lines.length);
      for (std::int64_t k = 0; k < lines.length; ++k) first.push({ordered(x[k * lines.step], largest), k});
      std::int64_t at = outer * lines.kept * lines.step + inner;
      for (const Key& key : first.sorted()) {
        call.out<T>(0)[at] = x[key.index * lines.step];
        call.out<std::int64_t>(1)[at] = key.index;
        at += lines.step;
      }
    }
  });
}

void top_k_of_type(const Call& call) {
  switch (call.layer.inputs[0].format.type) {
    case DataType::f32:
      return top_k<float>(call);
    case DataType::s32:
      return top_k<std::int32_t>(call);
    default:
      return top_k<std::int64_t>(call);
  }
}

bool all_nchw(const LayerDesc& layer) {
  const auto nchw = [](const TensorDesc& tensor) {
    return tensor.format.layout == Layout::nchw && tensor.format.scale == 0;
  };
  return std::all_of(layer.inputs.begin(), layer.inputs.end(), nchw) &&
         std::all_of(layer.outputs.begin(), layer.outputs.end(), nchw);
}

Refusal supports_top_k(const LayerDesc& layer, const Cpu&) {
  if (layer.main().clamp) return Refusal::clamp;
  // A computed k is an operand, and what the kernel is told of the results.
  if (layer.inputs.empty() || layer.inputs.size() > 2 || layer.outputs.size() != 2) return Refusal::op;
  const DataType type = layer.inputs[0].format.type;
  if (type != DataType::f32 && type != DataType::s32 && type != DataType::s64) return Refusal::data_type;
  if (layer.outputs[0].format.type != type || layer.outputs[1].format.type != DataType::s64)
    return Refusal::data_type;
  if (!all_nchw(layer)) return Refusal::layout;
  return layer.outputs[0].shape.elements() > 0 ? Refusal::none : Refusal::shape;
}

std::size_t top_k_workspace(const LayerDesc& layer, int threads) {
  return static_cast<std::size_t>(threads) * Lines(layer).keys() * sizeof(Key);
}

// ---- NonMaxSuppression ----

// A box as corners, whichever way it was given. In double, as the reference has it: whether boxes overlap too
// much is a comparison, and is to come out alike.
struct Box {
  double top, left, bottom, right;
  double area() const { return (bottom - top) * (right - left); }
};

Box box_of(const float* given, bool center) {
  const double a = given[0];
  const double b = given[1];
  const double c = given[2];
  const double d = given[3];
  if (center) return {b - d / 2, a - c / 2, b + d / 2, a + c / 2};
  return {std::min(a, c), std::min(b, d), std::max(a, c), std::max(b, d)};
}

double overlap(const Box& a, const Box& b) {
  const double height = std::min(a.bottom, b.bottom) - std::max(a.top, b.top);
  const double width = std::min(a.right, b.right) - std::max(a.left, b.left);
  if (height <= 0 || width <= 0) return 0;
  return height * width / (a.area() + b.area() - height * width);
}

// What one thread works with: the boxes of a class in the order of their scores, and those that are kept.
struct Scratch {
  std::int64_t boxes;

  explicit Scratch(const LayerDesc& layer) : boxes(layer.inputs[1].shape[2]) {}
  std::size_t bytes() const { return static_cast<std::size_t>(boxes) * (sizeof(Key) + sizeof(Box)); }
  Key* keys(std::byte* memory) const { return reinterpret_cast<Key*>(memory); }
  Box* kept(std::byte* memory) const { return reinterpret_cast<Box*>(keys(memory) + boxes); }
};

struct Suppression {
  const float* boxes;
  bool center;
  double most_overlap;
  std::int64_t most;

  // Goes through one class, and hands the boxes that are kept to `keep`.
  template <typename Keep>
  void run(std::span<const Key> order, Box* kept, Keep&& keep) const {
    std::int64_t count = 0;
    for (const Key& key : order) {
      if (count == most) return;
      const Box box = box_of(boxes + key.index * 4, center);
      const bool free = std::all_of(kept, kept + count,
                                    [&](const Box& other) { return overlap(box, other) <= most_overlap; });
      if (!free) continue;
      kept[count++] = box;
      keep(key.index);
    }
  }
};

// The classes one after the other: rows of batch, class and box lie densely behind each other.
void non_max_suppression(const Call& call) {
  const Shape& scores = call.layer.inputs[1].shape;
  const LayerPart& part = call.layer.main();
  const auto scalar = [&](std::size_t operand) -> const float* {
    const bool there = call.layer.operand(operand) != nullptr;
    return there ? call.in(static_cast<std::size_t>(part.operands[operand])) : nullptr;
  };
  const float* most_overlap = scalar(2);
  const float* least_score = scalar(3);
  const Scratch scratch(call.layer);
  Key* keys = scratch.keys(call.workspace);
  auto* rows = call.out<std::int64_t>(0);
  std::fill_n(rows, call.layer.outputs[0].shape.elements(), 0);
  std::int64_t count = 0;
  for (std::int64_t batch = 0; batch < scores[0]; ++batch) {
    const Suppression suppression{call.in(0) + batch * scores[2] * 4,
                                  call.attributes().integer("center_point_box") != 0,
                                  most_overlap == nullptr ? 0 : static_cast<double>(*most_overlap),
                                  call.attributes().integer("max_output_boxes")};
    for (std::int64_t c = 0; c < scores[1]; ++c) {
      const float* line = call.in(1) + (batch * scores[1] + c) * scores[2];
      Key* end = keys;
      for (std::int64_t i = 0; i < scores[2]; ++i) {
        if (least_score == nullptr || line[i] > *least_score) *end++ = {ordered(line[i], true), i};
      }
      std::sort(keys, end);
      suppression.run({keys, end}, scratch.kept(call.workspace), [&](std::int64_t box) {
        const std::int64_t row[] = {batch, c, box};
        std::copy_n(row, 3, rows + 3 * count++);
      });
    }
  }
  call.out<std::int64_t>(1)[0] = count;
  call.out<std::int64_t>(1)[1] = 3;
}

Refusal supports_suppression(const LayerDesc& layer, const Cpu&) {
  if (layer.main().clamp) return Refusal::clamp;
  if (layer.inputs.size() < 2 || layer.outputs.size() != 2 || layer.main().operands.size() < 2)
    return Refusal::op;
  for (const TensorDesc& input : layer.inputs) {
    if (input.format.type != DataType::f32) return Refusal::data_type;
  }
  if (!all_nchw(layer)) return Refusal::layout;
  return layer.inputs[0].shape.elements() > 0 && layer.outputs[0].shape.elements() > 0 ? Refusal::none
                                                                                       : Refusal::shape;
}

std::size_t suppression_workspace(const LayerDesc& layer, int) { return Scratch(layer).bytes(); }

constexpr Op kSelectionOps[] = {Op::top_k, Op::non_max_suppression};
constexpr Kernel kTopK = [] {
  Kernel kernel =
      entry<top_k_of_type>("top_k.partial.any.portable", {&kSelectionOps[0], 1}, kNchw<>, supports_top_k);
  kernel.workspace_bytes = top_k_workspace;
  kernel.bounded_axes = BoundedAxes::any;
  return if_selected(kernel);
}();
constexpr Kernel kSuppression = [] {
  Kernel kernel = entry<non_max_suppression>("non_max_suppression.sorted.f32.portable",
                                             {&kSelectionOps[1], 1}, kNchw<>, supports_suppression);
  kernel.threaded = false;
  kernel.workspace_bytes = suppression_workspace;
  kernel.bounded_axes = BoundedAxes::any;
  return if_selected(kernel);
}();
constexpr const Kernel* kSelectionEntries[] = {&kTopK, &kSuppression};

}  // namespace

std::span<const Kernel* const> selection_entries() noexcept { return kSelectionEntries; }

}  // namespace fettle::kernels::portable
