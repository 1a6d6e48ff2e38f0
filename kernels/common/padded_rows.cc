// SPDX-License-Identifier: Apache-2.0
#include "kernels/common/padded_rows.h"

#include "kernels/common/blocking.h"
#include "kernels/common/conv_shape.h"
#include "kernels/common/epilogue.h"
#include "kernels/common/nhwc.h"
#include "kernels/common/panels.h"

#include <algorithm>
#include <cstring>

namespace fettle::kernels {
namespace {

// More channels than this fill vectors by themselves.
constexpr std::int64_t kMostChannels = 16;
constexpr std::int64_t kMostWindow = 32;

// The padded copy of what one output row needs.
struct RowCopy {
  ConvShape conv;
  bool nhwc;
  std::int64_t runs;   // stored rows: of the window, in nchw for each channel
  std::int64_t step;   // floats between the windows of neighbouring outputs
  std::int64_t depth;  // floats of a run under a window
  std::int64_t pitch;  // floats of a stored row

  explicit RowCopy(const LayerDesc& layer)
      : conv(layer), nhwc(layer.inputs[0].format.layout == Layout::nhwc) {
    const std::int64_t together = nhwc ? conv.in_channels : 1;
    runs = nhwc ? conv.kernel_h : conv.in_channels * conv.kernel_h;
    step = conv.stride_w * together;
    depth = conv.kernel_w * together;
    pitch = ((conv.out_w - 1) * step + depth + 15) / 16 * 16;
  }
  // A thread's workspace: the rows, then the pointers of a tile.
  std::size_t row_bytes() const { return static_cast<std::size_t>(runs * pitch) * sizeof(float); }
  std::size_t workspace_bytes() const {
    const std::size_t pointers = static_cast<std::size_t>(runs * kMostRows) * sizeof(const float*);
    return (row_bytes() + pointers + 63) / 64 * 64;
  }
  Panels panels(const TileSet& tiles) const { return {tiles, conv.out_channels, runs * depth}; }

  // Stored row of window row ky and, in nchw, of channel c.
  std::int64_t run(std::int64_t c, std::int64_t ky) const { return nhwc ? ky : c * conv.kernel_h + ky; }

  // Copies the input under output row `oy`.
  void fill(const float* image, std::int64_t oy, float* rows) const {
    const std::int64_t planes = nhwc ? 1 : conv.in_channels;
    const std::int64_t together = nhwc ? conv.in_channels : 1;
    const std::int64_t before = std::min(conv.pad_left * together, pitch);
    const std::int64_t width = std::clamp<std::int64_t>(conv.in_w * together, 0, pitch - before);
    for (std::int64_t c = 0; c < planes; ++c) {
      for (std::int64_t ky = 0; ky < conv.kernel_h; ++ky) {
        float* row = rows + run(c, ky) * pitch;
        const std::int64_t iy = oy * conv.stride_h - conv.pad_top + ky * conv.dilation_h;
        if (iy < 0 || iy >= conv.in_h) {
          std::fill_n(row, pitch, 0.0f);
          continue;
        }
        std::fill_n(row, before, 0.0f);
        std::memcpy(row + before, image + (c * conv.in_h + iy) * conv.in_w * together,
                    static_cast<std::size_t>(width) * sizeof(float));
        std::fill(row + before + width, row + pitch, 0.0f);
      }
    }
  }
};

class BoundPaddedRows final : public BoundKernel {
 public:
  BoundPaddedRows(const TileSet& tiles, const BindArgs& args, const UnaryFunction& activation)
      : tiles_(tiles),
        shape_(args.layer),
        panels_(shape_.panels(tiles)),
        activation_(activation),
        common_(plain_tile(shape_.runs, shape_.depth)),
        output_pitch_(pixel_pitch(args.layer.outputs[0])),
        packed_(reinterpret_cast<const float*>(args.packed.data())),
        pool_(args.pool),
        threads_(args.threads) {
    const Clamp clamp = Epilogue(args.layer).clamp;
    common_.low = clamp.low, common_.high = clamp.high;
    common_.output_stride = static_cast<std::size_t>(output_pitch_);
  }

  Status set_buffers(std::span<const void* const> inputs, std::span<void* const> outputs,
                     void* workspace) noexcept override {
    input_ = static_cast<const float*>(inputs[0]);
    output_ = static_cast<float*>(outputs[0]);
    workspace_ = static_cast<std::byte*>(workspace);
    return {};
  }

