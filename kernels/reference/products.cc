// SPDX-License-Identifier: Apache-2.0
//
// Products of matrices and what is made of them. Real sums are taken in double.
#include "kernels/reference/numbers.h"
#include "kernels/reference/transposed.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace fettle::kernels::reference {
namespace {

// alpha and beta are real, whatever the matrices are.
template <Number T>
T scaled(float factor, T value) {
  if (factor == 1) return value;
  return from_real<T>(static_cast<double>(factor) * static_cast<double>(value));
}

template <Number T>
void gemm_typed(const Buffers& b) {
  const auto a = operand<T>(b, 0);
  const auto w = operand<T>(b, 1);
  const auto y = result<T>(b);
  const bool trans_a = b.attributes().integer("transA") != 0;
  const bool trans_b = b.attributes().integer("transB") != 0;
  const std::int64_t depth = a.extent(trans_a ? 0 : 1);
  for_each_index(y.shape(), [&](const Index& out) {
    T sum{};
    for (std::int64_t k = 0; k < depth; ++k) {
      const Index left = trans_a ? Index{k, out[0]} : Index{out[0], k};
      const Index right = trans_b ? Index{out[1], k} : Index{k, out[1]};
      sum = multiply_add(a[left], w[right], sum);
    }
    sum = scaled(b.attributes().real("alpha", 1), sum);
    if (b.has(2)) {
      const auto c = operand<T>(b, 2);
      const T bias = scaled(b.attributes().real("beta", 1), c[broadcast_index(out, 2, c.shape())]);
      sum = multiply_add(T{1}, bias, sum);
    }
    y.set(out, sum);
  });
}

void gemm(const Buffers& b) {
  with_number(b.layer.outputs.front().format.type, [&](auto number) { gemm_typed<decltype(number)>(b); });
}

// Vectors count as matrices of one row or column; batch axes are broadcast.
template <Number T>
void matmul_typed(const Buffers& b) {
  const auto given_a = operand<T>(b, 0);
  const auto given_b = operand<T>(b, 1);
  const Transposed a(given_a, b.attributes().integers("perm_a"));
  const Transposed w(given_b, b.attributes().integers("perm_b"));
  const auto y = result<T>(b);
  const auto perm_y = b.attributes().integers("perm_y");
  const int rank_a = a.rank();
  const int rank_b = w.rank();
  const bool row = rank_a > 1;
  const bool column = rank_b > 1;
  const std::int64_t depth = a.extent(rank_a - 1);
  const int rank_y = y.rank();
  const int batch = rank_y - (row ? 1 : 0) - (column ? 1 : 0);
  for_each_index(y.shape(), [&](const Index& stored) {
    const Index out = before_transpose(stored, perm_y);
    const Shape batch_a(a.shape().dims().first(static_cast<std::size_t>(std::max(0, rank_a - 2))));
    const Shape batch_b(w.shape().dims().first(static_cast<std::size_t>(std::max(0, rank_b - 2))));
    Index left = broadcast_index(out, batch, batch_a);
    Index right = broadcast_index(out, batch, batch_b);
    if (row) left[static_cast<std::size_t>(rank_a - 2)] = out[static_cast<std::size_t>(batch)];
    if (column) right[static_cast<std::size_t>(rank_b - 1)] = out[static_cast<std::size_t>(rank_y - 1)];
    T sum{};
    for (std::int64_t k = 0; k < depth; ++k) {
      left[static_cast<std::size_t>(rank_a - 1)] = k;
      right[static_cast<std::size_t>(column ? rank_b - 2 : 0)] = k;
      sum = multiply_add(a[left], w[right], sum);
    }
    if (b.has(2))
      sum = multiply_add(T{1}, operand<T>(b, 2)[Index{out[static_cast<std::size_t>(rank_y - 1)]}], sum);
    y.set(stored, sum);
  });
}

void matmul(const Buffers& b) {
  with_number(b.layer.outputs.front().format.type, [&](auto number) { matmul_typed<decltype(number)>(b); });
}

// One label an axis: the axes of each operand, then those of the result, divided by -1.
class Einsum {
 public:
  explicit Einsum(const LayerDesc& layer) {
    std::size_t list = 0;
    for (const std::int64_t label : layer.main().attributes.integers("labels")) {
      if (label < 0)
        ++list;
      else
        append(layer, list, static_cast<std::size_t>(label));
    }
  }

  /// The extents of the labels that are summed over; 1 for those of the result.
  Shape summed() const {
    Shape shape;
    for (std::size_t label = 0; label < kMaxRank; ++label)
      shape.push_back(kept_[label] ? 1 : extents_[label]);  // 1 for labels that there are not
    return shape;
  }
  /// What each label stands at for an index of the result and one of the sum.
  Index labels(const Index& out, const Index& sum) const {
    Index at = sum;
    for (std::size_t axis = 0; axis < result_rank_; ++axis) at[result_[axis]] = out[axis];
    return at;
  }
  Index operand_index(std::size_t number, const Index& labels, const Shape& shape) const {
    Index at{};
    for (int axis = 0; axis < shape.rank(); ++axis) {
      const auto k = static_cast<std::size_t>(axis);
      at[k] = shape[axis] == 1 ? 0 : labels[operands_[number][k]];
    }
    return at;
  }
  static constexpr std::size_t kOperands = 4;

