// SPDX-License-Identifier: Apache-2.0
//
// Attention of some queries of one head at a time: their scores stay in the cache until they have weighed the
// values. What cannot be seen by any of these queries (beyond a causal border, a window or a count of keys)
// is not looked at.
#include "kernels/attention.h"
#include "kernels/portable/eigen.h"
#include "kernels/portable/portable.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace fettle::kernels::portable {
namespace {

constexpr std::int64_t kQueries = 96;  // of a tile: each packs all keys and values once
constexpr std::int64_t kScoreLanes = 16;
constexpr float kMasked = AttentionMask::kMasked;

// exp(x) of numbers that are not above 0, in a form that compilers vectorise; NaN stays NaN, and what would
// be subnormal is 0. Cody and Waite's reduction and the Taylor polynomial: within 2 units in the last place.
inline float exp_of_negative(float x) {
  constexpr float kLeast = -87.33f;      // whose exponential is the least normal number
  constexpr float kRound = 12582912.0f;  // 1.5 * 2^23 leaves a small number rounded in the low bits
  const float bounded = x < kLeast ? kLeast : x;
  const float shifted = bounded * 1.44269504f + kRound;
  const float whole = shifted - kRound;
  const float rest = (bounded - whole * 0.693359375f) - whole * -2.12194440e-4f;
  float sum = 1.9875691e-4f * rest + 1.3981999e-3f;
  sum = sum * rest + 8.3334519e-3f;
  sum = sum * rest + 4.1665796e-2f;
  sum = sum * rest + 1.6666665e-1f;
  sum = sum * rest + 0.5f;
  sum = sum * (rest * rest) + rest + 1;
  const std::int32_t power = std::bit_cast<std::int32_t>(shifted) - std::bit_cast<std::int32_t>(kRound);
  const float result = sum * std::bit_cast<float>((power + 127) << 23);
  return x < kLeast ? 0 : result;
}

// Rows of scores begin at a cache line, so that results do not depend on where they lie.
std::int64_t score_pitch(const AttentionShape& s) {
  return (s.keys + kScoreLanes - 1) / kScoreLanes * kScoreLanes;
}
std::size_t score_bytes(const AttentionShape& s) {
  return static_cast<std::size_t>(kQueries * score_pitch(s)) * sizeof(float);
}

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

// Scores become weights whose sum is 1. Where `hides`, all of -inf are what is hidden, with weights of 0;
// else they give NaN.
void weigh(float* scores, std::int64_t count, bool hides) {
  const float largest = largest_of(scores, count);
  const bool nothing = hides && largest == kMasked;
  for (std::int64_t i = 0; i < count; ++i) {
    const float weight = exp_of_negative(scores[i] - largest);
    scores[i] = nothing && scores[i] == kMasked ? 0 : weight;
  }
  float sums[kScoreLanes] = {};
  std::int64_t i = 0;
  for (; i + kScoreLanes <= count; i += kScoreLanes) {
    for (std::int64_t lane = 0; lane < kScoreLanes; ++lane) sums[lane] += scores[i + lane];
  }
  for (std::int64_t lane = 0; i < count; ++i, ++lane) sums[lane] += scores[i];
  double total = 0;
  for (const float sum : sums) total += static_cast<double>(sum);
  if (total == 0) return;
  const auto share = static_cast<float>(1 / total);
  for (std::int64_t k = 0; k < count; ++k) scores[k] *= share;
}

class Attention {
 public:
  explicit Attention(const Call& call)
      : call_(call),
        s_(call.layer),
        mask_(call.layer),
        visible_(call.layer),
        scale_(call.attributes().real("scale")),
        softcap_(call.attributes().real("softcap")) {
    mask_.set_buffers(call.inputs);
    visible_.set_buffers(call.inputs);
  }

  void run() const {
    const std::int64_t tiles = (s_.queries + kQueries - 1) / kQueries;
    call_.parallel(s_.batch * s_.heads * tiles, [&](std::int64_t begin, std::int64_t end, int worker) {
      auto* scores =
          reinterpret_cast<float*>(call_.workspace + static_cast<std::size_t>(worker) * score_bytes(s_));
      for (std::int64_t i = begin; i < end; ++i)
        tile(i / tiles / s_.heads, i / tiles % s_.heads, i % tiles * kQueries, scores);
    });
  }

 private:
  void tile(std::int64_t image, std::int64_t head, std::int64_t query, float* scores) const {
    const std::int64_t count = std::min(kQueries, s_.queries - query);
    const float* q = call_.in(0) + s_.q.at(image, head) + query * s_.q.row;
    float* y = call_.out() + s_.y.at(image, head) + query * s_.y.row;
    // A cap makes numbers of masked scores: then all of them count.
    const Keys keys = softcap_ > 0 ? Keys{0, s_.keys} : visible_.of_any(s_, image, query, count);
    const std::int64_t width = keys.last - keys.first;
    const std::int64_t pitch = score_pitch(s_);
    if (width == 0) {
      for (std::int64_t i = 0; i < count; ++i) std::fill_n(y + i * s_.y.row, s_.value_size, 0.0f);
      return;
    }
    const float* k = call_.in(1) + s_.k.at(image, head / s_.group()) + keys.first * s_.k.row;
    const float* values = call_.in(2) + s_.v.at(image, head / s_.group());
    const float* v = values + keys.first * s_.v.row;
    const Matrix products(scores, count, width, Stride(pitch));
    const ConstMatrix queries(q, count, s_.size, Stride(s_.q.row));
    if (s_.k.row == 1)
      multiply(products, queries, ConstMatrix(k, s_.size, width, Stride(s_.k.element)));
    else
      multiply_nt(products, queries, ConstMatrix(k, width, s_.size, Stride(s_.k.row)));
    for (std::int64_t i = 0; i < count; ++i) weigh_row(image, head, query + i, keys, scores + i * pitch);
    const Matrix results(y, count, s_.value_size, Stride(s_.y.row));
    const ConstMatrix weights(scores, count, width, Stride(pitch));
    if (s_.v.row == 1)
      multiply_nt(results, weights, ConstMatrix(v, s_.value_size, width, Stride(s_.v.element)));
    else
      multiply(results, weights, ConstMatrix(v, width, s_.value_size, Stride(s_.v.row)));
    // Eigen's sums of nothing but products with 0 may be -0, depending on where rows lie.
    for (std::int64_t i = 0; i < count; ++i) {
      for (std::int64_t c = 0; c < s_.value_size; ++c) y[i * s_.y.row + c] += 0.0f;
    }
    if (mask_.is_plain() || softcap_ > 0) return;
    for (std::int64_t i = 0; i < count; ++i)
      leave_hidden_out(s_, mask_, image, head, query + i, keys, visible_.of(s_, image, query + i), values,
                       scores + i * pitch, y + i * s_.y.row);
  }

  void weigh_row(std::int64_t image, std::int64_t head, std::int64_t query, const Keys& tile,
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
    weigh(scores, width, !mask_.is_plain());
  }

  const Call& call_;
  AttentionShape s_;
  AttentionMask mask_;
  VisibleKeys visible_;
  float scale_;
  float softcap_;
};

void attention(const Call& call) { Attention(call).run(); }

std::size_t attention_workspace(const LayerDesc& layer, int threads) {
  return score_bytes(AttentionShape(layer)) * static_cast<std::size_t>(threads);
}

Refusal supports_attention(const LayerDesc& layer, const Cpu&) {
  if (const Refusal refusal = check_attention_f32(layer); refusal != Refusal::none) return refusal;
  return check_rows_and_columns(AttentionShape(layer));
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
