// SPDX-License-Identifier: Apache-2.0
#include "kernels/common/dwpw.h"

#include "kernels/common/cache.h"
#include "kernels/common/ceil_div.h"
#include "kernels/common/conv_pair.h"
#include "kernels/common/conv_shape.h"
#include "kernels/common/depthwise_rows.h"
#include "kernels/common/pointwise_rows.h"
#include "lib/base/guard.h"

#include <algorithm>

namespace fettle::kernels {
namespace {

// A block: outputs [first, last) of some rows, which are counted through all images.
struct Stretch {
  std::int64_t first_row, last_row;
  std::int64_t first, last;
};

// How the output is cut into blocks: of several rows, or of a piece of a row.
class Cut {
 public:
  Cut(const ConvShape& s, std::size_t weight_bytes, int threads) : rows_(s.batch * s.out_h), width_(s.out_w) {
    const bool streams = static_cast<std::int64_t>(weight_bytes / sizeof(float)) > l2_floats() / 2;
    const std::int64_t most = std::max(2 * kAlign, l2_floats() / (streams ? 4 : 32) / s.in_channels);
    pieces_ = ceil_div(width_, most);
    groups_ = pieces_ > 1 ? rows_ : ceil_div(rows_, most / width_);
    // Each thread should have some blocks, so that the last to finish is not late by much; but where blocks
    // read all weights from memory, no more than it takes.
    const std::int64_t wanted = ceil_div(threads == 1 || streams ? threads : 4 * threads, pieces_);
    groups_ = std::max(groups_, std::min(rows_, wanted));
  }

  std::int64_t count() const noexcept { return groups_ * pieces_; }
  std::int64_t most_pixels() const noexcept {
    return ceil_div(rows_, groups_) * std::min(width_, width_ / pieces_ + kAlign);
  }
  Stretch stretch(std::int64_t block) const noexcept {
    const std::int64_t group = block / pieces_;
    const std::int64_t piece = block % pieces_;
    return {rows_ * group / groups_, rows_ * (group + 1) / groups_, column(piece), column(piece + 1)};
  }

 private:
  // Pieces of a row begin where the depthwise loop begins with as many pixels as it takes together.
  static constexpr std::int64_t kAlign = 8;
  std::int64_t column(std::int64_t piece) const noexcept {
    return piece == pieces_ ? width_ : width_ * piece / pieces_ / kAlign * kAlign;
  }

  std::int64_t rows_, width_;
  std::int64_t groups_;  // of rows
  std::int64_t pieces_;  // of each row
};

// Floats from pixel to pixel between the convolutions: whole lines, and one more where the rows of a tile
// would otherwise fall into few sets of the cache.
std::int64_t pitch_between(const ConvShape& s) {
  constexpr std::int64_t kLine = 16;
  constexpr std::int64_t kConflicting = 32;
  const std::int64_t lines = ceil_div(s.in_channels, kLine);
  return (lines + (lines % kConflicting == 0 ? 1 : 0)) * kLine;
}

// The pointwise weights lie before the depthwise ones.
std::size_t pointwise_bytes(const ConvPairSet& set, const ConvPair& pair) {
  return PointwiseRows::packed_bytes(*set.tiles, pair.second);
}

class BoundDwpw final : public BoundKernel {
 public:
  BoundDwpw(const ConvPairSet& set, const BindArgs& args) : BoundDwpw(set, args, ConvPair(args.layer)) {}

  Status set_buffers(std::span<const void* const> inputs, std::span<void* const> outputs,
                     void* workspace) noexcept override {
    input_ = static_cast<const float*>(inputs[0]);
    output_ = static_cast<float*>(outputs[0]);
    residual_ = pointwise_.residual_of(inputs.subspan(shift_));
    between_ = static_cast<float*>(workspace);
    return {};
  }

  Status run() noexcept override {
    parallel_for(pool_, threads_, cut_.count(), [&](std::int64_t begin, std::int64_t end, int worker) {
      float* between = between_ + worker * cut_.most_pixels() * pitch_;
      for (std::int64_t block = begin; block < end; ++block) run_block(cut_.stretch(block), between);
    });
    return {};
  }

 private:
  BoundDwpw(const ConvPairSet& set, const BindArgs& args, const ConvPair& pair)
      : shift_(second_operands(args.layer)),
        pointwise_(*set.tiles, pair.second, args.packed),
        depthwise_(*set.depthwise, pair.first, args.packed.subspan(pointwise_bytes(set, pair))),
        cut_(pointwise_.shape(), pointwise_bytes(set, pair), args.threads),
        pitch_(pitch_between(pointwise_.shape())),
        pool_(args.pool),
        threads_(args.threads) {}

  void run_block(const Stretch& stretch, float* between) const noexcept {
    const std::int64_t width = stretch.last - stretch.first;
    depthwise_.compute(input_, stretch.first_row, stretch.last_row, stretch.first, stretch.last, between,
                       pitch_);
    const std::int64_t first = stretch.first_row * pointwise_.shape().out_w + stretch.first;
    const std::int64_t pixels = (stretch.last_row - stretch.first_row) * width;
    pointwise_.compute(between, pitch_, first, first + pixels, output_, residual_);
  }

  const std::size_t shift_;
  const PointwiseRows pointwise_;
  const DepthwiseRows depthwise_;
  const Cut cut_;
  const std::int64_t pitch_;
  ThreadPool* const pool_;
  const int threads_;
  const float* input_ = nullptr;
  const float* residual_ = nullptr;
  float* output_ = nullptr;
  float* between_ = nullptr;
};

}  // namespace

Refusal Dwpw::supports(const ConvPairSet& set, const LayerDesc& region) {
  if (!is_conv_chain(region)) return Refusal::op;
  const ConvPair pair(region);
  if (const Refusal refusal = Depthwise::supports(*set.depthwise, pair.first); refusal != Refusal::none)
    return refusal;
  return PointwiseRows::supports(pair.second);
}

std::size_t Dwpw::workspace_bytes(const ConvPairSet& set, const LayerDesc& region, int threads) {
  const ConvPair pair(region);
  const ConvShape s(pair.second);
  const Cut cut(s, pointwise_bytes(set, pair), threads);
  return static_cast<std::size_t>(threads * cut.most_pixels() * pitch_between(s)) * sizeof(float);
}

std::size_t Dwpw::packed_bytes(const ConvPairSet& set, const LayerDesc& region) {
  const ConvPair pair(region);
  return pointwise_bytes(set, pair) + Depthwise::packed_bytes(*set.depthwise, pair.first);
}

Status Dwpw::pack(const ConvPairSet& set, const LayerDesc& region, std::span<const ConstantBytes> constants,
                  std::span<std::byte> packed) {
  return guard_allocation([&]() -> Status {
    const ConvPair pair(region);
    PointwiseRows::pack(*set.tiles, pair.second, constants.subspan(second_operands(region)), packed);
    return Depthwise::pack(*set.depthwise, pair.first, constants, packed.subspan(pointwise_bytes(set, pair)));
  });
}

Result<std::unique_ptr<BoundKernel>> Dwpw::bind(const ConvPairSet& set, const BindArgs& args) {
  return bind_as<BoundDwpw>(set, args);
}

}  // namespace fettle::kernels