  Status run() noexcept override {
    const ConvShape& s = shape_.conv;
    parallel_for(pool_, threads_, s.batch * s.out_h, [&](std::int64_t begin, std::int64_t end, int worker) {
      std::byte* own = workspace_ + static_cast<std::size_t>(worker) * shape_.workspace_bytes();
      auto* rows = reinterpret_cast<float*>(own);
      auto* pointers = reinterpret_cast<const float**>(own + shape_.row_bytes());
      for (std::int64_t i = begin; i < end; ++i) {
        shape_.fill(input_ + i / s.out_h * s.in_channels * s.in_h * s.in_w, i % s.out_h, rows);
        run_row(rows, pointers, output_ + i * s.out_w * output_pitch_);
      }
    });
    return {};
  }

 private:
  void run_row(const float* rows, const float** pointers, float* output) const noexcept {
    const std::int64_t width = shape_.conv.out_w;
    const std::int64_t most = tiles_.most_rows[panels_.vectors - 1];
    const std::int64_t count = (width + most - 1) / most;
    for (std::int64_t i = 0; i < count; ++i) {
      const std::int64_t first = width * i / count;
      const auto height = static_cast<int>(width * (i + 1) / count - first);
      const float** pointer = pointers;
      for (std::int64_t run = 0; run < shape_.runs; ++run) {
        const float* x = rows + run * shape_.pitch + first * shape_.step;
        for (int r = 0; r < height; ++r, x += shape_.step) *pointer++ = x;
      }
      Tile tile = common_;
      tile.rows = pointers;
      tile.output = output + first * output_pitch_;
      multiply_panels(tiles_, panels_, packed_, {first, height, 0, panels_.count}, tile, activation_);
    }
  }

  const TileSet& tiles_;
  const RowCopy shape_;
  const Panels panels_;
  const UnaryFunction activation_;
  Tile common_;
  const std::int64_t output_pitch_;
  const float* const packed_;
  ThreadPool* const pool_;
  const int threads_;
  const float* input_ = nullptr;
  float* output_ = nullptr;
  std::byte* workspace_ = nullptr;
};

Refusal check_layouts(const LayerDesc& layer) noexcept {
  for (const auto* list : {&layer.inputs, &layer.outputs}) {
    for (const TensorDesc& tensor : *list) {
      if (tensor.format.type != DataType::f32 || tensor.format.scale != 0) return Refusal::data_type;
    }
  }
  return layer.inputs[0].format.layout != Layout::nchwc && layer.outputs[0].format.layout == Layout::nhwc
             ? Refusal::none
             : Refusal::layout;
}

}  // namespace

Refusal PaddedRows::supports(const LayerDesc& layer) noexcept {
  if (const Refusal refusal = check_conv(layer); refusal != Refusal::none) return refusal;
  if (const Refusal refusal = check_layouts(layer); refusal != Refusal::none) return refusal;
  if (const Refusal refusal = check_second_part(layer); refusal != Refusal::none) return refusal;
  const ConvShape s(layer);
  if (s.groups != 1) return Refusal::groups;
  if (s.in_channels > kMostChannels) return Refusal::shape;
  if (s.dilation_w != 1) return Refusal::dilation;
  if (s.stride_w > kMostWindow) return Refusal::stride;
  return s.kernel_h <= kMostWindow && s.kernel_w <= kMostWindow ? Refusal::none : Refusal::kernel_size;
}

std::size_t PaddedRows::workspace_bytes(const TileSet&, const LayerDesc& layer, int threads) {
  return RowCopy(layer).workspace_bytes() * static_cast<std::size_t>(threads);
}

std::size_t PaddedRows::packed_bytes(const TileSet& tiles, const LayerDesc& layer) {
  return static_cast<std::size_t>(RowCopy(layer).panels(tiles).floats()) * sizeof(float);
}

Status PaddedRows::pack(const TileSet& tiles, const LayerDesc& layer,
                        std::span<const ConstantBytes> constants, std::span<std::byte> packed) {
  const RowCopy shape(layer);
  const ConvShape& s = shape.conv;
  const auto* weights = reinterpret_cast<const float*>(constants[1].data());
  const auto* bias = s.biased ? reinterpret_cast<const float*>(constants[2].data()) : nullptr;
  auto* target = reinterpret_cast<float*>(packed.data());
  // In nchw a run is a row of the filter: ONNX's order is the right one. In nhwc channels are inside.
  if (shape.nhwc)
    pack_panels(shape.panels(tiles), weights, bias, s.in_channels, s.taps(), target);
  else
    pack_panels(shape.panels(tiles), weights, bias, s.depth(), 1, target);
  return {};
}

Result<std::unique_ptr<BoundKernel>> PaddedRows::bind(const TileSet& tiles, const BindArgs& args,
                                                      const UnaryFunction& activation) {
  return bind_as<BoundPaddedRows>(tiles, args, activation);
}

}  // namespace fettle::kernels
