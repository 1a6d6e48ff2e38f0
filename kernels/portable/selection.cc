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

// The keys of a class in order, of which the first are sorted at first: mostly, few of many boxes are looked
// at.
class InOrder {
 public:
  InOrder(Key* begin, Key* end, std::int64_t first)
      : next_(begin), sorted_(begin), end_(end), step_(std::max<std::int64_t>(first, 64)) {}

  const Key* next() {
    if (next_ == end_) return nullptr;
    if (next_ == sorted_) sort_more();
    return next_++;
  }

 private:
  void sort_more() {
    const std::int64_t count = std::min<std::int64_t>(step_, end_ - sorted_);
    if (count < end_ - sorted_) std::nth_element(sorted_, sorted_ + count, end_);
    std::sort(sorted_, sorted_ + count);
    sorted_ += count;
    step_ *= 2;
  }

  Key* next_;
  Key* sorted_;
  Key* end_;
  std::int64_t step_;
};

// The boxes of a class that are kept: their numbers, and what decides in float which of them a further one
// may overlap, in an array for each coordinate, so that many are asked at once. Nearly none are; the rest is
// decided in double, as the reference has it.
class Kept {
 public:
  static constexpr std::int64_t kBlock = 16;
  static constexpr std::int64_t kArrays = 5;
  static std::int64_t room(std::int64_t boxes) { return (boxes + kBlock - 1) / kBlock * kBlock; }

  Kept(float* memory, std::int64_t boxes, std::int64_t* rows)
      : top_(memory),
        left_(top_ + room(boxes)),
        bottom_(left_ + room(boxes)),
        right_(bottom_ + room(boxes)),
        area_(right_ + room(boxes)),
        rows_(rows) {}

  std::int64_t count() const { return count_; }
  std::int64_t operator[](std::int64_t i) const { return rows_[3 * i + 2]; }

  void push(const Box& box, std::int64_t batch, std::int64_t category, std::int64_t index) {
    if (count_ % kBlock == 0) {
      // What fills the block up overlaps nothing.
      constexpr float kFar = std::numeric_limits<float>::infinity();
      std::fill_n(top_ + count_, kBlock, kFar);
      std::fill_n(left_ + count_, kBlock, kFar);
      std::fill_n(bottom_ + count_, kBlock, -kFar);
      std::fill_n(right_ + count_, kBlock, -kFar);
      std::fill_n(area_ + count_, kBlock, 0.0f);
    }
    const Rounded rounded(box);
    top_[count_] = rounded.top;
    left_[count_] = rounded.left;
    bottom_[count_] = rounded.bottom;
    right_[count_] = rounded.right;
    area_[count_] = rounded.area;
    const std::int64_t row[] = {batch, category, index};
    std::copy_n(row, 3, rows_ + 3 * count_++);
  }

  // Whether one of those that begin at `first` may overlap the box by more than `most`, which is not
  // negative. In float, with room for its rounding; what has no order says yes.
  bool may_suppress(std::int64_t first, const Box& box, float most) const {
    constexpr float kRounding = 1e-5f;
    constexpr float kUnderflow = 1e-30f;
    const float least = most * (1 - kRounding);
    const Rounded b(box);
    const float* tops = top_ + first;
    const float* lefts = left_ + first;
    const float* bottoms = bottom_ + first;
    const float* rights = right_ + first;
    const float* areas = area_ + first;
    int any = 0;
    for (std::int64_t i = 0; i < kBlock; ++i) {
      const float bottom = std::min(b.bottom, bottoms[i]);
      const float top = std::max(b.top, tops[i]);
      const float right = std::min(b.right, rights[i]);
      const float left = std::max(b.left, lefts[i]);
      const float shared = (bottom - top) * (right - left);
      const float limit = least * (b.area + areas[i] - shared) - kUnderflow;
      any |= static_cast<int>(!(bottom <= top)) & static_cast<int>(!(right <= left)) &
             static_cast<int>(!(shared <= limit));
    }
    return any != 0;
  }

