// SPDX-License-Identifier: Apache-2.0
//
// Attention of some queries of one head at a time: their scores stay in the cache until they have weighed the
// values. What cannot be seen by any of these queries (beyond a causal border, a window or a count of keys)
// is not looked at.
#include "kernels/portable/eigen.h"
#include "kernels/portable/portable.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>

namespace fettle::kernels::portable {
namespace {

constexpr std::int64_t kQueries = 96;  // of a tile: each packs all keys and values once
constexpr std::int64_t kScoreLanes = 16;
constexpr float kMasked = -std::numeric_limits<float>::infinity();
// The weight of what is masked, and of nothing else: weights are not negative.
constexpr float kNoWeight = -0.0f;
bool has_part(float weight) { return weight != 0 || !std::signbit(weight); }

// exp(x) of numbers that are not above 0, in a form that compilers vectorise; NaN stays NaN. Cody and Waite's
// reduction and the Taylor polynomial: within 2 units in the last place.
inline float exp_of_negative(float x) {
  constexpr float kRound = 12582912.0f;       // 1.5 * 2^23 leaves a small number rounded in the low bits
  const float bounded = x < -104 ? -104 : x;  // whose exponential is 0 in f32
  const float shifted = bounded * 1.44269504f + kRound;
  const float whole = shifted - kRound;
  const float rest = (bounded - whole * 0.693359375f) - whole * -2.12194440e-4f;
  float sum = 1.9875691e-4f * rest + 1.3981999e-3f;
  sum = sum * rest + 8.3334519e-3f;
  sum = sum * rest + 4.1665796e-2f;
  sum = sum * rest + 1.6666665e-1f;
  sum = sum * rest + 0.5f;
  sum = sum * (rest * rest) + rest + 1;
  // In two steps: a power of two below 2^-126 is not normal.
  const std::int32_t power = std::bit_cast<std::int32_t>(shifted) - std::bit_cast<std::int32_t>(kRound);
  const std::int32_t half = power >> 1;
  return sum * std::bit_cast<float>((half + 127) << 23) * std::bit_cast<float>((power - half + 127) << 23);
}

struct AttentionShape {
  std::int64_t batch, heads, queries, size, key_heads, keys, value_size;
  explicit AttentionShape(const LayerDesc& layer) {
    const Shape& q = layer.inputs[0].shape;
    const Shape& k = layer.inputs[1].shape;
    batch = q[0], heads = q[1], queries = q[2], size = q[3];
    key_heads = k[1], keys = k[2], value_size = layer.inputs[2].shape[3];
  }
  // Rows of scores begin at a cache line, so that results do not depend on where they lie.
  std::int64_t pitch() const { return (keys + kScoreLanes - 1) / kScoreLanes * kScoreLanes; }
  std::size_t scratch_bytes() const { return static_cast<std::size_t>(kQueries * pitch()) * sizeof(float); }
};

// What is added to scores, or says which count, wherever it is broadcast to.
class Mask {
 public:
  explicit Mask(const Call& call) {
    const TensorDesc* desc = call.layer.operand(3);
    if (desc == nullptr) return;
    const auto at = static_cast<std::size_t>(call.layer.main().operands[3]);
    boolean_ = desc->format.type == DataType::boolean;
    data_ = call.inputs[at];
    std::int64_t step = 1;
    for (int axis = desc->shape.rank(); axis-- > 0;) {
      const std::int64_t extent = desc->shape[axis];
      steps_[static_cast<std::size_t>(axis + 4 - desc->shape.rank())] = extent == 1 ? 0 : step;
      step *= extent;
    }
  }
  // Applies the mask of a query to its scores from key `first` on.
  void apply(std::int64_t image, std::int64_t head, std::int64_t query, std::int64_t first,
             std::int64_t count, float* scores) const {
    if (data_ == nullptr) return;
    const std::int64_t row = image * steps_[0] + head * steps_[1] + query * steps_[2] + first * steps_[3];
    if (boolean_) {
      const auto* mask = static_cast<const std::uint8_t*>(data_) + row;
      for (std::int64_t i = 0; i < count; ++i) scores[i] = mask[i * steps_[3]] != 0 ? scores[i] : kMasked;
    } else if (steps_[3] == 1) {
      const auto* mask = static_cast<const float*>(data_) + row;
      for (std::int64_t i = 0; i < count; ++i) scores[i] = masked(scores[i], mask[i]);
    } else {
      const float mask = static_cast<const float*>(data_)[row];
      for (std::int64_t i = 0; i < count; ++i) scores[i] = masked(scores[i], mask);
    }
  }

 private:
  // What is masked does not count, whatever it is: no sum with NaN or infinity.
  static float masked(float score, float mask) { return mask == kMasked ? kMasked : score + mask; }

