// SPDX-License-Identifier: Apache-2.0
#include "kernels/common/blocked_layers.h"

#include "kernels/common/blocked.h"
#include "kernels/common/uniform.h"

#include <algorithm>

namespace fettle::kernels {
namespace {

class BoundMean final : public BoundKernel {
 public:
  BoundMean(const BlockedSet& set, const BindArgs& args)
      : set_(set),
        clamp_(clamp_of(args.layer)),
        batch_(args.layer.inputs[0].shape[0]),
        channels_(args.layer.inputs[0].shape[1]),
        blocks_(blocks_of(args.layer.inputs[0])),
        pixels_(args.layer.inputs[0].shape.elements() / (batch_ * channels_)),
        pool_(args.pool),
        threads_(args.threads) {}

  Status set_buffers(std::span<const void* const> inputs, std::span<void* const> outputs,
                     void*) noexcept override {
    input_ = static_cast<const float*>(inputs[0]);
    output_ = static_cast<float*>(outputs[0]);
    return {};
  }

  Status run() noexcept override {
    parallel_for(pool_, threads_, batch_ * blocks_, [&](std::int64_t begin, std::int64_t end, int) {
      for (std::int64_t i = begin; i < end; ++i) {
        const std::int64_t first = i % blocks_ * set_.lanes;
        const std::int64_t channels = std::min<std::int64_t>(set_.lanes, channels_ - first);
        set_.mean(input_ + i * pixels_ * set_.lanes, pixels_, clamp_,
                  output_ + i / blocks_ * channels_ + first, static_cast<std::size_t>(channels));
      }
    });
    return {};
  }

 private:
  const BlockedSet& set_;
  const Clamp clamp_;
  const std::int64_t batch_, channels_, blocks_, pixels_;
  ThreadPool* const pool_;
  const int threads_;
  const float* input_ = nullptr;
  float* output_ = nullptr;
};

Refusal check_one_input(const LayerDesc& layer) {
  if (layer.inputs.size() != 1 || layer.outputs.size() != 1) return Refusal::op;
  if (layer.inputs[0].constant) return Refusal::constant;
  return layer.inputs[0].shape.elements() > 0 && layer.outputs[0].shape.elements() > 0 ? Refusal::none
                                                                                       : Refusal::shape;
}

}  // namespace

Refusal BlockedMean::supports(const BlockedSet& set, const LayerDesc& layer) noexcept {
  if (const Refusal refusal = check_one_input(layer); refusal != Refusal::none) return refusal;
  const Format& x = layer.inputs[0].format;
  const Format& y = layer.outputs[0].format;
  if (x.type != DataType::f32 || x.scale != 0 || y.type != DataType::f32 || y.scale != 0)
    return Refusal::data_type;
  return x.layout == Layout::nchwc && x.block == set.lanes && y.layout == Layout::nchw ? Refusal::none
                                                                                       : Refusal::layout;
}

Result<std::unique_ptr<BoundKernel>> BlockedMean::bind(const BlockedSet& set, const BindArgs& args) {
  return bind_as<BoundMean>(set, args);
}

}  // namespace fettle::kernels