 private:
  // A box that covers the given one, in float; its area is that of the given one. What float cannot hold is
  // NaN, and so is all of a box that has no end: the comparisons above say yes to it.
  struct Rounded {
    float top, left, bottom, right, area;

    explicit Rounded(const Box& box)
        : top(down(box.top)),
          left(down(box.left)),
          bottom(-down(-box.bottom)),
          right(-down(-box.right)),
          area(std::abs(box.area()) <= static_cast<double>(std::numeric_limits<float>::max())
                   ? static_cast<float>(box.area())
                   : kNan) {
      const bool ends =
          std::isfinite(top) && std::isfinite(left) && std::isfinite(bottom) && std::isfinite(right);
      if (!ends) top = left = bottom = right = area = kNan;
    }

    static constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

    static float down(double x) {
      const auto nearest = static_cast<float>(x);
      return static_cast<double>(nearest) > x
                 ? std::nextafter(nearest, -std::numeric_limits<float>::infinity())
                 : nearest;
    }
  };

  float* top_;
  float* left_;
  float* bottom_;
  float* right_;
  float* area_;
  std::int64_t* rows_;  // batch, class and box of each
  std::int64_t count_ = 0;
};

// What the kernel works with: how many boxes of each class are kept; and for each thread the boxes of a class
// in the order of their scores, and those that are kept.
struct Scratch {
  std::int64_t classes, boxes;

  explicit Scratch(const LayerDesc& layer)
      : classes(layer.inputs[1].shape[0] * layer.inputs[1].shape[1]), boxes(layer.inputs[1].shape[2]) {}
  std::size_t bytes_of_thread() const {
    return static_cast<std::size_t>(boxes) * sizeof(Key) +
           static_cast<std::size_t>(Kept::kArrays * Kept::room(boxes)) * sizeof(float);
  }
  std::size_t bytes(int threads) const {
    return static_cast<std::size_t>(classes) * sizeof(std::int64_t) +
           static_cast<std::size_t>(threads) * bytes_of_thread();
  }
  std::int64_t* counts(std::byte* memory) const { return reinterpret_cast<std::int64_t*>(memory); }
  Key* keys(std::byte* memory, int worker) const {
    return reinterpret_cast<Key*>(memory + static_cast<std::size_t>(classes) * sizeof(std::int64_t) +
                                  static_cast<std::size_t>(worker) * bytes_of_thread());
  }
  float* kept(std::byte* memory, int worker) const {
    return reinterpret_cast<float*>(keys(memory, worker) + boxes);
  }
};

class Suppression {
 public:
  explicit Suppression(const Call& call)
      : call_(call),
        scratch_(call.layer),
        scores_(call.layer.inputs[1].shape),
        center_(call.attributes().integer("center_point_box") != 0),
        least_score_(scalar<float>(3)),
        most_(call.attributes().integer("max_output_boxes")) {
    if (const float* given = scalar<float>(2)) most_overlap_ = *given;
    if (const std::int64_t* given = scalar<std::int64_t>(4))
      most_ = std::clamp<std::int64_t>(*given, 0, most_);
    most_ = std::min(most_, scratch_.boxes);
    // No overlap at all is too much for a limit that is negative, or no number.
    if (!(most_overlap_ >= 0)) most_ = std::min<std::int64_t>(most_, 1);
  }

  // Each class has room for its rows; then they move together.
  void run() const {
    std::int64_t* counts = scratch_.counts(call_.workspace);
    call_.parallel(scratch_.classes, [&](std::int64_t begin, std::int64_t end, int worker) {
      for (std::int64_t i = begin; i < end; ++i) counts[i] = run_class(i, worker);
    });
    auto* rows = call_.out<std::int64_t>(0);
    std::int64_t count = 0;
    for (std::int64_t i = 0; i < scratch_.classes; ++i) {
      std::copy_n(rows + 3 * i * most_, 3 * counts[i], rows + 3 * count);
      count += counts[i];
    }
    std::fill(rows + 3 * count, rows + call_.layer.outputs[0].shape.elements(), 0);
    call_.out<std::int64_t>(1)[0] = count;
    call_.out<std::int64_t>(1)[1] = 3;
  }

