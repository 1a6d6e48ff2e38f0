// SPDX-License-Identifier: Apache-2.0
#include "tuner/quantise/input_moments.h"

#include "tuner/tensor_places.h"

#include <algorithm>

namespace fettle::tuner {
namespace {

// With more weights in an output channel than this a matrix is too large, and its products take too long.
constexpr std::int64_t kMostColumns = 1536;
// Added to the diagonal, of its mean: patches are a sample only.
constexpr float kRidge = 0.01f;

// Collects patches of one layer.
class Patches {
 public:
  Patches(const LayerWeights& weights, std::size_t samples) : weights_(weights) {
    const std::int64_t columns = weights.inputs * weights.taps;
    diagonal_ = columns > kMostColumns;
    const std::int64_t wanted = diagonal_ ? 1024 : std::clamp<std::int64_t>(2 * columns, 512, 4096);
    const auto count = static_cast<std::int64_t>(samples);
    places_ = std::max<std::int64_t>(1, (wanted + count - 1) / count);
    for (std::int64_t group = 0; group < weights.groups; ++group) {
      sums_.emplace_back(Eigen::MatrixXf::Zero(eigen_index(columns), eigen_index(diagonal_ ? 1 : columns)));
      means_.emplace_back(Eigen::VectorXf::Zero(eigen_index(columns)));
      counts_.push_back(0);
    }
  }

  void add(const TensorDesc& desc, const float* data) {
    dense_.resize(static_cast<std::size_t>(desc.shape.elements()));
    for_each_place(
        desc, [&](std::int64_t i, std::int64_t place) { dense_[static_cast<std::size_t>(i)] = data[place]; });
    const LayerDesc& layer = weights_.layer->desc;
    const Shape& y = layer.outputs.front().shape;
    const bool conv = layer.main().op == Op::conv;
    const std::int64_t all = conv ? y[2] * y[3] : y.elements() / weights_.outputs;
    const std::int64_t places = std::min(places_, all);
    for (std::int64_t group = 0; group < weights_.groups; ++group) {
      Eigen::MatrixXf rows(eigen_index(weights_.inputs * weights_.taps), eigen_index(places));
      for (std::int64_t i = 0; i < places; ++i) {
        // The middle of each of equal stretches, moved by the sample, so that not all lie on the same grid.
        const std::int64_t place = ((2 * i + 1) * all / (2 * places) + runs_ * 7) % all;
        if (conv)
          gather_window(group, place / y[3], place % y[3], rows.col(eigen_index(i)));
        else
          rows.col(eigen_index(i)) = Eigen::Map<const Eigen::VectorXf>(
              dense_.data() + place * weights_.inputs, eigen_index(weights_.inputs));
      }
      const auto at = static_cast<std::size_t>(group);
      const std::int64_t seen = weights_.outputs == weights_.groups ? keep_within(group, rows) : places;
      counts_[at] += seen;
      if (diagonal_)
        sums_[at] += rows.rowwise().squaredNorm();
      else
        sums_[at].selfadjointView<Eigen::Lower>().rankUpdate(rows);
      means_[at] += rows.rowwise().sum();
    }
    ++runs_;
  }

  LayerMoments moments() const {
    LayerMoments result;
    for (std::size_t group = 0; group < sums_.size(); ++group) {
      const float count = static_cast<float>(std::max<std::int64_t>(counts_[group], 1));
      const Eigen::VectorXf mean = means_[group] / count;
      Eigen::MatrixXf matrix = sums_[group] / count;
      if (diagonal_) {
        matrix.col(0) -= mean.cwiseAbs2();
        matrix.array() += kRidge * matrix.mean();
      } else {
        matrix = matrix.selfadjointView<Eigen::Lower>();
        matrix -= mean * mean.transpose();
        const float ridge = kRidge * matrix.diagonal().mean();
        matrix.diagonal().array() += ridge > 0 ? ridge : 1.0f;
      }
      result.push_back({mean, std::move(matrix)});
    }
    return result;
  }