  const void* data_ = nullptr;
  bool boolean_ = false;
  std::int64_t steps_[4] = {};
};

// Keys from `first` up to and without `last`.
struct Keys {
  std::int64_t first;
  std::int64_t last;
};

// The keys that a query may look at, masks aside.
class Visible {
 public:
  explicit Visible(const Call& call)
      : offset_(call.attributes().integer("offset")),
        causal_(call.attributes().integer("is_causal") != 0),
        left_(call.attributes().integer("left_window_size", -1)),
        right_(call.attributes().integer("right_window_size", -1)) {
    if (call.layer.operand(4) != nullptr)
      counts_ = static_cast<const std::int64_t*>(
          call.inputs[static_cast<std::size_t>(call.layer.main().operands[4])]);
  }
  Keys of(const AttentionShape& s, std::int64_t image, std::int64_t query) const {
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

 private:
  std::int64_t offset_;
  bool causal_;
  std::int64_t left_;
  std::int64_t right_;
  const std::int64_t* counts_ = nullptr;
};

// NaN is passed over.
float largest_of(const float* scores, std::int64_t count) {
  float most[kScoreLanes];
  std::fill_n(most, kScoreLanes, kMasked);
  std::int64_t i = 0;
  for (; i + kScoreLanes <= count; i += kScoreLanes) {
    for (std::int64_t lane = 0; lane < kScoreLanes; ++lane)
      most[lane] = scores[i + lane] > most[lane] ? scores[i + lane] : most[lane];
  }
  for (std::int64_t lane = 0; i < count; ++i, ++lane)
    most[lane] = scores[i] > most[lane] ? scores[i] : most[lane];
  return *std::max_element(most, most + kScoreLanes);
}

// Scores become weights whose sum is 1. False: every score is masked.
bool weigh(float* scores, std::int64_t count) {
  const float largest = largest_of(scores, count);
  for (std::int64_t i = 0; i < count; ++i) {
    const float weight = exp_of_negative(scores[i] - largest);
    scores[i] = scores[i] == kMasked ? kNoWeight : weight;
  }
  float sums[kScoreLanes] = {};
  std::int64_t i = 0;
  for (; i + kScoreLanes <= count; i += kScoreLanes) {
    for (std::int64_t lane = 0; lane < kScoreLanes; ++lane) sums[lane] += scores[i + lane];
  }
  for (std::int64_t lane = 0; i < count; ++i, ++lane) sums[lane] += scores[i];
  double total = 0;
  for (const float sum : sums) total += static_cast<double>(sum);
  const auto share = static_cast<float>(1 / total);
  for (std::int64_t k = 0; k < count; ++k) scores[k] *= share;
  return total != 0;  // NaN is not masked
}

class Attention {
 public:
  explicit Attention(const Call& call)
      : call_(call),
        s_(call.layer),
        mask_(call),
        visible_(call),
        scale_(call.attributes().real("scale")),
        softcap_(call.attributes().real("softcap")) {}

  void run() const {
    const std::int64_t tiles = (s_.queries + kQueries - 1) / kQueries;
    call_.parallel(s_.batch * s_.heads * tiles, [&](std::int64_t begin, std::int64_t end, int worker) {
      auto* scores =
          reinterpret_cast<float*>(call_.workspace + static_cast<std::size_t>(worker) * s_.scratch_bytes());
      for (std::int64_t i = begin; i < end; ++i)
        tile(i / tiles / s_.heads, i / tiles % s_.heads, i % tiles * kQueries, scores);
    });
  }

 private:
  void tile(std::int64_t image, std::int64_t head, std::int64_t query, float* scores) const {
    const std::int64_t count = std::min(kQueries, s_.queries - query);
    const std::int64_t plane = image * s_.heads + head;
    const std::int64_t key_plane = image * s_.key_heads + head / (s_.heads / s_.key_heads);
    const float* q = call_.in(0) + (plane * s_.queries + query) * s_.size;
    float* y = call_.out() + (plane * s_.queries + query) * s_.value_size;
    const Keys keys = seen(image, query, count);
    const std::int64_t width = keys.last - keys.first;
    if (width == 0) {
      std::fill_n(y, count * s_.value_size, 0.0f);
      return;
    }
    const float* k = call_.in(1) + (key_plane * s_.keys + keys.first) * s_.size;
    const float* v = call_.in(2) + (key_plane * s_.keys + keys.first) * s_.value_size;
    const Stride pitch(s_.pitch());
    multiply_nt(Matrix(scores, count, width, pitch), ConstMatrix(q, count, s_.size, Stride(s_.size)),
                ConstMatrix(k, width, s_.size, Stride(s_.size)));
    std::array<bool, kQueries> any{};
    for (std::int64_t i = 0; i < count; ++i)
      any[static_cast<std::size_t>(i)] = score(image, head, query + i, keys, scores + i * s_.pitch());
    multiply(Matrix(y, count, s_.value_size, Stride(s_.value_size)), ConstMatrix(scores, count, width, pitch),
             ConstMatrix(v, width, s_.value_size, Stride(s_.value_size)));
    for (std::int64_t i = 0; i < count; ++i) {
      float* row = y + i * s_.value_size;
      if (any[static_cast<std::size_t>(i)])
        repair(scores + i * s_.pitch(), width, v, row);
      else
        std::fill_n(row, s_.value_size, 0.0f);
    }
  }

