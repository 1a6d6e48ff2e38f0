// SPDX-License-Identifier: Apache-2.0
//
// A kernel of the application's own beside the library's: here global average pooling of nhwc tensors, in
// plain C++. It is tried before the built-in ones, may be chosen by plans, and a tuner would measure it like
// any other.
//
//   fettle_example_own_kernel MODEL
#include <fettle/fettle.h>

#include <algorithm>
#include <cstdio>
#include <memory>

namespace {

constexpr fettle::Op kPattern[] = {fettle::Op::global_average_pool};
constexpr fettle::Signature kSignatures[] = {
    {fettle::Layout::nhwc, fettle::Layout::nhwc, fettle::DataType::f32}};

class Mean final : public fettle::BoundKernel {
 public:
  explicit Mean(const fettle::Shape& shape) : shape_(shape) {}

  fettle::Status set_buffers(std::span<const void* const> inputs, std::span<void* const> outputs,
                             void*) noexcept override {
    x_ = static_cast<const float*>(inputs[0]);
    y_ = static_cast<float*>(outputs[0]);
    return {};
  }
  fettle::Status run() noexcept override {
    const std::int64_t channels = shape_[1];
    const std::int64_t pixels = shape_[2] * shape_[3];
    for (std::int64_t n = 0; n < shape_[0]; ++n) {
      float* y = y_ + n * channels;
      std::fill_n(y, channels, 0.0f);
      for (std::int64_t p = 0; p < pixels; ++p) {
        const float* x = x_ + (n * pixels + p) * channels;
        for (std::int64_t c = 0; c < channels; ++c) y[c] += x[c];
      }
      for (std::int64_t c = 0; c < channels; ++c) y[c] /= static_cast<float>(pixels);
    }
    return {};
  }

 private:
  fettle::Shape shape_;
  const float* x_ = nullptr;
  float* y_ = nullptr;
};

// The only gate: what is accepted here must work in bind and run.
fettle::Refusal supports(const fettle::LayerDesc& layer, const fettle::Cpu&) {
  if (layer.inputs[0].format.type != fettle::DataType::f32) return fettle::Refusal::data_type;
  if (layer.inputs[0].shape.rank() != 4) return fettle::Refusal::rank;
  if (layer.inputs[0].constant) return fettle::Refusal::constant;
  return layer.main().clamp ? fettle::Refusal::clamp : fettle::Refusal::none;
}

fettle::Result<std::unique_ptr<fettle::BoundKernel>> bind(const fettle::BindArgs& args) {
  return std::unique_ptr<fettle::BoundKernel>(std::make_unique<Mean>(args.layer.inputs[0].shape));
}

// An entry of the kernel table: constant data.
constexpr fettle::Kernel kMean = {.name = "global_average_pool.plain.f32.example",
                                  .revision = 1,
                                  .pattern = kPattern,
                                  .isa = {},
                                  .signatures = kSignatures,
                                  .supports = supports,
                                  .workspace_bytes = nullptr,
                                  .packed_bytes = nullptr,
                                  .pack = nullptr,
                                  .bind = bind};
constexpr const fettle::Kernel* kKernels[] = {&kMean};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: %s MODEL\n", argv[0]);
    return 2;
  }
  fettle::LoadOptions options;
  options.compile.kernels = kKernels;
  auto runtime = fettle::Runtime::load(argv[1], {}, options);
  if (!runtime) {
    std::fprintf(stderr, "%s\n", runtime.error().text().c_str());
    return 1;
  }
  for (const fettle::StepInfo& step : runtime->program().steps()) {
    if (step.kernel == kMean.name)
      std::printf("layer %s runs on %s\n", step.layer.c_str(), step.kernel.c_str());
  }
  return runtime->run() ? 0 : 1;
}