 private:
  // Makes patches zeros whose result lies outside of the clamp of the group's one output channel. How many
  // are left.
  std::int64_t keep_within(std::int64_t group, Eigen::MatrixXf& rows) const {
    const std::optional<Clamp>& clamp = weights_.layer->desc.main().clamp;
    if (!clamp) return rows.cols();
    const auto bias_at = static_cast<std::size_t>(weights_.bias.size() == 1 ? 0 : group);
    const float bias = weights_.bias.empty() ? 0 : weights_.bias[bias_at];
    Eigen::VectorXf filter(rows.rows());
    for (Eigen::Index tap = 0; tap < filter.size(); ++tap)
      filter[tap] = weights_.values[weights_.at(group, 0, tap)];
    std::int64_t kept = 0;
    for (Eigen::Index i = 0; i < rows.cols(); ++i) {
      const float result = rows.col(eigen_index(i)).dot(filter) + bias;
      if (result > clamp->low && result < clamp->high)
        ++kept;
      else
        rows.col(eigen_index(i)).setZero();
    }
    return kept;
  }

  void gather_window(std::int64_t group, std::int64_t row, std::int64_t column,
                     Eigen::Ref<Eigen::VectorXf> to) const {
    const LayerDesc& layer = weights_.layer->desc;
    const Attributes& a = layer.main().attributes;
    const auto kernel = a.integers("kernel_shape");
    const auto strides = a.integers("strides");
    const auto dilations = a.integers("dilations");
    const auto pads = a.integers("pads");
    const Shape& x = layer.inputs.front().shape;
    for (std::int64_t input = 0; input < weights_.inputs; ++input) {
      const float* plane = dense_.data() + (group * weights_.inputs + input) * x[2] * x[3];
      for (std::int64_t tap = 0; tap < weights_.taps; ++tap) {
        const std::int64_t down = row * strides[0] + tap / kernel[1] * dilations[0] - pads[0];
        const std::int64_t right = column * strides[1] + tap % kernel[1] * dilations[1] - pads[1];
        const bool inside = down >= 0 && down < x[2] && right >= 0 && right < x[3];
        to[eigen_index(input * weights_.taps + tap)] = inside ? plane[down * x[3] + right] : 0.0f;
      }
    }
  }

  LayerWeights weights_;
  bool diagonal_ = false;
  std::int64_t places_ = 1;  // of each sample
  std::int64_t runs_ = 0;
  std::vector<std::int64_t> counts_;  // of patches
  std::vector<Eigen::MatrixXf> sums_;
  std::vector<Eigen::VectorXf> means_;
  std::vector<float> dense_;
};

}  // namespace

double InputMoments::error_of(const Eigen::VectorXf& change) const {
  if (covariance.cols() != covariance.rows())
    return static_cast<double>(covariance.col(0).dot(change.cwiseAbs2()));
  return static_cast<double>(change.dot(covariance * change));
}

Result<std::map<std::size_t, LayerMoments>> input_moments(const Model& model, VisitedRun& run,
                                                          KeptSamples& samples,
                                                          const std::vector<std::size_t>& layers,
                                                          const std::function<void(std::size_t)>& progress) {
  std::map<std::size_t, Patches> patches;
  std::multimap<int, std::size_t> readers;
  for (const std::size_t layer : layers) {
    if (!has_weights(model.layers()[layer])) continue;
    patches.emplace(layer, Patches(weights_of(model, layer), samples.count()));
    readers.emplace(model.layers()[layer].inputs.front(), layer);
  }
  for (std::size_t sample = 0; sample < samples.count(); ++sample) {
    Status status = run.run(samples, sample, [&](int value, const TensorDesc& desc, void* data) {
      const auto [begin, end] = readers.equal_range(value);
      for (auto reader = begin; reader != end && desc.format.type == DataType::f32; ++reader)
        patches.at(reader->second).add(desc, static_cast<const float*>(data));
    });
    if (!status) return std::move(status).error();
    progress(sample + 1);
  }
  std::map<std::size_t, LayerMoments> result;
  for (const auto& [layer, collected] : patches) result.emplace(layer, collected.moments());
  return result;
}

}  // namespace fettle::tuner
