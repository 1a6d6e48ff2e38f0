// SPDX-License-Identifier: Apache-2.0
//
// Resizing of pictures by linear (bilinear) and cubic (bicubic) interpolation, with antialiasing or without:
// one axis after the other. What each row and column is mixed of is found once; a row of the result is a
// mixture of rows, taken along vectors, and then of its columns.
#include "kernels/portable/portable.h"
#include "kernels/resize_axis.h"
#include "kernels/resize_taps.h"

#include <algorithm>
#include <vector>

namespace fettle::kernels::portable {
namespace {

// The mixtures of all positions along an axis, one after the other.
struct Mixtures {
  std::vector<std::int64_t> begin;  // of each position, and the end of the last
  std::vector<std::int64_t> element;
  std::vector<float> weight;

  Mixtures(const Attributes& attributes, int axis, std::int64_t in, std::int64_t out) {
    const ResizeAxis places(attributes, axis, in, out);
    for (std::int64_t at = 0; at < out; ++at) {
      begin.push_back(static_cast<std::int64_t>(element.size()));
      const ResizeTaps taps(places, in, at, attributes);
      for (std::int64_t i = 0; i < taps.count(); ++i) {
        element.push_back(taps.element(i));
        weight.push_back(static_cast<float>(taps.weight(i)));
      }
    }
    begin.push_back(static_cast<std::int64_t>(element.size()));
  }
};

class BoundInterpolation final : public BoundKernel {
 public:
  explicit BoundInterpolation(const BindArgs& args)
      : BoundInterpolation(args, args.layer.inputs[0].shape, args.layer.outputs[0].shape) {}

  Status set_buffers(std::span<const void* const> inputs, std::span<void* const> outputs,
                     void* workspace) noexcept override {
    input_ = static_cast<const float*>(inputs[0]);
    output_ = static_cast<float*>(outputs[0]);
    rows_ = static_cast<float*>(workspace);
    return {};
  }
  Status run() noexcept override {
    parallel_for(pool_, threads_, images_ * out_h_, [&](std::int64_t begin, std::int64_t end, int worker) {
      float* row = rows_ + worker * in_w_ * channels_;
      for (std::int64_t i = begin; i < end; ++i) {
        mix_rows(input_ + i / out_h_ * in_h_ * in_w_ * channels_, i % out_h_, row);
        mix_columns(row, output_ + i * out_w_ * channels_);
      }
    });
    return {};
  }

 private:
  // In nchw a plane is an image of one channel.
  BoundInterpolation(const BindArgs& args, const Shape& x, const Shape& y)
      : channels_(layout_of(args.layer) == Layout::nhwc ? x[1] : 1),
        images_(x[0] * x[1] / channels_),
        in_h_(x[2]),
        in_w_(x[3]),
        out_h_(y[2]),
        out_w_(y[3]),
        down_(args.layer.main().attributes, 2, in_h_, out_h_),
        across_(args.layer.main().attributes, 3, in_w_, out_w_),
        pool_(args.pool),
        threads_(args.threads) {}

  void mix_rows(const float* image, std::int64_t at, float* __restrict row) const noexcept {
    const std::int64_t length = in_w_ * channels_;
    const auto last = static_cast<std::size_t>(down_.begin[static_cast<std::size_t>(at) + 1]);
    auto i = static_cast<std::size_t>(down_.begin[static_cast<std::size_t>(at)]);
    const float* first = image + down_.element[i] * length;
    const float share = down_.weight[i];
    for (std::int64_t k = 0; k < length; ++k) row[k] = share * first[k];
    for (++i; i < last; ++i) {
      const float* __restrict from = image + down_.element[i] * length;
      const float weight = down_.weight[i];
      for (std::int64_t k = 0; k < length; ++k) row[k] += weight * from[k];
    }
  }
  void mix_columns(const float* row, float* __restrict y) const noexcept {
    for (std::int64_t at = 0; at < out_w_; ++at, y += channels_) {
      const auto last = static_cast<std::size_t>(across_.begin[static_cast<std::size_t>(at) + 1]);
      auto i = static_cast<std::size_t>(across_.begin[static_cast<std::size_t>(at)]);
      if (channels_ == 1) {
        float sum = 0;
        for (; i < last; ++i) sum += across_.weight[i] * row[across_.element[i]];
        *y = sum;
        continue;
      }
      const float* first = row + across_.element[i] * channels_;
      const float share = across_.weight[i];
      for (std::int64_t c = 0; c < channels_; ++c) y[c] = share * first[c];
      for (++i; i < last; ++i) {
        const float* from = row + across_.element[i] * channels_;
        const float weight = across_.weight[i];
        for (std::int64_t c = 0; c < channels_; ++c) y[c] += weight * from[c];
      }
    }
  }

