// SPDX-License-Identifier: Apache-2.0
#include "kernels/common/q8/depthwise.h"

#include "kernels/common/ceil_div.h"
#include "kernels/common/conv_shape.h"
#include "kernels/common/integer_product.h"
#include "kernels/common/nhwc.h"
#include "kernels/common/q8/bytes.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace fettle::kernels {
namespace {

// How a layer is cut into blocks of channels and groups of taps, and where its packed numbers lie.
struct DepthwiseQ8Cut {
  std::int64_t block, blocks, channels, groups, width;
  std::int64_t filter_bytes;  // of a block

  DepthwiseQ8Cut(const DepthwiseQ8Set& set, const ConvShape& s)
      : block(set.channels),
        blocks(ceil_div(s.in_channels, block)),
        channels(s.in_channels),
        groups(ceil_div(s.kernel_h, std::int64_t{set.taps})),
        width((s.out_w - 1) * s.stride_w + (s.kernel_w - 1) * s.dilation_w + 1),
        filter_bytes(groups * s.kernel_w * block * 4) {}

  std::int64_t column_bytes() const { return block * 4; }
  // Interleaved columns of one row of the result.
  std::int64_t row_bytes() const { return groups * width * column_bytes(); }
  std::int64_t begins_at() const { return blocks * filter_bytes; }
  std::int64_t scales_at() const { return begins_at() + blocks * block * 4; }
  std::int64_t packed_bytes() const { return scales_at() + blocks * block * 4; }
};

class BoundDepthwiseQ8 final : public BoundKernel {
 public:
  BoundDepthwiseQ8(const DepthwiseQ8Set& set, const BindArgs& args)
      : set_(set),
        s_(args.layer),
        cut_(set, s_),
        input_pitch_(pixel_pitch(args.layer.inputs[0])),
        output_pitch_(pixel_pitch(args.layer.outputs[0])),
        zero_(static_cast<std::uint8_t>(args.layer.inputs[0].format.zero_point)),
        flip_(flip_of(args.layer.inputs[0].format.type)),
        packed_(args.packed.data()),
        pool_(args.pool),
        threads_(args.threads) {
    const Target target = target_of(args.layer);
    common_.low = target.low, common_.high = target.high;
    common_.zero = target.zero;
    common_.flip = target.flip;
    common_.groups = cut_.groups;
    common_.kernel_w = s_.kernel_w;
    common_.factor = left_of_zero_point(set.weight_bytes, args.layer);
    common_.last_taps = static_cast<int>(s_.kernel_h - (cut_.groups - 1) * set.taps);
    common_.column_step = static_cast<std::size_t>(s_.dilation_w * cut_.column_bytes());
    common_.window_step = static_cast<std::size_t>(s_.stride_w * cut_.column_bytes());
    common_.group_step = static_cast<std::size_t>(cut_.width * cut_.column_bytes());
    common_.output_pitch = output_pitch_;
    common_.pixels = s_.out_w;
  }

  Status set_buffers(std::span<const void* const> inputs, std::span<void* const> outputs,
                     void* workspace) noexcept override {
    input_ = static_cast<const std::uint8_t*>(inputs[0]);
    output_ = static_cast<std::uint8_t*>(outputs[0]);
    columns_ = static_cast<std::byte*>(workspace);
    return {};
  }

  Status run() noexcept override {
    const std::int64_t rows = s_.batch * cut_.blocks * s_.out_h;
    parallel_for(pool_, threads_, rows, [&](std::int64_t begin, std::int64_t end, int worker) {
      for (std::int64_t i = begin; i < end; ++i)
        run_row(i / s_.out_h / cut_.blocks, i / s_.out_h % cut_.blocks, i % s_.out_h,
                columns_ + worker * cut_.row_bytes());
    });
    return {};
  }

 private:
  void run_row(std::int64_t image, std::int64_t block, std::int64_t oy, std::byte* columns) const noexcept {
    const std::int64_t first = block * cut_.block;
    const std::int64_t channels = std::min(cut_.block, cut_.channels - first);
    interleave(input_ + image * s_.in_h * s_.in_w * input_pitch_ + first, oy, channels, columns);
    DepthwiseQ8Row row = common_;
    row.columns = columns;
    row.weights = packed_ + block * cut_.filter_bytes;
    row.begin = reinterpret_cast<const std::int32_t*>(packed_ + cut_.begins_at()) + first;
    row.scale = reinterpret_cast<const float*>(packed_ + cut_.scales_at()) + first;
    row.output = output_ + (image * s_.out_h + oy) * s_.out_w * output_pitch_ + first;
    row.channels = channels;
    set_.row(row);
  }

