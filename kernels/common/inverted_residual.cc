// SPDX-License-Identifier: Apache-2.0
#include "kernels/common/inverted_residual.h"

#include "kernels/common/blocking.h"
#include "kernels/common/depthwise_rows.h"
#include "kernels/common/epilogue.h"
#include "kernels/common/nhwc.h"
#include "kernels/common/panels.h"
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
    pitch = (depthwise.out_channels + kLine - 1) / kLine * kLine;
  }
  std::int64_t floats(const ConvShape& depthwise) const { return rows * depthwise.out_w * pitch; }
};

// A thread's workspace.
std::int64_t floats_each(const ConvShape& depthwise, int threads) {
  return RowBlocks(depthwise, threads).input_floats() + NarrowRows(depthwise).floats(depthwise);
}

// Where the packed parts begin.
struct Packing {
  std::size_t depthwise, narrow, end;

  Packing(const ConvPairSet& set, const Triple& triple) {
    constexpr std::size_t kLine = 64;
    depthwise = WidenedRows::packed_bytes(*set.tiles, triple.widen());
    narrow =
        depthwise + (Depthwise::packed_bytes(*set.depthwise, triple.depthwise()) + kLine - 1) / kLine * kLine;
    end = narrow + WidenedRows::packed_bytes(*set.tiles, triple.narrow());
  }
};

class BoundInvertedResidual final : public BoundKernel {
 public:
  BoundInvertedResidual(const ConvPairSet& set, const BindArgs& args)
      : BoundInvertedResidual(set, args, Triple(args.layer)) {}

  Status set_buffers(std::span<const void* const> inputs, std::span<void* const> outputs,
                     void* workspace) noexcept override {
    input_ = static_cast<const float*>(inputs[0]);
    output_ = static_cast<float*>(outputs[0]);
    residual_ = epilogue_.residual_of(inputs.subspan(last_operands_));
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
      : tiles_(*set.tiles),
        last_operands_(triple.last_operands()),
        widened_(*set.tiles, triple.widen(), args.packed),
        depthwise_(*set.depthwise, triple.depthwise(), args.packed.subspan(packing.depthwise)),
        blocks_(depthwise_.shape(), args.threads),
        between_(depthwise_.shape()),
        floats_each_(floats_each(depthwise_.shape(), args.threads)),
        shape_(triple.narrow()),
        panels_(*set.tiles, shape_.out_channels, shape_.in_channels),
        epilogue_(triple.narrow()),
        output_pitch_(pixel_pitch(args.layer.outputs[0])),
        common_(conv_tile(1, shape_.in_channels, epilogue_, output_pitch_)),
        packed_(reinterpret_cast<const float*>(args.packed.data() + packing.narrow)),
        pool_(args.pool),
        threads_(args.threads) {}

  void run_block(std::int64_t image, Rows outputs, WidenedRows::Held& held, float* between) const noexcept {
    const std::int64_t width = shape_.out_w;
    const float* wide = widened_.hold(input_, image, blocks_.inputs(outputs), held);
    for (std::int64_t oy = outputs.first; oy < outputs.last; oy += between_.rows) {
      const std::int64_t rows = std::min(between_.rows, outputs.last - oy);
      const std::int64_t first = image * shape_.out_h + oy;
      for (std::int64_t r = 0; r < rows; ++r)
        depthwise_.compute(wide, first + r, 0, width, between + r * width * between_.pitch, between_.pitch);
      narrow(first * width, rows * width, between);
    }
  }

  // The last layer for pixels that lie one after the other.
  void narrow(std::int64_t first, std::int64_t pixels, const float* between) const noexcept {
    const Blocking tiles(tiles_, panels_, pixels, pixels * between_.pitch, 1);
    tiles.for_each(0, tiles.count(), [&](std::int64_t, const Block& block) {
      const std::int64_t pixel = first + block.first_row;
      Tile tile = common_;
      tile.output = output_ + pixel * output_pitch_;
      if (residual_ != nullptr) tile.residual = residual_ + pixel * epilogue_.residual_pitch;
      multiply_rows(tiles_, panels_, packed_, block, between, between_.pitch, tile, {});
    });
  }

  const TileSet& tiles_;
  const std::size_t last_operands_;
  const WidenedRows widened_;
  const DepthwiseRows depthwise_;
  const RowBlocks blocks_;
  const NarrowRows between_;
  const std::int64_t floats_each_;
  const ConvShape shape_;  // of the last layer
  const Panels panels_;
  const Epilogue epilogue_;
  const std::int64_t output_pitch_;
  const Tile common_;
  const float* const packed_;  // the last layer's panels
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
  if (const Refusal refusal = WidenedRows::supports(triple.widen()); refusal != Refusal::none) return refusal;
  if (const Refusal refusal = Depthwise::supports(*set.depthwise, triple.depthwise());
      refusal != Refusal::none)
    return refusal;
  return WidenedRows::supports(triple.narrow());
}

std::size_t InvertedResidual::workspace_bytes(const ConvPairSet&, const LayerDesc& region, int threads) {
  return static_cast<std::size_t>(threads * floats_each(ConvShape(Triple(region).depthwise()), threads)) *
         sizeof(float);
}

std::size_t InvertedResidual::packed_bytes(const ConvPairSet& set, const LayerDesc& region) {
  return Packing(set, Triple(region)).end;
}

Status InvertedResidual::pack(const ConvPairSet& set, const LayerDesc& region,
                              std::span<const ConstantBytes> constants, std::span<std::byte> packed) {
  return guard_allocation([&]() -> Status {
    const Triple triple(region);
    const Packing at(set, triple);
    const auto part = [&](std::size_t first, std::size_t last) {
      return packed.subspan(first, last - first);
    };
    WidenedRows::pack(*set.tiles, triple.widen(), constants, part(0, at.depthwise));
    WidenedRows::pack(*set.tiles, triple.narrow(), constants.subspan(triple.last_operands()),
                      part(at.narrow, at.end));
    return Depthwise::pack(*set.depthwise, triple.depthwise(), constants.subspan(second_operands(region)),
                           part(at.depthwise, at.narrow));
  });
}

Result<std::unique_ptr<BoundKernel>> InvertedResidual::bind(const ConvPairSet& set, const BindArgs& args) {
  return bind_as<BoundInvertedResidual>(set, args);
}

}  // namespace fettle::kernels