  // What is masked has no part in the result, but makes NaN of a value that is not finite: such results are
  // summed once more without it.
  void repair(const float* weights, std::int64_t width, const float* v, float* y) const {
    int undefined = 0;
    for (std::int64_t c = 0; c < s_.value_size; ++c) undefined |= y[c] != y[c] ? 1 : 0;
    for (std::int64_t c = 0; undefined != 0 && c < s_.value_size; ++c) {
      if (!std::isnan(y[c])) continue;
      double sum = 0;
      for (std::int64_t key = 0; key < width; ++key) {
        if (has_part(weights[key]))
          sum += static_cast<double>(weights[key]) * static_cast<double>(v[key * s_.value_size + c]);
      }
      y[c] = static_cast<float>(sum);
    }
  }

  // The keys that any of the queries sees. A cap makes numbers of masked scores: then all of them count.
  Keys seen(std::int64_t image, std::int64_t query, std::int64_t count) const {
    if (softcap_ > 0) return {0, s_.keys};
    Keys all = visible_.of(s_, image, query);
    for (std::int64_t i = 1; i < count; ++i) {
      const Keys keys = visible_.of(s_, image, query + i);
      if (keys.first == keys.last) continue;
      if (all.first == all.last) all = keys;
      all = {std::min(all.first, keys.first), std::max(all.last, keys.last)};
    }
    return all;
  }

  bool score(std::int64_t image, std::int64_t head, std::int64_t query, const Keys& tile,
             float* scores) const {
    const std::int64_t width = tile.last - tile.first;
    for (std::int64_t i = 0; i < width; ++i) scores[i] *= scale_;
    mask_.apply(image, head, query, tile.first, width, scores);
    const Keys own = visible_.of(s_, image, query);
    const std::int64_t first = std::clamp(own.first - tile.first, std::int64_t{0}, width);
    const std::int64_t last = std::clamp(own.last - tile.first, first, width);
    std::fill(scores, scores + first, kMasked);
    std::fill(scores + last, scores + width, kMasked);
    if (softcap_ > 0) {
      for (std::int64_t i = 0; i < width; ++i) scores[i] = softcap_ * std::tanh(scores[i] / softcap_);
    }
    return weigh(scores, width);
  }

  const Call& call_;
  AttentionShape s_;
  Mask mask_;
  Visible visible_;
  float scale_;
  float softcap_;
};

void attention(const Call& call) { Attention(call).run(); }

std::size_t attention_workspace(const LayerDesc& layer, int threads) {
  return AttentionShape(layer).scratch_bytes() * static_cast<std::size_t>(threads);
}

Refusal supports_attention(const LayerDesc& layer, const Cpu&) {
  if (layer.outputs.size() != 1 || layer.inputs.size() < 3) return Refusal::op;
  if (layer.main().clamp) return Refusal::clamp;
  const auto plain = [](const TensorDesc& tensor) {
    return tensor.format.layout == Layout::nchw && tensor.format.scale == 0;
  };
  for (std::size_t i = 0; i < layer.inputs.size(); ++i) {
    const TensorDesc* tensor = &layer.inputs[i];
    const DataType type = tensor->format.type;
    const bool fits = type == DataType::f32 || (tensor == layer.operand(3) && type == DataType::boolean) ||
                      (tensor == layer.operand(4) && type == DataType::s64);
    if (!fits) return Refusal::data_type;
    if (!plain(*tensor)) return Refusal::layout;
    if (tensor->shape.elements() <= 0) return Refusal::shape;
  }
  for (int i = 0; i < 3; ++i) {
    if (layer.main().operands[static_cast<std::size_t>(i)] != i ||
        layer.inputs[static_cast<std::size_t>(i)].shape.rank() != 4)
      return Refusal::rank;
  }
  const TensorDesc& y = layer.outputs.front();
  if (y.format.type != DataType::f32) return Refusal::data_type;
  if (y.shape.elements() <= 0) return Refusal::shape;
  return plain(y) ? Refusal::none : Refusal::layout;
}

constexpr Op kAttentionOp[] = {Op::attention};
constexpr Kernel kAttention = [] {
  Kernel kernel = entry<attention>("attention.rows.f32.portable", kAttentionOp, kNchw<>, supports_attention);
  kernel.workspace_bytes = attention_workspace;
  return if_selected(kernel);
}();

}  // namespace

const Kernel& attention_entry() noexcept { return kAttention; }

}  // namespace fettle::kernels::portable
