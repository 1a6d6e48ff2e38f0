// SPDX-License-Identifier: Apache-2.0
#include "kernels/common/q8/conversion.h"

#include "kernels/common/ceil_div.h"
#include "kernels/common/integer_product.h"
#include "kernels/common/nhwc.h"
#include "kernels/common/uniform.h"

#include <algorithm>
#include <cstdint>

namespace fettle::kernels {
namespace {

// Elements that a thread takes at once where nothing is turned.
constexpr std::int64_t kLineQ8 = 4096;
// Pieces that are turned, so that both sides and what lies between them stay in the L1 cache.
constexpr std::int64_t kPixelsQ8 = 256;
constexpr std::int64_t kChannelsQ8 = 16;

class BoundConvertQ8 final : public BoundKernel {
 public:
  BoundConvertQ8(const ConvertQ8Set& set, const BindArgs& args)
      : set_(set),
        x_(args.layer.inputs[0].format),
        y_(args.layer.outputs[0].format),
        source_(x_),
        target_(args.layer.main().clamp, y_),
        ratio_(scale_ratio_q8(x_, y_)),
        same_(x_.type == y_.type && x_.scale == y_.scale && x_.zero_point == y_.zero_point &&
              !args.layer.main().clamp),
        count_(args.layer.outputs[0].shape.elements()),
        turns_(x_.layout != y_.layout),
        pool_(args.pool),
        threads_(args.threads) {
    if (args.layer.outputs[0].shape.rank() < 3) return;
    const Shape& shape = args.layer.outputs[0].shape;
    batch_ = shape[0];
    channels_ = shape[1];
    pixels_ = pixels_of(shape);
    from_pitch_ = x_.layout == Layout::nhwc ? pixel_pitch(args.layer.inputs[0]) : channels_;
    to_pitch_ = y_.layout == Layout::nhwc ? pixel_pitch(args.layer.outputs[0]) : channels_;
  }

  Status set_buffers(std::span<const void* const> inputs, std::span<void* const> outputs,
                     void*) noexcept override {
    input_ = static_cast<const std::byte*>(inputs[0]);
    output_ = static_cast<std::byte*>(outputs[0]);
    return {};
  }

  Status run() noexcept override {
    if (turns_)
      run_turned();
    else if (from_pitch_ != channels_ || to_pitch_ != channels_)
      run_pixels();
    else
      run_lines();
    return {};
  }

 private:
  std::int64_t bytes_of(const Format& format) const noexcept {
    return static_cast<std::int64_t>(size_of(format.type));
  }
  // A line from an element of the input to one of the result.
  void convert(const std::byte* from, std::byte* to, std::int64_t count) const noexcept {
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(from);
    auto* made = reinterpret_cast<std::uint8_t*>(to);
    if (x_.type == DataType::f32)
      set_.quantise(reinterpret_cast<const float*>(from), made, count, y_.scale, target_);
    else if (y_.type == DataType::f32)
      set_.dequantise(bytes, reinterpret_cast<float*>(to), count, x_.scale, source_);
    else if (same_)
      std::copy_n(bytes, count, made);
    else
      set_.requantise(bytes, made, count, ratio_, source_, target_);
  }

  void run_lines() const noexcept {
    parallel_for(pool_, threads_, ceil_div(count_, kLineQ8), [&](std::int64_t begin, std::int64_t end, int) {
      const std::int64_t first = begin * kLineQ8;
      convert(input_ + first * bytes_of(x_), output_ + first * bytes_of(y_),
              std::min(count_, end * kLineQ8) - first);
    });
  }

  // Channels are neighbours on both sides, but pixels are not.
  void run_pixels() const noexcept {
    parallel_for(pool_, threads_, batch_ * pixels_, [&](std::int64_t begin, std::int64_t end, int) {
      for (std::int64_t i = begin; i < end; ++i)
        convert(input_ + i * from_pitch_ * bytes_of(x_), output_ + i * to_pitch_ * bytes_of(y_), channels_);
    });
  }

  void run_turned() const noexcept {
    const std::int64_t runs = ceil_div(pixels_, kPixelsQ8);
    const std::int64_t groups = ceil_div(channels_, kChannelsQ8);
    parallel_for(pool_, threads_, batch_ * runs, [&](std::int64_t begin, std::int64_t end, int) {
      for (std::int64_t i = begin; i < end; ++i) {
        const std::int64_t pixel = i % runs * kPixelsQ8;
        for (std::int64_t group = 0; group < groups; ++group)
          turn_piece(i / runs, pixel, group * kChannelsQ8);
      }
    });
  }

