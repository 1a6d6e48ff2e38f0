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

// Neighbouring channels that are computed together: as many as a register has bytes, or fewer of several
// pixels.
struct ChannelBlock {
  std::int64_t first, channels;
  int pixels_log2;  // of a register: the index of the set's functions

  int pixels() const { return 1 << pixels_log2; }
};

// How a layer is cut into blocks of channels and groups of taps, and where its packed numbers lie. All blocks
// have filters of whole registers.
struct DepthwiseQ8Cut {
  std::int64_t bytes;     // of a register
  std::int64_t smallest;  // channels of a block
  std::int64_t channels, blocks, groups, stride, width;
  std::int64_t filter_bytes;  // of a block
  std::int64_t planes;

  DepthwiseQ8Cut(const DepthwiseQ8Set& set, const ConvShape& s)
      : bytes(set.bytes),
        smallest(std::min(bytes, std::int64_t{16})),
        channels(s.in_channels),
        groups(ceil_div(s.kernel_h, std::int64_t{set.taps})),
        stride(s.stride_w),
        width((s.out_w - 1) * s.stride_w + (s.kernel_w - 1) * s.dilation_w + 1),
        filter_bytes(groups * s.kernel_w * set.planes() * bytes),
        planes(set.planes()) {
    blocks = 0;
    while (block(blocks).first < channels) ++blocks;
  }

  // Whole registers; of what is left the smallest block that holds it, unless too much of that were unused.
  ChannelBlock block(std::int64_t index) const {
    const std::int64_t whole = channels / bytes;
    if (index < whole) return {index * bytes, bytes, 0};
    std::int64_t first = whole * bytes;
    for (index -= whole;; --index) {
      const std::int64_t left = channels - first;
      int pixels_log2 = 0;
      std::int64_t size = bytes;
      while (size > smallest && size - left >= smallest && size - left > size / 4) size /= 2, ++pixels_log2;
      if (index == 0) return {first, std::min(size, left), pixels_log2};
      first += size;
    }
  }
  // Bytes of a pixel in a plane.
  static std::int64_t pixel_bytes(const DepthwiseQ8Set& set, const ChannelBlock& block) {
    return set.bytes / block.pixels();
  }
  // Of planes of whole registers, the widest.
  std::int64_t plane_bytes() const { return whole_lines(ceil_div(width, stride) * bytes + bytes); }
  std::int64_t phase_bytes() const { return planes * plane_bytes(); }
  std::int64_t group_bytes() const { return stride * phase_bytes(); }
  // Interleaved columns of one row of the result.
  std::int64_t row_bytes() const { return groups * group_bytes(); }
  std::int64_t begins_at() const { return blocks * filter_bytes; }
  std::int64_t scales_at() const { return begins_at() + blocks * bytes * 4; }
  std::int64_t packed_bytes() const { return scales_at() + blocks * bytes * 4; }
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
        flip_(set.flip_of(args.layer.inputs[0].format.type)),
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
    common_.plane_step = cut_.plane_bytes();
    common_.group_step = cut_.group_bytes();
    common_.stride = s_.stride_w;
    common_.phases = s_.dilation_w % s_.stride_w;
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
  void run_row(std::int64_t image, std::int64_t index, std::int64_t oy, std::byte* columns) const noexcept {
    const ChannelBlock block = cut_.block(index);
    const std::uint8_t* x = input_ + image * s_.in_h * s_.in_w * input_pitch_ + block.first;
    for (std::int64_t group = 0; group < cut_.groups; ++group) {
      for (std::int64_t phase = 0; phase < std::min(cut_.stride, cut_.width); ++phase)
        interleave(x, oy, block, group, phase, columns);
    }
    DepthwiseQ8Row row = common_;
    const std::int64_t pixel = DepthwiseQ8Cut::pixel_bytes(set_, block);
    row.column_step = s_.dilation_w / s_.stride_w * pixel + common_.phases * cut_.phase_bytes();
    row.turn_step = pixel - cut_.stride * cut_.phase_bytes();
    row.columns = columns;
    row.weights = packed_ + index * cut_.filter_bytes;
    row.begin = reinterpret_cast<const std::int32_t*>(packed_ + cut_.begins_at()) + index * cut_.bytes;
    row.scale = reinterpret_cast<const float*>(packed_ + cut_.scales_at()) + index * cut_.bytes;
    row.output = output_ + (image * s_.out_h + oy) * s_.out_w * output_pitch_ + block.first;
    row.channels = block.channels;
    set_.row[block.pixels_log2](row);
  }

