// SPDX-License-Identifier: Apache-2.0
#include "kernels/common/pwdw.h"

#include "kernels/common/depthwise_rows.h"
#include "kernels/common/nhwc.h"
#include "kernels/common/pointwise_rows.h"
#include "kernels/common/widened_rows.h"
#include "lib/base/guard.h"

namespace fettle::kernels {
namespace {

class BoundPwdw final : public BoundKernel {
 public:
  BoundPwdw(const ConvPairSet& set, const BindArgs& args) : BoundPwdw(set, args, ConvPair(args.layer)) {}

  Status set_buffers(std::span<const void* const> inputs, std::span<void* const> outputs,
                     void* workspace) noexcept override {
    input_ = static_cast<const float*>(inputs[0]);
    output_ = static_cast<float*>(outputs[0]);
    workspace_ = static_cast<float*>(workspace);
    return {};
  }

  Status run() noexcept override {
    const std::int64_t count = depthwise_.shape().batch * blocks_.count();
    parallel_for(pool_, threads_, count, [&](std::int64_t begin, std::int64_t end, int worker) {
      WidenedRows::Held held{workspace_ + worker * blocks_.input_floats()};
      for (std::int64_t block = begin; block < end; ++block)
        run_block(block / blocks_.count(), blocks_.outputs(block % blocks_.count()), held);
    });
    return {};
  }

 private:
  BoundPwdw(const ConvPairSet& set, const BindArgs& args, const ConvPair& pair)
      : widened_(*set.tiles, pair.first, args.packed),
        depthwise_(*set.depthwise, pair.second,
                   args.packed.subspan(PointwiseRows::packed_bytes(*set.tiles, pair.first))),
        blocks_(depthwise_.shape(), args.threads),
        output_pitch_(pixel_pitch(args.layer.outputs[0])),
        pool_(args.pool),
        threads_(args.threads) {}

  void run_block(std::int64_t image, Rows outputs, WidenedRows::Held& held) const noexcept {
    const ConvShape& s = depthwise_.shape();
    const float* between = widened_.hold(input_, image, blocks_.inputs(outputs), held);
    const std::int64_t first = image * s.out_h + outputs.first;
    const std::int64_t last = image * s.out_h + outputs.last;
    depthwise_.compute(between, first, last, 0, s.out_w, output_ + first * s.out_w * output_pitch_,
                       output_pitch_);
  }

  const WidenedRows widened_;
  const DepthwiseRows depthwise_;
  const RowBlocks blocks_;
  const std::int64_t output_pitch_;
  ThreadPool* const pool_;
  const int threads_;
  const float* input_ = nullptr;
  float* output_ = nullptr;
  float* workspace_ = nullptr;
};

}  // namespace

Refusal Pwdw::supports(const ConvPairSet& set, const LayerDesc& region) {
  if (!is_conv_chain(region) || region.parts.size() != 2) return Refusal::op;
  const ConvPair pair(region);
  if (const Refusal refusal = PointwiseRows::supports(pair.first); refusal != Refusal::none) return refusal;
  return Depthwise::supports(*set.depthwise, pair.second);
}

std::size_t Pwdw::workspace_bytes(const ConvPairSet&, const LayerDesc& region, int threads) {
  const RowBlocks blocks(ConvShape(ConvPair(region).second), threads);
  return static_cast<std::size_t>(threads * blocks.input_floats()) * sizeof(float);
}

std::size_t Pwdw::packed_bytes(const ConvPairSet& set, const LayerDesc& region) {
  const ConvPair pair(region);
  return PointwiseRows::packed_bytes(*set.tiles, pair.first) +
         Depthwise::packed_bytes(*set.depthwise, pair.second);
}

Status Pwdw::pack(const ConvPairSet& set, const LayerDesc& region, std::span<const ConstantBytes> constants,
                  std::span<std::byte> packed) {
  return guard_allocation([&]() -> Status {
    const ConvPair pair(region);
    PointwiseRows::pack(*set.tiles, pair.first, constants, packed);
    return Depthwise::pack(*set.depthwise, pair.second, constants.subspan(second_operands(region)),
                           packed.subspan(PointwiseRows::packed_bytes(*set.tiles, pair.first)));
  });
}

Result<std::unique_ptr<BoundKernel>> Pwdw::bind(const ConvPairSet& set, const BindArgs& args) {
  return bind_as<BoundPwdw>(set, args);
}

}  // namespace fettle::kernels
