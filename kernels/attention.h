// SPDX-License-Identifier: Apache-2.0
//
// An attention layer, read from its description: extents, where each operand lies, and which keys a query may
// look at. What every backend's kernels need to know about it.
#pragma once

#include <fettle/kernel.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

namespace fettle::kernels {

/// Elements from one batch, head, row (a query or key) and element of a row to the next.
struct HeadPlaces {
  std::int64_t batch, head, row, element;

  std::int64_t at(std::int64_t image, std::int64_t of_head) const noexcept {
    return image * batch + of_head * head;
  }
};

struct AttentionShape {
  std::int64_t batch, heads, queries, size, key_heads, keys, value_size;
  HeadPlaces q, k, v, y;

  explicit AttentionShape(const LayerDesc& layer) noexcept {
    const Attributes& attributes = layer.main().attributes;
    std::array<std::int64_t, 4> extents{};
    v = places(layer.inputs[2].shape, attributes.integers("perm_v"), extents);
    value_size = extents[3];
    k = places(layer.inputs[1].shape, attributes.integers("perm_k"), extents);
    key_heads = extents[1], keys = extents[2];
    q = places(layer.inputs[0].shape, attributes.integers("perm_q"), extents);
    batch = extents[0], heads = extents[1], queries = extents[2], size = extents[3];
    y = result_places(layer.outputs[0].shape, attributes.integers("perm_y"));
  }

  /// Heads of queries that share one of keys.
  std::int64_t group() const noexcept { return heads / key_heads; }

 private:
  static HeadPlaces from_steps(const std::array<std::int64_t, 4>& steps) noexcept {
    return {steps[0], steps[1], steps[2], steps[3]};
  }
  static std::array<std::int64_t, 4> dense_steps(const Shape& stored) noexcept {
    std::array<std::int64_t, 4> steps{};
    std::int64_t step = 1;
    for (int axis = 4; axis-- > 0; step *= stored[axis]) steps[static_cast<std::size_t>(axis)] = step;
    return steps;
  }
  // The operand's axis i is the stored one perm[i].
  static HeadPlaces places(const Shape& stored, std::span<const std::int64_t> perm,
                           std::array<std::int64_t, 4>& extents) noexcept {
    const std::array<std::int64_t, 4> steps = dense_steps(stored);
    std::array<std::int64_t, 4> ordered{};
    for (std::size_t axis = 0; axis < 4; ++axis) {
      const std::size_t from = perm.empty() ? axis : static_cast<std::size_t>(perm[axis]);
      ordered[axis] = steps[from];
      extents[axis] = stored[static_cast<int>(from)];
    }
    return from_steps(ordered);
  }
  // The stored axis i is the result's axis perm[i].
  static HeadPlaces result_places(const Shape& stored, std::span<const std::int64_t> perm) noexcept {
    const std::array<std::int64_t, 4> steps = dense_steps(stored);
    std::array<std::int64_t, 4> ordered{};
    for (std::size_t axis = 0; axis < 4; ++axis)
      ordered[perm.empty() ? axis : static_cast<std::size_t>(perm[axis])] = steps[axis];
    return from_steps(ordered);
  }
};

/// Keys from `first` up to and without `last`.
struct Keys {
  std::int64_t first;
  std::int64_t last;

  bool has(std::int64_t key) const noexcept { return first <= key && key < last; }
  bool empty() const noexcept { return first == last; }
};

/// The keys that a query may look at, masks aside: a causal border, a window, how many keys an image has.
class VisibleKeys {
 public:
  explicit VisibleKeys(const LayerDesc& layer) noexcept
      : offset_(layer.main().attributes.integer("offset")),
        causal_(layer.main().attributes.integer("is_causal") != 0),
        left_(layer.main().attributes.integer("left_window_size", -1)),
        right_(layer.main().attributes.integer("right_window_size", -1)) {
    if (layer.operand(4) != nullptr) counts_at_ = layer.main().operands[4];
  }

  void set_buffers(std::span<const void* const> inputs) noexcept {
    if (counts_at_ >= 0)
      counts_ = static_cast<const std::int64_t*>(inputs[static_cast<std::size_t>(counts_at_)]);
  }

