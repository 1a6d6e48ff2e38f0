// SPDX-License-Identifier: Apache-2.0
//
// Einsum of one or two terms as a batch of products of matrices: labels that both terms and the result have
// count batches, those that one term shares with the result are rows or columns, those that only the terms
// share are summed over by the product. Those of one term alone are summed where there is no other term;
// beside another one the pass split_einsum has done so before. Terms and result that do not lie so are moved;
// a label that a term has twice stands for its diagonal.
#include "kernels/portable/box.h"
#include "kernels/portable/portable.h"
#include "kernels/portable/tiles.h"

#include <array>

namespace fettle::kernels::portable {
namespace {

// Axes by label: how far apart its steps are in each term and in the result, 0 where it is not there (or of
// extent 1, and broadcast).
struct Label {
  std::int64_t extent = 1;
  std::array<std::int64_t, 2> term{};
  std::int64_t result = 0;
  std::array<bool, 2> in_term{};
  bool in_result = false;
};

// Some of the labels in an order.
struct Axes {
  std::array<const Label*, kMaxRank> labels{};
  std::size_t count = 0;

  void add(const Label& label) { labels[count++] = &label; }
  std::int64_t product() const {
    std::int64_t all = 1;
    for (std::size_t i = 0; i < count; ++i) all *= labels[i]->extent;
    return all;
  }
};

// A dense tensor, and the strides at which its elements come from (or go to) somewhere else.
class Walk {
 public:
  void add(std::int64_t extent, std::int64_t stride) {
    if (extent == 1) return;
    extents_[rank_] = extent;
    strides_[rank_++] = stride;
  }
  void add(const Axes& axes, std::size_t term) {
    for (std::size_t i = 0; i < axes.count; ++i) add(axes.labels[i]->extent, axes.labels[i]->term[term]);
  }
  void add_result(const Axes& axes) {
    for (std::size_t i = 0; i < axes.count; ++i) add(axes.labels[i]->extent, axes.labels[i]->result);
  }
  std::int64_t elements() const {
    std::int64_t all = 1;
    for (std::size_t i = 0; i < rank_; ++i) all *= extents_[i];
    return all;
  }
  /// Whether it is the dense tensor itself.
  bool dense() const {
    std::int64_t step = 1;
    for (std::size_t i = rank_; i-- > 0; step *= extents_[i]) {
      if (strides_[i] != step) return false;
    }
    return true;
  }
  /// From the strides to a dense tensor, or the other way round.
  Box box(bool to_dense) const {
    Box box;
    std::int64_t step = elements();
    for (std::size_t i = 0; i < rank_; ++i) {
      step /= extents_[i];
      box.add(extents_[i], to_dense ? strides_[i] : step, to_dense ? step : strides_[i]);
    }
    return box;
  }
  /// Calls body(offset by the strides) for each element in order.
  template <typename Body>
  void for_each(std::int64_t begin, std::int64_t end, Body&& body) const {
    for (std::int64_t i = begin; i < end; ++i) {
      std::int64_t offset = 0;
      std::int64_t rest = i;
      for (std::size_t axis = rank_; axis-- > 0; rest /= extents_[axis])
        offset += rest % extents_[axis] * strides_[axis];
      body(i, offset);
    }
  }

 private:
  std::array<std::int64_t, kMaxAxes> extents_{};
  std::array<std::int64_t, kMaxAxes> strides_{};
  std::size_t rank_ = 0;
};

class Einsum {
 public:
  explicit Einsum(const LayerDesc& layer) : terms_(layer.main().operands.size()) {
    read_labels(layer);
    for (const Label& label : labels_) {
      if (label.extent > 1) place(label);
    }
    walks_[0] = walk_of(batch_, rows_, depth_, 0);
    walks_[1] = walk_of(batch_, depth_, columns_, 1);
    result_.add_result(batch_);
    result_.add_result(rows_);
    result_.add_result(columns_);
    for (std::size_t term = 0; term < terms_; ++term) summed_walks_[term].add(summed_[term], term);
  }

  std::int64_t m() const { return rows_.product(); }
  std::int64_t n() const { return columns_.product(); }
  std::int64_t k() const { return depth_.product(); }
  std::int64_t batches() const { return batch_.product(); }

  bool sums_before_product() const { return terms_ == 2 && (summed_[0].count > 0 || summed_[1].count > 0); }
  bool moves_term(std::size_t term) const { return summed_[term].count > 0 || !walks_[term].dense(); }
  bool moves_result() const { return !result_.dense(); }
  std::size_t term_floats(std::size_t term) const {
    return term < terms_ && moves_term(term) ? static_cast<std::size_t>(walks_[term].elements()) : 0;
  }
  std::size_t result_floats() const {
    return moves_result() ? static_cast<std::size_t>(result_.elements()) : 0;
  }

