// SPDX-License-Identifier: Apache-2.0
//
// Operators of transformers. Sums are taken in double. ONNX operator specification, Attention-24 as corrected
// in 2026: a causal mask counts from where the queries begin among the keys, and a query that may look at no
// key gets zeros.
#include "kernels/reference/numbers.h"
#include "kernels/reference/transposed.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace fettle::kernels::reference {
namespace {

constexpr double kMasked = -std::numeric_limits<double>::infinity();
// The weight of what is masked, and of nothing else: weights are not negative.
constexpr double kNoWeight = -0.0;
bool has_part(double weight) { return weight != 0 || !std::signbit(weight); }
// Weights are numbers of f32, in which the smallest are 0.
double normal(double weight) { return weight < double{std::numeric_limits<float>::min()} ? 0 : weight; }

// What a result of scores shows, by qk_matmul_output_mode.
enum class Stage : std::int64_t { product, masked, capped, softmax };

// One layer's attention, of one query at a time.
class Attention {
 public:
  explicit Attention(const Buffers& b)
      : b_(b),
        queries_(operand(b, 0), b.attributes().integers("perm_q")),
        keys_(operand(b, 1), b.attributes().integers("perm_k")),
        values_(operand(b, 2), b.attributes().integers("perm_v")),
        plain_(b.attributes().integer("plain_softmax") != 0),
        scale_(b.attributes().real("scale")),
        softcap_(b.attributes().real("softcap")),
        causal_(b.attributes().integer("is_causal") != 0),
        left_(b.attributes().integer("left_window_size", -1)),
        right_(b.attributes().integer("right_window_size", -1)),
        stage_(static_cast<Stage>(b.attributes().integer("qk_matmul_output_mode"))),
        scores_(static_cast<double*>(b.workspace), static_cast<std::size_t>(keys_.extent(2))) {}

  void run() {
    const Shape each{queries_.extent(0), queries_.extent(1), queries_.extent(2)};
    for_each_index(each, [&](const Index& query) { attend(query); });
  }

 private:
  // [batch, head, query]
  void attend(const Index& query) {
    const std::int64_t head = query[1] / (queries_.extent(1) / keys_.extent(1));
    double largest = kMasked;
    for (std::int64_t key = 0; key < keys_.extent(2); ++key) {
      double& score = at(key);
      score = product(query, head, key);
      show(query, key, Stage::product);
      // What is masked does not count, whatever it is: no sum with NaN or infinity.
      const double masked = mask(query, key);
      score = masked == kMasked && !plain_ ? kMasked : score + masked;
      show(query, key, Stage::masked);
      if (softcap_ > 0) score = softcap_ * std::tanh(score / softcap_);
      show(query, key, Stage::capped);
      largest = std::max(largest, score);
    }
    double sum = 0;
    // No score counts: no key is seen, or all sums of products are -inf.
    const bool nothing = !plain_ && largest == kMasked;
    for (std::int64_t key = 0; key < keys_.extent(2); ++key) {
      double& score = at(key);
      if (!plain_ && softcap_ <= 0 && mask(query, key) == kMasked)
        score = kNoWeight;
      else
        score = nothing && score == kMasked ? 0 : normal(std::exp(score - largest));
      sum += score;
    }
    const auto y = result(b_);
    for (std::int64_t key = 0; key < keys_.extent(2); ++key) {
      if (sum != 0) at(key) /= sum;
      show(query, key, Stage::softmax);
    }
    for (std::int64_t k = 0; k < values_.extent(3); ++k) {
      double value = 0;
      for (std::int64_t key = 0; key < keys_.extent(2); ++key) {
        if (has_part(at(key))) value += at(key) * values_[{query[0], head, key, k}];
      }
      y.set(after_transpose({query[0], query[1], query[2], k}, b_.attributes().integers("perm_y")), value);
    }
  }

  double& at(std::int64_t key) { return scores_[static_cast<std::size_t>(key)]; }

  double product(const Index& query, std::int64_t head, std::int64_t key) const {
    double sum = 0;
    for (std::int64_t k = 0; k < queries_.extent(3); ++k)
      sum += queries_[{query[0], query[1], query[2], k}] * keys_[{query[0], head, key, k}];
    return sum * scale_;
  }

  // What is added to a score.
  double mask(const Index& query, std::int64_t key) const {
    std::int64_t place = query[2] + b_.attributes().integer("offset");  // of the query, among the keys
    if (b_.has(4)) {
      const std::int64_t count = operand<std::int64_t>(b_, 4)[{query[0]}];
      if (key >= count) return kMasked;
      if (b_.attributes().integer("offset") == 0)
        place += std::clamp<std::int64_t>(count, 0, keys_.extent(2)) - queries_.extent(2);
    }
    if ((causal_ && key > place) || (left_ >= 0 && key < place - left_) ||
        (right_ >= 0 && key > place + right_))
      return kMasked;
    if (!b_.has(3)) return 0;
    const TensorDesc& desc = *b_.layer.operand(3);
    const Index index = broadcast_index({query[0], query[1], query[2], key}, 4, desc.shape);
    if (desc.format.type != DataType::boolean) return operand(b_, 3)[index];
    return operand<std::uint64_t>(b_, 3)[index] != 0 ? 0 : kMasked;
  }