 private:
  void append(const LayerDesc& layer, std::size_t list, std::size_t label) {
    const std::size_t count = layer.main().operands.size();
    if (list == count) {
      kept_[label] = true;
      result_[result_rank_++] = label;
      return;
    }
    const Shape& shape = layer.operand(list)->shape;
    const std::int64_t extent = shape[static_cast<int>(ranks_[list])];
    if (extent != 1) extents_[label] = extent;
    operands_[list][ranks_[list]++] = label;
  }

  std::array<std::int64_t, kMaxRank> extents_{1, 1, 1, 1, 1, 1, 1, 1};
  std::array<bool, kMaxRank> kept_{};
  std::array<std::size_t, kMaxRank> result_{};
  std::size_t result_rank_ = 0;
  std::array<std::array<std::size_t, kMaxRank>, kOperands> operands_{};
  std::array<std::size_t, kOperands> ranks_{};
};

template <Number T>
void einsum_typed(const Buffers& b) {
  const auto y = result<T>(b);
  const Einsum einsum(b.layer);
  const Shape summed = einsum.summed();
  for_each_index(y.shape(), [&](const Index& out) {
    T sum{};
    for_each_index(summed, [&](const Index& step) {
      const Index labels = einsum.labels(out, step);
      T product{1};
      for (std::size_t i = 0; i < b.layer.main().operands.size(); ++i) {
        const auto x = operand<T>(b, i);
        product = multiply_add(product, x[einsum.operand_index(i, labels, x.shape())], T{});
      }
      sum = multiply_add(T{1}, sum, product);
    });
    y.set(out, sum);
  });
}

void einsum(const Buffers& b) {
  with_number(b.layer.outputs.front().format.type, [&](auto number) { einsum_typed<decltype(number)>(b); });
}

Refusal supports_einsum(const LayerDesc& layer, const Cpu& cpu) {
  return layer.main().operands.size() <= Einsum::kOperands ? same_number(layer, cpu) : Refusal::shape;
}

// The determinant of a matrix of doubles, which is used up: elimination with the largest pivots.
double eliminate(double* matrix, std::int64_t n) {
  double determinant = 1;
  for (std::int64_t column = 0; column < n; ++column) {
    std::int64_t pivot = column;
    for (std::int64_t row = column + 1; row < n; ++row) {
      if (std::abs(matrix[row * n + column]) > std::abs(matrix[pivot * n + column])) pivot = row;
    }
    if (matrix[pivot * n + column] == 0) return 0;
    if (pivot != column) {
      std::swap_ranges(matrix + pivot * n, matrix + (pivot + 1) * n, matrix + column * n);
      determinant = -determinant;
    }
    determinant *= matrix[column * n + column];
    for (std::int64_t row = column + 1; row < n; ++row) {
      const double factor = matrix[row * n + column] / matrix[column * n + column];
      for (std::int64_t k = column; k < n; ++k) matrix[row * n + k] -= factor * matrix[column * n + k];
    }
  }
  return determinant;
}

void det(const Buffers& b) {
  const auto x = operand(b, 0);
  const auto y = result(b);
  const std::int64_t n = x.extent(x.rank() - 1);
  auto* matrix = static_cast<double*>(b.workspace);
  for_each_index(y.shape(), [&](const Index& out) {
    for_each_index(Shape{n, n}, [&](const Index& at) {
      Index from = out;
      from[static_cast<std::size_t>(x.rank() - 2)] = at[0];
      from[static_cast<std::size_t>(x.rank() - 1)] = at[1];
      matrix[at[0] * n + at[1]] = x[from];
    });
    y.set(out, eliminate(matrix, n));
  });
}

std::size_t det_workspace(const LayerDesc& layer, int) {
  const Shape& x = layer.inputs[0].shape;
  const auto n = static_cast<std::size_t>(x[x.rank() - 1]);
  return n * n * sizeof(double);
}

constexpr Kernel kDet = [] {
  Kernel kernel = kRowOf<Op::det, det, same_real, "eliminate.any">;
  kernel.workspace_bytes = det_workspace;
  return if_selected(kernel);
}();

constexpr auto kProductsEntries = join(kFamily<gemm, same_number, "direct.any", Op::gemm>,
                                       kFamily<matmul, same_number, "direct.any", Op::matmul>,
                                       kFamily<einsum, supports_einsum, "direct.any", Op::einsum>,
                                       std::array<const Kernel*, 1>{kept(kDet)});

}  // namespace

std::span<const Kernel* const> product_entries() noexcept { return kProductsEntries; }

}  // namespace fettle::kernels::reference