  /// Whether it may be less than all of them.
  bool restricts() const noexcept { return causal_ || left_ >= 0 || right_ >= 0 || counts_at_ >= 0; }

  Keys of(const AttentionShape& s, std::int64_t image, std::int64_t query) const noexcept {
    std::int64_t place = query + offset_;  // of the query, among the keys
    Keys keys{0, s.keys};
    if (counts_ != nullptr) {
      keys.last = std::clamp<std::int64_t>(counts_[image], 0, s.keys);
      if (offset_ == 0) place += keys.last - s.queries;
    }
    if (left_ >= 0) keys.first = std::max(keys.first, place - left_);
    if (causal_) keys.last = std::min(keys.last, place + 1);
    if (right_ >= 0) keys.last = std::min(keys.last, place + right_ + 1);
    keys.first = std::min(keys.first, s.keys);
    keys.last = std::max(keys.last, keys.first);
    return keys;
  }

  /// Those that any of some neighbouring queries sees.
  Keys of_any(const AttentionShape& s, std::int64_t image, std::int64_t query,
              std::int64_t count) const noexcept {
    if (!restricts()) return {0, s.keys};
    Keys all = of(s, image, query);
    for (std::int64_t i = 1; i < count; ++i) {
      const Keys keys = of(s, image, query + i);
      if (keys.empty()) continue;
      all = all.empty() ? keys : Keys{std::min(all.first, keys.first), std::max(all.last, keys.last)};
    }
    return all;
  }

 private:
  std::int64_t offset_;
  bool causal_;
  std::int64_t left_;
  std::int64_t right_;
  int counts_at_ = -1;
  const std::int64_t* counts_ = nullptr;
};

/// What is added to scores, or says which count, wherever it is broadcast to.
class AttentionMask {
 public:
  explicit AttentionMask(const LayerDesc& layer) noexcept
      : plain_(layer.main().attributes.integer("plain_softmax") != 0) {
    const TensorDesc* desc = layer.operand(3);
    if (desc == nullptr) return;
    at_ = layer.main().operands[3];
    boolean_ = desc->format.type == DataType::boolean;
    std::int64_t step = 1;
    for (int axis = desc->shape.rank(); axis-- > 0;) {
      const std::int64_t extent = desc->shape[axis];
      steps_[static_cast<std::size_t>(axis + 4 - desc->shape.rank())] = extent == 1 ? 0 : step;
      step *= extent;
    }
  }

  void set_buffers(std::span<const void* const> inputs) noexcept {
    if (at_ >= 0) data_ = inputs[static_cast<std::size_t>(at_)];
  }

  bool exists() const noexcept { return at_ >= 0; }
  bool is_boolean() const noexcept { return boolean_; }
  /// Whether -inf in it only is a summand (attribute plain_softmax), which hides nothing.
  bool is_plain() const noexcept { return plain_; }
  /// Whether all keys of a query have a number of their own, one after the other.
  bool has_rows() const noexcept { return at_ >= 0 && !boolean_ && steps_[3] == 1; }

  /// A query's numbers, from key `first` on.
  const float* row(std::int64_t image, std::int64_t head, std::int64_t query,
                   std::int64_t first) const noexcept {
    return static_cast<const float*>(data_) + place(image, head, query, first);
  }

  /// Applies the mask of a query to its scores from key `first` on.
  void apply(std::int64_t image, std::int64_t head, std::int64_t query, std::int64_t first,
             std::int64_t count, float* scores) const noexcept {
    if (data_ == nullptr) return;
    if (boolean_) {
      const auto* mask = static_cast<const std::uint8_t*>(data_) + place(image, head, query, first);
      for (std::int64_t i = 0; i < count; ++i) scores[i] = mask[i * steps_[3]] != 0 ? scores[i] : kMasked;
    } else if (plain_) {
      const float* mask = row(image, head, query, first);
      for (std::int64_t i = 0; i < count; ++i) scores[i] += mask[i * steps_[3]];
    } else {
      const float* mask = row(image, head, query, first);
      for (std::int64_t i = 0; i < count; ++i) scores[i] = masked(scores[i], mask[i * steps_[3]]);
    }
  }