  /// The term where a product finds it: in its own memory, or moved to `to`.
  const float* term(const Call& call, std::size_t term, float* to) const {
    const float* x = call.in(static_cast<std::size_t>(call.layer.main().operands[term]));
    if (!moves_term(term)) return x;
    const Walk& walk = walks_[term];
    if (summed_[term].count == 0) {
      copy_box(call, walk.box(true), x, to);
      return to;
    }
    const Walk& summed = summed_walks_[term];
    call.parallel(walk.elements(), [&](std::int64_t begin, std::int64_t end, int) {
      walk.for_each(begin, end, [&](std::int64_t i, std::int64_t offset) {
        double sum = 0;
        summed.for_each(0, summed.elements(),
                        [&](std::int64_t, std::int64_t at) { sum += static_cast<double>(x[offset + at]); });
        to[i] = static_cast<float>(sum);
      });
    });
    return to;
  }
  void move_result(const Call& call, const float* from) const {
    copy_box(call, result_.box(false), from, call.out());
  }

 private:
  void read_labels(const LayerDesc& layer) {
    std::size_t list = 0;
    int axis = 0;
    for (const std::int64_t number : layer.main().attributes.integers("labels")) {
      if (number < 0) {
        ++list;
        axis = 0;
        continue;
      }
      Label& label = labels_[static_cast<std::size_t>(number)];
      const TensorDesc& tensor = list < terms_ ? *layer.operand(list) : layer.outputs.front();
      const std::int64_t extent = tensor.shape[axis];
      const std::int64_t stride = tensor.strides[static_cast<std::size_t>(axis++)];
      label.extent = std::max(label.extent, extent);
      if (extent == 1) continue;
      if (list == terms_) {
        label.result = stride;
        label.in_result = true;
      } else {
        label.term[list] += stride;
        label.in_term[list] = true;
      }
    }
  }
  void place(const Label& label) {
    if (label.in_term[0] && label.in_term[1])
      (label.in_result ? batch_ : depth_).add(label);
    else if (label.in_result)
      (label.in_term[0] ? rows_ : columns_).add(label);
    else
      summed_[label.in_term[0] ? 0 : 1].add(label);
  }
  static Walk walk_of(const Axes& outer, const Axes& middle, const Axes& inner, std::size_t term) {
    Walk walk;
    walk.add(outer, term);
    walk.add(middle, term);
    walk.add(inner, term);
    return walk;
  }

  std::size_t terms_;
  std::array<Label, kMaxRank> labels_{};
  Axes batch_, rows_, columns_, depth_;
  std::array<Axes, 2> summed_;
  std::array<Walk, 2> walks_, summed_walks_;
  Walk result_;
};

void einsum(const Call& call) {
  const Einsum e(call.layer);
  auto* a_memory = reinterpret_cast<float*>(call.workspace);
  float* b_memory = a_memory + e.term_floats(0);
  float* y_memory = b_memory + e.term_floats(1);
  const float* a = e.term(call, 0, a_memory);
  if (call.layer.main().operands.size() == 1) return e.move_result(call, a);
  const float* b = e.term(call, 1, b_memory);
  float* y = e.moves_result() ? y_memory : call.out();
  const std::int64_t m = e.m();
  const std::int64_t n = e.n();
  const std::int64_t k = e.k();
  const Tiles tiles(m, n, k);
  call.parallel(e.batches() * tiles.count(), [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t batch = i / tiles.count();
      tiles.multiply_tile(i % tiles.count(), a + batch * m * k, b + batch * k * n, y + batch * m * n);
    }
  });
  if (e.moves_result()) e.move_result(call, y);
}

std::size_t workspace(const LayerDesc& layer, int) {
  const Einsum e(layer);
  return (e.term_floats(0) + e.term_floats(1) + e.result_floats()) * sizeof(float);
}

Refusal supports_einsum(const LayerDesc& layer, const Cpu&) {
  if (const Refusal refusal = uniform_f32(layer); refusal != Refusal::none) return refusal;
  if (layout_of(layer) != Layout::nchw) return Refusal::layout;
  if (layer.main().clamp) return Refusal::clamp;
  if (layer.main().operands.size() > 2) return Refusal::op;
  return Einsum(layer).sums_before_product() ? Refusal::shape : Refusal::none;
}

constexpr Op kEinsumOp[] = {Op::einsum};
constexpr Kernel kEinsum = [] {
  Kernel kernel = entry<einsum>("einsum.gemm.f32.portable", kEinsumOp, kNchw<kF32>, supports_einsum);
  kernel.workspace_bytes = workspace;
  return if_selected(kernel);
}();
constexpr const Kernel* kEinsumEntries[] = {kept(kEinsum)};

}  // namespace

std::span<const Kernel* const> einsum_entries() noexcept { return kEinsumEntries; }

}  // namespace fettle::kernels::portable
