// SPDX-License-Identifier: Apache-2.0
#include "kernels/common/normalisation.h"

#include "kernels/common/uniform.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace fettle::kernels {
namespace {

constexpr std::size_t kNormScale = 1;
constexpr std::size_t kNormBias = 2;

std::int64_t row_length(const LayerDesc& layer) noexcept {
  const auto axis = static_cast<std::size_t>(layer.main().attributes.integer("axis"));
  return Shape(layer.inputs[0].shape.dims().subspan(axis)).elements();
}

// What each has in common: dense operands, one for each place, of which the first is normalised.
Refusal check_operands(const LayerDesc& layer, std::size_t least, std::size_t most) noexcept {
  if (const Refusal refusal = uniform_f32(layer); refusal != Refusal::none) return refusal;
  if (layout_of(layer) != Layout::nchw) return Refusal::layout;
  if (layer.main().clamp) return Refusal::clamp;
  if (layer.inputs.size() < least || layer.inputs.size() > most) return Refusal::op;
  for (std::size_t i = 0; i < layer.inputs.size(); ++i) {
    if (layer.main().operands[i] != static_cast<int>(i)) return Refusal::op;
  }
  return layer.inputs[0].shape.elements() > 0 ? Refusal::none : Refusal::shape;
}

// Scale and bias have a number for each element of a row.
Refusal check_rows(const LayerDesc& layer) noexcept {
  const Shape& x = layer.inputs[0].shape;
  const std::int64_t axis = layer.main().attributes.integer("axis");
  if (axis < 0 || axis >= x.rank()) return Refusal::attribute;
  const Shape row(x.dims().subspan(static_cast<std::size_t>(axis)));
  for (std::size_t i = 1; i < layer.inputs.size(); ++i) {
    if (!(layer.inputs[i].shape == row)) return Refusal::shape;
  }
  return Refusal::none;
}

class BoundNorm : public BoundKernel {
 public:
  explicit BoundNorm(const BindArgs& args) : pool_(args.pool), threads_(args.threads) {}

  Status set_buffers(std::span<const void* const> inputs, std::span<void* const> outputs,
                     void*) noexcept override {
    x_ = static_cast<const float*>(inputs[0]);
    scale_ = static_cast<const float*>(inputs[kNormScale]);
    bias_ = inputs.size() > kNormBias ? static_cast<const float*>(inputs[kNormBias]) : nullptr;
    y_ = static_cast<float*>(outputs[0]);
    if (outputs.size() > 2) {
      means_ = static_cast<float*>(outputs[1]);
      inverses_ = static_cast<float*>(outputs[2]);
    }
    return {};
  }

 protected:
  ThreadPool* const pool_;
  const int threads_;
  const float* x_ = nullptr;
  const float* scale_ = nullptr;
  const float* bias_ = nullptr;
  float* y_ = nullptr;
  float* means_ = nullptr;
  float* inverses_ = nullptr;
};

class BoundRows final : public BoundNorm {
 public:
  BoundRows(void (*const& kernel)(const NormRows&) noexcept, const BindArgs& args)
      : BoundNorm(args),
        kernel_(kernel),
        length_(row_length(args.layer)),
        rows_(args.layer.inputs[0].shape.elements() / length_),
        epsilon_(args.layer.main().attributes.real("epsilon")) {}

  Status run() noexcept override {
    parallel_for(pool_, threads_, rows_, [&](std::int64_t begin, std::int64_t end, int) {
      const auto from = [&](float* results) { return results == nullptr ? nullptr : results + begin; };
      kernel_({x_ + begin * length_, y_ + begin * length_, end - begin, length_, scale_, bias_, epsilon_,
               from(means_), from(inverses_)});
    });
    return {};
  }

 private:
  void (*const kernel_)(const NormRows&) noexcept;
  const std::int64_t length_, rows_;
  const float epsilon_;
};

class BoundPlanes final : public BoundNorm {
 public:
  BoundPlanes(void (*const& kernel)(const NormPlanes&) noexcept, const BindArgs& args)
      : BoundNorm(args),
        kernel_(kernel),
        images_(args.layer.inputs[0].shape[0]),
        channels_(args.layer.inputs[0].shape[1]),
        pixels_(args.layer.inputs[0].shape.elements() / (images_ * channels_)),
        epsilon_(args.layer.main().attributes.real("epsilon")) {}

  Status run() noexcept override {
    parallel_for(pool_, threads_, images_ * channels_, [&](std::int64_t begin, std::int64_t end, int) {
      while (begin < end) {
        const std::int64_t channel = begin % channels_;
        const std::int64_t count = std::min(end - begin, channels_ - channel);
        kernel_({x_ + begin * pixels_, y_ + begin * pixels_, count, pixels_, scale_ + channel,
                 bias_ + channel, epsilon_});
        begin += count;
      }
    });
    return {};
  }

 private:
  void (*const kernel_)(const NormPlanes&) noexcept;
  const std::int64_t images_, channels_, pixels_;
  const float epsilon_;
};

}  // namespace

Refusal LayerNorm::supports(const LayerDesc& layer) noexcept {
  if (layer.outputs.size() != 1 && layer.outputs.size() != 3) return Refusal::op;
  const Refusal refusal = check_operands(layer, 2, 3);
  return refusal == Refusal::none ? check_rows(layer) : refusal;
}

Result<std::unique_ptr<BoundKernel>> LayerNorm::bind(const NormSet& set, const BindArgs& args) {
  return bind_as<BoundRows>(set.layer_norm, args);
}

Refusal RmsNorm::supports(const LayerDesc& layer) noexcept {
  if (layer.outputs.size() != 1) return Refusal::op;
  const Refusal refusal = check_operands(layer, 2, 2);
  return refusal == Refusal::none ? check_rows(layer) : refusal;
}

Result<std::unique_ptr<BoundKernel>> RmsNorm::bind(const NormSet& set, const BindArgs& args) {
  return bind_as<BoundRows>(set.rms_norm, args);
}

Refusal InstanceNorm::supports(const LayerDesc& layer) noexcept {
  if (layer.outputs.size() != 1) return Refusal::op;
  if (const Refusal refusal = check_operands(layer, 3, 3); refusal != Refusal::none) return refusal;
  const Shape& x = layer.inputs[0].shape;
  if (x.rank() < 3) return Refusal::rank;
  const bool fits =
      layer.inputs[kNormScale].shape.elements() == x[1] && layer.inputs[kNormBias].shape.elements() == x[1];
  return fits ? Refusal::none : Refusal::shape;
}

Result<std::unique_ptr<BoundKernel>> InstanceNorm::bind(const NormSet& set, const BindArgs& args) {
  return bind_as<BoundPlanes>(set.instance_norm, args);
}

}  // namespace fettle::kernels