  void interleave(const std::uint8_t* x, std::int64_t oy, std::int64_t channels,
                  std::byte* columns) const noexcept {
    // Columns of the image that windows reach, and those outside of it before and behind them.
    const std::int64_t left = std::clamp<std::int64_t>(s_.pad_left, 0, cut_.width);
    const std::int64_t inside = std::clamp<std::int64_t>(s_.in_w + s_.pad_left, left, cut_.width) - left;
    InterleaveQ8 piece{};
    piece.pixel_pitch = input_pitch_;
    piece.channels = channels;
    piece.zero = zero_;
    piece.flip = flip_;
    for (std::int64_t group = 0; group < cut_.groups; ++group) {
      std::byte* to = columns + group * cut_.width * cut_.column_bytes();
      const auto write = [&](std::int64_t pixels) {
        piece.to = to;
        piece.pixels = pixels;
        if (pixels > 0) set_.interleave(piece);
        to += pixels * cut_.column_bytes();
      };
      std::fill(std::begin(piece.rows), std::end(piece.rows), nullptr);
      write(left);
      for (int t = 0; t < set_.taps; ++t) {
        const std::int64_t ky = group * set_.taps + t;
        const std::int64_t iy = oy * s_.stride_h - s_.pad_top + ky * s_.dilation_h;
        if (ky < s_.kernel_h && iy >= 0 && iy < s_.in_h)
          piece.rows[t] = x + (iy * s_.in_w + std::max<std::int64_t>(0, -s_.pad_left)) * input_pitch_;
      }
      write(inside);
      std::fill(std::begin(piece.rows), std::end(piece.rows), nullptr);
      write(cut_.width - left - inside);
    }
  }

  const DepthwiseQ8Set& set_;
  const ConvShape s_;
  const DepthwiseQ8Cut cut_;
  const std::int64_t input_pitch_, output_pitch_;
  const std::uint8_t zero_, flip_;
  const std::byte* const packed_;
  DepthwiseQ8Row common_{};
  ThreadPool* const pool_;
  const int threads_;
  const std::uint8_t* input_ = nullptr;
  std::uint8_t* output_ = nullptr;
  std::byte* columns_ = nullptr;
};

}  // namespace

Refusal DepthwiseQ8::supports(const LayerDesc& layer) noexcept {
  if (const Refusal refusal = check_conv(layer, 4); refusal != Refusal::none) return refusal;
  const ConvShape s(layer);
  if (const Refusal refusal = check_q8_product(layer, s.out_channels); refusal != Refusal::none)
    return refusal;
  if (layer.inputs[0].format.layout != Layout::nhwc || layer.outputs[0].format.layout != Layout::nhwc)
    return Refusal::layout;
  if (s.groups != s.in_channels || s.out_channels != s.in_channels) return Refusal::groups;
  return s.pad_left < 0 || s.pad_top < 0 ? Refusal::padding : Refusal::none;
}

std::size_t DepthwiseQ8::workspace_bytes(const DepthwiseQ8Set& set, const LayerDesc& layer, int threads) {
  return static_cast<std::size_t>(DepthwiseQ8Cut(set, ConvShape(layer)).row_bytes() * threads);
}

std::size_t DepthwiseQ8::packed_bytes(const DepthwiseQ8Set& set, const LayerDesc& layer) {
  return static_cast<std::size_t>(DepthwiseQ8Cut(set, ConvShape(layer)).packed_bytes());
}

Status DepthwiseQ8::pack(const DepthwiseQ8Set& set, const LayerDesc& layer,
                         std::span<const ConstantBytes> constants, std::span<std::byte> packed) {
  const ConvShape s(layer);
  const DepthwiseQ8Cut cut(set, s);
  const Source source(layer.inputs[1].format);
  const int left = left_of_zero_point(set.weight_bytes, layer);
  const auto* weights = reinterpret_cast<const std::uint8_t*>(constants[1].data());
  const auto* bias = reinterpret_cast<const std::int32_t*>(constants[2].data());
  auto* begins = reinterpret_cast<std::int32_t*>(packed.data() + cut.begins_at());
  auto* scales = reinterpret_cast<float*>(packed.data() + cut.scales_at());
  std::memset(packed.data(), 0, packed.size());
  for (std::int64_t c = 0; c < s.in_channels; ++c) {
    const std::int64_t block = c / cut.block;
    const std::int64_t place = set.place(static_cast<int>(c % cut.block));
    std::int64_t sum = 0;
    for (std::int64_t tap = 0; tap < s.taps(); ++tap) {
      const std::int64_t ky = tap / s.kernel_w;
      const int steps = source.steps(weights[c * s.taps() + tap]);
      std::byte* to = packed.data() + block * cut.filter_bytes +
                      (ky / set.taps * s.kernel_w + tap % s.kernel_w) * cut.column_bytes() + place * 4 +
                      ky % set.taps * set.weight_bytes;
      const auto wide = static_cast<std::int16_t>(steps);
      if (set.weight_bytes == 1)
        *to = static_cast<std::byte>(steps - left);
      else
        std::memcpy(to, &wide, sizeof(wide));
      sum += steps;
    }
    // Parts of a sum may overflow where the whole, which fits, does not.
    begins[block * cut.block + place] =
        static_cast<std::int32_t>(bias[c] - flipped_zero(layer.inputs[0].format) * sum);
    scales[block * cut.block + place] = multiplier_of(layer, constants, c);
  }
  return {};
}

Result<std::unique_ptr<BoundKernel>> DepthwiseQ8::bind(const DepthwiseQ8Set& set, const BindArgs& args) {
  return bind_as<BoundDepthwiseQ8>(set, args);
}

}  // namespace fettle::kernels
