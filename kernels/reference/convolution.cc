// SPDX-License-Identifier: Apache-2.0
//
// Convolutions, pools, products of matrices. Sums are taken in double.
#include "kernels/reference/reference.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace fettle::kernels::reference {
namespace {

// The window of convolutions and pools, with as many spatial axes as the tensors have.
struct Window {
  std::span<const std::int64_t> kernel;
  std::span<const std::int64_t> strides;
  std::span<const std::int64_t> dilations;
  std::span<const std::int64_t> pads;

  explicit Window(const Attributes& attributes)
      : kernel(attributes.integers("kernel_shape")),
        strides(attributes.integers("strides")),
        dilations(attributes.integers("dilations")),
        pads(attributes.integers("pads")) {}
  std::size_t axes() const { return kernel.size(); }
  Shape shape() const { return Shape(kernel); }
  /// The input position under tap `tap` of output position `out`; may lie outside.
  std::int64_t position(std::size_t axis, std::int64_t out, std::int64_t tap) const {
    return out * strides[axis] - pads[axis] + tap * dilations[axis];
  }
};

void conv(const Buffers& b) {
  const auto x = b.in<float>(0);
  const auto w = b.in<float>(1);
  const auto y = b.out<float>();
  const Window window(b.attributes());
  const std::int64_t group = b.attributes().integer("group");
  const std::int64_t outputs_per_group = w.extent(0) / group;
  for_each_index(y.desc.shape, [&](const Index& out) {
    double sum = b.has(2) ? static_cast<double>(b.in<float>(2)[{out[1]}]) : 0.0;
    for (std::int64_t c = 0; c < w.extent(1); ++c) {
      for_each_index(window.shape(), [&](const Index& tap) {
        Index from{out[0], out[1] / outputs_per_group * w.extent(1) + c};
        Index weight{out[1], c};
        for (std::size_t axis = 0; axis < window.axes(); ++axis) {
          from[axis + 2] = window.position(axis, out[axis + 2], tap[axis]);
          weight[axis + 2] = tap[axis];
          if (from[axis + 2] < 0 || from[axis + 2] >= x.extent(static_cast<int>(axis) + 2)) return;
        }
        sum += static_cast<double>(x[from]) * static_cast<double>(w[weight]);
      });
    }
    y[out] = static_cast<float>(sum);
  });
}

// Gathers: an output element sums the taps whose input position is whole and inside.
void conv_transpose(const Buffers& b) {
  const auto x = b.in<float>(0);
  const auto w = b.in<float>(1);
  const auto y = b.out<float>();
  const Window window(b.attributes());
  const std::int64_t group = b.attributes().integer("group");
  const std::int64_t inputs_per_group = x.extent(1) / group;
  for_each_index(y.desc.shape, [&](const Index& out) {
    const std::int64_t g = out[1] / w.extent(1);
    double sum = b.has(2) ? static_cast<double>(b.in<float>(2)[{out[1]}]) : 0.0;
    for (std::int64_t c = 0; c < inputs_per_group; ++c) {
      for_each_index(window.shape(), [&](const Index& tap) {
        Index from{out[0], g * inputs_per_group + c};
        Index weight{g * inputs_per_group + c, out[1] % w.extent(1)};
        for (std::size_t axis = 0; axis < window.axes(); ++axis) {
          const std::int64_t scaled = out[axis + 2] + window.pads[axis] - tap[axis] * window.dilations[axis];
          if (scaled < 0 || scaled % window.strides[axis] != 0) return;
          from[axis + 2] = scaled / window.strides[axis];
          weight[axis + 2] = tap[axis];
          if (from[axis + 2] >= x.extent(static_cast<int>(axis) + 2)) return;
        }
        sum += static_cast<double>(x[from]) * static_cast<double>(w[weight]);
      });
    }
    y[out] = static_cast<float>(sum);
  });
}

void pool(const Buffers& b) {
  const auto x = b.in<float>(0);
  const auto y = b.out<float>();
  const Window window(b.attributes());
  const bool maximum = b.layer.main().op == Op::max_pool;
  const bool count_padding = b.attributes().integer("count_include_pad") != 0;
  for_each_index(y.desc.shape, [&](const Index& out) {
    double sum = 0;
    float largest = -std::numeric_limits<float>::infinity();
    std::int64_t count = 0;
    for_each_index(window.shape(), [&](const Index& tap) {
      Index from{out[0], out[1]};
      bool inside = true;
      bool counted = true;  // padding counts, but not what ceil_mode reaches beyond it
      for (std::size_t axis = 0; axis < window.axes(); ++axis) {
        const std::int64_t extent = x.extent(static_cast<int>(axis) + 2);
        from[axis + 2] = window.position(axis, out[axis + 2], tap[axis]);
        inside = inside && from[axis + 2] >= 0 && from[axis + 2] < extent;
        counted = counted && from[axis + 2] < extent + window.pads[axis + window.axes()];
      }
      if (inside) {
        sum += static_cast<double>(x[from]);
        largest = std::max(largest, x[from]);
      }
      count += (count_padding ? counted : inside) ? 1 : 0;
    });
    y[out] =
        maximum ? largest : static_cast<float>(sum / static_cast<double>(std::max<std::int64_t>(1, count)));
  });
}

void global_pool(const Buffers& b) {
  const auto x = b.in<float>(0);
  const auto y = b.out<float>();
  const bool maximum = b.layer.main().op == Op::global_max_pool;
  Shape spatial(x.desc.shape.dims().subspan(2));
  for_each_index(y.desc.shape, [&](const Index& out) {
    double sum = 0;
    float largest = -std::numeric_limits<float>::infinity();
    for_each_index(spatial, [&](const Index& at) {
      Index from{out[0], out[1]};
      std::copy_n(at.begin(), kMaxRank - 2, from.begin() + 2);
      sum += static_cast<double>(x[from]);
      largest = std::max(largest, x[from]);
    });
    y[out] = maximum ? largest : static_cast<float>(sum / static_cast<double>(spatial.elements()));
  });
}

void gemm(const Buffers& b) {
  const auto a = b.in<float>(0);
  const auto w = b.in<float>(1);
  const auto y = b.out<float>();
  const bool trans_a = b.attributes().integer("transA") != 0;
  const bool trans_b = b.attributes().integer("transB") != 0;
  const double alpha = b.attributes().real("alpha", 1);
  const double beta = b.attributes().real("beta", 1);
  const std::int64_t depth = a.extent(trans_a ? 0 : 1);
  for_each_index(y.desc.shape, [&](const Index& out) {
    double sum = 0;
    for (std::int64_t k = 0; k < depth; ++k) {
      const Index left = trans_a ? Index{k, out[0]} : Index{out[0], k};
      const Index right = trans_b ? Index{out[1], k} : Index{k, out[1]};
      sum += static_cast<double>(a[left]) * static_cast<double>(w[right]);
    }
    sum *= alpha;
    if (b.has(2)) {
      const auto c = b.in<float>(2);
      sum += beta * static_cast<double>(c[broadcast_index(out, 2, c.desc.shape)]);
    }
    y[out] = static_cast<float>(sum);
  });
}

// Vectors count as matrices of one row or column; batch axes are broadcast.
void matmul(const Buffers& b) {
  const auto a = b.in<float>(0);
  const auto w = b.in<float>(1);
  const auto y = b.out<float>();
  const int rank_a = a.desc.shape.rank();
  const int rank_b = w.desc.shape.rank();
  const bool row = rank_a > 1;
  const bool column = rank_b > 1;
  const std::int64_t depth = a.extent(rank_a - 1);
  const int rank_y = y.desc.shape.rank();
  const int batch = rank_y - (row ? 1 : 0) - (column ? 1 : 0);
  for_each_index(y.desc.shape, [&](const Index& out) {
    const Shape batch_a(a.desc.shape.dims().first(static_cast<std::size_t>(std::max(0, rank_a - 2))));
    const Shape batch_b(w.desc.shape.dims().first(static_cast<std::size_t>(std::max(0, rank_b - 2))));
    Index left = broadcast_index(out, batch, batch_a);
    Index right = broadcast_index(out, batch, batch_b);
    if (row) left[static_cast<std::size_t>(rank_a - 2)] = out[static_cast<std::size_t>(batch)];
    if (column) right[static_cast<std::size_t>(rank_b - 1)] = out[static_cast<std::size_t>(rank_y - 1)];
    double sum = 0;
    for (std::int64_t k = 0; k < depth; ++k) {
      left[static_cast<std::size_t>(rank_a - 1)] = k;
      right[static_cast<std::size_t>(column ? rank_b - 2 : 0)] = k;
      sum += static_cast<double>(a[left]) * static_cast<double>(w[right]);
    }
    y[out] = static_cast<float>(sum);
  });
}

constexpr Op kConvOp[] = {Op::conv};
constexpr Op kConvTransposeOp[] = {Op::conv_transpose};
constexpr Op kMaxPoolOp[] = {Op::max_pool};
constexpr Op kAveragePoolOp[] = {Op::average_pool};
constexpr Op kGlobalAveragePoolOp[] = {Op::global_average_pool};
constexpr Op kGlobalMaxPoolOp[] = {Op::global_max_pool};
constexpr Op kGemmOp[] = {Op::gemm};
constexpr Op kMatmulOp[] = {Op::matmul};

constexpr Kernel kConv = row<conv>("conv.direct.f32.reference", kConvOp, all_f32);
constexpr Kernel kConvTranspose =
    row<conv_transpose>("conv_transpose.gather.f32.reference", kConvTransposeOp, all_f32);
constexpr Kernel kMaxPool = row<pool>("max_pool.direct.f32.reference", kMaxPoolOp, all_f32);
constexpr Kernel kAveragePool = row<pool>("average_pool.direct.f32.reference", kAveragePoolOp, all_f32);
constexpr Kernel kGlobalAveragePool =
    row<global_pool>("global_average_pool.direct.f32.reference", kGlobalAveragePoolOp, all_f32);
constexpr Kernel kGlobalMaxPool =
    row<global_pool>("global_max_pool.direct.f32.reference", kGlobalMaxPoolOp, all_f32);
constexpr Kernel kGemm = row<gemm>("gemm.direct.f32.reference", kGemmOp, all_f32);
constexpr Kernel kMatmul = row<matmul>("matmul.direct.f32.reference", kMatmulOp, all_f32);

constexpr const Kernel* kRows[] = {
    &kConv,          &kConvTranspose, &kMaxPool, &kAveragePool, &kGlobalAveragePool,
    &kGlobalMaxPool, &kGemm,          &kMatmul};

}  // namespace

std::span<const Kernel* const> convolution_rows() noexcept { return kRows; }

}  // namespace fettle::kernels::reference