  // Columns phase, phase + stride, ... of a group of taps: those before the image, in it, and behind it.
  void interleave(const std::uint8_t* x, std::int64_t oy, const ChannelBlock& block, std::int64_t group,
                  std::int64_t phase, std::byte* columns) const noexcept {
    const std::int64_t count = ceil_div(cut_.width - phase, cut_.stride);
    const auto columns_below = [&](std::int64_t column) {
      return std::clamp<std::int64_t>(ceil_div(std::max<std::int64_t>(0, column - phase), cut_.stride), 0,
                                      count);
    };
    const std::int64_t left = columns_below(s_.pad_left);
    const std::int64_t inside = columns_below(s_.in_w + s_.pad_left) - left;
    InterleaveQ8 piece{};
    piece.pixel_pitch = input_pitch_ * cut_.stride;
    piece.channels = block.channels;
    piece.zero = zero_;
    piece.flip = flip_;
    piece.to = columns + group * cut_.group_bytes() + phase * cut_.phase_bytes();
    piece.plane_step = cut_.plane_bytes();
    const auto write = [&](std::int64_t pixels) {
      piece.pixels = pixels;
      if (pixels > 0) set_.interleave[block.pixels_log2](piece);
      piece.to += pixels * DepthwiseQ8Cut::pixel_bytes(set_, block);
    };
    write(left);
    for (int t = 0; t < set_.taps; ++t) {
      const std::int64_t ky = group * set_.taps + t;
      const std::int64_t iy = oy * s_.stride_h - s_.pad_top + ky * s_.dilation_h;
      const std::int64_t ix = phase + left * cut_.stride - s_.pad_left;
      if (ky < s_.kernel_h && iy >= 0 && iy < s_.in_h) piece.rows[t] = x + (iy * s_.in_w + ix) * input_pitch_;
    }
    write(inside);
    std::fill(std::begin(piece.rows), std::end(piece.rows), nullptr);
    write(count - left - inside);
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

// Calls body(place) for each place, among the sums of a register, of a block's channel: unpacking works in
// lanes of 16 bytes, and each pixel has its own.
template <typename Body>
void for_each_place(const DepthwiseQ8Cut& cut, const ChannelBlock& block, std::int64_t channel, Body&& body) {
  const std::int64_t in_lane = channel % 16;
  const std::int64_t lanes = cut.bytes / block.pixels() / 16;  // of a pixel
  for (std::int64_t pixel = 0; pixel < block.pixels(); ++pixel)
    body(in_lane / 4 * (cut.bytes / 4) + (pixel * lanes + channel / 16) * 4 + in_lane % 4);
}

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
  for (std::int64_t index = 0; index < cut.blocks; ++index) {
    const ChannelBlock block = cut.block(index);
    std::byte* filters = packed.data() + index * cut.filter_bytes;
    for (std::int64_t i = 0; i < block.channels; ++i) {
      const std::int64_t c = block.first + i;
      std::int64_t sum = 0;
      for (std::int64_t tap = 0; tap < s.taps(); ++tap) {
        const std::int64_t ky = tap / s.kernel_w;
        const int steps = source.steps(weights[c * s.taps() + tap]);
        std::byte* column =
            filters + (ky / set.taps * s.kernel_w + tap % s.kernel_w) * cut.planes * cut.bytes;
        for_each_place(cut, block, i, [&](std::int64_t place) {
          std::byte* to = column + place * cut.planes + ky % set.taps * set.weight_bytes;
          const auto wide = static_cast<std::int16_t>(steps);
          if (set.weight_bytes == 1)
            *to = static_cast<std::byte>(steps - left);
          else
            std::memcpy(to, &wide, sizeof(wide));
        });
        sum += steps;
      }
      for_each_place(cut, block, i, [&](std::int64_t place) {
        // Parts of a sum may overflow where the whole, which fits, does not.
        begins[index * cut.bytes + place] =
            static_cast<std::int32_t>(bias[c] - set.zero_of(layer.inputs[0].format) * sum);
        scales[index * cut.bytes + place] = multiplier_of(layer, constants, c);
      });
    }
  }
  return {};
}

Result<std::unique_ptr<BoundKernel>> DepthwiseQ8::bind(const DepthwiseQ8Set& set, const BindArgs& args) {
  return bind_as<BoundDepthwiseQ8>(set, args);
}

}  // namespace fettle::kernels