 private:
  template <typename T>
  const T* scalar(std::size_t operand) const {
    const LayerPart& part = call_.layer.main();
    const bool there = call_.layer.operand(operand) != nullptr;
    return there ? call_.in<T>(static_cast<std::size_t>(part.operands[operand])) : nullptr;
  }

  std::int64_t run_class(std::int64_t i, int worker) const {
    const float* boxes = call_.in(0) + i / scores_[1] * scratch_.boxes * 4;
    const float* line = call_.in(1) + i * scratch_.boxes;
    Key* keys = scratch_.keys(call_.workspace, worker);
    Key* end = keys;
    for (std::int64_t k = 0; k < scratch_.boxes; ++k) {
      if (least_score_ == nullptr || line[k] > *least_score_) *end++ = {ordered(line[k], true), k};
    }
    Kept kept(scratch_.kept(call_.workspace, worker), scratch_.boxes,
              call_.out<std::int64_t>(0) + 3 * i * most_);
    InOrder order(keys, end, 2 * most_);
    while (kept.count() < most_) {
      const Key* key = order.next();
      if (key == nullptr) break;
      const Box box = box_of(boxes + key->index * 4, center_);
      if (!suppressed(kept, box, boxes)) kept.push(box, i / scores_[1], i % scores_[1], key->index);
    }
    return kept.count();
  }

  bool suppressed(const Kept& kept, const Box& box, const float* boxes) const {
    for (std::int64_t first = 0; first < kept.count(); first += Kept::kBlock) {
      if (!kept.may_suppress(first, box, most_overlap_)) continue;
      const std::int64_t last = std::min(kept.count(), first + Kept::kBlock);
      for (std::int64_t k = first; k < last; ++k) {
        const Box other = box_of(boxes + kept[k] * 4, center_);
        if (!(overlap(box, other) <= static_cast<double>(most_overlap_))) return true;
      }
    }
    return false;
  }

  const Call& call_;
  Scratch scratch_;
  const Shape& scores_;
  bool center_;
  const float* least_score_;
  float most_overlap_ = 0;
  std::int64_t most_;  // of a class
};

void non_max_suppression(const Call& call) { Suppression(call).run(); }

Refusal supports_suppression(const LayerDesc& layer, const Cpu&) {
  if (layer.main().clamp) return Refusal::clamp;
  if (layer.inputs.size() < 2 || layer.outputs.size() != 2 || layer.main().operands.size() < 2)
    return Refusal::op;
  // A computed number of boxes to keep is the fifth operand.
  for (std::size_t i = 0; i < layer.main().operands.size(); ++i) {
    const DataType wanted = i == 4 ? DataType::s64 : DataType::f32;
    if (layer.operand(i) != nullptr && layer.operand(i)->format.type != wanted) return Refusal::data_type;
  }
  if (!all_nchw(layer)) return Refusal::layout;
  return layer.inputs[0].shape.elements() > 0 && layer.outputs[0].shape.elements() > 0 ? Refusal::none
                                                                                       : Refusal::shape;
}

std::size_t suppression_workspace(const LayerDesc& layer, int threads) {
  return Scratch(layer).bytes(threads);
}

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
  kernel.workspace_bytes = suppression_workspace;
  kernel.bounded_axes = BoundedAxes::any;
  return if_selected(kernel);
}();
constexpr const Kernel* kSelectionEntries[] = {kept(kTopK), kept(kSuppression)};

}  // namespace

std::span<const Kernel* const> selection_entries() noexcept { return kSelectionEntries; }

}  // namespace fettle::kernels::portable