  // Where a channel of a pixel lies in a tensor.
  std::int64_t element(const Format& format, std::int64_t pitch, std::int64_t image, std::int64_t pixel,
                       std::int64_t channel) const noexcept {
    return format.layout == Layout::nhwc ? (image * pixels_ + pixel) * pitch + channel
                                         : (image * channels_ + channel) * pixels_ + pixel;
  }

  // Rows of the input (of channels, or of pixels) become columns of the result, while they are bytes.
  void turn_piece(std::int64_t image, std::int64_t pixel, std::int64_t channel) const noexcept {
    const bool to_pixels = y_.layout == Layout::nhwc;
    const std::int64_t pixels = std::min(kPixelsQ8, pixels_ - pixel);
    const std::int64_t channels = std::min(kChannelsQ8, channels_ - channel);
    const std::int64_t rows = to_pixels ? channels : pixels;
    const std::int64_t columns = to_pixels ? pixels : channels;
    const std::int64_t from_row = to_pixels ? pixels_ : from_pitch_;
    const std::int64_t to_row = to_pixels ? to_pitch_ : pixels_;
    const std::byte* from = input_ + element(x_, from_pitch_, image, pixel, channel) * bytes_of(x_);
    std::byte* to = output_ + element(y_, to_pitch_, image, pixel, channel) * bytes_of(y_);
    const auto turn = [&](const std::byte* x, std::int64_t x_row, std::byte* y, std::int64_t y_row) {
      set_.turn(reinterpret_cast<const std::uint8_t*>(x), x_row, reinterpret_cast<std::uint8_t*>(y), y_row,
                rows, columns);
    };
    std::byte turned[kChannelsQ8 * kPixelsQ8];
    if (same_) {
      turn(from, from_row, to, to_row);
    } else if (y_.type == DataType::f32) {
      turn(from, from_row, turned, rows);
      for (std::int64_t c = 0; c < columns; ++c)
        convert(turned + c * rows, to + c * to_row * bytes_of(y_), rows);
    } else {
      for (std::int64_t r = 0; r < rows; ++r)
        convert(from + r * from_row * bytes_of(x_), turned + r * columns, columns);
      turn(turned, columns, to, to_row);
    }
  }

  const ConvertQ8Set& set_;
  const Format x_, y_;
  const Source source_;
  const Target target_;
  const float ratio_;
  const bool same_;
  const std::int64_t count_;
  const bool turns_;
  std::int64_t batch_ = 0, channels_ = 0, pixels_ = 0;
  std::int64_t from_pitch_ = 0, to_pitch_ = 0;
  ThreadPool* const pool_;
  const int threads_;
  const std::byte* input_ = nullptr;
  std::byte* output_ = nullptr;
};

}  // namespace

Refusal ConvertQ8::supports(const LayerDesc& layer) noexcept {
  const TensorDesc& x = layer.inputs[0];
  const TensorDesc& y = layer.outputs[0];
  if (x.constant) return Refusal::constant;
  if (!layer.main().attributes.entries().empty()) return Refusal::attribute;
  if (x.shape != y.shape || y.shape.elements() <= 0) return Refusal::shape;
  const bool reals = is_plain_f32(x) || is_plain_f32(y);
  if (!(is_plain_f32(x) || is_quantised(x)) || !(is_plain_f32(y) || is_quantised(y)) ||
      (is_plain_f32(x) && is_plain_f32(y)))
    return Refusal::data_type;
  if (reals && layer.main().clamp) return Refusal::clamp;
  if (x.format.layout == Layout::nchwc || y.format.layout == Layout::nchwc) return Refusal::layout;
  if (x.shape.rank() >= 3) return Refusal::none;
  return x.format.layout == Layout::nchw && y.format.layout == Layout::nchw ? Refusal::none : Refusal::rank;
}

Result<std::unique_ptr<BoundKernel>> ConvertQ8::bind(const ConvertQ8Set& set, const BindArgs& args) {
  return bind_as<BoundConvertQ8>(set, args);
}

}  // namespace fettle::kernels