  void show(const Index& query, std::int64_t key, Stage stage) {
    if (stage == stage_ && b_.outputs.size() > 1)
      result(b_, 1).set({query[0], query[1], query[2], key}, at(key));
  }

  const Buffers& b_;
  Transposed<Numbers<double>> queries_, keys_, values_;
  bool plain_;  // -inf in a mask hides nothing
  double scale_, softcap_;
  bool causal_;
  std::int64_t left_, right_;
  Stage stage_;
  std::span<double> scores_;
};

void attention(const Buffers& b) { Attention(b).run(); }

std::size_t attention_workspace(const LayerDesc& layer, int) {
  const auto perm = layer.main().attributes.integers("perm_k");
  const int keys = perm.empty() ? 2 : static_cast<int>(perm[2]);
  return static_cast<std::size_t>(layer.operand(1)->shape[keys]) * sizeof(double);
}

Refusal supports_attention(const LayerDesc& layer, const Cpu& cpu) {
  const DataType type = layer.inputs.front().format.type;
  const auto is = [&](std::size_t operand, DataType wanted) {
    const TensorDesc* tensor = layer.operand(operand);
    return tensor == nullptr || tensor->format.type == wanted;
  };
  const bool fits = kind_of(type) == Kind::real && is(1, type) && is(2, type) &&
                    (is(3, type) || is(3, DataType::boolean)) && is(4, DataType::s64) &&
                    std::all_of(layer.outputs.begin(), layer.outputs.end(),
                                [&](const TensorDesc& y) { return y.format.type == type; });
  return fits ? any_number(layer, cpu) : Refusal::data_type;
}

// Pairs of numbers are turned by angles that depend on the place in the sequence.
void rotary_embedding(const Buffers& b) {
  const auto x = operand(b, 0);
  const auto cosines = operand(b, 1);
  const auto sines = operand(b, 2);
  const auto y = result(b);
  const std::int64_t rotated = b.attributes().integer("rotary_embedding_dim");
  const std::int64_t half = rotated / 2;
  const bool interleaved = b.attributes().integer("interleaved") != 0;
  for_each_index(y.shape(), [&](const Index& i) {
    if (i[3] >= rotated) return y.set(i, x[i]);
    const bool second = interleaved ? i[3] % 2 != 0 : i[3] >= half;
    const std::int64_t pair = interleaved ? i[3] / 2 : i[3] % half;
    Index angle{i[0], i[2], pair};
    if (b.has(3)) {
      const std::int64_t place = operand<std::int64_t>(b, 3)[{i[0], i[2]}];
      angle = {std::clamp<std::int64_t>(place, 0, cosines.extent(0) - 1), pair};
    }
    Index other = i;
    other[3] += (interleaved ? 1 : half) * (second ? -1 : 1);
    y.set(i, cosines[angle] * x[i] + (second ? 1 : -1) * sines[angle] * x[other]);
  });
}

Refusal supports_rotary(const LayerDesc& layer, const Cpu& cpu) {
  const DataType type = layer.inputs.front().format.type;
  const TensorDesc* places = layer.operand(3);
  const bool fits = kind_of(type) == Kind::real && layer.operand(1)->format.type == type &&
                    layer.operand(2)->format.type == type && layer.outputs.front().format.type == type &&
                    (places == nullptr || places->format.type == DataType::s64);
  return fits ? any_number(layer, cpu) : Refusal::data_type;
}

// A copy of the cache with the update in it.
void tensor_scatter(const Buffers& b) {
  const auto cache = b.in<std::byte>(0);
  const auto update = b.in<std::byte>(1);
  const auto y = b.out<std::byte>();
  const Mover move(b);
  const auto axis = static_cast<std::size_t>(b.attributes().integer("axis"));
  const std::int64_t extent = cache.extent(static_cast<int>(axis));
  const bool circular = b.attributes().string("mode") == "circular";
  for_each_index(y.desc.shape, [&](const Index& i) { move(y, i, cache, i); });
  for_each_index(update.desc.shape, [&](const Index& i) {
    const std::int64_t start = b.has(2) ? operand<std::int64_t>(b, 2)[{i[0]}] : 0;
    // Numbers of places come from outside: those that there are not are passed over.
    if (start < 0 || start >= extent) return;
    Index to = i;
    to[axis] += start;
    if (circular) to[axis] %= extent;
    if (to[axis] < extent) move(y, to, update, i);
  });
}

constexpr Kernel kAttention = [] {
  Kernel kernel = kRowOf<Op::attention, attention, supports_attention>;
  kernel.workspace_bytes = attention_workspace;
  return kernel;
}();

constexpr auto kAttentionEntries =
    join(std::array<const Kernel*, 1>{kept(kAttention)},
         kFamily<rotary_embedding, supports_rotary, "direct.any", Op::rotary_embedding>,
         kFamily<tensor_scatter, any_type, "copy.any", Op::tensor_scatter>);

}  // namespace

std::span<const Kernel* const> attention_entries() noexcept { return kAttentionEntries; }

}  // namespace fettle::kernels::reference