  const std::int64_t channels_, images_, in_h_, in_w_, out_h_, out_w_;
  const Mixtures down_, across_;
  ThreadPool* const pool_;
  const int threads_;
  const float* input_ = nullptr;
  float* output_ = nullptr;
  float* rows_ = nullptr;
};

std::size_t interpolation_bytes(const LayerDesc& layer, int threads) {
  const Shape& x = layer.inputs[0].shape;
  const std::int64_t channels = layout_of(layer) == Layout::nhwc ? x[1] : 1;
  return static_cast<std::size_t>(x[3] * channels * threads) * sizeof(float);
}

Refusal supports_interpolation(const LayerDesc& layer, const Cpu&) {
  const Attributes& a = layer.main().attributes;
  if (layer.main().clamp) return Refusal::clamp;
  // What is computed while the network runs comes as operands.
  if (layer.inputs.size() != 1) return Refusal::op;
  if (layer.inputs[0].constant) return Refusal::constant;
  if (const Refusal refusal = uniform_f32(layer); refusal != Refusal::none) return refusal;
  const Shape& x = layer.inputs[0].shape;
  const Shape& y = layer.outputs[0].shape;
  if (x.rank() != 4) return Refusal::rank;
  const std::string_view mode = a.string("mode");
  if ((mode != "linear" && mode != "cubic") ||
      a.string("coordinate_transformation_mode") == "tf_crop_and_resize")
    return Refusal::attribute;
  const auto scales = a.reals("scales");
  const bool scaled = scales.empty() || (scales.size() == 4 && scales[0] == 1 && scales[1] == 1);
  if (!scaled) return Refusal::attribute;
  if (x[0] != y[0] || x[1] != y[1] || x.elements() <= 0 || y.elements() <= 0) return Refusal::shape;
  // Mixtures are kept; a stretched filter may see very many elements.
  constexpr std::int64_t kMostKept = std::int64_t{1} << 24;
  for (int axis = 2; axis < 4; ++axis) {
    const ResizeAxis places(a, axis, x[axis], y[axis]);
    const ResizeTaps taps(places, x[axis], y[axis] / 2, a);
    if (taps.count() < 1 || taps.count() > kMostKept / (y[axis] + 1)) return Refusal::too_large;
  }
  return Refusal::none;
}

constexpr Op kInterpolatedOp[] = {Op::resize};
constexpr Kernel kInterpolate = [] {
  Kernel kernel =
      basic_entry("resize.separable.f32.portable", kInterpolatedOp, kNchwNhwc<kF32>, supports_interpolation,
                  [](const BindArgs& args) {
                    return guard_allocation([&]() -> Result<std::unique_ptr<BoundKernel>> {
                      return std::unique_ptr<BoundKernel>(std::make_unique<BoundInterpolation>(args));
                    });
                  });
  kernel.threaded = true;
  kernel.workspace_bytes = interpolation_bytes;
  return if_selected(kernel);
}();
constexpr const Kernel* kInterpolationEntries[] = {kept(kInterpolate)};

}  // namespace

std::span<const Kernel* const> interpolation_entries() noexcept { return kInterpolationEntries; }

}  // namespace fettle::kernels::portable