  /// Whether a query must not look at a key.
  bool hides(std::int64_t image, std::int64_t head, std::int64_t query, std::int64_t key) const noexcept {
    if (data_ == nullptr) return false;
    const std::int64_t at = place(image, head, query, key);
    if (boolean_) return static_cast<const std::uint8_t*>(data_)[at] == 0;
    return !plain_ && static_cast<const float*>(data_)[at] == kMasked;
  }

  static constexpr float kMasked = -std::numeric_limits<float>::infinity();

 private:
  std::int64_t place(std::int64_t image, std::int64_t head, std::int64_t query,
                     std::int64_t key) const noexcept {
    return image * steps_[0] + head * steps_[1] + query * steps_[2] + key * steps_[3];
  }
  // What is masked does not count, whatever it is: no sum with NaN or infinity.
  static float masked(float score, float mask) noexcept { return mask == kMasked ? kMasked : score + mask; }

  bool plain_;
  int at_ = -1;
  bool boolean_ = false;
  std::array<std::int64_t, 4> steps_{};
  const void* data_ = nullptr;
};

/// What a query must not see has no part in its result, but a weight of 0 makes NaN of a value that is not
/// finite: such results are summed once more without it. `v` is the first value of the query's head,
/// `weights` are those of the keys `summed`, of which the query may look at `seen`.
inline void leave_hidden_out(const AttentionShape& s, const AttentionMask& mask, std::int64_t image,
                             std::int64_t head, std::int64_t query, const Keys& summed, const Keys& seen,
                             const float* v, const float* weights, float* y) noexcept {
  int undefined = 0;
  for (std::int64_t c = 0; c < s.value_size; ++c) undefined |= y[c] != y[c] ? 1 : 0;
  if (undefined == 0) return;
  for (std::int64_t c = 0; c < s.value_size; ++c) {
    if (y[c] == y[c]) continue;
    double sum = 0;
    for (std::int64_t key = seen.first; key < seen.last; ++key) {
      if (mask.hides(image, head, query, key)) continue;
      sum += static_cast<double>(weights[key - summed.first]) *
             static_cast<double>(v[key * s.v.row + c * s.v.element]);
    }
    y[c] = static_cast<float>(sum);
  }
}

/// What kernels in f32 ask of an attention layer: dense operands in nchw, no second result.
inline Refusal check_attention_f32(const LayerDesc& layer) noexcept {
  if (layer.outputs.size() != 1 || layer.inputs.size() < 3) return Refusal::op;
  if (layer.main().clamp) return Refusal::clamp;
  const auto plain = [](const TensorDesc& tensor) {
    return tensor.format.layout == Layout::nchw && tensor.format.scale == 0;
  };
  for (const TensorDesc& input : layer.inputs) {
    const DataType type = input.format.type;
    const bool fits = type == DataType::f32 || (&input == layer.operand(3) && type == DataType::boolean) ||
                      (&input == layer.operand(4) && type == DataType::s64);
    if (!fits) return Refusal::data_type;
    if (!plain(input)) return Refusal::layout;
    if (input.shape.elements() <= 0) return Refusal::shape;
  }
  for (int i = 0; i < 3; ++i) {
    if (layer.main().operands[static_cast<std::size_t>(i)] != i ||
        layer.inputs[static_cast<std::size_t>(i)].shape.rank() != 4)
      return Refusal::rank;
  }
  const TensorDesc& y = layer.outputs.front();
  if (y.format.type != DataType::f32) return Refusal::data_type;
  if (y.shape.rank() != 4) return Refusal::rank;
  if (y.shape.elements() <= 0) return Refusal::shape;
  if (!plain(y)) return Refusal::layout;
  // Rows of queries and of the result are read and written in one piece.
  const AttentionShape s(layer);
  const bool whole = (s.q.element == 1 || s.size == 1) && (s.y.element == 1 || s.value_size == 1);
  return whole ? Refusal::none : Refusal::attribute;
}

/// Keys and values of which the elements of a row, or an element of all rows, lie one after the other.
inline Refusal check_rows_and_columns(const AttentionShape& s) noexcept {
  const auto either = [](const HeadPlaces& places) { return places.row == 1 || places.element == 1; };
  return either(s.k) && either(s.v) ? Refusal::none : Refusal::attribute;
}

}  // namespace fettle::kernels
