// SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/layers/makers.h"

namespace fettle::fuzz {
namespace {

Made transformed(ByteSource& bytes, Op op) {
  Shape shape = any_shape(bytes, 1, 3);
  const std::int64_t axis = bytes.number(0, shape.rank() - 1);
  shape.push_back(bytes.number(1, 2));
  Attributes a = with("axis", axis);
  a.set("inverse", bytes.number(0, 1));
  a.set("onesided", bytes.number(0, 1));
  std::vector<Operand> operands{input(shape)};
  if (bytes.once_in(2)) operands.push_back(parameter({extent(bytes, 9, 40)}));
  return make_layer(op, std::move(a), operands);
}

Made framed(ByteSource& bytes, Op op) {
  const std::int64_t length = extent(bytes, 20, 60);
  const std::int64_t frame = bytes.number(1, length);
  Shape signal{bytes.number(1, 2), length};
  if (bytes.once_in(2)) signal.push_back(bytes.number(1, 2));
  std::vector<Operand> operands{input(signal), parameter({bytes.number(1, 9)})};
  const bool windowed = bytes.once_in(2);
  operands.push_back(windowed ? weight({frame}) : left_out());
  if (!windowed || bytes.once_in(2)) operands.push_back(parameter({frame}));
  return make_layer(op, with("onesided", bytes.number(0, 1)), operands);
}

// Folding leaves no windows in a network, so their layers are made by hand.
Made windowed(ByteSource& bytes, Op op) {
  Made layer = make_layer(Op::identity, {}, {input({extent(bytes, 9, 40)})});
  if (!layer) return layer;
  layer->desc.parts[0].op = op;
  layer->desc.parts[0].attributes.set("periodic", bytes.number(0, 1));
  return layer;
}

Made mel_scale(ByteSource& bytes, Op op) {
  return make_layer(
      op, {},
      {parameter({bytes.number(1, 9)}), parameter({extent(bytes, 32, 200)}), parameter({8000}),
       typed({}, DataType::f32, bytes.once_in(8) ? -2000 : 0, 10), typed({}, DataType::f32, 1000, 9000)});
}

}  // namespace

std::span<const LayerMaker> signal_layers() {
  static constexpr LayerMaker kMakers[] = {
      {Op::dft, transformed},          {Op::stft, framed},
      {Op::hann_window, windowed},     {Op::hamming_window, windowed},
      {Op::blackman_window, windowed}, {Op::mel_weight_matrix, mel_scale}};
  return kMakers;
}

}  // namespace fettle::fuzz
