// SPDX-License-Identifier: Apache-2.0
//
// Signals: discrete Fourier transforms as sums, windows, and the matrix of the mel scale.
#include "kernels/reference/numbers.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace fettle::kernels::reference {
namespace {

constexpr double kTurn = 2 * std::numbers::pi;

struct Complex {
  double real = 0;
  double imaginary = 0;

  // Adds value * e^(i * turns).
  void add(Complex value, double turns) {
    const double c = std::cos(kTurn * turns);
    const double s = std::sin(kTurn * turns);
    real += value.real * c - value.imaginary * s;
    imaginary += value.real * s + value.imaginary * c;
  }
};

// The last axis holds the real part, and the imaginary one where it has two elements.
Complex complex_at(const Numbers<double>& x, Index i) {
  const auto last = static_cast<std::size_t>(x.rank() - 1);
  i[last] = 0;
  Complex value{x[i], 0};
  if (x.extent(static_cast<int>(last)) > 1) {
    i[last] = 1;
    value.imaginary = x[i];
  }
  return value;
}

void set_complex(const Numbers<double>& y, Index i, Complex value) {
  const auto last = static_cast<std::size_t>(y.rank() - 1);
  i[last] = 0;
  y.set(i, value.real);
  i[last] = 1;
  y.set(i, value.imaginary);
}

// The fraction of a turn by which element n turns in frequency k; exact however large n * k is.
double turns_of(std::int64_t n, std::int64_t k, std::int64_t length) {
  return static_cast<double>(n * k % length) / static_cast<double>(length);
}

void dft(const Buffers& b) {
  const auto x = operand(b, 0);
  const auto y = result(b);
  const auto axis = static_cast<std::size_t>(b.attributes().integer("axis"));
  const std::int64_t length = b.attributes().integer("dft_length");
  const bool inverse = b.attributes().integer("inverse") != 0;
  const std::int64_t elements = std::min(length, x.extent(static_cast<int>(axis)));
  Shape places = y.shape();
  places[places.rank() - 1] = 1;
  for_each_index(places, [&](const Index& i) {
    Complex sum;
    Index from = i;
    for (std::int64_t n = 0; n < elements; ++n) {
      from[axis] = n;
      const double turns = turns_of(n, i[axis], length);
      sum.add(complex_at(x, from), inverse ? turns : -turns);
    }
    const double scale = inverse ? 1 / static_cast<double>(length) : 1;
    set_complex(y, i, {sum.real * scale, sum.imaginary * scale});
  });
}

// Operands: signal and, if there is one, window.
void stft(const Buffers& b) {
  const auto x = operand(b, 0);
  const auto y = result(b);
  const std::int64_t length = b.attributes().integer("frame_length");
  const std::int64_t step = b.attributes().integer("frame_step");
  Shape places = y.shape();
  places[3] = 1;
  for_each_index(places, [&](const Index& i) {
    Complex sum;
    for (std::int64_t n = 0; n < length; ++n) {
      Complex value = complex_at(x, {i[0], i[1] * step + n});
      const double weight = b.has(1) ? operand(b, 1)[{n}] : 1;
      value.real *= weight;
      value.imaginary *= weight;
      sum.add(value, -turns_of(n, i[2], length));
    }
    set_complex(y, i, sum);
  });
}

void window(const Buffers& b) {
  const auto y = result(b);
  const Op op = b.layer.main().op;
  const bool periodic = b.attributes().integer("periodic") != 0;
  const auto length = static_cast<double>(std::max<std::int64_t>(1, y.extent(0) - (periodic ? 0 : 1)));
  for_each_index(y.shape(), [&](const Index& i) {
    const double angle = kTurn * static_cast<double>(i[0]) / length;
    const double value = op == Op::hann_window ? 0.5 - 0.5 * std::cos(angle)
                         : op == Op::hamming_window
                             ? 25.0 / 46.0 - 21.0 / 46.0 * std::cos(angle)
                             : 0.42 - 0.5 * std::cos(angle) + 0.08 * std::cos(2 * angle);
    y.set(i, value);
  });
}

// The triangle of one mel band over the bins of a spectrum.
double mel_weight(std::int64_t bin, std::int64_t low, std::int64_t center, std::int64_t high) {
  if (bin == center) return 1;
  if (bin >= low && bin < center) return static_cast<double>(bin - low) / static_cast<double>(center - low);
  if (bin > center && bin < high) return static_cast<double>(high - bin) / static_cast<double>(high - center);
  return 0;
}

// Operands: the lowest and the highest frequency.
void mel_weight_matrix(const Buffers& b) {
  const auto y = result(b);
  const auto mel = [](double hertz) { return 2595 * std::log10(1 + hertz / 700); };
  const double lowest = mel(operand(b, 0)[{}]);
  const double step = (mel(operand(b, 1)[{}]) - lowest) / static_cast<double>(y.extent(1) + 2);
  const auto length = static_cast<double>(b.attributes().integer("dft_length"));
  const auto rate = static_cast<double>(b.attributes().integer("sample_rate"));
  const auto bin_of = [&](std::int64_t band) {
    const double hertz = 700 * (std::pow(10, (lowest + step * static_cast<double>(band)) / 2595) - 1);
    const double bin = std::floor((length + 1) * hertz / rate);
    return bin > 0 ? static_cast<std::int64_t>(std::min(bin, length)) : 0;  // frequencies may be NaN
  };
  for_each_index(y.shape(), [&](const Index& i) {
    y.set(i, mel_weight(i[0], bin_of(i[1]), bin_of(i[1] + 1), bin_of(i[1] + 2)));
  });
}

constexpr auto kSignalEntries =
    join(kFamily<dft, same_real, "direct.any", Op::dft>, kFamily<stft, same_real, "direct.any", Op::stft>,
         kFamily<window, any_number, "direct.any", Op::hann_window, Op::hamming_window, Op::blackman_window>,
         kFamily<mel_weight_matrix, any_number, "direct.any", Op::mel_weight_matrix>);

}  // namespace

std::span<const Kernel* const> signal_entries() noexcept { return kSignalEntries; }

}  // namespace fettle::kernels::reference
