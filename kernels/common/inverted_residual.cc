// SPDX-License-Identifier: Apache-2.0
#include "kernels/common/inverted_residual.h"

#include "kernels/common/ceil_div.h"
#include "kernels/common/depthwise_rows.h"
#include "kernels/common/pointwise_rows.h"
#include "kernels/common/widened_rows.h"
#include "lib/base/guard.h"

#include <algorithm>

namespace fettle::kernels {
namespace {

// The three convolutions as layers; the last with the addition, if there is one. The region is a pair of the
// first and a region of the other two.
struct Triple {
  ConvPair outer, rest;

  explicit Triple(const LayerDesc& region) : outer(region), rest(outer.second) {}
  const LayerDesc& widen() const { return outer.first; }
  const LayerDesc& depthwise() const { return rest.first; }
  const LayerDesc& narrow() const { return rest.second; }
  /// The last layer's operand i is the region's i + this.
  std::size_t last_operands() const { return second_operands(outer.first) + second_operands(outer.second); }
};

// What is between the depthwise layer and the last one: so many output rows that the tiles of the last have
// enough pixels, whole lines for each pixel.
struct NarrowRows {
  std::int64_t rows, pitch;

  explicit NarrowRows(const ConvShape& depthwise) {
    constexpr std::int64_t kPixels = 32;
    constexpr std::int64_t kLine = 16;
    rows = std::clamp<std::int64_t>(kPixels / depthwise.out_w, 1, depthwise.out_h);
    pitch = ceil_div(depthwise.out_channels, kLine) * kLine;
  }
  std::int64_t floats(const ConvShape& depthwise) const { return rows * depthwise.out_w * pitch; }
};

// A thread's workspace.
std::int64_t floats_each(const ConvShape& depthwise, int threads) {
  return RowBlocks(depthwise, threads).input_floats() + NarrowRows(depthwise).floats(depthwise);
}

// Where the packed parts behind the widening layer's begin.
struct Packing {
  std::size_t narrow, depthwise;

  Packing(const ConvPairSet& set, const Triple& triple)
      : narrow(PointwiseRows::packed_bytes(*set.tiles, triple.widen())),
        depthwise(narrow + PointwiseRows::packed_bytes(*set.tiles, triple.narrow())) {}
};

class BoundInvertedResidual final : public BoundKernel {
 public:
  BoundInvertedResidual(const ConvPairSet& set, const BindArgs& args)
      : BoundInvertedResidual(set, args, Triple(args.layer)) {}

  Status set_buffers(std::span<const void* const> inputs, std::span<void* const> outputs,
                     void* workspace) noexcept override {
    input_ = static_cast<const float*>(inputs[0]);
    output_ = static_cast<float*>(outputs[0]);
    residual_ = narrow_.residual_of(inputs.subspan(last_operands_));
    workspace_ = static_cast<float*>(workspace);
    return {};
  }

  Status run() noexcept override {
    const std::int64_t count = depthwise_.shape().batch * blocks_.count();
    parallel_for(pool_, threads_, count, [&](std::int64_t begin, std::int64_t end, int worker) {
      float* own = workspace_ + worker * floats_each_;
      WidenedRows::Held held{own};
      for (std::int64_t block = begin; block < end; ++block) {
        run_block(block / blocks_.count(), blocks_.outputs(block % blocks_.count()), held,
                  own + blocks_.input_floats());
      }
    });
    return {};
  }

 private:
  BoundInvertedResidual(const ConvPairSet& set, const BindArgs& args, const Triple& triple)
      : BoundInvertedResidual(set, args, triple, Packing(set, triple)) {}

  BoundInvertedResidual(const ConvPairSet& set, const BindArgs& args, const Triple& triple,
                        const Packing& packing)
      : last_operands_(triple.last_operands()),
        widened_(*set.tiles, triple.widen(), args.packed),
        depthwise_(*set.depthwise, triple.depthwise(), args.packed.subspan(packing.depthwise)),
        narrow_(*set.tiles, triple.narrow(), args.packed.subspan(packing.narrow)),
        blocks_(depthwise_.shape(), args.threads),
        between_(depthwise_.shape()),
        floats_each_(floats_each(depthwise_.shape(), args.threads)),
        pool_(args.pool),
        threads_(args.threads) {}

  void run_block(std::int64_t image, Rows outputs, WidenedRows::Held& held, float* between) const noexcept {
    const ConvShape& s = depthwise_.shape();
    const float* wide = widened_.hold(input_, image, blocks_.inputs(outputs), held);
    for (std::int64_t oy = outputs.first; oy < outputs.last; oy += between_.rows) {
      const std::int64_t rows = std::min(between_.rows, outputs.last - oy);
      const std::int64_t first = image * s.out_h + oy;
      depthwise_.compute(wide, first, first + rows, 0, s.out_w, between, between_.pitch);
      narrow_.compute(between, between_.pitch, first * s.out_w, (first + rows) * s.out_w, output_, residual_);
    }
  }

  const std::size_t last_operands_;
  const WidenedRows widened_;
  const DepthwiseRows depthwise_;
  const PointwiseRows narrow_;
  const RowBlocks blocks_;
  const NarrowRows between_;
  const std::int64_t floats_each_;
  ThreadPool* const pool_;
  const int threads_;
  const float* input_ = nullptr;
  const float* residual_ = nullptr;
  float* output_ = nullptr;
  float* workspace_ = nullptr;
};

}  // namespace

Refusal InvertedResidual::supports(const ConvPairSet& set, const LayerDesc& region) {
  if (!is_conv_chain(region) || region.parts.size() < 3) return Refusal::op;
  if (!is_conv_chain(ConvPair(region).second)) return Refusal::op;
  const Triple triple(region);
  if (const Refusal refusal = PointwiseRows::supports(triple.widen()); refusal != Refusal::none)
    return refusal;
  if (const Refusal refusal = Depthwise::supports(*set.depthwise, triple.depthwise());
      refusal != Refusal::none)
    return refusal;
  return PointwiseRows::supports(triple.narrow());
}

std::size_t InvertedResidual::workspace_bytes(const ConvPairSet&, const LayerDesc& region, int threads) {
  return static_cast<std::size_t>(threads * floats_each(ConvShape(Triple(region).depthwise()), threads)) *
         sizeof(float);
}

std::size_t InvertedResidual::packed_bytes(const ConvPairSet& set, const LayerDesc& region) {
  const Triple triple(region);
  return Packing(set, triple).depthwise + Depthwise::packed_bytes(*set.depthwise, triple.depthwise());
}

Status InvertedResidual::pack(const ConvPairSet& set, const LayerDesc& region,
                              std::span<const ConstantBytes> constants, std::span<std::byte> packed) {
  return guard_allocation([&]() -> Status {
    const Triple triple(region);
    const Packing at(set, triple);
    PointwiseRows::pack(*set.tiles, triple.widen(), constants, packed);
    PointwiseRows::pack(*set.tiles, triple.narrow(), constants.subspan(triple.last_operands()),
                        packed.subspan(at.narrow));
    return Depthwise::pack(*set.depthwise, triple.depthwise(), constants.subspan(second_operands(region)),
                           packed.subspan(at.depthwise));
  });
}

Result<std::unique_ptr<BoundKernel>> InvertedResidual::bind(const ConvPairSet& set, const BindArgs& args) {
  return bind_as<BoundInvertedResidual>(set, args);
}

}  // namespace fettle::kernels
